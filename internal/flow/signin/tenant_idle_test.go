package signin_test

import (
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

const (
	idle   = time.Hour
	moment = time.Minute // the world's clock goes on by itself
)

// forgetful is a tenant that the world's account belongs to, and that takes no session that was left
// unused for so long.
func (w *world) forgetful(slug string) *tenant.Tenant {
	w.t.Helper()
	t := w.member(slug, role.Member)
	w.change(t, tenant.Policy{MaxIdle: idle})
	return t
}

// shutOut fails unless a session is told that a proof within the time lets it into acme again.
func (w *world) shutOut(by session.Bearer) {
	w.t.Helper()
	_, err := w.flow.TenantToken(w.t.Context(), by, "acme", "")
	wants(w.t, err, tenant.ErrPolicy)
	if f, _ := fault.From(err); f.Next.MaxAge != idle || f.Next.Level != "" || len(f.Next.Methods) > 0 {
		w.t.Errorf("how to go on is %+v", f.Next)
	}
}

// prove gives another proof in a session.
func (w *world) prove(by session.Bearer) {
	w.t.Helper()
	_, err := w.flow.Reprove(w.t.Context(), by, signin.Proof{Method: "password", Password: pass})
	must(w.t, err)
}

func TestAPinnedTokenThatWasLeftUnusedIsNotRefreshed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.forgetful("acme")
		s, err := w.loginTo("acme")
		must(t, err)
		by, token := w.by(s), s.Tokens.Refresh
		for range 3 {
			w.advance(idle - moment)
			next, err := w.refresh(token)
			must(t, err)
			token = next.Refresh
		}
		w.advance(idle)
		for range 2 {
			_, err = w.refresh(token)
			wants(t, err, signin.ErrNotMember)
		}
		w.shutOut(by)
		// Nothing was rotated: with a proof the same token is good again.
		w.prove(by)
		w.advance(idle - moment)
		_, err = w.refresh(token)
		must(t, err)
		if len(w.Audited("session.reuse_detected")) != 0 {
			t.Error("an honest client was taken for a thief")
		}
	})
}

// Whoever comes back after too long has used the session by that, and still has proven nothing.
func TestComingBackIsNoProofForATenantThatAsksForOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.forgetful("acme")
		w.member("lax", role.Member)
		s := w.signIn()
		by := w.by(s)
		w.advance(idle)
		next, err := w.refresh(s.Tokens.Refresh)
		must(t, err)
		for range 2 {
			w.shutOut(by)
			_, err = w.flow.TenantToken(t.Context(), by, "lax", "")
			must(t, err)
			w.advance(10 * time.Minute)
			next, err = w.refresh(next.Refresh)
			must(t, err)
		}
		w.prove(by)
		_, err = w.flow.TenantToken(t.Context(), by, "acme", "")
		must(t, err)
		w.advance(idle - moment)
		next, err = w.refresh(next.Refresh)
		must(t, err)
		_, err = w.flow.TenantToken(t.Context(), by, "acme", "")
		must(t, err)
		w.advance(idle)
		_, err = w.refresh(next.Refresh)
		must(t, err)
		w.shutOut(by)
	})
}

// A proof is a use: what was before it counts no more, whenever the refresh token is used next.
func TestAProofEndsWhatWasLeftUnusedBeforeIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.forgetful("acme")
		s := w.signIn()
		by := w.by(s)
		w.advance(3 * idle)
		w.prove(by)
		w.advance(10 * time.Minute)
		_, err := w.refresh(s.Tokens.Refresh)
		must(t, err)
		_, err = w.flow.TenantToken(t.Context(), by, "acme", "")
		must(t, err)
	})
}

// Tokens that are made of tokens do not keep a session in use.
func TestAskingForATenantsTokensIsNoUse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.forgetful("acme")
		w.member("lax", role.Member)
		by := w.by(w.signIn())
		for range 6 {
			for _, name := range []string{"acme", "lax"} {
				_, err := w.flow.TenantToken(t.Context(), by, name, "")
				must(t, err)
			}
			w.advance(idle / 6)
		}
		w.shutOut(by)
		_, err := w.flow.TenantToken(t.Context(), by, "lax", "")
		must(t, err)
	})
}

