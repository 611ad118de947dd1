package team_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/internal/page/team"
)

// paths are all pages of the organisation that can be looked at, with what is needed for each.
func (w *world) paths() map[string]string {
	all := map[string]string{}
	for _, r := range team.Routes(w.team) {
		if r.Method == http.MethodGet && r.Access == web.Member {
			all[strings.NewReplacer("{tenant}", "acme", "{account}", w.member.Subject, "{role}", "writer", "{domain}", "example.com").Replace(r.Path)] = r.Permission
		}
	}
	return all
}

// furnish gives the organisation a role and a domain of its own.
func (w *world) furnish() {
	w.did(w.owner, w.send(w.owner, base+"roles/~new/", "name", "writer", "permission[]", "notes.write"), base+"roles/", "The role is made.")
	w.did(w.owner, w.send(w.owner, base+"domains/", "domain", "example.com"), base+"domains/", "The domain is added.")
}

func TestPagesSayWhoMaySeeThem(t *testing.T) {
	fresh := []string{"change/", "transfer/", "delete/", "settings/", "~new/", "{role}/", "remove/", "verify/", "resend/"}
	for _, r := range team.Routes(&team.Team{}) {
		within := strings.HasPrefix(r.Path, "/account/tenants/{tenant}/")
		if leaves := strings.HasSuffix(r.Path, "/leave/"); within && !leaves && (r.Access != web.Member || r.Permission == "") || !within && r.Access != web.Person {
			t.Errorf("%s %s may be called by %s %s", r.Method, r.Path, r.Access, r.Permission)
		}
		grave := slices.ContainsFunc(fresh, func(end string) bool { return strings.HasSuffix(r.Path, end) })
		if grave = grave || r.Method == http.MethodPost && (strings.HasSuffix(r.Path, "/invitations/") || strings.HasSuffix(r.Path, "/domains/") || strings.HasSuffix(r.Path, "/members/{account}/")); grave != r.Fresh {
			t.Errorf("%s %s asks for a fresh proof: %v", r.Method, r.Path, r.Fresh)
		}
	}
}

func TestEveryPageShowsAndSpeaksInWords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish()
		for path := range w.paths() {
			d := w.open(w.owner, path)
			if path != base && !strings.Contains(d.main().text(), "acme") {
				t.Errorf("%s does not say of which organisation it is", path)
			}
		}
		w.open(w.owner, "/account/tenants/")
		w.open(w.owner, "/account/tenants/new/")
		w.open(w.owner, base+"leave/")
	})
}

func TestNobodyElseLearnsThatThereIsAnOrganisation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish()
		answer := func(method, path string) domaintest.Answer {
			if method == http.MethodGet {
				return w.Page(path, domaintest.As(w.stranger.in))
			}
			return w.send(w.stranger, path, "typed", "acme", "role", "owner")
		}
		before := w.Count("SELECT count(*) FROM audit_event")
		for _, r := range team.Routes(w.team) {
			if r.Access != web.Member {
				continue
			}
			path := strings.NewReplacer("{account}", w.member.Subject, "{role}", "writer", "{domain}", "example.com", "{invitation}", uuid.NewString()).Replace(r.Path)
			there, missing := answer(r.Method, strings.ReplaceAll(path, "{tenant}", "acme")), answer(r.Method, strings.ReplaceAll(path, "{tenant}", "nowhere"))
			if there.Status != http.StatusForbidden || missing.Status != http.StatusForbidden || parse(t, there).main().text() != parse(t, missing).main().text() {
				// The page names a request, which differs.
				if id := strings.LastIndex(parse(t, there).main().text(), " "); there.Status != http.StatusForbidden || missing.Status != http.StatusForbidden || parse(t, there).main().text()[:id] != parse(t, missing).main().text()[:id] {
					t.Errorf("%s %s: %d and %d\n%s\n%s", r.Method, path, there.Status, missing.Status, parse(t, there).main().text(), parse(t, missing).main().text())
				}
			}
			if a := w.Page(strings.ReplaceAll(path, "{tenant}", "acme")); r.Method == http.MethodGet && a.Status != http.StatusUnauthorized {
				t.Errorf("%s: answered %d to nobody", path, a.Status)
			}
		}
		if after := w.Count("SELECT count(*) FROM audit_event"); after != before || w.roleOf(w.member) != role.Member {
			t.Error("something happened")
		}
	})
}

