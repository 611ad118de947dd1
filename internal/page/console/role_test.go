package console_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// eachRole is each with further roles.
func eachRole(t *testing.T, roles []role.Role, fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		var err error
		if d.StaffRoles, err = role.NewStaff(roles); err != nil {
			t.Fatal(err)
		}
		fn(t, newWorld(t, d))
	})
}

// becomes gives the member of staff another role.
func (w *world) becomes(name string) {
	w.t.Helper()
	w.Exec("UPDATE account SET staff_role = $2 WHERE id = $1", w.staff.ID, name)
}

var (
	linked   = regexp.MustCompile(`(?:href|src|formaction|action)="(/console/[^"]*)"`)
	postForm = regexp.MustCompile(`<form method="post"[^>]*action="(/console/[^"]*)"|formaction="(/console/[^"]*)"`)
)

// route returns the route that a method and address mean.
func (w *world) route(method, address string) (web.Route, bool) {
	address, _, _ = strings.Cut(address, "?")
	asked := strings.Split(address, "/")
	fits := func(pattern string) int {
		parts, exact := strings.Split(pattern, "/"), 1
		if len(parts) != len(asked) {
			return 0
		}
		for i := range parts {
			switch {
			case parts[i] == asked[i]:
				exact++
			case !strings.HasPrefix(parts[i], "{") || asked[i] == "":
				return 0
			}
		}
		return exact
	}
	best := slices.MaxFunc(w.routes, func(a, b web.Route) int {
		points := func(r web.Route) int {
			if r.Method != method {
				return 0
			}
			return fits(r.Path)
		}
		return points(a) - points(b)
	})
	return best, best.Method == method && fits(best.Path) > 0
}

// Whoever follows every link that they are shown is never refused, and no form is offered to them that
// would be: whatever the role, over all that the console shows.
func TestNothingIsOfferedThatTheRoleDoesNotAllow(t *testing.T) {
	roles := []role.Role{
		{Name: "bare"}, {Name: "desk", Permissions: verifier.Permissions{"sessions.*", "mails.read"}}, {Name: "reader", Permissions: verifier.Permissions{"accounts.read", "templates.read"}},
		{Name: "post-room", Permissions: verifier.Permissions{"mails.*", "templates.*"}}, {Name: "clerk", Permissions: verifier.Permissions{"accounts.*"}}, {Name: "listener", Permissions: verifier.Permissions{"audit.read"}},
	}
	eachRole(t, roles, func(t *testing.T, w *world) {
		w.somethingOfEverything()
		for _, one := range w.StaffRoles.Roles() {
			w.becomes(one.Name)
			may := func(r web.Route) bool {
				return r.Access == web.Staff && w.StaffRoles.May(one.Name, false, r.Permission)
			}
			seen, next := map[string]bool{}, []string{"/console/"}
			for len(next) > 0 && len(seen) < 400 {
				at := next[0]
				next = next[1:]
				if seen[at] {
					continue
				}
				seen[at] = true
				page := w.client.Page(at, w.asStaff)
				if page.Status != http.StatusOK && page.Status != http.StatusSeeOther {
					t.Errorf("%s is led to %s: answered %d", one.Name, at, page.Status)
				}
				posted := map[string]bool{}
				for _, form := range postForm.FindAllStringSubmatch(page.Text, -1) {
					to := html.UnescapeString(form[1] + form[2])
					posted[to] = true
					if r, known := w.route(http.MethodPost, to); !known || !may(r) {
						t.Errorf("%s is offered on %s to send %s", one.Name, at, to)
					}
				}
				for _, link := range linked.FindAllStringSubmatch(page.Text, -1) {
					to := html.UnescapeString(link[1])
					if r, known := w.route(http.MethodGet, to); known && !strings.Contains(to, "/export/") && (!posted[to] || may(r)) {
						next = append(next, to)
					}
				}
			}
			// What may be seen is led to.
			for _, r := range w.routes {
				if r.Method == http.MethodGet && !strings.Contains(r.Path, "{") && !strings.Contains(r.Path, "~") && !strings.Contains(r.Path, "/export/") && may(r) && !seen[r.Path] {
					t.Errorf("%s may see %s, and nothing leads there", one.Name, r.Path)
				}
			}
		}
	})
}

// somethingOfEverything happens, so that every table has a row.
func (w *world) somethingOfEverything() {
	w.t.Helper()
	w.happen("session.created", 1)
	acme := w.Tenant("acme", w.person.ID)
	w.domain(acme, "acme.example", 0)
	w.invites(acme, "guest@example.com")
	w.client.Submit(path(w.person, "unlock/"), nil, w.asStaff)
	w.Mails.Fail(jobs.Permanent(http.ErrServerClosed))
	w.must(w.InTx(w.t.Context(), func(tx *db.Tx) error { return w.Letters.Tell(w.t.Context(), tx, letter.PasswordChanged, w.person.ID) }))
	w.Drain()
	w.skew = 2 * time.Second
}

func TestButtonsAreForWhoMayPressThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.somethingOfEverything()
		accounts := func() domaintest.Answer { return w.client.Page("/console/accounts/", w.asStaff) }
		one := func() domaintest.Answer { return w.client.Page(path(w.person, ""), w.asStaff) }
		dead := func() domaintest.Answer { return w.client.Page("/console/mails/?state=dead", w.asStaff) }
		sessions := func() domaintest.Answer { return w.client.Page("/console/sessions/", w.asStaff) }
		w.shows(accounts(), 200, "~selected", `type="checkbox"`)
		w.shows(one(), 200, path(w.person, "disable/"), path(w.person, "sessions/"), `id="events"`, `id="mails"`)
		w.shows(dead(), 200, "/console/mails/discard/")
		w.shows(sessions(), 200, `name="session"`)

		w.becomes("auditor")
		w.shows(accounts(), 200, w.person.Email)
		w.hides(accounts(), "~selected", `type="checkbox"`)
		w.shows(one(), 200, "not change them", `id="sessions"`, `id="events"`, `id="mails"`)
		w.hides(one(), path(w.person, "disable/"), path(w.person, "sessions/"))
		w.shows(dead(), 200, w.person.Email)
		w.hides(dead(), "/console/mails/discard/", "<button name")
		w.shows(sessions(), 200, w.person.Email)
		w.hides(sessions(), `name="session"`)
		w.shows(w.client.Page("/console/settings/", w.asStaff), 200)

		w.becomes("support")
		w.shows(one(), 200, path(w.person, "disable/"), path(w.person, "sessions/"), `id="sessions"`, `id="mails"`)
		w.hides(one(), `id="events"`, "/console/audit/", "account.unlocked")
		w.hides(one(), "/console/templates/", "/console/keys/", "/console/settings/")
	})
}

func TestASuperuserChoosesAStaffRole(t *testing.T) {
	eachRole(t, []role.Role{{Name: "desk", Permissions: verifier.Permissions{"sessions.*"}}}, func(t *testing.T, w *world) {
		as := func() (name string) {
			w.Read(&name, "SELECT staff_role FROM account WHERE id = $1", w.staff.ID)
			return name
		}
		at := path(w.staff, "rank/")
		w.shows(w.client.Page(at, w.asSuper), 200, `value="operator" checked`, `value="desk"`, "desk: console.read, sessions.*", "auditor", "gatehouse account set-staff --role=operator", "&#34;staff_role&#34;:&#34;operator&#34;")
		w.shows(w.client.Page(path(w.person, "rank/"), w.asSuper), 200, `value="none" checked`, `value="operator" checked`)
		w.leads(w.client.Submit(at, url.Values{"rank": {"staff"}, "staff_role": {"desk"}}, w.asSuper), path(w.staff, "?done=rank"))
		if as() != "desk" {
			t.Errorf("the role is %q", as())
		}
		w.shows(w.client.Page(path(w.staff, ""), w.asSuper), 200, "<code>desk</code>")
		w.shows(w.client.Page(at, w.asSuper), 200, `value="desk" checked`)
		if a := w.client.Page("/console/", w.asStaff); a.Status != http.StatusUnauthorized {
			t.Errorf("whose role changed is signed in: %d", a.Status)
		}
		w.shows(w.client.Submit(at, url.Values{"rank": {"staff"}, "staff_role": {"king"}}, w.asSuper), http.StatusBadRequest, "There is no such staff role.", `href="#staff_role"`)
		w.leads(w.client.Submit(at, url.Values{"rank": {"none"}, "staff_role": {"desk"}}, w.asSuper), path(w.staff, "?done=rank"))
		if as() != "" {
			t.Errorf("who is no longer staff has the role %q", as())
		}
	})
}

// A form that is sent for something else must not turn a role that is gone into another.
func TestARoleThatIsGoneStaysNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.becomes("gone")
		for _, at := range []string{"/console/", "/console/accounts/"} {
			if a := w.client.Page(at, w.asStaff); a.Status != http.StatusForbidden || !strings.Contains(a.Text, "staff_permission_required") {
				t.Errorf("%s: answered %d", at, a.Status)
			}
		}
		w.shows(w.client.Page(path(w.staff, "rank/"), w.asSuper), 200, `value="" checked`, "it allows nothing")
		w.leads(w.client.Submit(path(w.staff, "rank/"), url.Values{"rank": {"staff"}, "staff_role": {""}}, w.asSuper), path(w.staff, "?done=rank"))
		var name string
		w.Read(&name, "SELECT staff_role FROM account WHERE id = $1", w.staff.ID)
		if name != "gone" {
			t.Errorf("the role is %q", name)
		}
	})
}
