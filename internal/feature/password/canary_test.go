package password_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// TestNoErrorOrLogHoldsThePassword drives every way to fail with a password that would be
// recognised anywhere.
func TestNoErrorOrLogHoldsThePassword(t *testing.T) {
	const canary = "cAnArY"
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	log := &bytes.Buffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	h := newHasher(t, password.HasherConfig{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	var errs []error
	for _, pw := range []string{
		canary, canary + canary, canary + "\x00", canary + "\xff", strings.Repeat(canary, 200), canary + "1",
	} {
		for _, failClosed := range []bool{true, false} {
			pwned, err := password.NewPwned(password.PwnedConfig{BaseURL: srv.URL, FailClosed: failClosed, Logger: logger})
			if err != nil {
				t.Fatal(err)
			}
			policy := password.Policy{MinLength: 15, Words: []string{canary}, Breach: pwned}
			errs = append(errs, policy.Check(t.Context(), pw, password.Person{Username: canary}))
			errs = append(errs, policy.Check(t.Context(), "long enough for all "+pw, password.Person{}))
		}
		_, err := h.Hash(t.Context(), pw+"\x00")
		errs = append(errs, err)
		_, err = h.Hash(ended, pw)
		errs = append(errs, err)
		_, err = h.Verify(t.Context(), pw, pw)
		errs = append(errs, err)
		_, err = h.Verify(ended, "", pw)
		errs = append(errs, err)
		_, err = password.Import(pw)
		errs = append(errs, err)
		_, err = password.Import("pbkdf2_sha256$1000$" + pw + "$" + pw)
		errs = append(errs, err)
	}
	failed := 0
	for _, err := range errs {
		if err == nil {
			continue
		}
		failed++
		text := err.Error()
		if f, ok := fault.From(err); ok {
			text += f.Detail + fmt.Sprintf("%+v", f.Fields)
		}
		if strings.Contains(text, canary) {
			t.Errorf("the password is in %q", text)
		}
	}
	if failed < 40 {
		t.Errorf("only %d failures were looked at", failed)
	}
	if log.Len() == 0 || strings.Contains(log.String(), canary) {
		t.Errorf("log: %q", log)
	}
}
