package signin_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

func TestLoginGivesAnAccessTokenThatSaysWhoAndHow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.signIn()
		id, err := w.verifier.Verify(t.Context(), s.Tokens.Access)
		must(t, err)
		now := w.Now()
		if id.Subject != w.account.Subject || id.ClientID != "first-party" || id.AAL != 1 || !slices.Equal(id.AMR, []string{"pwd"}) || id.SessionID == "" {
			t.Errorf("identity: %+v", id)
		}
		if life := id.ExpiresAt.Sub(id.IssuedAt); life != 10*time.Minute || id.IssuedAt.After(now) {
			t.Errorf("issued %v, lives %v", id.IssuedAt, life)
		}
		if claim(t, id, "user_id") != w.account.Subject || claim(t, id, "token_type") != "access" {
			t.Error("user_id or token_type are not what SimpleJWT reads")
		}
		if s.Tokens.RefreshExpires != 7*24*time.Hour || s.Account.LastLogin.IsZero() {
			t.Errorf("refresh expires in %v, last login %v", s.Tokens.RefreshExpires, s.Account.LastLogin)
		}
		if got := w.Audited("session.created"); len(got) != 1 {
			t.Errorf("%d audit events", len(got))
		}
	})
}

func TestLoginTakesFourStatements(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if got := w.Statements(func() { w.signIn() }); len(got) != 4 {
			t.Errorf("%d statements: %q", len(got), got)
		}
	})
}

func TestLoginByUsername(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET username = 'Jo', username_key = 'jo' WHERE id = $1", w.account.ID)
		for _, name := range []string{"jo", "JO", "ｊｏ"} {
			_, err := w.flow.Login(t.Context(), signin.Attempt{Username: name, Password: pass, Transport: session.Body, Address: caller})
			must(t, err)
		}
	})
	eachWith(t, func(c *signin.Config) { c.Identifier = signin.ByEmail }, func(t *testing.T, w *world) {
		_, err := w.flow.Login(t.Context(), signin.Attempt{Username: "jo", Password: pass, Transport: session.Body, Address: caller})
		wants(t, err, signin.ErrIdentifier)
	})
}

func TestAMissingAccountIsRefusedLikeAWrongPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		attempt := func(address string) []string {
			return w.Statements(func() {
				_, err := w.flow.Login(t.Context(), signin.Attempt{Email: address, Password: "not the password", Transport: session.Body, Address: caller})
				wants(t, err, signin.ErrCredentials)
				if err.Error() != signin.ErrCredentials.Error() {
					t.Errorf("it says %q", err)
				}
			})
		}
		existing, missing := attempt(email), attempt("nobody@example.com")
		if !slices.Equal(existing, missing) {
			t.Errorf("statements differ:\n%q\n%q", existing, missing)
		}
		if got := w.Audited("signin.refused"); !slices.Equal(got, []string{"wrong_password", "unknown_account"}) {
			t.Errorf("audit says %q", got)
		}
	})
}

func TestOnlyARightPasswordLearnsWhyNot(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			set  string
			want error
		}{
			{"UPDATE account SET active = FALSE WHERE id = $1", signin.ErrDisabled},
			{"UPDATE account SET active = TRUE, email_verified = FALSE WHERE id = $1", signin.ErrNotVerified},
		} {
			w.Exec(c.set, w.account.ID)
			_, err := w.login(pass)
			wants(t, err, c.want)
			_, err = w.login("not the password")
			wants(t, err, signin.ErrCredentials)
		}
		if n := w.Count("SELECT count(*) FROM session"); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestAccountWithoutAPasswordTakesNone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("DELETE FROM password_credential WHERE account_id = $1", w.account.ID)
		for _, p := range []string{pass, "", "!"} {
			_, err := w.login(p)
			wants(t, err, signin.ErrCredentials)
		}
	})
}

func TestFailuresAreCountedBeforeTheCheckAndBySubject(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET username = 'jo', username_key = 'jo' WHERE id = $1", w.account.ID)
		var wrong, limited atomic.Int64
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				in := signin.Attempt{Email: email, Password: "not the password", Transport: session.Body, Address: caller}
				if i%2 == 0 {
					in.Email, in.Username = "", "jo"
				}
				_, err := w.flow.Login(t.Context(), in)
				f, _ := fault.From(err)
				switch {
				case f == nil:
					t.Errorf("unexpected: %v", err)
				case f.Code == signin.ErrCredentials.Code:
					wrong.Add(1)
				case f.Code == ratelimit.ErrLimited.Code:
					limited.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if wrong.Load() != 10 || limited.Load() != 50 {
			t.Errorf("%d guesses were checked and %d refused, want 10 and 50", wrong.Load(), limited.Load())
		}
		_, err := w.login(pass)
		wants(t, err, ratelimit.ErrLimited)
		f, _ := fault.From(err)
		// The driven clock goes on by itself, so the edge is left some room on a busy machine.
		w.advance(f.Retry - 30*time.Second)
		_, err = w.login(pass)
		wants(t, err, ratelimit.ErrLimited)
		w.advance(30 * time.Second)
		_, err = w.login(pass)
		must(t, err)
	})
}

