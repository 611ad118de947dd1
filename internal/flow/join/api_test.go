package join_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
)

func (w *world) accept(token string, options ...domaintest.Option) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/invitations/accept/", `{"token":"`+token+`"}`, options...)
}

func (w *world) signUp(token, more string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/invitations/sign-up/", `{"token":"`+token+`","password":"`+pass+`","full_name":"Guest"`+more+`}`)
}

func TestWhoIsSignedInAcceptsOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := domaintest.Bearer(w.Session(w.Account("guest@example.com", "").ID))
		token := w.invites("Guest@example.com", role.Admin)
		refused(t, w.accept(token), http.StatusUnauthorized, "token_missing")
		a := w.accept(token, guest)
		tenant, _ := a.JSON["tenant"].(map[string]any)
		if a.Status != http.StatusOK || tenant["slug"] != "acme" || tenant["id"] != w.acme.ID.String() || a.JSON["role"] != "admin" || w.role("guest@example.com") != role.Admin {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		refused(t, w.accept(token, guest), http.StatusBadRequest, "link_invalid")
		refused(t, w.signUp(token, ""), http.StatusBadRequest, "link_invalid")
	})
}

func TestAnotherAccountIsRefusedAndAudited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stranger, unproven := w.Account("stranger@example.com", ""), w.Account("guest@example.com", "")
		w.Exec("UPDATE account SET email_verified = FALSE WHERE id = $1", unproven.ID)
		token := w.invites("guest@example.com", role.Member)
		for _, a := range []*account.Account{stranger, unproven} {
			refused(t, w.accept(token, domaintest.Bearer(w.Session(a.ID))), http.StatusForbidden, "invitation_foreign")
		}
		if got := w.Audited("invitation.refused"); !slices.Equal(got, []string{"foreign_address", "address_not_confirmed"}) || w.role("stranger@example.com")+w.role("guest@example.com") != "" {
			t.Errorf("audited %q", got)
		}
	})
}

func TestParallelAcceptsOverTheAPIMakeOneMembership(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := domaintest.Bearer(w.Session(w.Account("guest@example.com", "").ID))
		token := w.invites("guest@example.com", role.Member)
		codes := make([]string, 64)
		var wait sync.WaitGroup
		for i := range codes {
			wait.Go(func() { codes[i] = w.accept(token, guest).Code })
		}
		wait.Wait()
		slices.Sort(codes)
		// Whoever fails too often from one address is refused before anything is looked up.
		if got := slices.Compact(codes); got[0] != "" || slices.ContainsFunc(got[1:], func(c string) bool { return c != "link_invalid" && c != "rate_limited" }) {
			t.Errorf("answered %q", got)
		}
		if n := w.Count("SELECT count(*) FROM membership WHERE tenant_id = $1", w.acme.ID); n != 2 || len(w.Audited("invitation.accepted")) != 1 {
			t.Errorf("%d members", n)
		}
	})
}

