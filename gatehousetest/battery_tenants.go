package gatehousetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// organisation is a tenant with its owner, signed in to it.
type organisation struct {
	ID, Slug string
	owner    Account
	session  tokens // of the owner, of no tenant
	access   string // of the owner, for the tenant
}

func (o organisation) path(rest string) string { return "/tenants/" + o.Slug + "/" + rest }

// found makes a new tenant, or skips the test where the target lets nobody make one.
func (b *battery) found(t *testing.T) organisation {
	t.Helper()
	o := organisation{owner: b.account(t)}
	o.session = b.signIn(t, o.owner)
	o.owner.ID, _ = o.session.User["id"].(string)
	slug := "t" + strings.ToLower(newPassword()[5:25])
	a := b.post(t, "/tenants/", members{"name": "Example " + slug, "slug": slug}, bearerToken(o.session.Access))
	if a.status == http.StatusForbidden {
		t.Skip("the target lets nobody make tenants: set Tenants.Create to anyone")
	}
	a.want(t, http.StatusCreated)
	body := a.object(t)
	o.ID, _ = body["id"].(string)
	o.Slug, _ = body["slug"].(string)
	if o.ID == "" || o.Slug != slug {
		t.Fatalf("%s says neither id nor slug of what was made", a)
	}
	o.access = b.enter(t, o, o.session)
	return o
}

// enter returns a token of a tenant for whoever is signed in.
func (b *battery) enter(t testing.TB, o organisation, s tokens) string {
	t.Helper()
	a := b.post(t, o.path("token/"), members{}, bearerToken(s.Access))
	a.want(t, http.StatusOK)
	a.unstored(t)
	var out struct {
		Access    string `json:"access"`
		TokenType string `json:"token_type"`
		ExpiresIn int64  `json:"expires_in"`
	}
	a.decode(t, &out)
	if out.Access == "" || out.TokenType != "Bearer" || out.ExpiresIn < 1 || out.ExpiresIn > 15*60 {
		t.Fatalf("%s: access token %t, token_type %q, expires_in %d", a, out.Access != "", out.TokenType, out.ExpiresIn)
	}
	return out.Access
}

// colleague invites a new account and returns it as a member, signed in to no tenant.
func (b *battery) colleague(t *testing.T, o organisation, role string) (Account, tokens, string) {
	t.Helper()
	acc := b.account(t)
	s := b.signIn(t, acc)
	token := b.invite(t, o, acc.Email, role)
	b.post(t, "/invitations/accept/", members{"token": token}, bearerToken(s.Access)).want(t, http.StatusOK)
	return acc, s, token
}

// invite has an address invited and returns the token of the mail.
func (b *battery) invite(t *testing.T, o organisation, email, role string) string {
	t.Helper()
	mails := b.mailbox(t)
	b.post(t, o.path("invitations/"), members{"email": email, "role": role}, bearerToken(o.access)).want(t, http.StatusCreated)
	for {
		if token := mails.Wait(t, email).Token(); strings.HasPrefix(token, "giv_") {
			return token
		}
	}
}

// claimsOf reads a token without checking it: that others do.
func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	var claims map[string]any
	parts := strings.Split(token, ".")
	if len(parts) != 3 || json.Unmarshal(unbase64(parts[1]), &claims) != nil {
		t.Fatal("an access token is no JWT")
	}
	return claims
}

func (b *battery) tenantsAreOptional(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	a := b.call(t, http.MethodGet, "/tenants/", bearerToken(s.Access))
	a.want(t, http.StatusOK)
	claims := claimsOf(t, s.Access)
	for _, name := range []string{"tenant_id", "role", "permissions"} {
		if _, ok := claims[name]; ok {
			t.Errorf("a token of no tenant has the claim %s", name)
		}
	}
}

