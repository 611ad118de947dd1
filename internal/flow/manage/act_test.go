package manage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// deeds are all ways to do something to an account.
func (w world) deeds() map[string]func(by Actor, subject string) error {
	yes, no := true, false
	of := func(_ *account.Account, err error) error { return err }
	return map[string]func(Actor, string) error{
		"disable":    func(by Actor, s string) error { return of(w.Disable(w.ctx, by, s)) },
		"enable":     func(by Actor, s string) error { return of(w.Enable(w.ctx, by, s)) },
		"sign out":   func(by Actor, s string) error { return of(w.SignOut(w.ctx, by, s)) },
		"send reset": func(by Actor, s string) error { return of(w.SendReset(w.ctx, by, s)) },
		"unlock":     func(by Actor, s string) error { return of(w.Unlock(w.ctx, by, s)) },
		"cancel":     func(by Actor, s string) error { return of(w.CancelRecovery(w.ctx, by, s)) },
		"attributes": func(by Actor, s string) error { return of(w.SetAttributes(w.ctx, by, s, map[string]any{"grade": 3.0})) },
		"reset":      func(by Actor, s string) error { return of(w.ResetFactors(w.ctx, by, s, "showed an identity card")) },
		"promote":    func(by Actor, s string) error { return of(w.SetRank(w.ctx, by, s, Rank{Superuser: &yes})) },
		"hire":       func(by Actor, s string) error { return of(w.SetRank(w.ctx, by, s, Rank{Staff: &yes})) },
		"demote":     func(by Actor, s string) error { return of(w.SetRank(w.ctx, by, s, Rank{Superuser: &no})) },
		"fire":       func(by Actor, s string) error { return of(w.SetRank(w.ctx, by, s, Rank{Staff: &no})) },
	}
}

// staff are a person, two members of staff and two superusers.
type staff struct{ person, member, colleague, root, second *account.Account }

func (w world) staff(t *testing.T) staff {
	t.Helper()
	return staff{
		person: w.create(t, New{Email: "person@example.com"}),
		member: w.create(t, New{Email: "member@example.com", Staff: true}), colleague: w.create(t, New{Email: "colleague@example.com", Staff: true}),
		root: w.create(t, New{Email: "root@example.com", Superuser: true}), second: w.create(t, New{Email: "second@example.com", Superuser: true}),
	}
}

// state is all that a deed can change.
func (w world) state(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := w.DB.Each(t.Context(), `SELECT email, active, staff, superuser, epoch, (SELECT count(*) FROM audit_event), (SELECT count(*) FROM job) FROM account ORDER BY email`, nil,
		func(scan func(...any) error) error {
			var email string
			var active, member, super bool
			var epoch, events, jobs int
			err := scan(&email, &active, &member, &super, &epoch, &events, &jobs)
			fmt.Fprintln(&all, email, active, member, super, epoch, events, jobs)
			return err
		})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestNobodyActsAboveTheirRank(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		// Whatever a caller claims to be, the database is believed.
		lie := func(a *account.Account) Actor { return Actor{ID: a.ID, Staff: true, Superuser: true} }
		for who, by := range map[string]Actor{
			"a person": lie(s.person), "nobody": {}, "somebody made up": {ID: uuid.New(), Staff: true, Superuser: true}, "nobody with a rank": {Staff: true, Superuser: true},
		} {
			for name, deed := range w.deeds() {
				for _, to := range []*account.Account{s.person, s.member, s.root} {
					w.refused(t, who+": "+name+" "+to.Email, ErrDenied, func() error { return deed(by, to.Subject) })
				}
			}
		}
		for name, deed := range w.deeds() {
			want := ErrProtected
			supreme := slices.Contains([]string{"promote", "hire", "demote", "fire", "reset"}, name)
			if supreme {
				want = ErrDenied
				w.refused(t, "staff: "+name+" a person", want, func() error { return deed(lie(s.member), s.person.Subject) })
			}
			for _, to := range []*account.Account{s.colleague, s.root, s.member} {
				want := want
				if (name == "disable" || name == "unlock") && to == s.member {
					want = ErrOwn
				}
				w.refused(t, "staff: "+name+" "+to.Email, want, func() error { return deed(lie(s.member), to.Subject) })
			}
		}
		for _, name := range []string{"disable", "demote", "fire", "reset"} {
			w.refused(t, "superuser: "+name+" themselves", ErrOwn, func() error { return w.deeds()[name](w.ActorOf(s.root), s.root.Subject) })
		}
	})
}

