package member_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// action is one route, what it needs, and what it answers who may.
type action struct {
	method, path, body string // {t}: the tenant, {m}: a member of it who may do nothing
	needs              []string
	status             int
}

// actions are all routes about a tenant. Roles empty and unused hold nothing.
var actions = []action{
	{http.MethodGet, "/tenants/{t}/members/", "", []string{"members.read"}, 200},
	{http.MethodGet, "/tenants/{t}/members/{m}/", "", []string{"members.read"}, 200},
	{http.MethodPatch, "/tenants/{t}/members/{m}/", `{"role":"empty"}`, []string{"members.manage"}, 200},
	{http.MethodDelete, "/tenants/{t}/members/{m}/", "", []string{"members.manage"}, 204},
	{http.MethodPost, leaving, "", []string{"tenant.enter"}, 204},
	{http.MethodPost, "/tenants/{t}/transfer/", `{"account":"{m}"}`, []string{"tenant.delete"}, 204},
	{http.MethodGet, "/tenants/{t}/me/", "", []string{"tenant.enter"}, 200},
	{http.MethodPatch, "/tenants/{t}/me/", `{"attributes":{"job_title":"Clerk"}}`, []string{"tenant.enter"}, 200},
	{http.MethodGet, "/tenants/{t}/permissions/", "", []string{"tenant.enter"}, 200},
	{http.MethodGet, "/tenants/{t}/explain/?permission=notes.read", "", []string{"tenant.enter"}, 200},
	{http.MethodGet, "/tenants/{t}/explain/?permission=notes.read&account={m}", "", []string{"tenant.enter", "members.read"}, 200},
	{http.MethodGet, "/tenants/{t}/roles/", "", []string{"roles.read"}, 200},
	{http.MethodPost, "/tenants/{t}/roles/", `{"name":"temp","permissions":[]}`, []string{"roles.manage"}, 201},
	{http.MethodPatch, "/tenants/{t}/roles/unused/", `{"permissions":[]}`, []string{"roles.manage"}, 200},
	{http.MethodDelete, "/tenants/{t}/roles/unused/", "", []string{"roles.manage"}, 204},
}

// leaving is for whoever belongs to the tenant, with a token of that tenant or of none.
const leaving = "/tenants/{t}/leave/"

func TestActionsAreAllRoutes(t *testing.T) {
	for _, r := range member.Routes(nil) {
		known := slices.ContainsFunc(actions, func(a action) bool {
			path, _, _ := strings.Cut(a.path, "?")
			path = strings.NewReplacer("{t}", "{tenant}", "{m}", "{account}", "unused", "{role}").Replace(path)
			return a.method == r.Method && path == r.Path && (a.needs[0] == r.Permission || a.path == leaving && r.Access == web.SignedIn)
		})
		if !known && r.Path != "/tenants/{tenant}/join/" {
			t.Errorf("%s %s is in no matrix", r.Method, r.Path)
		}
	}
}

// call does an action on a tenant and one of its members, as whom the option says.
func (w *world) call(a action, t, m string, as domaintest.Option) domaintest.Answer {
	w.t.Helper()
	in := strings.NewReplacer("{t}", t, "{m}", m)
	return w.Call(a.method, in.Replace(a.path), in.Replace(a.body), as)
}

// try has a new member of acme, who is made so, do an action on another new one, and checks whether
// they may exactly if they have what it needs.
func (w *world) try(what string, a action, may verifier.Permissions, made func(who person)) {
	w.t.Helper()
	w.Exec(`DELETE FROM tenant_role WHERE name IN ('empty', 'unused', 'temp')`)
	w.ownRole("empty")
	w.ownRole("unused")
	n := strconv.Itoa(len(w.people))
	who, other := w.person("who"+n), w.person("other"+n)
	w.World.Join(w.acme, other.ID, "empty")
	made(who)
	answer := w.call(a, "acme", other.Subject, domaintest.BearerIn(who.session, w.acme.ID))
	what += " does " + a.method + " " + a.path
	switch {
	case !append(may, "tenant.enter").HasAll(a.needs...): // which every member has
		refused(w.t, what, answer, http.StatusForbidden, "permission_required")
	case answer.Status != a.status:
		w.t.Errorf("%s: answered %d %s", what, answer.Status, answer.Text)
	}
}

// Requirement 12: role, tenant and action. What a role holds is what its members may do, and no more.
func TestMatrixOfRolesAndActions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, name := range []string{"owner", "admin", "editor", "member"} {
			r, _ := w.Roles.Find(name)
			for _, a := range actions {
				w.try(name, a, r.Permissions, func(who person) { w.World.Join(w.acme, who.ID, name) })
			}
		}
	})
}

// The permission decides, by whichever way a member has it.
func TestMatrixOfPermissionsAndActions(t *testing.T) {
	permissions := []string{"tenant.read", "members.read", "members.manage", "members.*", "roles.read", "roles.manage", "roles.*", "notes.*"}
	each(t, func(t *testing.T, w *world) {
		for _, p := range permissions {
			for _, a := range actions {
				if slices.Contains(a.needs, "tenant.delete") {
					continue // see TestOnlyOwnersTransfer
				}
				w.try(p+" by a role", a, verifier.Permissions{p}, func(who person) {
					w.Exec(`DELETE FROM tenant_role WHERE name = 'own'`)
					w.ownRole("own", p)
					w.World.Join(w.acme, who.ID, "own")
				})
				w.try(p+" directly", a, verifier.Permissions{p}, func(who person) {
					w.World.Join(w.acme, who.ID, "empty")
					w.Exec(`UPDATE membership SET permissions = $2 WHERE account_id = $1`, who.ID, p)
				})
			}
		}
	})
}