// tenantRoutes are requests about a tenant, with the permission that an owner has and others may lack.
func (o organisation) tenantRoutes() [][2]string {
	return [][2]string{{http.MethodGet, o.path("")}, {http.MethodGet, o.path("members/")}, {http.MethodGet, o.path("invitations/")}, {http.MethodGet, o.path("roles/")},
		{http.MethodPost, o.path("invitations/")}, {http.MethodPatch, o.path("")}, {http.MethodDelete, o.path("members/" + o.owner.ID + "/")}}
}

func (b *battery) refusesForeigners(t *testing.T) {
	mine, theirs := b.found(t), b.found(t)
	nobodys := organisation{Slug: "t" + strings.ToLower(newPassword()[5:25]), owner: theirs.owner}
	for i, r := range theirs.tenantRoutes() {
		foreign := b.call(t, r[0], r[1], bearerToken(mine.access), jsonBody(t, members{}))
		foreign.refused(t, http.StatusForbidden, "tenant_required")
		missing := b.call(t, r[0], nobodys.tenantRoutes()[i][1], bearerToken(mine.access), jsonBody(t, members{}))
		missing.refused(t, http.StatusForbidden, "tenant_required")
	}
	for _, slug := range []string{theirs.Slug, theirs.ID, nobodys.Slug} {
		b.post(t, "/tenants/"+slug+"/token/", members{}, bearerToken(mine.session.Access)).refused(t, http.StatusForbidden, "not_a_member")
		b.post(t, "/login/", members{"email": mine.owner.Email, "password": mine.owner.Password, "tenant": slug}).refused(t, http.StatusForbidden, "not_a_member")
	}
	if b.target.TenantData != "" {
		at := func(o organisation) string { return strings.ReplaceAll(b.target.TenantData, "{tenant}", o.Slug) }
		b.call(t, http.MethodGet, at(mine), bearerToken(mine.access)).want(t, http.StatusOK)
		for _, o := range []organisation{theirs, nobodys} {
			b.isForeign(t, b.call(t, http.MethodGet, at(o), bearerToken(mine.access)))
		}
		b.isForeign(t, b.call(t, http.MethodGet, at(mine), bearerToken(mine.session.Access)))
		b.call(t, http.MethodGet, at(mine)).want(t, http.StatusUnauthorized)
	}
}

// isForeign fails unless an endpoint elsewhere has refused somebody of another tenant.
func (b *battery) isForeign(t *testing.T, a answer) {
	t.Helper()
	a.want(t, http.StatusForbidden)
	a.isProblem(t)
	if code := a.object(t)["code"]; code != "tenant_required" {
		t.Errorf("%s with the code %v", a, code)
	}
}

func (b *battery) wantsTheTenantsToken(t *testing.T) {
	o := b.found(t)
	for _, r := range o.tenantRoutes() {
		b.call(t, r[0], r[1], bearerToken(o.session.Access), jsonBody(t, members{})).refused(t, http.StatusForbidden, "tenant_required")
		b.call(t, r[0], r[1], jsonBody(t, members{})).refused(t, http.StatusUnauthorized, "token_missing")
	}
	b.call(t, http.MethodGet, o.path(""), bearerToken(o.access)).want(t, http.StatusOK)
}

func (b *battery) pinsToATenant(t *testing.T) {
	o := b.found(t)
	pinned := b.post(t, "/login/", members{"email": o.owner.Email, "password": o.owner.Password, "tenant": o.Slug}).tokens(t)
	next := b.refresh(t, pinned.Refresh).tokens(t)
	for _, access := range []string{o.access, pinned.Access, next.Access} {
		claims := claimsOf(t, access)
		if claims["tenant_id"] != o.ID || claims["tenant"] != o.Slug || claims["role"] != "owner" {
			t.Errorf("the token says tenant %v (%v) and role %v", claims["tenant_id"], claims["tenant"], claims["role"])
		}
	}
	if claims := claimsOf(t, b.refresh(t, o.session.Refresh).tokens(t).Access); claims["tenant_id"] != nil {
		t.Error("asking for a token of a tenant has pinned the session")
	}
}

