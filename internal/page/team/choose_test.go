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
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/page/team"
)

func (w *world) visit(p person) *session.Visit {
	return &session.Visit{SessionID: p.in.SessionID, Account: p.Account}
}

func TestOneSeesOnesOwnOrganisations(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := w.open(w.member, "/account/tenants/")
		if !slices.Contains(d.links(), base) || slices.Contains(d.links(), "/account/tenants/other/") || !strings.Contains(d.main().text(), "As Member") {
			t.Errorf("it shows\n%s", d.main().text())
		}
		w.Exec("UPDATE tenant SET second_factor = TRUE WHERE id = $1", w.acme.ID)
		if d := w.open(w.member, "/account/tenants/"); slices.Contains(d.links(), base) || !slices.Contains(d.links(), "/account/security/") || !strings.Contains(d.text(), "asks for a second factor") {
			t.Errorf("it does not say what is missing\n%s", d.main().text())
		}
		w.Exec("UPDATE tenant SET active = FALSE WHERE id = $1", w.acme.ID)
		if d := w.open(w.member, "/account/tenants/"); slices.Contains(d.links(), base) || !strings.Contains(d.text(), "Suspended") {
			t.Errorf("it leads into a suspended one\n%s", d.main().text())
		}
		if d := w.open(w.person("new"), "/account/tenants/"); !strings.Contains(d.text(), "Make one, or ask") {
			t.Errorf("who belongs to none is told\n%s", d.main().text())
		}
	})
}

func TestAnOrganisationIsMade(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := w.did(w.member, w.send(w.member, "/account/tenants/new/", "name", "Löwen & Co", "slug", ""), "/account/tenants/lowen-co/", "The organisation is made.")
		if !strings.Contains(d.main().text(), "Löwen & Co") || !strings.Contains(d.main().text(), "Owner") {
			t.Errorf("it shows\n%s", d.main().text())
		}
	})
}

func TestANameThatIsTakenOrNoneIsBlamed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for field, form := range map[string][]string{"slug": {"name", "Another", "slug", "acme"}, "name": {"name", "acme", "slug", "another"}} {
			d := w.refused(w.send(w.member, "/account/tenants/new/", form...), http.StatusConflict, field, "nother")
			if d.value("name") != form[1] || d.value("slug") != form[3] {
				t.Errorf("it forgot what was typed: %q %q", d.value("name"), d.value("slug"))
			}
		}
		d := w.refused(w.send(w.member, "/account/tenants/new/", "name", "x", "slug", "UP"), http.StatusBadRequest, "slug", "3 to 48")
		if d.blames("name") == "" {
			t.Error("the name is not blamed as well")
		}
	})
}

func TestWhereStaffMakeThemThereIsNoFormToMakeOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.Serve(nil, team.Routes(w.build(tenancy.ByStaff)))
		if a := c.Page("/account/tenants/new/", domaintest.As(w.member.in)); a.Status != http.StatusForbidden {
			t.Errorf("answered %d", a.Status)
		}
		if a := c.Page("/account/tenants/", domaintest.As(w.member.in)); strings.Contains(a.Text, "tenants/new/") {
			t.Error("it is offered")
		}
	})
}

// invite invites an address and returns what the one page of somebody lists to accept.
func (w *world) invite(email, as string) {
	w.t.Helper()
	w.did(w.owner, w.send(w.owner, base+"invitations/", "email", email, "role", as, "locale", "en"), base+"invitations/", "The invitation is sent.")
}

func TestAnInvitationIsAcceptedWhereItIsListed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.invite("new@example.com", role.Admin)
		new := w.person("new")
		d := w.open(new, "/account/tenants/").main()
		id := d.value("invitation")
		if !strings.Contains(d.text(), "acme") || !strings.Contains(d.text(), "As Administrator") || !slices.Contains(d.actions(), "/account/tenants/accept/") {
			t.Fatalf("it shows\n%s", d.text())
		}
		for what, sent := range map[string]domaintest.Answer{"another's": w.send(w.stranger, "/account/tenants/accept/", "invitation", id), "none": w.send(new, "/account/tenants/accept/", "invitation", uuid.NewString()), "nonsense": w.send(new, "/account/tenants/accept/", "invitation", "x")} {
			if sent.Status != http.StatusNotFound {
				t.Errorf("%s: answered %d", what, sent.Status)
			}
		}
		w.did(new, w.send(new, "/account/tenants/accept/", "invitation", id), base, "You have joined.")
		if w.roleOf(new) != role.Admin || w.roleOf(w.stranger) != "" {
			t.Errorf("joined as %q", w.roleOf(new))
		}
		if d := w.open(new, "/account/tenants/").main(); slices.Contains(d.actions(), "/account/tenants/accept/") {
			t.Error("it is still listed")
		}
	})
}

func TestAnUnconfirmedAddressSeesNoInvitation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.invite("new@example.com", role.Member)
		new := w.person("new")
		id := w.open(new, "/account/tenants/").value("invitation")
		w.Exec("UPDATE account SET email_verified = FALSE WHERE id = $1", new.ID)
		if d := w.open(new, "/account/tenants/"); d.field("invitation") != nil {
			t.Error("it sees one")
		}
		if a := w.send(new, "/account/tenants/accept/", "invitation", id); a.Status < 400 || w.roleOf(new) != "" {
			t.Errorf("answered %d", a.Status)
		}
	})
}

func TestWhoHasAnAddressOfAVerifiedDomainJoins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		new := w.person("new")
		if d := w.open(new, "/account/tenants/"); d.field("tenant") != nil {
			t.Error("it is open to anybody")
		}
		a := w.send(new, "/account/tenants/join/", "tenant", "acme")
		w.refused(a, http.StatusForbidden, "", "does not let you join by yourself")
		none := w.send(new, "/account/tenants/join/", "tenant", "nowhere")
		if strings.Contains(a.Text, "acme") || none.Status != a.Status {
			t.Error("who may not join learns whether it is there")
		}
		w.Exec("INSERT INTO tenant_domain (tenant_id, domain, challenge, created_at, verified_at) VALUES ($1, 'example.com', 'x', $2, $2)", w.acme.ID, time.Now())
		w.Exec("UPDATE tenant SET join_role = 'member' WHERE id = $1", w.acme.ID)
		if d := w.open(new, "/account/tenants/"); d.value("tenant") != "acme" {
			t.Fatalf("it is not offered\n%s", d.main().text())
		}
		w.did(new, w.send(new, "/account/tenants/join/", "tenant", "acme"), base, "You have joined.")
		if w.roleOf(new) != role.Member {
			t.Errorf("joined as %q", w.roleOf(new))
		}
	})
}