// Nothing here asks whether registration is open: there is no such switch to ask.
func TestInvitedAddressesGetAConfirmedAccount(t *testing.T) {
	eachWith(t, func(in *setup) {
		in.attributes = []account.Attribute{{Name: "team", Type: "string", Required: true}}
	}, func(t *testing.T, w *world) {
		w.Exec(`INSERT INTO registration (id, email, email_key, password_hash, full_name, phone, locale, attributes, token_hash, device, created_at, expires_at)
			VALUES ($1, 'Guest@example.com', 'guest@example.com', 'x', '', '', '', '{}', $2, '', $3, $4)`, uuid.New(), []byte("hash"), w.Now(), w.Now().Add(time.Hour))
		token := w.invites("Guest@Example.com", "editor")
		refused(t, w.signUp(token, ""), http.StatusBadRequest, "profile_invalid")
		a := w.signUp(token, `,"username":"Guest.1","phone":"5550100","locale":"de","attributes":{"team":"blue"}`)
		if a.Status != http.StatusCreated || a.JSON["email"] != "Guest@Example.com" || a.JSON["role"] != "editor" || strings.Contains(a.Text, token) {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		var verified, active, staff, superuser bool
		var username, name, phone, locale, attributes string
		err := w.Row(t.Context(), `SELECT a.email_verified, a.active, a.staff, a.superuser, a.username, p.full_name, p.phone, p.locale, p.attributes
			FROM account a JOIN profile p ON p.account_id = a.id WHERE a.email_key = 'guest@example.com'`, nil, &verified, &active, &staff, &superuser, &username, &name, &phone, &locale, &attributes)
		if got := fmt.Sprint(verified, active, staff, superuser, username, name, phone, locale, attributes); err != nil || got != fmt.Sprint(true, true, false, false, "Guest.1", "Guest", "5550100", "de", `{"team":"blue"}`) {
			t.Errorf("made %s, %v", got, err)
		}
		if w.role("guest@example.com") != "editor" || !w.opens("guest@example.com", pass) || len(w.Audited("account.created")) != 1 {
			t.Error("no member, or another password")
		}
		if n := w.Count("SELECT count(*) FROM registration"); n != 0 {
			t.Errorf("%d registrations still wait", n)
		}
		refused(t, w.signUp(token, `,"attributes":{"team":"blue"}`), http.StatusBadRequest, "link_invalid")
	})
}

func TestSignUpRefusesWhatRegistrationRefuses(t *testing.T) {
	eachWith(t, func(in *setup) { in.UsernameRequired = true }, func(t *testing.T, w *world) {
		token := w.invites("guest@example.com", role.Member)
		body := func(password, username string) string {
			return `{"token":"` + token + `","password":"` + password + `","full_name":"Guest","username":"` + username + `"}`
		}
		for _, c := range []struct{ body, code string }{
			{body("short", "guest"), "password_refused"}, {body("guest@example.com", "guest"), "password_refused"}, {body(pass, ""), "username_invalid"}, {body(pass, "no spaces"), "username_invalid"},
		} {
			refused(t, w.Call(http.MethodPost, "/invitations/sign-up/", c.body), http.StatusBadRequest, c.code)
		}
		w.Account("taken@example.com", "")
		w.Exec("UPDATE account SET username = 'taken', username_key = 'taken' WHERE email_key = 'taken@example.com'")
		for range 3 {
			refused(t, w.Call(http.MethodPost, "/invitations/sign-up/", body(pass, "Taken")), http.StatusConflict, "username_taken")
		}
		refused(t, w.Call(http.MethodPost, "/invitations/sign-up/", body(pass, "guest")), http.StatusTooManyRequests, "rate_limited")
		if w.accounts() != 2 || w.unused() != 1 {
			t.Errorf("%d accounts, %d unused", w.accounts(), w.unused())
		}
		w.Clock.Advance(time.Hour)
		if a := w.Call(http.MethodPost, "/invitations/sign-up/", body(pass, "guest")); a.Status != http.StatusCreated {
			t.Errorf("answered %d %s", a.Status, a.Text)
		}
	})
}

func TestAnAddressWithAnAccountIsToldToTheHolderOfTheLinkAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("guest@example.com", "")
		token := w.invites("Guest@example.com", role.Member)
		refused(t, w.signUp(token, ""), http.StatusConflict, "account_exists")
		refused(t, w.signUp(token[:len(token)-4]+"AAAA", ""), http.StatusBadRequest, "link_invalid")
		if w.accounts() != 2 || w.role("guest@example.com") != "" || w.unused() != 1 {
			t.Error("something was made")
		}
	})
}

// The address that an account gave up a while ago is still its own.
func TestKeptAddressesGetNoAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("INSERT INTO reserved_name (kind, name_key, account_id, until) VALUES ('email', 'guest@example.com', $1, $2)", w.owner.ID, w.Now().Add(time.Hour))
		refused(t, w.signUp(w.invites("guest@example.com", role.Member), ""), http.StatusConflict, "account_exists")
		if w.accounts() != 1 || w.unused() != 1 {
			t.Error("something was made")
		}
	})
}

