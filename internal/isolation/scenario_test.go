package isolation

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/stat"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// scenario drives whatever Gatehouse does with tenants, for the tenant alpha, and once for one that is
// deleted again. Things that it removes it makes again under the same names, so that they are there when
// its statements are run once more.
type scenario struct {
	*world
	*organisation
	tom, dora   gatehousetest.Account
	staff       string // tokens
	token       string // of alpha's owner, for alpha
	at, admins  string // paths
	deleted     uuid.UUID
	staffCookie *http.Cookie
}

func (s *scenario) play() {
	s.organisation = s.organise("alpha")
	s.at, s.admins = "/tenants/alpha/", "/admin/tenants/alpha/"
	s.tom, s.dora = s.person("tom@example.com"), s.person("dora@"+shared)
	root := s.superuser("root@example.com")
	s.staff, s.staffCookie = s.signIn(root), s.visit(root)
	s.token = s.enter(s.owner, "alpha")
	for _, act := range []func(){s.names, s.roles, s.members, s.domains, s.invitations, s.tokens, s.administration, s.pages, s.leaving, s.background} {
		act()
	}
}

func (s *scenario) names() {
	s.must("", http.MethodGet, "/tenants/", nil, s.signIn(s.owner))
	s.must("", http.MethodGet, s.at, nil, s.token)
	s.must("", http.MethodPatch, s.at, map[string]any{"name": "Alpha", "color": "#aabbcc", "radius": 4, "font": "serif", "policy": map[string]any{"max_age": 86400, "max_idle": 86400, "email_domains": []string{}, "refuse_methods": []string{}}}, s.token)
	s.must("tenant_slug_taken", http.MethodPatch, s.at, map[string]any{"slug": "beta"}, s.token)
	s.must("tenant_name_taken", http.MethodPatch, s.at, map[string]any{"name": "Organisation beta"}, s.token)
	s.must("", http.MethodPatch, s.at, map[string]any{"slug": "alpha-two"}, s.token)
	s.must("", http.MethodPatch, "/tenants/alpha-two/", map[string]any{"slug": "alpha"}, s.token)
	s.must("tenant_slug_taken", http.MethodPost, "/tenants/", map[string]any{"name": "Other", "slug": "beta"}, s.signIn(s.owner))
	s.must("tenant_name_taken", http.MethodPost, "/tenants/", map[string]any{"name": "Organisation beta", "slug": "other"}, s.signIn(s.owner))
}

func (s *scenario) roles() {
	made := map[string]any{"name": "temporary", "permissions": []string{"notes.read"}}
	s.must("", http.MethodPost, s.at+"roles/", made, s.token)
	s.must("", http.MethodPatch, s.at+"roles/editor/", map[string]any{"permissions": []string{"notes.*", "tenant.read"}}, s.token)
	s.must("role_in_use", http.MethodDelete, s.at+"roles/editor/", nil, s.token)
	s.must("", http.MethodDelete, s.at+"roles/temporary/", nil, s.token)
	s.must("", http.MethodPost, s.at+"roles/", made, s.token)
	s.must("role_exists", http.MethodPost, s.at+"roles/", made, s.token)
	s.must("", http.MethodGet, s.at+"roles/", nil, s.token)
	s.must("", http.MethodGet, s.at+"permissions/", nil, s.enter(s.editor, "alpha"))
}

func (s *scenario) members() {
	tom := s.at + "members/" + s.tom.ID + "/"
	s.must("", http.MethodPost, s.admins+"members/", map[string]any{"account": s.tom.ID, "role": "member"}, s.staff)
	for _, query := range []string{"", "?role=editor", "?prefix=tom", "?role=editor&prefix=editor", "?limit=1"} {
		next := s.must("", http.MethodGet, s.at+"members/"+query, nil, s.token).member("next")
		if next != "" {
			s.must("", http.MethodGet, s.at+"members/"+query+"&after="+url.QueryEscape(next), nil, s.token)
		}
	}
	s.must("", http.MethodGet, tom, nil, s.token)
	s.must("", http.MethodPatch, tom, map[string]any{"role": "admin", "permissions": []string{"notes.read"}}, s.token)
	s.must("", http.MethodPatch, tom, map[string]any{"role": "editor", "permissions": []string{}}, s.token)
	s.must("", http.MethodPatch, tom, map[string]any{"attributes": map[string]any{"job_title": "Clerk"}}, s.token)
	s.must("", http.MethodGet, s.at+"me/", nil, s.enter(s.editor, "alpha"))
	s.must("", http.MethodPatch, s.at+"me/", map[string]any{"attributes": map[string]any{"job_title": "Editor"}}, s.enter(s.editor, "alpha"))
	s.must("permission_required", http.MethodGet, s.at+"members/", nil, s.enter(s.editor, "alpha"))
	s.must("role_escalation", http.MethodPatch, s.at+"members/"+s.owner.ID+"/", map[string]any{"role": "member"}, s.enter(s.admin, "alpha"))
	s.must("last_owner", http.MethodPatch, s.at+"members/"+s.owner.ID+"/", map[string]any{"role": "member"}, s.token)
	s.must("", http.MethodGet, s.at+"explain/?permission=notes.read&account="+s.tom.ID, nil, s.token)
	s.must("", http.MethodGet, s.at+"explain/?permission=notes.read", nil, s.enter(s.editor, "alpha"))
	s.must("", http.MethodDelete, tom, nil, s.token)
	s.must("", http.MethodPost, s.admins+"members/", map[string]any{"account": s.tom.ID, "role": "member"}, s.staff)
	s.must("", http.MethodPost, s.at+"transfer/", map[string]any{"account": s.admin.ID}, s.token)
	s.must("", http.MethodPost, s.at+"transfer/", map[string]any{"account": s.owner.ID}, s.enter(s.admin, "alpha"))
}

