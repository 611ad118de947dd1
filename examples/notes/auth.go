package main

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// gatehouse: begin

// tenants is who may make organisations, and what their members may do with notes. Owners may do everything.
var tenants = gatehouse.Tenants{
	Create:      "anyone",
	Permissions: []string{"notes.read", "notes.write"},
	Roles:       []gatehouse.Role{{Name: "member", Permissions: []string{"notes.read"}}, {Name: "admin", Permissions: []string{"notes.*"}}},
}

// mount says on each line what is asked of whoever calls: first the tenant, then a role or a permission.
func mount(mux *http.ServeMux, gh *gatehouse.Gatehouse, n *notes) {
	mux.Handle("/api/auth/", gh.Handler())
	mux.Handle("/account/", gh.Pages())
	mux.Handle("/console/", gh.Console())
	mux.Handle("/dev/", gh.Dev())
	here := verifier.Tenant(verifier.FromPath("tenant"))
	mux.Handle("GET /tenants/{tenant}/notes", gh.Require(n.handle(list), here, verifier.Permission("notes.read")))
	mux.Handle("POST /tenants/{tenant}/notes", gh.Require(n.handle(add), here, verifier.Permission("notes.write")))
	mux.Handle("DELETE /tenants/{tenant}/notes", gh.Require(n.handle(deleteAll), here, verifier.Role("owner")))
}

// gatehouse: end