func (b *battery) invitesOnce(t *testing.T) {
	o := b.found(t)
	_, s, token := b.colleague(t, o, "member")
	access := b.enter(t, o, s)
	if claims := claimsOf(t, access); claims["role"] != "member" {
		t.Errorf("who was invited as a member is %v", claims["role"])
	}
	// A mail that is forwarded, or read again, lets nobody in.
	other := b.signIn(t, b.visitor(t))
	for _, who := range []tokens{s, other} {
		a := b.post(t, "/invitations/accept/", members{"token": token}, bearerToken(who.Access))
		if a.status < 400 || a.status >= 500 {
			t.Errorf("an invitation again: %s", a)
		}
	}
	fresh := b.invite(t, o, b.newAddress(), "member")
	b.post(t, "/invitations/accept/", members{"token": fresh}, bearerToken(other.Access)).refused(t, http.StatusForbidden, "invitation_foreign")
}

func (b *battery) keepsRolesApart(t *testing.T) {
	o := b.found(t)
	_, s, _ := b.colleague(t, o, "member")
	access := b.enter(t, o, s)
	b.call(t, http.MethodGet, o.path(""), bearerToken(access)).want(t, http.StatusOK)
	for _, r := range [][2]string{{http.MethodGet, "members/"}, {http.MethodPost, "invitations/"}, {http.MethodPatch, ""}, {http.MethodDelete, "members/" + o.owner.ID + "/"}} {
		b.call(t, r[0], o.path(r[1]), bearerToken(access), jsonBody(t, members{})).refused(t, http.StatusForbidden, "permission_required")
	}
	// An admin gives nobody more than they have.
	_, s, _ = b.colleague(t, o, "admin")
	access = b.enter(t, o, s)
	b.call(t, http.MethodGet, o.path("members/"), bearerToken(access)).want(t, http.StatusOK)
	id, _ := s.User["id"].(string)
	b.call(t, http.MethodPatch, o.path("members/"+id+"/"), bearerToken(access), jsonBody(t, members{"role": "owner"})).refused(t, http.StatusForbidden, "role_escalation")
	b.call(t, http.MethodDelete, o.path("members/"+o.owner.ID+"/"), bearerToken(access)).refused(t, http.StatusForbidden, "role_escalation")
}

func (b *battery) forgetsWhoWasRemoved(t *testing.T) {
	o := b.found(t)
	acc, s, _ := b.colleague(t, o, "admin")
	pinned := b.post(t, "/login/", members{"email": acc.Email, "password": acc.Password, "tenant": o.Slug}).tokens(t)
	b.call(t, http.MethodGet, o.path("members/"), bearerToken(pinned.Access)).want(t, http.StatusOK)
	id, _ := s.User["id"].(string)
	b.call(t, http.MethodDelete, o.path("members/"+id+"/"), bearerToken(o.access)).want(t, http.StatusNoContent)
	b.call(t, http.MethodGet, o.path("members/"), bearerToken(pinned.Access)).refused(t, http.StatusForbidden, "tenant_required")
	b.refresh(t, pinned.Refresh).refused(t, http.StatusForbidden, "not_a_member")
	b.post(t, o.path("token/"), members{}, bearerToken(s.Access)).refused(t, http.StatusForbidden, "not_a_member")
	b.call(t, http.MethodGet, "/me/", bearerToken(s.Access)).want(t, http.StatusOK) // their account is theirs
}

func (b *battery) keepsAnOwner(t *testing.T) {
	o := b.found(t)
	b.post(t, o.path("leave/"), members{}, bearerToken(o.access)).refused(t, http.StatusConflict, "last_owner")
	a := b.call(t, http.MethodGet, "/tenants/", bearerToken(o.session.Access))
	a.want(t, http.StatusOK)
	var mine struct {
		Tenants []struct {
			Slug string `json:"slug"`
		} `json:"tenants"`
	}
	a.decode(t, &mine)
	if !slices.ContainsFunc(mine.Tenants, func(one struct {
		Slug string `json:"slug"`
	}) bool {
		return one.Slug == o.Slug
	}) {
		t.Error("the owner's own tenant is not listed")
	}
}
