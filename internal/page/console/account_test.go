package console_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (w *world) active(a *account.Account) (active bool) {
	w.t.Helper()
	w.Read(&active, "SELECT active FROM account WHERE id = $1", a.ID)
	return active
}

func TestStaffDisableAnAccountAfterAQuestionAndEnableItAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.shows(w.client.Page(path(w.person, ""), w.asStaff), 200, w.person.Email, "Disable", path(w.person, "disable/"))
		w.shows(w.client.Page(path(w.person, "disable/"), w.asStaff), 200, "Disable this account?", w.person.Email,
			"gatehouse account disable "+w.person.Subject, issuer+"/admin/accounts/"+w.person.Subject+"/disable/")
		if !w.active(w.person) {
			t.Fatal("asking disabled it")
		}
		for range 2 { // sent twice, it comes to the same
			w.leads(w.client.Submit(path(w.person, "disable/"), nil, w.asStaff), path(w.person, "?done=disable"))
		}
		if w.active(w.person) || w.Stands(w.theirs) {
			t.Error("the account is active, or signed in")
		}
		if n := len(w.Audited("account.disabled")); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
		var by string
		w.Read(&by, "SELECT actor FROM audit_event WHERE kind = 'account.disabled'")
		if by != w.staff.ID.String() {
			t.Errorf("the audit names %s", by)
		}
		page := w.client.Page(path(w.person, "?done=disable"), w.asStaff)
		w.shows(page, 200, "The account is disabled", "Disabled", path(w.person, "enable/"))
		w.hides(page, path(w.person, "disable/"), path(w.person, "send-reset/"))
		w.leads(w.client.Submit(path(w.person, "enable/"), nil, w.asStaff), path(w.person, "?done=enable"))
		if !w.active(w.person) {
			t.Error("the account is not active")
		}
	})
}

func TestStaffSignAnAccountOutSendAResetAndUnlockIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.leads(w.client.Submit(path(w.person, "sign-out/"), nil, w.asStaff), path(w.person, "?done=sign-out"))
		if w.Stands(w.theirs) {
			t.Error("the session stands")
		}
		w.leads(w.client.Submit(path(w.person, "send-reset/"), nil, w.asStaff), path(w.person, "?done=send-reset"))
		w.Drain()
		if mails := w.Mails.Take(); len(mails) != 1 || mails[0].To != w.person.Email {
			t.Errorf("%d mails", len(mails))
		}
		w.leads(w.client.Submit(path(w.person, "unlock/"), nil, w.asStaff), path(w.person, "?done=unlock"))
		if len(w.Audited("account.unlocked")) != 1 || len(w.Audited("password.reset_sent")) != 1 {
			t.Error("the audit lacks an event")
		}
		w.shows(w.client.Page(path(w.person, ""), w.asStaff), 200, "account.unlocked", "password.reset_sent", w.staff.Email, "Sent")
	})
}

func TestNoResetGoesToADisabledAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", w.person.ID)
		w.shows(w.client.Submit(path(w.person, "send-reset/"), nil, w.asStaff), http.StatusConflict, "Enable it first", `role="alert"`)
	})
}

func TestStaffEndOneSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := w.Session(w.person.ID)
		end := path(w.person, "sessions/"+w.theirs.SessionID.String()+"/")
		w.shows(w.client.Page(path(w.person, ""), w.asStaff), 200, end)
		w.shows(w.client.Page(end, w.asStaff), 200, "End this session?", "gatehouse session end "+w.theirs.SessionID.String())
		for range 2 {
			w.leads(w.client.Submit(end, nil, w.asStaff), path(w.person, "?done=session_ended"))
		}
		if w.Stands(w.theirs) || !w.Stands(other) {
			t.Error("the wrong session ended, or none")
		}
		w.leads(w.client.Page(end, w.asStaff), path(w.person, "?done=session_over"))
		w.hides(w.client.Page(path(w.person, ""), w.asStaff), end)
		w.leads(w.client.Submit(path(w.person, "sessions/none/"), nil, w.asStaff), path(w.person, "?done=session_ended"))
	})
}

