package signin_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
)

func TestRefreshIsOneStatement(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.signIn()
		if got := w.Statements(func() { _, _ = w.refresh(s.Tokens.Refresh) }); len(got) != 1 {
			t.Errorf("%d statements: %q", len(got), got)
		}
	})
}

func TestTwoHundredParallelRefreshesAreOneLineage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.signIn()
		successors := make([]string, 200)
		var wg sync.WaitGroup
		for i := range successors {
			wg.Go(func() {
				next, err := w.refresh(s.Tokens.Refresh)
				if err != nil {
					t.Error(err)
					return
				}
				successors[i] = next.Refresh
			})
		}
		wg.Wait()
		for _, next := range successors {
			if next != successors[0] {
				t.Fatal("two successors of one token")
			}
		}
		if stats := w.flow.Stats(); stats.Rotated != 1 || stats.Repeated != 199 {
			t.Errorf("rotated %d, repeated %d; want 1 and 199", stats.Rotated, stats.Repeated)
		}
		_, err := w.refresh(successors[0])
		must(t, err)
	})
}

func TestASpentTokenIsAnsweredAgainInsideTheWindowOnly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.signIn()
		first, err := w.refresh(s.Tokens.Refresh)
		must(t, err)
		// The window is not moved by repeats.
		for range 3 {
			w.advance(9 * time.Second)
			again, err := w.refresh(s.Tokens.Refresh)
			must(t, err)
			if again.Refresh != first.Refresh {
				t.Fatal("another successor")
			}
			if _, err := w.verifier.Verify(t.Context(), again.Access); err != nil {
				t.Fatal(err)
			}
		}
		w.advance(4 * time.Second)
		_, err = w.refresh(s.Tokens.Refresh)
		wants(t, err, session.ErrRefused)
		_, err = w.refresh(first.Refresh)
		wants(t, err, session.ErrRefused)
	})
}

func TestReuseEndsTheSessionAndRaisesTheAlarmOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, other := w.signIn(), w.signIn()
		second, err := w.refresh(s.Tokens.Refresh)
		must(t, err)
		third, err := w.refresh(second.Refresh)
		must(t, err)
		// Two generations old: no window helps.
		for range 3 {
			_, err = w.refresh(s.Tokens.Refresh)
			wants(t, err, session.ErrRefused)
		}
		_, err = w.refresh(third.Refresh)
		wants(t, err, session.ErrRefused)
		wants(t, w.flow.Check(t.Context(), third.Access), session.ErrEnded)
		if got := w.Audited("session.reuse_detected"); len(got) != 1 || got[0] != "stale" {
			t.Errorf("audit says %q", got)
		}
		w.Drain()
		if mails := w.Mails.Take(); len(mails) != 1 || mails[0].To != email {
			t.Errorf("%d alarm mails", len(mails))
		}
		_, err = w.refresh(other.Tokens.Refresh)
		must(t, err)
	})
}

func TestAnotherTransportIsAStranger(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.signIn()
		_, err := w.flow.Refresh(t.Context(), s.Tokens.Refresh, session.Cookie)
		wants(t, err, session.ErrRefused)
		_, err = w.refresh(s.Tokens.Refresh)
		wants(t, err, session.ErrRefused)
		if got := w.Audited("session.reuse_detected"); len(got) != 1 || got[0] != "stranger" {
			t.Errorf("audit says %q", got)
		}
	})
}

func TestACounterAheadOfTheRowRotates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.signIn()
		next, err := w.refresh(s.Tokens.Refresh)
		must(t, err)
		// A fail-over lost the commit of that rotation.
		w.Exec("UPDATE session SET counter = 0")
		_, err = w.refresh(next.Refresh)
		must(t, err)
	})
}

func TestSessionsEndByIdlenessAndAge(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		idle := w.signIn()
		w.advance(7*24*time.Hour - time.Second)
		used, err := w.refresh(idle.Tokens.Refresh)
		must(t, err)
		w.advance(7 * 24 * time.Hour)
		_, err = w.refresh(used.Refresh)
		wants(t, err, session.ErrRefused)

		s := w.signIn()
		token, life := s.Tokens.Refresh, time.Duration(0)
		for step := 6 * 24 * time.Hour; life+step < 30*24*time.Hour; life += step {
			w.advance(step)
			next, err := w.refresh(token)
			must(t, err)
			token = next.Refresh
			if left := 30*24*time.Hour - life - step; next.RefreshExpires > left {
				t.Errorf("promised %v, but the session has %v left", next.RefreshExpires, left)
			}
		}
		w.advance(6 * 24 * time.Hour)
		_, err = w.refresh(token)
		wants(t, err, session.ErrRefused)
	})
}

func TestAnAccessTokenNeverOutlivesItsSession(t *testing.T) {
	eachWith(t, func(c *signin.Config) { c.Session.Idle, c.Session.Absolute = 12*time.Minute, 12*time.Minute }, func(t *testing.T, w *world) {
		s := w.signIn()
		w.advance(8 * time.Minute)
		next, err := w.refresh(s.Tokens.Refresh)
		must(t, err)
		if next.AccessExpires > 4*time.Minute {
			t.Errorf("the access token lives %v, the session 4 min", next.AccessExpires)
		}
	})
}

