package survive

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// An account is disabled from the command line, beside servers that know nothing of it: every
// kind of token is refused on each of them at once.
func TestDisabledAccountIsRefusedEverywhereAtOnce(t *testing.T) {
	const email = "ada@example.com"
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			s := newSite(t, engine, map[string]int{"postgres": 3, "sqlite": 1}[engine], generous...)
			s.any(0).account(email, password(1))
			sessions := make([]pair, len(s.servers))
			for i, one := range s.servers {
				sessions[i] = one.signIn(email, password(1))
			}
			if a := s.any(0).askReset(email); a.status != http.StatusAccepted {
				t.Fatalf("reset answered %v", a)
			}
			link := s.post.await(resetMail, email).token
			s.mustRun("", "account", "disable", email)
			for i, one := range s.servers {
				ended(t, one, sessions[i])
				ended(t, one, sessions[(i+1)%len(sessions)])
				refusedAtTheDoor(t, one, email)
				if a := one.reset(link, password(2)); !a.is(http.StatusBadRequest, "link_invalid") {
					t.Errorf("a reset link answered %v", a)
				}
			}
			s.mustRun("", "account", "enable", email)
			for i, one := range s.servers {
				ended(t, one, sessions[i])
				one.signIn(email, password(1))
			}
			s.calm()
		})
	}
}

// refusedAtTheDoor fails unless a disabled account is told apart by its right password alone.
func refusedAtTheDoor(t *testing.T, one *server, email string) {
	t.Helper()
	if _, a := one.login(email, password(2)); !a.is(http.StatusUnauthorized, "credentials_rejected") {
		t.Errorf("a wrong password answered %v", a)
	}
	if _, a := one.login(email, password(1)); !a.is(http.StatusForbidden, "account_disabled") {
		t.Errorf("the right password answered %v", a)
	}
}

// way is a way to replace password(1) by password(2).
type way struct {
	name string
	// head is how long the change starts before the sign-ins; negative: after them.
	head time.Duration
	// run reports whether it was done. A reset link is not good any more once somebody signed in.
	run func(s *site, email string, signedIn pair, link string) bool
}

var ways = []way{
	{"change", -30 * time.Millisecond, func(s *site, _ string, p pair, _ string) bool {
		a := s.any(0).api("/password/change/", map[string]string{"old_password": password(1), "new_password": password(2)}, bearer(p.Access))
		return a.status == http.StatusOK
	}},
	{"reset", 10 * time.Millisecond, func(s *site, _ string, _ pair, link string) bool {
		return s.any(0).reset(link, password(2)).status == http.StatusOK
	}},
	{"command line", -30 * time.Millisecond, func(s *site, email string, _ pair, _ string) bool {
		_, err := s.run(password(2), "account", "set-password", email, "--password-stdin")
		return err == nil
	}},
}

// A password is changed while sign-ins with the former one wait for their hash: no session of
// the former password is left or born.
func TestNoSessionIsBornOfAFormerPassword(t *testing.T) {
	// One hash at a time keeps sign-ins between reading the password and making the session.
	s := newSite(t, "postgres", 3, append(generous, "PASSWORD__SLOTS=1")...)
	for i, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			const most = 30
			for round, overtaken := 0, 0; round < rounds(3, 1) || overtaken == 0; round++ {
				if round == most {
					t.Fatal("no sign-in was overtaken: the race did not take place")
				}
				overtaken += changeWhileSigningIn(t, s, fmt.Sprintf("ada%d.%d@example.com", i, round), w)
			}
		})
	}
	s.calm()
}

// changeWhileSigningIn returns how many sign-ins had the right password when they came and were
// refused because it was not any more when their session was to be made.
func changeWhileSigningIn(t *testing.T, s *site, email string, w way) (overtaken int) {
	t.Helper()
	s.any(0).account(email, password(1))
	signedIn := s.any(0).signIn(email, password(1))
	if a := s.any(0).askReset(email); a.status != http.StatusAccepted {
		t.Fatalf("reset answered %v", a)
	}
	link := s.post.await(resetMail, email).token
	wrong := s.audited("signin.refused", "wrong_password")
	changed := false
	born := make([]pair, 13)
	answers := make([]answer, len(born))
	parallel(len(born), func(i int) {
		if i == 0 {
			time.Sleep(-w.head)
			changed = w.run(s, email, signedIn, link)
			return
		}
		time.Sleep(w.head)
		born[i], answers[i] = s.any(i).login(email, password(1))
	})
	if !changed {
		return 0
	}
	refused := 0
	for i, a := range answers[1:] {
		switch {
		case a.status == http.StatusOK:
			ended(t, s.any(i), born[i+1])
		case a.is(http.StatusUnauthorized, "credentials_rejected"):
			refused++
		default:
			t.Errorf("login answered %v", a)
		}
	}
	overtaken = refused - (s.audited("signin.refused", "wrong_password") - wrong)
	if _, a := s.any(1).login(email, password(1)); !a.is(http.StatusUnauthorized, "credentials_rejected") {
		t.Errorf("the former password answered %v", a)
	}
	s.any(2).signIn(email, password(2))
	return overtaken
}
