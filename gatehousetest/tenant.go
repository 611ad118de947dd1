package gatehousetest

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
)

// Tenant is an organisation that a test made.
type Tenant struct {
	ID   string // the claim tenant_id of its tokens
	Slug string // the claim tenant
	Name string
}

// CreateTenant makes a tenant of its own, with a new name and slug. Its owner is a new account unless
// an edit names one. Each edit changes what it is made from.
func (s *Server) CreateTenant(t testing.TB, edit ...func(*gatehouse.NewTenant)) Tenant {
	t.Helper()
	unique := strings.ToLower(rand.Text()[:12])
	n := gatehouse.NewTenant{Name: "Example " + unique, Slug: "example-" + unique}
	for _, change := range edit {
		change(&n)
	}
	if n.Owner == "" {
		n.Owner = s.CreateAccount(t).ID
	}
	made, err := s.gh.CreateTenant(context.WithoutCancel(t.Context()), n)
	if err != nil {
		t.Fatalf("gatehousetest: create tenant: %v", err)
	}
	return Tenant{ID: made.ID, Slug: made.Slug, Name: made.Name}
}

// OwnedBy has [Server.CreateTenant] make a tenant of an account's.
func OwnedBy(a Account) func(*gatehouse.NewTenant) {
	return func(n *gatehouse.NewTenant) { n.Owner = a.ID }
}

// CreateMember makes an account as [Server.CreateAccount] does, and has it belong to a tenant in a role:
// owner, admin, member, or one of your configuration.
func (s *Server) CreateMember(t testing.TB, in Tenant, role string, edit ...func(*gatehouse.NewAccount)) Account {
	t.Helper()
	a := s.CreateAccount(t, edit...)
	if _, err := s.gh.AddMember(context.WithoutCancel(t.Context()), in.ID, a.ID, role); err != nil {
		t.Fatalf("gatehousetest: create member: %v", err)
	}
	return a
}

// TenantToken signs in to a tenant that the account belongs to: its tokens, and all that they are
// exchanged for, are for that tenant.
func (s *Server) TenantToken(t testing.TB, a Account, in Tenant) Session {
	t.Helper()
	var out struct {
		Access  string `json:"access"`
		Refresh string `json:"refresh"`
	}
	s.MustCall(t, http.MethodPost, "/login/", Session{}, map[string]string{"email": a.Email, "password": a.Password, "tenant": in.Slug}, &out)
	return Session{Access: out.Access, Refresh: out.Refresh}
}