func TestForgedAndForeignRefreshTokensCostNoStatement(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		good := w.signIn().Tokens.Refresh
		for _, bad := range []string{"", "grt_", good[:len(good)-1], good + "A", "x" + good, good[:20] + "AAAA" + good[24:], uuid.NewString()} {
			got := w.Statements(func() {
				_, err := w.refresh(bad)
				wants(t, err, session.ErrRefused)
			})
			if len(got) != 0 {
				t.Errorf("a forged token made the database work: %q", got)
			}
		}
		_, err := w.refresh(good)
		must(t, err)
	})
}

func TestRefreshFailsClosedAndLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.signIn()
		var err error
		if !w.FailAt(1, func() { _, err = w.refresh(s.Tokens.Refresh) }) || err == nil {
			t.Fatal("a failing database gave tokens")
		}
		_, err = w.refresh(s.Tokens.Refresh)
		must(t, err)
	})
}

func TestRefreshIsAuditedOnDemand(t *testing.T) {
	eachWith(t, func(c *signin.Config) { c.AuditRefresh = true }, func(t *testing.T, w *world) {
		s := w.signIn()
		for range 2 {
			_, err := w.refresh(s.Tokens.Refresh)
			must(t, err)
		}
		if len(w.Audited("session.refreshed")) != 1 || len(w.Audited("refresh.repeated")) != 1 {
			t.Error("refreshes were not audited")
		}
	})
}

func TestLogoutIsFinalAndRepeatable(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		byRefresh, byAccess, other := w.signIn(), w.signIn(), w.signIn()
		for range 2 {
			must(t, w.flow.Logout(t.Context(), byRefresh.Tokens.Refresh))
			must(t, w.flow.Logout(t.Context(), byAccess.Tokens.Access))
			must(t, w.flow.Logout(t.Context(), "no token at all"))
		}
		for _, s := range []*signin.SignedIn{byRefresh, byAccess} {
			_, err := w.refresh(s.Tokens.Refresh)
			wants(t, err, session.ErrRefused)
			wants(t, w.flow.Check(t.Context(), s.Tokens.Access), session.ErrEnded)
		}
		must(t, w.flow.Check(t.Context(), other.Tokens.Access))
		if got := w.Audited("session.ended"); len(got) != 2 {
			t.Errorf("%d audit events, want 2", len(got))
		}
		var err error
		if !w.FailAt(1, func() { err = w.flow.Logout(t.Context(), other.Tokens.Refresh) }) || err == nil {
			t.Error("a storage failure was reported as signed out")
		}
	})
}

func TestLogoutEverywhereEndsAllAndOnlyTheirs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, b := w.signIn(), w.signIn()
		stranger := w.Session(w.Account("sam@example.com", "").ID)
		must(t, w.flow.LogoutAll(t.Context(), a.Tokens.Access))
		for _, s := range []*signin.SignedIn{a, b} {
			_, err := w.refresh(s.Tokens.Refresh)
			wants(t, err, session.ErrRefused)
		}
		if !w.Stands(stranger) {
			t.Error("another account was signed out")
		}
		again := w.signIn()
		must(t, w.flow.LogoutAll(t.Context(), a.Tokens.Access)) // an ended session ends nothing more
		must(t, w.flow.Check(t.Context(), again.Tokens.Refresh))
	})
}

func TestSessionsAreListedAndEndedByTheirOwnerOnly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, b := w.signIn(), w.signIn()
		all, err := w.flow.Sessions(t.Context(), w.account.ID)
		must(t, err)
		if len(all) != 2 {
			t.Fatalf("%d sessions", len(all))
		}
		stranger := w.Account("sam@example.com", "")
		wants(t, w.flow.EndOne(t.Context(), stranger.ID, all[0].ID), session.ErrNotFound)
		must(t, w.flow.EndOne(t.Context(), w.account.ID, all[0].ID)) // the newest is b's
		wants(t, w.flow.EndOne(t.Context(), w.account.ID, all[0].ID), session.ErrNotFound)
		wants(t, w.flow.Check(t.Context(), b.Tokens.Access), session.ErrEnded)
		must(t, w.flow.Check(t.Context(), a.Tokens.Access))
	})
}

func TestCheckKnowsTheNewestRefreshToken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.signIn()
		must(t, w.flow.Check(t.Context(), s.Tokens.Refresh))
		next, err := w.refresh(s.Tokens.Refresh)
		must(t, err)
		wants(t, w.flow.Check(t.Context(), s.Tokens.Refresh), session.ErrEnded)
		must(t, w.flow.Check(t.Context(), next.Refresh))
		w.advance(11 * time.Minute)
		wants(t, w.flow.Check(t.Context(), next.Access), session.ErrEnded)
	})
}

func TestSweepKeepsTheLastSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.signIn()
		w.advance(time.Hour)
		last := w.signIn().Account.LastLogin
		w.advance(32 * 24 * time.Hour)
		n, err := session.Sweep(t.Context(), w.DB.DB, 10)
		must(t, err)
		if n != 2 {
			t.Errorf("%d sessions were swept, want 2", n)
		}
		if got := w.Count("SELECT last_login_at FROM account WHERE id = $1", w.account.ID); int64(got) != last.UnixMilli() {
			t.Errorf("last sign-in is %d, want %d", got, last.UnixMilli())
		}
	})
}