// refused asserts that fn fails with want and changes nothing.
func (w world) refused(t *testing.T, what string, want *fault.Error, fn func() error) {
	t.Helper()
	before := w.state(t)
	if err := fn(); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %s", what, err, want.Code)
	}
	if after := w.state(t); after != before {
		t.Errorf("%s changed\n%sto\n%s", what, before, after)
	}
}

func TestStaffActOnPeopleAndSuperusersOnAll(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		for _, name := range []string{"unlock", "send reset", "sign out", "disable", "enable"} {
			if err := w.deeds()[name](w.ActorOf(s.member), s.person.Subject); err != nil {
				t.Errorf("staff: %s: %v", name, err)
			}
		}
		for _, name := range []string{"unlock", "send reset", "sign out", "disable", "enable", "hire", "promote", "demote", "fire"} {
			if err := w.deeds()[name](w.ActorOf(s.root), s.second.Subject); err != nil {
				t.Errorf("superuser: %s: %v", name, err)
			}
		}
		var actors string
		w.Read(&actors, "SELECT min(actor) FROM audit_event WHERE account_id = $1 AND kind <> 'account.created'", s.person.ID)
		if actors != s.member.ID.String() {
			t.Errorf("the audit names %q", actors)
		}
		w.Read(&actors, "SELECT max(actor) FROM audit_event WHERE account_id = $1 AND kind <> 'account.created' AND actor <> 'cli'", s.person.ID)
		if actors != s.member.ID.String() {
			t.Errorf("the audit names %q too", actors)
		}
	})
}

// What an actor was when the request began does not count.
func TestWhoWasDemotedOrDisabledIsRefusedAtOnce(t *testing.T) {
	for name, change := range map[string]string{
		"demoted": "UPDATE account SET staff = FALSE, superuser = FALSE WHERE id = $1", "disabled": "UPDATE account SET active = FALSE WHERE id = $1", "erased": "DELETE FROM account WHERE id = $1",
	} {
		each(t, func(t *testing.T, w world) {
			s := w.staff(t)
			was := w.ActorOf(s.root)
			w.Exec(change, s.root.ID)
			for what, deed := range w.deeds() {
				w.refused(t, name+": "+what, ErrDenied, func() error { return deed(was, s.person.Subject) })
			}
			mine := w.Session(s.person.ID)
			w.refused(t, name+": end a session", ErrDenied, func() error { return w.EndSession(w.ctx, was, mine.SessionID) })
			w.refused(t, name+": retry", ErrDenied, func() error { return w.RetryMail(w.ctx, was, uuid.New()) })
			w.refused(t, name+": discard", ErrDenied, func() error { return w.DiscardMail(w.ctx, was, uuid.New()) })
			w.refused(t, name+": export", ErrDenied, func() error { return w.ExportAudit(w.ctx, was, AuditQuery{}, new(strings.Builder)) })
		})
	}
}

// Who guesses with a superuser's cookie must not forgive themselves the guesses.
func TestNobodyUnlocksThemselves(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		w.refused(t, "a superuser", ErrOwn, func() error { _, err := w.Unlock(w.ctx, w.ActorOf(s.root), s.root.Subject); return err })
		if _, err := w.Unlock(w.ctx, operator, s.root.Subject); err != nil {
			t.Errorf("the operator: %v", err)
		}
	})
}

func TestWhatStaffAskForIsLimited(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		for name, deed := range map[string]func() error{
			"resets of one account": func() error { _, err := w.SendReset(w.ctx, w.ActorOf(s.root), s.person.Subject); return err },
			"exports":               func() error { return w.ExportAudit(w.ctx, w.ActorOf(s.root), AuditQuery{}, new(strings.Builder)) },
		} {
			var err error
			done := 0
			for ; err == nil && done < 20; done++ {
				err = deed()
			}
			if !errors.Is(err, ratelimit.ErrLimited) {
				t.Errorf("%s: %d, then %v", name, done, err)
			}
		}
		if _, err := w.SendReset(w.ctx, operator, s.person.Subject); err != nil {
			t.Errorf("the operator: %v", err)
		}
	})
}