// finds is a prober to whom every domain is proven, or none.
type finds bool

func (f finds) Prove(context.Context, *tenant.Domain) tenancy.Proof {
	if f {
		return tenancy.Proof{Record: tenancy.Found, File: tenancy.Found}
	}
	return tenancy.Proof{Record: tenancy.Absent, File: tenancy.Absent}
}

// domains are proven by the service: the route asks the DNS.
func (s *scenario) domains() {
	g := s.Gatehouse()
	roles, err := role.NewSet(nil, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, by := s.t.Context(), tenant.By(uuid.MustParse(s.owner.ID))
	limiter := ratelimit.New(pool(g), slog.New(slog.DiscardHandler))
	defer limiter.Close()
	prover := func(proven finds) *tenancy.Service {
		service, err := tenancy.New(tenancy.Config{Create: tenancy.ByStaff, PerAccount: ratelimit.Limit{Name: "x", Burst: 1, Per: time.Hour}, Origin: s.URL, DomainsPage: s.URL + "/{tenant}/"},
			tenancy.Deps{DB: pool(g), Roles: roles, Limiter: limiter, Letters: post(g), Prover: proven})
		if err != nil {
			s.t.Fatal(err)
		}
		return service
	}
	for _, proven := range []finds{true, false, true} {
		if _, err := prover(proven).VerifyDomain(ctx, by, s.id, shared); (err == nil) != bool(proven) {
			s.t.Fatal(err)
		}
	}
	for _, proven := range []finds{false, true} { // the daily look
		if err := pool(g).In(db.Tenant(s.id)).Once(ctx, `UPDATE tenant_domain SET tried_at = 0 WHERE tenant_id = $1`, []any{s.id}); err != nil {
			s.t.Fatal(err)
		}
		if err := prover(proven).CheckDomains(ctx); err != nil {
			s.t.Fatal(err)
		}
	}
	s.must("", http.MethodGet, "/admin/tenants/"+shared+"/", nil, s.staff)
	s.must("", http.MethodGet, s.at+"domains/", nil, s.token)
	s.must("", http.MethodPost, s.at+"domains/", map[string]any{"domain": "former.example.com"}, s.token)
	s.must("", http.MethodDelete, s.at+"domains/former.example.com/", nil, s.token)
	s.must("", http.MethodPost, s.at+"domains/", map[string]any{"domain": "former.example.com"}, s.token)
	s.must("", http.MethodPatch, s.at, map[string]any{"policy": map[string]any{"join_role": "member"}}, s.token)
	dora := s.signIn(s.dora)
	s.must("", http.MethodPost, s.at+"join/", nil, dora)
	r := httptest.NewRequest(http.MethodGet, "https://"+shared+"/", nil)
	if name, err := g.TenantFromHost()(r); err != nil || name != s.id.String() {
		s.t.Fatalf("the domain means %q, %v", name, err)
	}
}

func (s *scenario) invitations() {
	send := func(to, as, code string) string {
		return s.must(code, http.MethodPost, s.at+"invitations/", map[string]any{"email": to, "role": as}, s.token).member("id")
	}
	known, eve := s.person("known@example.com"), s.person("eve@example.com")
	send("known@example.com", "editor", "")
	s.world.token("known@example.com") // mails that wait together may go out in any order
	send("known@example.com", "member", "")
	send("tom@example.com", "member", "member_already")
	s.must("", http.MethodPost, s.at+"invitations/"+s.invitation+"/resend/", nil, s.token)
	s.must("", http.MethodDelete, s.at+"invitations/"+send("revoked@example.com", "member", "")+"/", nil, s.token)
	next := s.must("", http.MethodGet, s.at+"invitations/?limit=1", nil, s.token).member("next")
	s.must("", http.MethodGet, s.at+"invitations/?limit=1&after="+url.QueryEscape(next), nil, s.token)
	token := s.world.token("known@example.com")
	s.page(http.MethodGet, "/account/invitation/?token="+token, nil)
	s.must("invitation_foreign", http.MethodPost, "/invitations/accept/", map[string]any{"token": token}, s.signIn(eve))
	s.must("", http.MethodPost, "/invitations/accept/", map[string]any{"token": token}, s.signIn(known))
	s.must("link_invalid", http.MethodPost, "/invitations/accept/", map[string]any{"token": token}, s.signIn(known))
	send("new@example.com", "editor", "")
	s.must("", http.MethodPost, "/invitations/sign-up/", map[string]any{"token": s.world.token("new@example.com"), "password": password, "full_name": "Jo Doe"}, "")
	send("eve@example.com", "member", "")
	visit := s.visit(eve)
	waiting := s.must("", http.MethodGet, s.at+"invitations/?limit=200", nil, s.token)
	s.page(http.MethodGet, "/account/tenants/", nil, cookie(visit))
	s.page(http.MethodPost, "/account/tenants/accept/", url.Values{"invitation": {waiting.first("invitations", "id")}}, cookie(visit))
}

func (s *scenario) tokens() {
	in := s.must("", http.MethodPost, "/login/", map[string]any{"email": s.tom.Email, "password": password, "tenant": "alpha"}, "")
	again := s.must("", http.MethodPost, "/token/refresh/", map[string]any{"refresh": in.member("refresh")}, "")
	s.must("", http.MethodPost, "/login/", map[string]any{"email": s.tom.Email, "password": password, "tenant": s.id.String()}, "")
	s.must("not_a_member", http.MethodPost, "/login/", map[string]any{"email": s.tom.Email, "password": password, "tenant": "beta"}, "")
	s.must("not_a_member", http.MethodPost, "/tenants/beta/token/", nil, s.signIn(s.tom))
	s.must("", http.MethodPost, "/tenants/"+s.id.String()+"/token/", nil, s.signIn(s.tom))
	s.must("", http.MethodDelete, s.at+"members/"+s.tom.ID+"/", nil, s.token)
	s.must("tenant_required", http.MethodGet, s.at, nil, again.member("access"))
	s.must("not_a_member", http.MethodPost, "/token/refresh/", map[string]any{"refresh": again.member("refresh")}, "")
	s.must("", http.MethodPost, s.admins+"members/", map[string]any{"account": s.tom.ID, "role": "member"}, s.staff)
	next := s.must("", http.MethodGet, s.at+"audit/?limit=2", nil, s.token).member("next")
	s.must("", http.MethodGet, s.at+"audit/?limit=2&after="+url.QueryEscape(next), nil, s.token)
}

func (s *scenario) administration() {
	for _, query := range []string{"", "?by=slug&prefix=al", "?by=name&prefix=al", "?status=suspended", "?status=active&limit=1", "?by=slug&prefix=a&status=active", "?by=name&prefix=a&status=suspended"} {
		s.must("", http.MethodGet, "/admin/tenants/"+query, nil, s.staff)
	}
	made := s.must("", http.MethodPost, "/admin/tenants/", map[string]any{"name": "Gamma", "slug": "gamma", "owner": s.owner.ID}, s.staff)
	s.deleted = uuid.MustParse(made.member("id"))
	s.must("", http.MethodDelete, "/admin/tenants/gamma/", map[string]any{"slug": "gamma", "reason": "a reason of some length"}, s.staff)
	s.must("", http.MethodGet, s.admins, nil, s.staff)
	s.must("", http.MethodGet, "/admin/tenants/"+s.id.String()+"/", nil, s.staff)
	s.must("", http.MethodPatch, s.admins, map[string]any{"color": "#000000"}, s.staff)
	why := map[string]any{"reason": "a reason of some length"}
	s.must("", http.MethodPost, s.admins+"suspend/", why, s.staff)
	s.must("tenant_required", http.MethodGet, s.at, nil, s.token)
	s.must("", http.MethodPost, s.admins+"resume/", why, s.staff)
	s.must("", http.MethodGet, s.admins+"members/?prefix=tom", nil, s.staff)
	s.must("", http.MethodGet, s.admins+"members/"+s.tom.ID+"/", nil, s.staff)
	s.must("", http.MethodPatch, s.admins+"members/"+s.tom.ID+"/", map[string]any{"role": "editor", "permissions": []string{"notes.read"}}, s.staff)
	s.must("", http.MethodDelete, s.admins+"members/"+s.tom.ID+"/", nil, s.staff)
	s.must("", http.MethodPost, s.admins+"members/", map[string]any{"account": s.tom.ID, "role": "member"}, s.staff)
	s.must("", http.MethodGet, s.admins+"invitations/", nil, s.staff)
	revoked := s.must("", http.MethodPost, s.at+"invitations/", map[string]any{"email": "dropped@example.com", "role": "member"}, s.token).member("id")
	s.must("", http.MethodDelete, s.admins+"invitations/"+revoked+"/", nil, s.staff)
	s.must("", http.MethodPost, s.at+"domains/", map[string]any{"domain": "disputed.example.com"}, s.token)
	s.must("", http.MethodDelete, s.admins+"domains/disputed.example.com/", why, s.staff)
	s.must("", http.MethodGet, s.admins+"explain/?permission=notes.read&account="+s.tom.ID, nil, s.staff)
	for _, query := range []string{"", "?account=" + s.tom.ID, "?kind=member.", "?account=" + s.tom.ID + "&kind=session.", "?address=192.0.2.1", "?actor=self&kind=session.created"} {
		s.must("", http.MethodGet, "/admin/audit/"+query, nil, s.staff)
	}
	s.must("", http.MethodPost, "/admin/permissions/", map[string]any{"name": "pages.read"}, s.staff)
}

// pages looks at every page that somebody's tenants have a part in.
func (s *scenario) pages() {
	places := strings.NewReplacer("{tenant}", "alpha", "{account}", s.tom.ID, "{role}", "editor", "{domain}", shared, "{invitation}", s.invitation, "{id}", s.invitation, "{session}", s.invitation, "{kind}", "invitation", "{language}", "en")
	owner := s.visit(s.owner)
	for _, r := range routes(s.t) {
		if r.method != http.MethodGet || strings.Contains(r.path, "assets") || strings.Contains(r.path, "/export/") {
			continue
		}
		switch path := places.Replace(r.path); {
		case strings.HasPrefix(path, "/console/tenants/"), path == "/console/":
			s.page(http.MethodGet, strings.Replace(path, "{", "", 1), nil, cookie(s.staffCookie))
		case strings.HasPrefix(path, "/account/tenants/"), path == "/account/":
			s.page(http.MethodGet, path, nil, cookie(owner))
		}
	}
}

// leaving is what people do who do not want to stay.
func (s *scenario) leaving() {
	s.must("last_owner", http.MethodPost, s.at+"leave/", nil, s.token)
	s.must("", http.MethodPost, s.at+"leave/", nil, s.enter(s.tom, "alpha"))
	s.must("", http.MethodPost, s.admins+"members/", map[string]any{"account": s.tom.ID, "role": "member"}, s.staff)
	s.must("", http.MethodGet, "/me/export/", nil, s.signIn(s.tom))
	s.must("", http.MethodPost, "/tenants/", map[string]any{"name": "Delta", "slug": "delta"}, s.signIn(s.owner))
	s.must("", http.MethodDelete, "/tenants/delta/", map[string]any{"slug": "delta"}, s.enter(s.owner, "delta"))
	s.must("last_owner", http.MethodDelete, "/me/", map[string]any{"password": password}, s.signIn(s.owner))
	erased := s.person("erased@example.com")
	s.must("", http.MethodPost, s.admins+"members/", map[string]any{"account": erased.ID, "role": "member"}, s.staff)
	s.must("", http.MethodPost, "/tenants/", map[string]any{"name": "Epsilon", "slug": "epsilon"}, s.signIn(erased))
	s.must("", http.MethodDelete, "/me/", map[string]any{"password": password}, s.signIn(erased))
}

// background is what the engine does by itself.
func (s *scenario) background() {
	ctx, d := s.t.Context(), pool(s.Gatehouse())
	s.Clock.Advance(s.t, 2*time.Hour) // the schedules run
	for name, sweep := range map[string]func() error{
		"invitations": func() error { _, err := invitation.Sweep(ctx, d, 10); return err },
		"audit":       func() error { _, err := audit.Sweep(ctx, d, 10); return err },
		"stats":       func() error { return stat.Collect(ctx, d) },
		"roles":       func() error { _, err := tenant.WithRoles(ctx, d, []string{"clerk", "editor"}); return err },
	} {
		if err := sweep(); err != nil {
			s.t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := s.Gatehouse().Tenants(ctx, gatehouse.TenantSearch{Limit: 1}); err != nil {
		s.t.Error(err)
	}
}
