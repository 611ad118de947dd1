package hostile

import (
	"net/http"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// acme is a tenant with something of every kind.
type acme struct {
	id, token  string // token is its owner's, for it
	invitation string // to invited@example.com
}

// acme makes the tenant.
func (w *world) acme(owner gatehousetest.Account, members ...gatehousetest.Account) acme {
	w.t.Helper()
	ctx := w.t.Context()
	made, err := w.Gatehouse().CreateTenant(ctx, gatehouse.NewTenant{Name: "Acme", Slug: "acme", Owner: owner.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range members {
		if _, err := w.Gatehouse().AddMember(ctx, "acme", m.ID, "member"); err != nil {
			w.t.Fatal(err)
		}
	}
	in := w.must(w.call(http.MethodPost, "/login/", text(map[string]string{"email": owner.Email, "password": password, "tenant": "acme"})), http.StatusOK)
	a := acme{id: made.ID, token: in.member("access")}
	for path, body := range map[string]string{"roles": `{"name":"editor","permissions":["notes.read"]}`, "domains": `{"domain":"acme.example.com"}`, "invitations": `{"email":"invited@example.com","role":"editor"}`} {
		got := w.must(w.call(http.MethodPost, "/tenants/acme/"+path+"/", body, bearer(a.token)), http.StatusCreated)
		if path == "invitations" {
			a.invitation = got.member("id")
		}
	}
	return a
}