// A cookie that was copied while somebody was a person must not become staff's.
func TestEveryChangeOfRankSignsOut(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		yes, no := true, false
		for _, step := range []struct {
			r            Rank
			staff, super bool
			stands       bool
		}{
			{Rank{Superuser: &yes}, true, true, false},
			{Rank{Superuser: &no}, true, false, false},
			{Rank{Staff: &yes}, true, false, true}, // is already
			{Rank{Superuser: &yes}, true, true, false},
			{Rank{Staff: &no}, false, false, false},
			{Rank{}, false, false, true},
		} {
			mine := w.Session(s.person.ID)
			a, err := w.SetRank(w.ctx, w.ActorOf(s.root), s.person.Subject, step.r)
			if err != nil || a.Staff != step.staff || a.Superuser != step.super || w.Stands(mine) != step.stands {
				t.Errorf("%+v: %+v, stands %t, %v", step, a, w.Stands(mine), err)
			}
		}
		if got := len(w.Audited("account.rank_changed")); got != 4 {
			t.Errorf("%d changes audited", got)
		}
		if _, err := w.SetRank(w.ctx, operator, s.person.Subject, Rank{Staff: &no, Superuser: &yes}); !errors.Is(err, ErrRank) {
			t.Errorf("a superuser who is not staff: %v", err)
		}
	})
}

func TestTheLastActiveSuperuserStays(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		no := false
		if _, err := w.Disable(w.ctx, operator, s.second.Subject); err != nil {
			t.Fatal(err)
		}
		for name, take := range map[string]func(Actor) error{
			"disable": func(by Actor) error { _, err := w.Disable(w.ctx, by, s.root.Subject); return err },
			"demote":  func(by Actor) error { _, err := w.SetRank(w.ctx, by, s.root.Subject, Rank{Superuser: &no}); return err },
			"fire":    func(by Actor) error { _, err := w.SetRank(w.ctx, by, s.root.Subject, Rank{Staff: &no}); return err },
		} {
			w.refused(t, name, ErrLastSuperuser, func() error { return take(operator) })
		}
		// One who is disabled anyway is not the last active one.
		if _, err := w.SetRank(w.ctx, operator, s.second.Subject, Rank{Superuser: &no}); err != nil {
			t.Error(err)
		}
		if _, err := w.Disable(w.ctx, Operator(true), s.root.Subject); err != nil {
			t.Errorf("by force: %v", err)
		}
	})
}

// Two superusers who take the other's rank at the same moment must not both succeed; nor may the
// operator with them.
func TestSuperusersCannotRemoveEachOtherAtOnce(t *testing.T) {
	no := false
	each(t, func(t *testing.T, w world) {
		for round := range 12 {
			a := w.create(t, New{Email: fmt.Sprintf("a%d@example.com", round), Superuser: true})
			b := w.create(t, New{Email: fmt.Sprintf("b%d@example.com", round), Superuser: true})
			if round == 0 {
				w.Exec("UPDATE account SET superuser = FALSE WHERE id NOT IN ($1, $2)", a.ID, b.ID)
			}
			takes := []func() error{
				func() error { _, err := w.SetRank(w.ctx, w.ActorOf(a), b.Subject, Rank{Superuser: &no}); return err },
				func() error { _, err := w.Disable(w.ctx, w.ActorOf(b), a.Subject); return err },
				func() error { _, err := w.Disable(w.ctx, operator, b.Subject); return err },
				func() error { _, err := w.SetRank(w.ctx, operator, a.Subject, Rank{Staff: &no}); return err },
			}
			var work sync.WaitGroup
			errs := make([]error, len(takes))
			for i, take := range takes {
				work.Go(func() { errs[i] = take() })
			}
			work.Wait()
			for _, err := range errs {
				if err != nil && !errors.Is(err, ErrLastSuperuser) && !errors.Is(err, ErrDenied) && !errors.Is(err, ErrProtected) {
					t.Errorf("round %d: %v", round, err)
				}
			}
			if n := w.Count("SELECT count(*) FROM account WHERE superuser AND active"); n != 1 {
				t.Fatalf("round %d: %d superusers are left: %v", round, n, errs)
			}
			w.Exec("UPDATE account SET superuser = FALSE")
		}
	})
}