func TestParallelSignUpsMakeOneMember(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.invites("guest@example.com", role.Member)
		codes := make([]string, 16)
		var wait sync.WaitGroup
		for i := range codes {
			wait.Go(func() { codes[i] = w.signUp(token, "").Code })
		}
		wait.Wait()
		slices.Sort(codes)
		if codes[0] != "" || codes[1] == "" {
			t.Errorf("answered %q", codes)
		}
		for _, code := range codes[1:] {
			if !slices.Contains([]string{"link_invalid", "account_exists", "rate_limited"}, code) {
				t.Errorf("lost with %q", code)
			}
		}
		if w.accounts() != 2 || w.role("guest@example.com") != role.Member || w.Count("SELECT count(*) FROM membership") != 2 {
			t.Errorf("%d accounts", w.accounts())
		}
	})
}

// What is void makes no account either.
func TestSignUpIsNoWayAroundTheInvitersRights(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		admin := w.Account("admin@example.com", "")
		w.Join(w.acme, admin.ID, role.Owner)
		token := w.invites("guest@example.com", role.Admin)
		w.Exec("UPDATE membership SET role = 'member' WHERE account_id = $1", w.owner.ID)
		refused(t, w.signUp(token, ""), http.StatusBadRequest, "link_invalid")
		w.Exec("UPDATE membership SET role = 'owner' WHERE account_id = $1", w.owner.ID)
		w.Exec("UPDATE tenant SET active = FALSE")
		refused(t, w.signUp(token, ""), http.StatusBadRequest, "link_invalid")
		if w.accounts() != 2 {
			t.Errorf("%d accounts", w.accounts())
		}
	})
}

func TestSignUpHappensWholeOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.invites("guest@example.com", role.Member)
		for n := 1; ; n++ {
			var a domaintest.Answer
			if !w.FailAt(n, func() { a = w.signUp(token, "") }) {
				if a.Status != http.StatusCreated {
					t.Errorf("at last: %d %s", a.Status, a.Text)
				}
				return
			}
			if a.Status < 500 || w.accounts() != 1 || w.unused() != 1 || len(w.Audited("account.created")) != 0 {
				t.Fatalf("statement %d failed: %d %s, %d accounts", n, a.Status, a.Code, w.accounts())
			}
		}
	})
}

func TestFailedLinksAreBoundedPerNetwork(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := domaintest.Bearer(w.Session(w.Account("guest@example.com", "").ID))
		token := w.invites("guest@example.com", role.Member)
		for range 3 {
			refused(t, w.accept("giv_nonsense", guest), http.StatusBadRequest, "link_invalid")
		}
		for range 2 {
			refused(t, w.signUp("giv_nonsense", ""), http.StatusBadRequest, "link_invalid")
		}
		refused(t, w.accept(token, guest), http.StatusTooManyRequests, "rate_limited")
		w.Clock.Advance(time.Hour)
		if a := w.accept(token, guest); a.Status != http.StatusOK {
			t.Errorf("answered %d %s", a.Status, a.Text)
		}
	})
}

func TestWaitingInvitationsNeedNoToken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest, stranger := w.Account("guest@example.com", ""), w.Account("stranger@example.com", "")
		w.invites("guest@example.com", role.Member)
		var id uuid.UUID
		w.Read(&id, "SELECT id FROM invitation")
		if _, err := w.flow.AcceptWaiting(t.Context(), stranger.ID, id); !errors.Is(err, invitation.ErrNotFound) {
			t.Errorf("somebody else's: %v", err)
		}
		o, err := w.flow.AcceptWaiting(t.Context(), guest.ID, id)
		if err != nil || o.Tenant.Slug != "acme" || w.role("guest@example.com") != role.Member {
			t.Errorf("accepted %v", err)
		}
		if _, err := w.flow.AcceptWaiting(t.Context(), guest.ID, id); !errors.Is(err, invitation.ErrNotFound) {
			t.Errorf("twice: %v", err)
		}
	})
}

// Tokens that others were sent are tried at the same price as made-up ones.
func TestForeignInvitationsAreBoundedPerNetwork(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stranger := domaintest.Bearer(w.Session(w.Account("stranger@example.com", "").ID))
		token := w.invites("guest@example.com", role.Member)
		for range 5 {
			refused(t, w.accept(token, stranger), http.StatusForbidden, "invitation_foreign")
		}
		refused(t, w.accept(token, stranger), http.StatusTooManyRequests, "rate_limited")
		if got := w.Audited("invitation.refused"); len(got) != 1 {
			t.Errorf("audited %q", got)
		}
	})
}
