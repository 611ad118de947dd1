package gatehouse_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// desk is a staff role of the configuration.
var desk = gatehouse.Role{Name: "desk", Permissions: []string{"sessions.*", "mails.read"}}

// caller is somebody who is signed in to the API and the pages.
type caller struct {
	name, role       string
	staff, superuser bool
	token, cookie    string
}

// callers are a person, a superuser, and staff of every role: built in, configured, gone, and none.
func callers(t *testing.T, srv *gatehousetest.Server) (all []caller) {
	t.Helper()
	for _, c := range []caller{
		{name: "a person"}, {name: "a superuser", staff: true, superuser: true}, {name: "staff without a role", staff: true}, {name: "staff whose role is gone", staff: true, role: "gone"},
		{name: "an operator", staff: true, role: role.Operator}, {name: "support", staff: true, role: "support"}, {name: "an auditor", staff: true, role: "auditor"}, {name: "the desk", staff: true, role: desk.Name},
	} {
		a := srv.CreateAccount(t, func(n *gatehouse.NewAccount) { n.Staff, n.Superuser = c.staff, c.superuser })
		err := gatehouse.Database(srv.Gatehouse()).InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(context.WithoutCancel(t.Context()), "UPDATE account SET staff_role = $2 WHERE subject = $1", a.ID, c.role)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		c.token = srv.SignIn(t, a).Access
		form := url.Values{"name": {a.Email}, "password": {a.Password}}
		resp := request(srv.Gatehouse().Pages(), http.MethodPost, srv.URL+"/account/sign-in/", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", srv.URL)
		for _, cookie := range resp.Cookies() {
			if cookie.Name == "__Host-gatehouse-session" {
				c.cookie = cookie.String()
			}
		}
		if c.cookie, _, _ = strings.Cut(c.cookie, ";"); c.cookie == "" {
			t.Fatalf("%s: signing in to the pages answered %d", c.name, resp.StatusCode)
		}
		all = append(all, c)
	}
	return all
}

// placeholder is a part of a path that no list of targets fills yet.
var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// ask asks for a route as c does, about the account with this id.
func (c caller) ask(srv *gatehousetest.Server, r target, account string) (status int, code, permission string) {
	const nobody = "0190a7b2-0000-7000-8000-000000000000"
	at := placeholder.ReplaceAllString(strings.Replace(r.url, "/accounts/"+nobody+"/", "/accounts/"+account+"/", 1), nobody)
	headers := []string{"Content-Type", "application/json", "Authorization", "Bearer " + c.token}
	if r.Access >= web.Person {
		headers = []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", srv.URL, "Cookie", c.cookie}
	}
	body := "{}"
	if r.Access >= web.Person || r.Method == http.MethodGet {
		body = ""
	}
	resp := request(r.handler, r.Method, at, body, headers...)
	text, _ := io.ReadAll(resp.Body)
	var problem struct {
		Code       string `json:"code"`
		Permission string `json:"permission"`
	}
	if r.Access >= web.Person {
		for _, code := range []string{role.ErrDenied.Code, web.ErrDenied.Code} {
			if strings.Contains(string(text), "<code>"+code+"</code>") {
				problem.Code = code
			}
		}
	} else {
		_ = json.Unmarshal(text, &problem) // an export is no JSON
	}
	return resp.StatusCode, problem.Code, problem.Permission
}

// Who may do what, over every route of staff that there is and every role.
func TestStaffGetWhatTheirRoleAllowsAndNothingElse(t *testing.T) {
	srv := quiet(t, func(c *gatehouse.Config) { c.Staff.Roles = []gatehouse.Role{desk} })
	roles, err := role.NewStaff([]role.Role{{Name: desk.Name, Permissions: verifier.Permissions(desk.Permissions)}})
	if err != nil {
		t.Fatal(err)
	}
	all, person := callers(t, srv), srv.CreateAccount(t)
	opened := map[string]bool{}
	for _, r := range targets(srv) {
		above := r.Access == web.SuperuserToken || r.Access == web.Superuser
		if !above && r.Access != web.StaffToken && r.Access != web.Staff {
			continue
		}
		if !above && !slices.Contains(role.StaffPermissions(), r.Permission) {
			t.Errorf("%s %s needs %q, which nobody can have", r.Method, r.Path, r.Permission)
		}
		opened[r.Permission] = true
		for _, c := range all {
			status, code, permission := c.ask(srv, r, person.ID)
			refused := ""
			switch {
			case c.superuser:
			case !c.staff, above:
				refused = web.ErrDenied.Code
			case !roles.May(c.role, false, r.Permission):
				refused = role.ErrDenied.Code
			}
			if refused == "" && (status == http.StatusUnauthorized || status == http.StatusForbidden || status >= 500) {
				t.Errorf("%s: %s %s: answered %d %s", c.name, r.Method, r.Path, status, code)
			}
			if refused != "" && (status != http.StatusForbidden || code != refused) {
				t.Errorf("%s: %s %s: answered %d %s, want %s", c.name, r.Method, r.Path, status, code, refused)
			}
			if refused == role.ErrDenied.Code && r.Access == web.StaffToken && permission != r.Permission {
				t.Errorf("%s: %s %s: told to need %q", c.name, r.Method, r.Path, permission)
			}
		}
	}
	for _, p := range role.StaffPermissions() {
		if !opened[p] {
			t.Errorf("%s opens nothing", p)
		}
	}
}

// What the documentation says of the built-in roles is what they are.
func TestTheTableOfStaffPermissionsIsTrue(t *testing.T) {
	page, err := os.ReadFile("docs/administration.md")
	if err != nil {
		t.Fatal(err)
	}
	roles, err := role.NewStaff(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range role.StaffPermissions() {
		_, row, _ := strings.Cut(string(page), "\n| `"+p+"` |")
		row, _, _ = strings.Cut(row, "\n")
		cells := strings.Split(row, "|")
		if len(cells) != 5 {
			t.Errorf("%s has no row: %q", p, row)
			continue
		}
		for i, r := range roles.Roles() {
			if said := strings.TrimSpace(cells[i+1]) == "yes"; said != r.Permissions.Has(p) {
				t.Errorf("%s: the page says %t of %s", p, said, r.Name)
			}
		}
	}
}
