package survive

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A hundred wrong guesses from a hundred addresses on three servers, by whatever name the account
// is called: no more passwords are looked at than if they came one after another.
func TestParallelGuessesGetNoMoreTriesThanSequential(t *testing.T) {
	const email, tries, interval = "ada@example.com", 10, 90 * time.Second // 10 in 15 minutes
	n := rounds(100, 40)
	s := newSite(t, "postgres", 3, "SIGN_IN_BY=either", "TRUSTED_PROXIES=127.0.0.1/32")
	s.mustRun(password(1), "account", "create", email, "--username", "adabyron", "--password-stdin")
	names := []map[string]string{{"email": email}, {"email": strings.ToUpper(email)}, {"username": "adabyron"}, {"username": "AdaByron"}}
	began := time.Now()
	answers := make([]answer, n)
	parallel(n, func(i int) {
		body := map[string]string{"password": password(1000 + i)}
		for member, name := range names[i%len(names)] {
			body[member] = name
		}
		answers[i] = s.any(i).api("/login/", body, from(fmt.Sprintf("192.0.2.%d", i+1)))
	})
	looked, limited := 0, 0
	for _, a := range answers {
		switch {
		case a.is(http.StatusUnauthorized, "credentials_rejected"):
			looked++
		case a.is(http.StatusTooManyRequests, "rate_limited") && a.retry > 0:
			limited++
		case a.is(http.StatusServiceUnavailable, "busy"): // not even counted
		default:
			t.Errorf("login answered %v", a)
		}
	}
	leaked := int(time.Since(began) / interval) // a machine that slow earns another try
	if looked < tries || looked > tries+leaked {
		t.Errorf("%d passwords were looked at, want %d", looked, tries)
	}
	// A flood is noted, not written down guess by guess.
	if w, l := s.audited("signin.refused", "wrong_password"), s.audited("signin.refused", "rate_limited"); w != looked || l == 0 || l > limited {
		t.Errorf("written down: %d looked at and %d limited, answered: %d and %d", w, l, looked, limited)
	}
	retryAfterIsTrue(t, s, email)
	s.calm()
}

// retryAfterIsTrue waits as told, by the site's clock, and signs in then, and not before.
func retryAfterIsTrue(t *testing.T, s *site, email string) {
	t.Helper()
	var a answer
	for _, share := range []time.Duration{2, 1} {
		if _, a = s.any(1).login(email, password(1)); !a.is(http.StatusTooManyRequests, "rate_limited") || a.retry <= 0 {
			t.Fatalf("login while limited answered %v", a)
		}
		s.advance(a.retry / share)
	}
	if _, a = s.any(1).login(email, password(1)); a.status != http.StatusOK {
		t.Errorf("login after the time told answered %v", a)
	}
	await(t, "the honest try to be given back on every server", func() bool {
		_, a := s.any(2).login(email, password(1))
		return a.status == http.StatusOK
	})
}
