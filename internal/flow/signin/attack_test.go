package signin_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// register writes a registration down that waits for its mail.
func (w *world) register(address, pass string) {
	w.t.Helper()
	hash, err := w.hasher.Hash(w.t.Context(), pass)
	must(w.t, err)
	now := w.Now()
	id := uuid.Must(uuid.NewV7())
	w.Exec(`INSERT INTO registration (id, email, email_key, password_hash, full_name, phone, locale, attributes, token_hash, device, created_at, expires_at)
		VALUES ($1, $2, $2, $3, '', '', '', '{}', $4, '', $5, $6)`, id, address, hash, id[:], now, now.Add(24*3600e9))
}

// Whoever registers an address learns nothing from signing in: the answer, the statements and
// the number of hashes are the same whether or not it had an account before.
func TestRegisteringAnAddressDoesNotTellWhetherItHadAnAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const theirs = "a stranger's pass phrase"
		probe := func(address string) (codes, statements []string) {
			w.register(address, theirs)
			for _, p := range []string{theirs, "neither one"} {
				statements = append(statements, w.Statements(func() {
					_, err := w.flow.Login(t.Context(), signin.Attempt{Email: address, Password: p, Transport: session.Body, Address: caller})
					codes = append(codes, err.Error())
				})...)
			}
			return codes, statements
		}
		existing, did := probe(email)
		missing, doing := probe("nobody@example.com")
		if !slices.Equal(existing, missing) || !slices.Equal(did, doing) {
			t.Errorf("with an account: %q\nwithout: %q", existing, missing)
		}
		if !strings.HasPrefix(existing[0], signin.ErrNotVerified.Code) || !strings.HasPrefix(existing[1], signin.ErrCredentials.Code) {
			t.Errorf("answers: %q", existing)
		}
		w.signIn() // the owner is not disturbed
	})
}

func TestAWaitingRegistrationIsNoWayToGuessForFree(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register(email, "guess")
		for range 10 {
			_, err := w.login("guess")
			wants(t, err, signin.ErrNotVerified)
		}
		_, err := w.login("guess")
		wants(t, err, ratelimit.ErrLimited)
	})
}

func TestAFloodOfRefusalsIsAuditedOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 40 {
			_, _ = w.login("not the password")
		}
		if got := w.Audited("signin.refused"); len(got) != 11 || got[10] != "rate_limited" {
			t.Errorf("%d audit rows, want 10 wrong passwords and one refusal by the limiter", len(got))
		}
		w.advance(noteEveryPlus)
		for range 12 {
			_, _ = w.login("not the password")
		}
		if got := w.Audited("signin.refused"); got[len(got)-1] != "rate_limited" || len(got) != 22 {
			t.Errorf("%d audit rows after the next window", len(got))
		}
	})
}

const noteEveryPlus = 16 * 60e9 // 16 min

func TestOneAddressCannotFillTheHashingQueue(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		most := 0
		var mu sync.Mutex
		for range 60 {
			wg.Go(func() {
				_, err := w.flow.Login(t.Context(), signin.Attempt{Email: "nobody" + uuid.NewString() + "@example.com", Password: "x", Transport: session.Body, Address: caller})
				if err == nil {
					t.Error("signed in")
				}
				mu.Lock()
				defer mu.Unlock()
				now := w.hasher.Stats()
				most = max(most, now.InFlight+now.Waiting) // one that has got its slot counts as waiting until it runs
			})
		}
		wg.Wait()
		if bound := w.hasher.Stats().Slots + 8; most > bound {
			t.Errorf("%d of one address had or waited for a hash at once, want at most %d", most, bound)
		}
		_, err := w.flow.Login(t.Context(), signin.Attempt{Email: email, Password: pass, Transport: session.Body, Address: netip.MustParseAddr("192.0.2.2")})
		must(t, err)
	})
}

func TestSigningOutEndsEverySessionShown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.Serve(signin.Routes(w.flow), nil)
		for _, body := range []string{`{"refresh": ""}`, `{"refresh": "nonsense"}`, `{}`, ``} {
			s := w.signIn()
			if a := c.Call("POST", "/logout/", body, domaintest.Header("Authorization", "Bearer "+s.Tokens.Access)); a.Status != 200 {
				t.Errorf("%s: %d %s", body, a.Status, a.Text)
			}
			wants(t, w.flow.Check(t.Context(), s.Tokens.Access), session.ErrEnded)
		}
	})
}

func TestALongSpentTokenCannotSignOutEverywhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, other := w.signIn(), w.signIn()
		token := s.Tokens.Refresh
		for range 2 {
			next, err := w.refresh(token)
			must(t, err)
			token = next.Refresh
		}
		must(t, w.flow.LogoutAll(t.Context(), s.Tokens.Refresh))
		must(t, w.flow.Check(t.Context(), other.Tokens.Access))
		must(t, w.flow.LogoutAll(t.Context(), token))
		if err := w.flow.Check(t.Context(), other.Tokens.Access); !errors.Is(err, session.ErrEnded) {
			t.Error("the newest token did not sign out everywhere")
		}
	})
}