func TestPagesLetInWhomTheirPermissionLetsIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish()
		grants := map[string][]string{w.admin.Email: {"tenant.read", "tenant.manage", "members.read", "members.manage", "members.invite", "roles.read", "roles.manage", "audit.read", role.Enter}, w.member.Email: {"tenant.read", role.Enter}}
		for path, permission := range w.paths() {
			for _, p := range []person{w.admin, w.member} {
				want := http.StatusForbidden
				if slices.Contains(grants[p.Email], permission) {
					want = http.StatusOK
				}
				// A member cannot be changed by an admin who lacks what they have; the writer's role asks for notes.write.
				if strings.Contains(path, "roles/writer/") {
					want = http.StatusForbidden
				}
				if a := w.Page(path, domaintest.As(p.in)); a.Status != want {
					t.Errorf("%s: answered %d to %s", path, a.Status, p.Email)
				}
			}
		}
	})
}

// What is offered is what is let in: every link and form of a page works for whom it is shown to.
func TestOnlyWhatOneMayDoIsOffered(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish()
		w.did(w.owner, w.send(w.owner, base+"invitations/", "email", "new@example.com", "role", "member", "locale", "en"), base+"invitations/", "The invitation is sent.")
		permissions := map[string]string{}
		for _, r := range team.Routes(w.team) {
			permissions[r.Method+" "+r.Path] = r.Permission
		}
		for _, p := range []person{w.owner, w.admin, w.member} {
			seen, todo := map[string]bool{}, []string{base}
			for len(todo) > 0 {
				path := todo[0]
				todo = todo[1:]
				if seen[path] || !strings.HasPrefix(path, base) {
					continue
				}
				seen[path] = true
				a := w.Page(path, domaintest.As(p.in))
				if a.Status != http.StatusOK {
					t.Errorf("%s is led to %s, which answered %d", p.Email, path, a.Status)
					continue
				}
				d := w.whole(a)
				todo = append(todo, d.links()...)
				for _, action := range d.actions() {
					// Nothing is sent that could be done: every form lacks what it needs.
					if strings.HasSuffix(action, "resend/") || strings.HasSuffix(action, "revoke/") || strings.HasSuffix(action, "remove/") || strings.HasSuffix(action, "roles/writer/") || strings.HasSuffix(action, "roles/writer/delete/") || strings.HasSuffix(action, "change/") || strings.HasSuffix(action, "verify/") {
						continue
					}
					if a := w.send(p, action); a.Status == http.StatusForbidden || a.Status == http.StatusNotFound {
						t.Errorf("%s is offered %s, which answered %d", p.Email, action, a.Status)
					}
				}
			}
			wide := map[string][2]bool{"members/": {true, false}, "settings/": {true, false}, "activity/": {true, false}, "access/": {true, true}}
			for end, who := range wide {
				if want := who[0] && p != w.member || who[1]; seen[base+end] != want {
					t.Errorf("%s is led to %s: %v", p.Email, end, seen[base+end])
				}
			}
			if seen[base+"leave/"] == (p == w.owner) {
				t.Errorf("%s is led to where one leaves: %v", p.Email, seen[base+"leave/"])
			}
			if seen[base+"delete/"] != (p == w.owner) || seen[memberPath(w.member)+"transfer/"] != (p == w.owner) {
				t.Errorf("%s is led to what only owners may", p.Email)
			}
		}
	})
}

func TestWhatIsHardToUndoAsksForAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish()
		must(t, w.Clock.Advance(domaintest.Fresh+time.Minute))
		for _, r := range team.Routes(w.team) {
			if !r.Fresh {
				continue
			}
			path := strings.NewReplacer("{tenant}", "acme", "{account}", w.member.Subject, "{role}", "writer", "{domain}", "example.com", "{invitation}", uuid.NewString()).Replace(r.Path)
			var a domaintest.Answer
			if r.Method == http.MethodGet {
				a = w.Page(path, domaintest.As(w.owner.in))
			} else {
				a = w.send(w.owner, path, "typed", "acme", "role", "admin", "name", "x2", "slug", "x2x")
			}
			if a.Status != http.StatusUnauthorized {
				t.Errorf("%s %s: answered %d", r.Method, path, a.Status)
			}
		}
		if w.roleOf(w.member) != role.Member || w.Count("SELECT count(*) FROM tenant WHERE slug = 'acme'") != 1 {
			t.Error("something changed")
		}
	})
}

// A member of staff who looks on sees what the person sees, with nothing to send.
func TestWhoLooksOnChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish()
		for _, path := range []string{"/account/tenants/", base, base + "access/", base + "members/", memberPath(w.member), base + "invitations/", base + "roles/", base + "domains/", base + "activity/"} {
			a := w.Page(path, domaintest.LookingAs(w.owner.in))
			d := w.whole(a)
			if a.Status != http.StatusOK || len(d.actions()) != 0 {
				t.Errorf("%s: answered %d, with forms %v", path, a.Status, d.actions())
			}
			for _, link := range d.main().links() {
				if strings.HasPrefix(link, base) && w.Page(link, domaintest.LookingAs(w.owner.in)).Status != http.StatusOK {
					t.Errorf("%s leads to %s", path, link)
				}
			}
		}
	})
}

func TestAnOrganisationByItsIDIsShownUnderItsShortName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Page("/account/tenants/"+w.acme.ID.String()+"/members/?role=admin", domaintest.As(w.owner.in))
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != base+"members/?role=admin" {
			t.Errorf("answered %d to %q", a.Status, a.Header.Get("Location"))
		}
	})
}

func TestAnOrganisationIsShownAsItLooks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE tenant SET color = '#aa3300', radius = 4, font = 'serif' WHERE id = $1", w.acme.ID)
		if a := w.Page(base, domaintest.As(w.owner.in)); !strings.Contains(a.Text, "/brand-aa3300-4-serif.") {
			t.Error("it is not")
		}
		if a := w.Page("/account/tenants/", domaintest.As(w.owner.in)); strings.Contains(a.Text, "/brand-") {
			t.Error("so are pages of the service")
		}
	})
}

func TestThePlaceOneIsAtIsMarked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for path, at := range map[string]string{base: base, memberPath(w.member): base + "members/", base + "settings/": base + "settings/"} {
			for _, nav := range w.open(w.owner, path).all("nav") {
				for _, a := range (dom{nav}).all("a") {
					if (attr(a, "aria-current") == "page") != (attr(a, "href") == at) {
						t.Errorf("%s: the link to %s says %q", path, attr(a, "href"), attr(a, "aria-current"))
					}
				}
			}
		}
	})
}

func TestTheTileSaysHowThingsStand(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		new := w.person("new")
		state := func(p person) string {
			key, _, err := w.team.State(t.Context(), w.visit(p))
			must(t, err)
			return key
		}
		if got := state(new); got != team.NoState {
			t.Errorf("of nobody's: %s", got)
		}
		if got := state(w.member); got != "team.state.some" {
			t.Errorf("of a member: %s", got)
		}
		w.send(w.owner, base+"invitations/", "email", "new@example.com", "role", "member", "locale", "en")
		if got := state(new); got != "team.state.waiting" {
			t.Errorf("of one who is invited: %s", got)
		}
	})
}