// Requirements 123, 124: whoever is an admin of one tenant is nobody in another, whatever they name, and
// what they are told is what whoever names no tenant at all is told.
func TestAdminsOfOneTenantAreNobodyInAnother(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ownRole("unused")
		before := w.snapshot()
		for _, who := range []string{"owner", "admin", "outsider"} {
			for _, a := range actions {
				theirs := w.subject("g-member")
				tries := map[string]domaintest.Answer{
					"the other's slug, a token for acme":  w.call(a, "globex", theirs, w.as(who, w.acme)),
					"the other's id, a token for acme":    w.call(a, w.globex.ID.String(), theirs, w.as(who, w.acme)),
					"the other's slug and token":          w.call(a, "globex", theirs, w.as(who, w.globex)),
					"acme's slug, a token for the other":  w.call(a, "acme", w.subject("member"), w.as(who, w.globex)),
					"no such tenant, a token for one":     w.call(a, "nowhere", theirs, w.as(who, w.globex)),
					"no such tenant, a token for acme":    w.call(a, "nowhere", theirs, w.as(who, w.acme)),
					"the other's slug, one for no tenant": w.call(a, "globex", theirs, domaintest.Bearer(w.people[who].session)),
				}
				if a.path != leaving {
					tries["acme's slug, a token for no tenant"] = w.call(a, "acme", w.subject("member"), domaintest.Bearer(w.people[who].session))
				}
				for what, answer := range tries {
					refused(t, who+" "+a.method+" "+a.path+", "+what, answer, http.StatusForbidden, "tenant_required")
				}
			}
		}
		if after := w.snapshot(); after != before {
			t.Errorf("changed:\n%s\nto\n%s", before, after)
		}
	})
}

// Own tenant, the other's people: they are nobody there.
func TestPeopleOfAnotherTenantAreNoMembers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.snapshot()
		for _, a := range actions {
			if !strings.Contains(a.path+a.body, "{m}") {
				continue
			}
			for _, whom := range []string{w.subject("g-member"), w.subject("outsider"), w.globex.ID.String(), "nobody", "%FF"} {
				if whom == "%FF" && strings.Contains(a.path, "{m}/") {
					continue // is no path
				}
				answer := w.call(a, "acme", whom, w.as("owner", w.acme))
				switch {
				case !strings.Contains(a.path, "explain"):
					refused(t, a.method+" "+a.path+" "+whom, answer, http.StatusNotFound, "member_not_found")
				case whom == "%FF":
					refused(t, "explain", answer, http.StatusBadRequest, "query_invalid")
				case answer.Status != http.StatusOK || answer.JSON["reason"] != "not_a_member" || answer.JSON["allowed"] != false:
					t.Errorf("explain %s: %s", whom, answer.Text)
				}
			}
		}
		if after := w.snapshot(); after != before {
			t.Errorf("changed:\n%s\nto\n%s", before, after)
		}
	})
}

// Also where nothing stands before it, the service asks itself whose member by is.
func TestTheServiceAsksItselfWhoActs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ownRole("unused")
		ctx, acme, before := t.Context(), w.acme.ID, w.snapshot()
		tries := func(by tenant.Actor) map[string]error {
			_, role := w.members.SetRole(ctx, by, acme, w.subject("editor"), "member")
			_, direct := w.members.SetPermissions(ctx, by, acme, w.subject("editor"), nil)
			_, create := w.members.CreateRole(ctx, by, acme, "mine", nil)
			_, change := w.members.ChangeRole(ctx, by, acme, "unused", []string{"notes.read"})
			return map[string]error{
				"set role": role, "set permissions": direct, "remove": w.members.Remove(ctx, by, acme, w.subject("editor")),
				"transfer": w.members.Transfer(ctx, by, acme, w.subject("editor")), "create role": create, "change role": change, "delete role": w.members.DeleteRole(ctx, by, acme, "unused"),
			}
		}
		for who, want := range map[string]string{"g-owner": "tenant_required", "g-admin": "tenant_required", "outsider": "tenant_required", "member": "permission_required", "": "tenant_required"} {
			for what, err := range tries(w.by(who)) {
				if code(err) != want {
					t.Errorf("%s by %q: %v", what, who, err)
				}
			}
			if _, err := w.members.Add(ctx, w.by(who), acme, w.subject("outsider"), "member"); code(err) != "permission_required" {
				t.Errorf("add by %q: %v", who, err)
			}
		}
		if after := w.snapshot(); after != before {
			t.Errorf("changed:\n%s\nto\n%s", before, after)
		}
		if n, m := len(w.Audited("member.change_refused")), len(w.Audited("role.change_refused")); n != 5 || m != 5 {
			t.Errorf("%d and %d refusals are audited", n, m)
		}
	})
}

// A suspended tenant is like one that is not there, to its owner too.
func TestNothingHappensInASuspendedTenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`UPDATE tenant SET active = FALSE WHERE id = $1`, w.acme.ID)
		before := w.snapshot()
		for _, a := range actions {
			if a.path != leaving {
				refused(t, a.method+" "+a.path, w.call(a, "acme", w.subject("member"), w.as("owner", w.acme)), http.StatusForbidden, "tenant_required")
			}
		}
		if err := w.members.Remove(t.Context(), w.by("owner"), w.acme.ID, w.subject("member")); code(err) != "tenant_required" {
			t.Errorf("remove: %v", err)
		}
		if after := w.snapshot(); after != before {
			t.Errorf("changed:\n%s\nto\n%s", before, after)
		}
		w.give("member", "admin") // staff can
		if got := w.role("member", w.acme); got != "admin" {
			t.Errorf("staff made them %q", got)
		}
	})
}
