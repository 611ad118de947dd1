package member_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

// opens lets people with addresses of example.com join acme.
func (w *world) opens(t *tenant.Tenant, as string) {
	w.t.Helper()
	w.Exec(`UPDATE tenant SET join_role = $2 WHERE id = $1`, t.ID, as)
	w.Exec(`INSERT INTO tenant_domain (tenant_id, domain, challenge, created_at, verified_at) VALUES ($1, 'example.com', '', 1, 1) ON CONFLICT DO NOTHING`, t.ID)
}

func (w *world) join(name, at string) domaintest.Answer {
	return w.Call(http.MethodPost, "/tenants/"+at+"/join/", "", domaintest.Bearer(w.people[name].session))
}

// joinable returns the slugs of what somebody may join.
func (w *world) joinable(p person) []string {
	w.t.Helper()
	all, err := w.members.Joinable(w.t.Context(), p.Account)
	if err != nil {
		w.t.Fatal(err)
	}
	slugs := []string{}
	for _, one := range all {
		slugs = append(slugs, one.Slug)
	}
	return slugs
}

func TestPeopleJoinByTheVerifiedDomainOfTheirAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.opens(w.acme, "editor")
		if got := w.joinable(w.people["outsider"]); !slices.Equal(got, []string{"acme"}) {
			t.Errorf("they may join %v", got)
		}
		for i, name := range []string{"acme", w.acme.ID.String()} {
			who := []string{"outsider", "g-member"}[i]
			if a := w.join(who, name); a.Status != http.StatusOK || a.JSON["slug"] != "acme" || w.role(who, w.acme) != "editor" {
				t.Errorf("%s: answered %d %s", name, a.Status, a.Text)
			}
		}
		if got := w.joinable(w.people["outsider"]); len(got) != 0 {
			t.Errorf("members may join %v", got)
		}
		refused(t, "again", w.join("outsider", "acme"), http.StatusConflict, "member_already")
		if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'member.joined' AND tenant_id = $1 AND account_id = $2 AND actor = 'self' AND detail = '{"role":"editor","through":"domain"}'`, w.acme.ID, w.people["outsider"].ID); n != 1 {
			t.Errorf("%d events", n)
		}
		if w.role("g-member", w.globex) != "member" {
			t.Error("they left the other")
		}
	})
}

// Whoever may not is told the same, whatever is missing, and whether there is such a tenant.
func TestNobodyElseJoins(t *testing.T) {
	for name, spoil := range map[string]string{
		"no role to join as":             `UPDATE tenant SET join_role = ''`,
		"a role that is gone":            `UPDATE tenant SET join_role = 'gone'`,
		"a role that is nobody's to get": `UPDATE tenant SET join_role = 'owner'`,
		"the domain is not verified":     `UPDATE tenant_domain SET verified_at = NULL`,
		"another domain":                 `UPDATE tenant_domain SET domain = 'example.org'`,
		"a domain above it":              `UPDATE account SET email = 'x@sub.example.com', email_key = 'x@sub.example.com' WHERE email LIKE 'outsider%'`,
		"an address that is not proven":  `UPDATE account SET email_verified = FALSE WHERE email LIKE 'outsider%'`,
		"the policy has other domains":   `UPDATE tenant SET email_domains = 'example.org'`,
		"the tenant is suspended":        `UPDATE tenant SET active = FALSE`,
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.opens(w.acme, "member")
				w.Exec(spoil)
				w.Read(&w.people["outsider"].EmailVerified, `SELECT email_verified FROM account WHERE id = $1`, w.people["outsider"].ID)
				w.Read(&w.people["outsider"].Email, `SELECT email FROM account WHERE id = $1`, w.people["outsider"].ID)
				refused(t, "join", w.join("outsider", "acme"), http.StatusForbidden, "tenant_required")
				shown := w.joinable(w.people["outsider"])
				if gone := name == "a role that is gone" || name == "a role that is nobody's to get"; len(shown) != 0 && !gone {
					t.Errorf("they are shown %v", shown)
				}
				if w.role("outsider", w.acme) != "" {
					t.Error("they are a member")
				}
			})
		})
	}
	each(t, func(t *testing.T, w *world) {
		w.opens(w.acme, "member")
		for _, name := range []string{"globex", w.globex.ID.String(), "nowhere", w.people["owner"].ID.String()} {
			refused(t, name, w.join("outsider", name), http.StatusForbidden, "tenant_required")
		}
		if _, err := w.members.Join(t.Context(), w.acme.ID, "acme"); code(err) != "tenant_required" {
			t.Errorf("who has no account: %v", err)
		}
	})
}

// Who is shown a tenant that their account no longer gets into has not got in.
func TestJoiningAsksForTheAccountAsItIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.opens(w.acme, "member")
		id := w.people["outsider"].ID
		w.Exec(`UPDATE account SET active = FALSE WHERE id = $1`, id)
		if _, err := w.members.Join(t.Context(), id, "acme"); code(err) != "tenant_required" || w.role("outsider", w.acme) != "" {
			t.Error(err)
		}
	})
}