func TestEndSessionEndsThatOneAlone(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		one, other, roots := w.Session(s.person.ID), w.Session(s.person.ID), w.Session(s.root.ID)
		w.refused(t, "a superuser's session", ErrProtected, func() error { return w.EndSession(w.ctx, w.ActorOf(s.member), roots.SessionID) })
		if err := w.EndSession(w.ctx, w.ActorOf(s.member), one.SessionID); err != nil || w.Stands(one) || !w.Stands(other) {
			t.Errorf("%v, stands %t and %t", err, w.Stands(one), w.Stands(other))
		}
		for _, id := range []uuid.UUID{one.SessionID, uuid.New(), uuid.Nil, s.person.ID} {
			w.refused(t, "no session", session.ErrNotFound, func() error { return w.EndSession(w.ctx, w.ActorOf(s.member), id) })
		}
		if got := w.Audited("session.ended"); len(got) != 1 || got[0] != session.EndedByStaff {
			t.Errorf("audited %q", got)
		}
	})
}

func TestSignOutAndUnlockAndReset(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		one, other, mine := w.Session(s.person.ID), w.Session(s.person.ID), w.Session(s.member.ID)
		if _, err := w.SignOut(w.ctx, w.ActorOf(s.member), s.person.Subject); err != nil || w.Stands(one) || w.Stands(other) || !w.Stands(mine) {
			t.Errorf("sign out: %v", err)
		}
		var err error
		for err == nil {
			_, err = w.Limiter.Take(t.Context(), guesses(s.person.ID))
		}
		if _, err := w.Unlock(w.ctx, w.ActorOf(s.member), s.person.Subject); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Limiter.Take(t.Context(), guesses(s.person.ID)); errors.Is(err, ratelimit.ErrLimited) {
			t.Error("still locked")
		}
		if _, err := w.SendReset(w.ctx, w.ActorOf(s.member), s.person.Subject); err != nil {
			t.Fatal(err)
		}
		w.Drain()
		if sent := w.World.Mails.Take(); len(sent) != 1 || sent[0].To != "person@example.com" {
			t.Errorf("sent %d", len(sent))
		}
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", s.person.ID)
		w.refused(t, "a reset for a disabled account", ErrInactive, func() error { _, err := w.SendReset(w.ctx, w.ActorOf(s.member), s.person.Subject); return err })
	})
}

func TestHostileSubjectsAreNobodys(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.staff(t)
		for _, subject := range []string{"", "\x00", "a\x00b", "\xff", "ä", strings.Repeat("a", 300), "' OR '1'='1", "person@example.com"} {
			for name, deed := range w.deeds() {
				w.refused(t, fmt.Sprintf("%s %.20q", name, subject), account.ErrNotFound, func() error { return deed(operator, subject) })
			}
			if _, err := w.Detail(w.ctx, operator, subject); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%.20q: %v", subject, err)
			}
		}
	})
}

func TestBulkReportsWhatHappenedToEach(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		got, err := w.Bulk(w.ctx, w.ActorOf(s.member), Disable, []string{s.person.Subject, "nobody", s.root.Subject, s.person.Subject, s.member.Subject})
		if err != nil {
			t.Fatal(err)
		}
		want := []*fault.Error{nil, account.ErrNotFound, ErrProtected, ErrOwn}
		if len(got) != len(want) {
			t.Fatalf("%d outcomes", len(got))
		}
		for i, o := range got {
			if want[i] == nil && (o.Err != nil || o.Account == nil || o.Account.Active) || want[i] != nil && !errors.Is(o.Err, want[i]) {
				t.Errorf("%s: %+v", o.Subject, o)
			}
		}
		for _, c := range []struct {
			action   Action
			subjects []string
		}{{Disable, nil}, {Promote, []string{s.person.Subject}}, {Demote, []string{s.second.Subject}}, {"delete", []string{"a"}}, {Enable, make([]string, 201)}} {
			w.refused(t, string(c.action), ErrBulk, func() error { _, err := w.Bulk(w.ctx, w.ActorOf(s.root), c.action, c.subjects); return err })
		}
	})
}

func TestStaffActionsFailWithTheirAudit(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		mine := w.Session(s.person.ID)
		for name, deed := range w.deeds() {
			if name == "enable" || name == "demote" || name == "fire" || name == "cancel" || name == "reset" {
				continue // they change nothing here
			}
			before := w.state(t)
			w.DB.Inspect(func(query string) error {
				if strings.Contains(query, "INSERT INTO audit_event") {
					return errors.New("no audit today")
				}
				return nil
			})
			err := deed(w.ActorOf(s.root), s.person.Subject)
			w.DB.Inspect(nil)
			if err == nil || w.state(t) != before || !w.Stands(mine) {
				t.Errorf("%s went on without audit: %v", name, err)
			}
		}
	})
}