func TestStaffAreProtectedFromEachOtherAndTheirControlsHidden(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, of := range []*account.Account{w.super, w.staff} {
			page := w.client.Page(path(of, ""), w.asStaff)
			w.shows(page, 200, of.Email, "Only a superuser")
			w.hides(page, path(of, "disable/"), path(of, "sign-out/"), path(of, "rank/"), path(of, "look/"), path(of, "sessions/"))
			for _, action := range []string{"disable", "sign-out", "send-reset", "unlock", "enable"} {
				if a := w.client.Page(path(of, action+"/"), w.asStaff); a.Status != http.StatusForbidden {
					t.Errorf("asking to %s: %d", action, a.Status)
				}
				if a := w.client.Submit(path(of, action+"/"), nil, w.asStaff); a.Status != http.StatusForbidden {
					t.Errorf("%s: %d", action, a.Status)
				}
			}
		}
		if !w.active(w.super) || w.Count("SELECT count(*) FROM audit_event") != 0 {
			t.Error("something was done")
		}
		page := w.client.Page(path(w.person, ""), w.asStaff)
		w.hides(page, path(w.person, "rank/"), path(w.person, "look/"), "/console/settings/")
	})
}

func TestASuperuserCannotDisableThemselves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.hides(w.client.Page(path(w.super, ""), w.asSuper), path(w.super, "disable/"), path(w.super, "look/"))
		w.shows(w.client.Submit(path(w.super, "disable/"), nil, w.asSuper), http.StatusForbidden, "your own account")
	})
}

func TestASuperuserSetsARank(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		rank := func(a *account.Account) (staff, super bool) {
			w.must(w.Row(t.Context(), "SELECT staff, superuser FROM account WHERE id = $1", []any{a.ID}, &staff, &super))
			return staff, super
		}
		w.shows(w.client.Page(path(w.staff, ""), w.asSuper), 200, path(w.staff, "rank/"))
		w.shows(w.client.Page(path(w.staff, "rank/"), w.asSuper), 200, `value="staff" checked`)
		for _, wish := range []struct {
			rank         string
			staff, super bool
		}{{"superuser", true, true}, {"none", false, false}, {"staff", true, false}} {
			w.leads(w.client.Submit(path(w.staff, "rank/"), url.Values{"rank": {wish.rank}}, w.asSuper), path(w.staff, "?done=rank"))
			if staff, super := rank(w.staff); staff != wish.staff || super != wish.super {
				t.Errorf("%s: staff %v, superuser %v", wish.rank, staff, super)
			}
		}
		w.shows(w.client.Submit(path(w.staff, "rank/"), url.Values{"rank": {"king"}}, w.asSuper), http.StatusBadRequest, "Choose one of these.", `href="#rank"`)
		w.shows(w.client.Submit(path(w.super, "rank/"), url.Values{"rank": {"none"}}, w.asSuper), http.StatusForbidden, "your own account")
	})
}

func TestASuperuserLooksAtPagesAndTheOwnerIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.shows(w.client.Page(path(w.person, ""), w.asSuper), 200, path(w.person, "look/"))
		w.shows(w.client.Page(path(w.person, "look/"), w.asSuper), 200, "The owner is told")
		w.shows(w.client.Submit(path(w.person, "look/"), url.Values{"reason": {"why <b>"}}, w.asSuper), http.StatusBadRequest, `href="#reason"`, "why &lt;b&gt;")
		a := w.client.Submit(path(w.person, "look/"), url.Values{"reason": {"asked for help with the profile"}}, w.asSuper)
		w.leads(a, "/account/")
		if len(a.Cookies) != 1 || !a.Cookies[0].HttpOnly || a.Cookies[0].MaxAge <= 0 {
			t.Errorf("cookies %v", a.Cookies)
		}
		if why := w.Audited("account.looked_at"); len(why) != 1 || why[0] != "asked for help with the profile" {
			t.Errorf("the audit says %v", why)
		}
		w.Drain()
		if mails := w.Mails.Take(); len(mails) != 1 || mails[0].To != w.person.Email {
			t.Errorf("%d mails", len(mails))
		}
		w.shows(w.client.Submit(path(w.staff, "look/"), url.Values{"reason": {"asked for help with the profile"}}, w.asSuper), http.StatusForbidden, `role="alert"`)
	})
}

