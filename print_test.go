package gatehouse

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// A program that logs what it was given logs no secret.
func TestWhatHoldsSecretsPrintsNone(t *testing.T) {
	const canary = "canary-of-the-day"
	config := Config{PublicURL: "https://id.example.com", DatabaseURL: canary, SecretKey: canary, SecretKeyPrevious: []string{canary}, SMTPURL: canary, DKIMKey: canary}
	person := NewAccount{Subject: "42", Email: "jo@example.com", Password: canary, PasswordHash: canary}
	var out bytes.Buffer
	for _, v := range []any{config, &config, person, &person, []NewAccount{person}, map[string]any{"of": []any{person}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("given", "value", v)
		}
	}
	if strings.Contains(out.String(), canary) {
		t.Errorf("a secret is printed: %s", &out)
	}
	for _, name := range []string{"Config(https://id.example.com)", "value=https://id.example.com", "NewAccount(42)", "value=42"} {
		if !strings.Contains(out.String(), name) {
			t.Errorf("%s is not printed: %s", name, &out)
		}
	}
}