func TestRightPasswordsAreNotCounted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				if _, err := w.login(pass); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestASessionOfAStateThatChangedMeanwhileIsNotBorn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, change := range []string{
			"UPDATE account SET epoch = epoch + 1 WHERE id = $1",
			"UPDATE account SET active = FALSE WHERE id = $1",
		} {
			changed := false
			w.Inspect(func(query string) error {
				// The credential was read; its failures are about to be counted, then it is hashed.
				if strings.HasPrefix(query, "INSERT INTO rate_limit") && !changed {
					changed = true
					return w.Once(context.Background(), change, []any{w.account.ID})
				}
				return nil
			})
			_, err := w.login(pass)
			w.Inspect(nil)
			if !changed {
				t.Fatal("the change never happened")
			}
			wants(t, err, signin.ErrCredentials)
			if n := w.Count("SELECT count(*) FROM session"); n != 0 {
				t.Errorf("%s: %d sessions were born", change, n)
			}
			if got := w.Audited("signin.refused"); got[len(got)-1] != "overtaken" {
				t.Errorf("audit says %q", got)
			}
		}
	})
}

func TestAnImportedHashIsUpgradedAtSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		// Django's format: PBKDF2-SHA256, 1,000 rounds, of "warm woollen mittens".
		hash, err := password.Import("pbkdf2_sha256$1000$saltsalt12$2C5RGHYHLAj1v6ZF0y/q+3VaDnsXGJpl6ySR2JePD6o=")
		must(t, err)
		w.Exec("UPDATE password_credential SET hash = $2 WHERE account_id = $1", w.account.ID, hash)
		w.signIn()
		var now string
		w.Read(&now, "SELECT hash FROM password_credential WHERE account_id = $1", w.account.ID)
		if now == hash || now[:10] != "$argon2id$" {
			t.Error("the hash was not upgraded")
		}
		w.signIn()
	})
}

func TestLoginFailsClosed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for n := 1; ; n++ {
			var err error
			if !w.FailAt(n, func() { _, err = w.login(pass) }) {
				break
			}
			if err == nil {
				t.Errorf("statement %d failed and the sign-in did not", n)
			}
		}
		if got := w.Count("SELECT count(*) FROM session"); got != 1 {
			t.Errorf("%d sessions, want the one of the last, whole attempt", got)
		}
	})
}

func TestAudienceAndIdentifierAreChecked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := signin.Attempt{Email: email, Password: pass, Transport: session.Body, Address: caller}
		other := in
		other.Audience = "https://other.example.com"
		s, err := w.flow.Login(t.Context(), other)
		must(t, err)
		id, err := w.verifier.Verify(t.Context(), s.Tokens.Access)
		must(t, err)
		if !slices.Equal(id.Audience, []string{other.Audience}) {
			t.Errorf("audience %v", id.Audience)
		}
		next, err := w.refresh(s.Tokens.Refresh)
		must(t, err)
		if id, err = w.verifier.Verify(t.Context(), next.Access); err != nil || id.Audience[0] != other.Audience {
			t.Errorf("after a refresh: %v, %v", id, err)
		}
		unknown := in
		unknown.Audience = "https://elsewhere.example.com"
		_, err = w.flow.Login(t.Context(), unknown)
		wants(t, err, signin.ErrAudience)
		both := in
		both.Username = "jo"
		_, err = w.flow.Login(t.Context(), both)
		wants(t, err, signin.ErrIdentifier)
		bad := in
		bad.Email = "jo@example.com@example.org"
		_, err = w.flow.Login(t.Context(), bad)
		wants(t, err, account.ErrEmail)
	})
}

func TestDisablingEndsEverything(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.signIn()
		must(t, w.InTx(t.Context(), func(tx *db.Tx) error { return account.SetActive(t.Context(), tx, w.account.ID, false) }))
		_, err := w.refresh(s.Tokens.Refresh)
		wants(t, err, session.ErrRefused)
		for _, token := range []string{s.Tokens.Access, s.Tokens.Refresh} {
			wants(t, w.flow.Check(t.Context(), token), session.ErrEnded)
		}
		must(t, w.InTx(t.Context(), func(tx *db.Tx) error { return account.SetActive(t.Context(), tx, w.account.ID, true) }))
		_, err = w.refresh(s.Tokens.Refresh)
		wants(t, err, session.ErrRefused)
	})
}