func TestAnAccountThatDoesNotExistIsADesignedPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, rest := range []string{"", "disable/", "rank/", "look/", "sessions/x/"} {
			for _, name := range []string{"nobody", "~@", "~bm9ib2R5", strings.Repeat("x", 5000), "%FF%FE", "%20"} {
				w.shows(w.client.Page("/console/accounts/"+name+"/"+rest, w.asSuper), http.StatusNotFound, "There is no such account", "/console/accounts/")
				if rest != "" {
					w.shows(w.client.Submit("/console/accounts/"+name+"/"+rest, url.Values{"rank": {"none"}}, w.asSuper), http.StatusNotFound, "There is no such account")
				}
			}
		}
	})
}

func TestEverySubjectHasAPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		subjects := []string{"..", ".", "~selected", "~", "a/b", "%2F", "--help"}
		for c := '!'; c <= '~'; c++ {
			subjects = append(subjects, string(c))
		}
		for _, s := range subjects {
			w.Exec("UPDATE account SET subject = $2 WHERE id = $1", w.person.ID, s)
			list := w.client.Page("/console/accounts/?by=id&prefix="+url.QueryEscape(s), w.asStaff)
			_, rest, found := strings.Cut(list.Text, `<th scope="row"><a href="`)
			href, _, _ := strings.Cut(rest, `"`)
			if !found {
				t.Fatalf("%q is not found: %s", s, list.Text)
			}
			href = html.UnescapeString(href)
			w.shows(w.client.Page(href, w.asStaff), 200, w.person.Email)
			w.shows(w.client.Page(href+"sign-out/", w.asStaff), 200, "Sign out everywhere")
		}
	})
}

// Who may see and do what, over every route there is.
func TestTheConsoleIsForStaffAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, r := range w.routes {
			p := strings.NewReplacer("{account}", w.person.Subject, "{tenant}", "acme", "{domain}", "acme.example", "{invitation}", w.theirs.SessionID.String(), "{session}", w.theirs.SessionID.String(), "{kind}", "verify", "{language}", "en").Replace(r.Path)
			status := func(who ...domaintest.Option) int {
				if r.Method == http.MethodPost {
					return w.client.Submit(p, nil, who...).Status
				}
				return w.client.Page(p, who...).Status
			}
			if r.Access != web.Staff && r.Access != web.Superuser {
				t.Errorf("%s %s is for %v", r.Method, p, r.Access)
			}
			if got := status(); got != http.StatusUnauthorized {
				t.Errorf("%s %s: nobody gets %d", r.Method, p, got)
			}
			if got := status(domaintest.As(w.Session(w.person.ID))); got != http.StatusForbidden {
				t.Errorf("%s %s: a person gets %d", r.Method, p, got)
			}
			above := r.Access == web.Superuser || !w.StaffRoles.May(role.Operator, false, r.Permission)
			if got := status(w.asStaff); (got == http.StatusForbidden) != above || got >= 500 {
				t.Errorf("%s %s: staff get %d", r.Method, p, got)
			}
			if got := status(w.asSuper); got == http.StatusForbidden || got >= 500 {
				t.Errorf("%s %s: a superuser gets %d", r.Method, p, got)
			}
			w.Exec("UPDATE account SET active = TRUE WHERE id = $1", w.person.ID)
		}
	})
}