// Of the shorter of two times a tenant says only where it is the one that was missed.
func TestHowToGoOnIsTheTimeThatWasMissed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.forgetful("acme")
		s := w.signIn()
		by := w.by(s)
		for step, c := range []struct {
			policy tenant.Policy
			want   time.Duration
		}{
			{tenant.Policy{MaxIdle: idle, MaxAge: 24 * time.Hour}, idle},
			{tenant.Policy{MaxIdle: idle, MaxAge: idle / 2}, idle / 2},
			{tenant.Policy{MaxIdle: 24 * time.Hour, MaxAge: idle}, idle},
			{tenant.Policy{MaxIdle: 3 * idle, MaxAge: 2 * idle}, 2 * idle},
		} {
			w.change(acme, c.policy)
			w.advance(idle)
			_, err := w.flow.TenantToken(t.Context(), by, "acme", "")
			if f, _ := fault.From(err); step < 3 && (f == nil || f.Next.MaxAge != c.want) {
				t.Errorf("%d: %v", step, err)
			}
		}
	})
}

// In the last millisecond all who ask at once get in, with one successor; a millisecond later none does,
// nothing is rotated and nobody is signed out for it.
func TestTheLastMomentIsTheSameForAllWhoAskAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.forgetful("acme")
		s, err := w.loginTo("acme")
		must(t, err)
		id := w.by(s).SessionID
		var used time.Time
		must(t, w.Row(t.Context(), "SELECT rotated_at FROM session WHERE id = $1", []any{id}, db.Time(&used)))
		at := func(counter uint64, now time.Time) map[session.Outcome]int {
			outcomes := make([]session.Outcome, 20)
			var wg sync.WaitGroup
			for i := range outcomes {
				wg.Go(func() {
					r, _, err := session.RefreshPinned(t.Context(), w.DB.DB, w.Roles, id, counter, acme.ID, session.Client{ID: session.FirstParty, Transport: session.Body}, now, 30*time.Second)
					if err != nil {
						t.Error(err)
						return
					}
					outcomes[i] = r.Outcome
				})
			}
			wg.Wait()
			count := map[session.Outcome]int{}
			for _, o := range outcomes {
				count[o]++
			}
			return count
		}
		last := used.Add(idle - time.Millisecond)
		for _, step := range []struct {
			counter uint64
			now     time.Time
			want    map[session.Outcome]int
		}{
			{0, last, map[session.Outcome]int{session.Rotated: 1, session.Repeated: 19}},
			{1, last.Add(idle - time.Millisecond), map[session.Outcome]int{session.Rotated: 1, session.Repeated: 19}},
			{2, last.Add(2*idle - time.Millisecond), map[session.Outcome]int{session.NotMember: 20}},
			// A clock that is a little behind does not open again what another has shut.
			{2, last.Add(2*idle - 2*time.Millisecond), map[session.Outcome]int{session.NotMember: 20}},
		} {
			if got := at(step.counter, step.now); !maps.Equal(got, step.want) {
				t.Errorf("token %d, %v after the sign-in: %v", step.counter, step.now.Sub(used), got)
			}
		}
	})
}

// Pages are looked at again and again: each look is a use, and none makes the pause before it forgotten.
func TestAPageThatIsOpenedAgainIsNoProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.signIn()
		unused := func() time.Duration {
			t.Helper()
			resp, _ := b.get("/account/")
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("answered %d", resp.StatusCode)
			}
			v, err := w.flow.Visitor(t.Context(), b.cookies[cookieName], "")
			must(t, err)
			return v.Unused
		}
		if got := unused(); got >= moment {
			t.Errorf("right after signing in: unused for %v", got)
		}
		w.advance(idle)
		for range 3 {
			if got := unused(); got < idle || got >= idle+moment {
				t.Errorf("unused for %v", got)
			}
			w.advance(5 * time.Minute)
		}
		resp, _ := b.post(confirm, url.Values{"method": {"password"}, "password": {pass}, "next": {"/account/"}})
		b.leadsTo(resp, "/account/")
		if got := unused(); got >= moment {
			t.Errorf("right after a proof: unused for %v", got)
		}
	})
}
