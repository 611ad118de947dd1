package console

import (
	"cmp"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// oneTenant is where a tenant and all that is done to it lie.
const oneTenant = tenantsPath + "{tenant}/"

func (c *Console) tenantRoutes() []web.Route {
	all := []web.Route{
		web.Get(oneTenant, web.Staff, web.Page(c.tenantKnown(c.showTenant))).Needs(role.StaffReadTenants),
		web.Get(oneTenant+"explain/", web.Staff, web.Page(c.tenantKnown(c.showExplain))).Needs(role.StaffReadTenants),
		web.Get(oneTenant+"delete/", web.Superuser, web.Page(c.tenantKnown(c.showDelete))).Freshly(),
		web.Post(oneTenant+"delete/", web.Superuser, web.Form(c.tenantKnown(c.postDelete))).Freshly(),
	}
	for _, d := range tenantDeeds {
		path := oneTenant + d.name + "/"
		all = append(all, web.Get(path, web.Staff, web.Page(c.tenantKnown(c.askTenant(d)))).Needs(role.StaffManageTenants).Freshly(),
			web.Post(path, web.Staff, web.Form(c.tenantKnown(c.doTenant(d)))).Needs(role.StaffManageTenants).Freshly())
	}
	return all
}

// tenantKnown turns a tenant or a member that does not exist into a page that says so.
func (c *Console) tenantKnown(fn func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := fn(w, r)
		switch {
		case errors.Is(err, tenant.ErrNotFound):
			return c.write(w, r, web.StatusFor(w, err), "no_tenant", nil)
		case errors.Is(err, tenant.ErrMemberNotFound):
			return c.write(w, r, web.StatusFor(w, err), "no_member", tenantAt(r))
		default:
			return err
		}
	}
}

// tenantAt is where the tenant is shown that a request's path names.
func tenantAt(r *http.Request) string {
	return tenantsPath + url.PathEscape(r.PathValue("tenant")) + "/"
}

// tenantView is everything about a tenant. Its settings are its own admins' to change.
type tenantView struct {
	tenantRow
	Refused     []string // texts' keys of the ways to sign in that it does not take
	Domains     []domainRow
	Minutes     int      // how old a proof may be; 0: as the service has it
	Idle        int      // minutes after which who was away proves anew; 0: as the service has it
	Form        *ui.Form // looks members up
	Explain     *ui.Form
	Members     []memberRow
	MayChange   bool // members, invitations and domains
	Pager       ui.Pager
	Invitations []invitationRow
	More        bool // invitations
	Events      string
	Deeds       []deedLink
	Same        ui.Same
}

type memberRow struct {
	member.Member
	Path string // of the account; empty: it may not be seen
	At   string // below which it is changed and removed; empty: it may not be
}

// invitationRow is an invitation and how it stands.
type invitationRow struct {
	invitation.Invitation
	Badge badge
}

// invitationKinds is how the statuses of invitations look.
var invitationKinds = map[string]string{invitation.Waits: "info", invitation.Expired: "off", invitation.IsVoid: "bad"}

func (c *Console) showTenant(w http.ResponseWriter, r *http.Request) error {
	ctx, by, asked := r.Context(), c.actor(r), r.URL.Query()
	d, err := c.Govern.Detail(ctx, r.PathValue("tenant"))
	if err != nil {
		return err
	}
	v := tenantView{tenantRow: tenantRowOf(d.Tenant), Refused: refusedMethods(d.Policy), Minutes: minutes(d.Policy.MaxAge), Idle: minutes(d.Policy.MaxIdle), Form: ui.NewForm(r, "prefix"), Explain: &ui.Form{ID: "explain"},
		Events: open(by, auditPath+"?tenant="+d.ID.String()), Same: c.same([]string{"tenant", "show", d.Slug}, call{http.MethodGet, tenantRequest(d.Tenant), nil})}
	if v.MayChange = by.May(role.StaffManageTenants); v.MayChange {
		v.Deeds = append(v.Deeds, deedLink{v.Path + "members/add/", "console.tenant.add.do", false})
		for _, one := range tenantDeeds {
			if one.active == d.Active {
				v.Deeds = append(v.Deeds, deedLink{v.Path + one.name + "/", "console.tenant." + one.name + ".do", one.grave})
			}
		}
	}
	if by.Superuser {
		v.Deeds = append(v.Deeds, deedLink{v.Path + "delete/", "console.tenant.delete.do", true})
	}
	status := http.StatusOK
	page, err := c.Govern.Members(ctx, d.ID.String(), member.Query{Prefix: asked.Get("prefix"), After: asked.Get("after")})
	switch {
	case err == nil:
		for _, m := range page.Members {
			row := memberRow{Member: m, Path: open(by, accountPath(m.Subject))}
			if v.MayChange {
				row.At = memberPath(d.Tenant, m.Subject)
			}
			v.Members = append(v.Members, row)
		}
		v.Pager = ui.PagerOf(r.URL, page.Next)
	case v.Form.Fail(err):
		status = web.StatusFor(w, err)
	default:
		return err
	}
	waiting, next, err := c.Govern.Invitations(ctx, d.ID.String(), "", web.MaxPage)
	if err != nil {
		return err
	}
	v.More = next != ""
	for _, i := range waiting {
		s := i.Status(c.DB.Now())
		v.Invitations = append(v.Invitations, invitationRow{i, badge{invitationKinds[s], "console.invitation." + s}})
	}
	for _, one := range d.Domains {
		v.Domains = append(v.Domains, domainRowOf(one))
	}
	return c.write(w, r, status, "tenant", v)
}

// minutes is d in whole minutes.
func minutes(d time.Duration) int { return int(math.Ceil(d.Minutes())) }

// refusedMethods are the texts' keys of what a policy does not take as the first proof.
func refusedMethods(p tenant.Policy) []string {
	var all []string
	for _, one := range []struct {
		refused bool
		name    string
	}{{p.NoPassword, tenant.PasswordMethod}, {p.NoPasskey, tenant.PasskeyMethod}, {p.NoMail, tenant.EmailMethod}} {
		if one.refused {
			all = append(all, "console.tenant.method."+one.name)
		}
	}
	return all
}

// tenantRequest is where the API has a tenant.
func tenantRequest(t *tenant.Tenant) string { return "/admin/tenants/" + t.Slug + "/" }

// subjectNamed returns the id of the account that somebody typed a name of. That there is none is a
// problem of the field.
func (c *Console) subjectNamed(r *http.Request, name, field string) (string, error) {
	a, err := c.Manage.Find(r.Context(), strings.TrimSpace(strings.ToValidUTF8(name, "")))
	if f, ok := fault.From(err); ok && (errors.Is(err, account.ErrNotFound) || f.Kind == fault.Conflict) {
		return "", f.WithField(field, f.Code, f.Detail)
	}
	if err != nil {
		return "", err
	}
	return a.Subject, nil
}

// tenantDeed is something done to a tenant for a reason. Its texts are console.tenant.NAME, its path is
// the tenant's and the name.
type tenantDeed struct {
	name   string
	active bool // what the tenant is before
	grave  bool // it hurts, and looks so
	run    func(s *govern.Service, r *http.Request, reason string) (*tenant.Tenant, error)
}

var tenantDeeds = []tenantDeed{
	{"suspend", true, true, func(s *govern.Service, r *http.Request, reason string) (*tenant.Tenant, error) {
		return s.Suspend(r.Context(), r.PathValue("tenant"), reason)
	}},
	{"resume", false, false, func(s *govern.Service, r *http.Request, reason string) (*tenant.Tenant, error) {
		return s.Resume(r.Context(), r.PathValue("tenant"), reason)
	}},
}

// tenantDeedView asks why something is to be done.
type tenantDeedView struct {
	tenantRow
	Form  *ui.Form
	Deed  string
	Grave bool
	Same  ui.Same
}

func (c *Console) askTenant(d tenantDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return c.writeTenantDeed(w, r, http.StatusOK, d, ui.NewForm(r))
	}
}

func (c *Console) writeTenantDeed(w http.ResponseWriter, r *http.Request, status int, d tenantDeed, form *ui.Form) error {
	t, err := c.Govern.Find(r.Context(), r.PathValue("tenant"))
	if err != nil {
		return err
	}
	reason := cmp.Or(strings.TrimSpace(strings.ToValidUTF8(form.Values["reason"], "")), c.UI.Text(c.UI.Language(r), "console.tenant.reason"))
	return c.write(w, r, status, "tenant_deed", tenantDeedView{tenantRowOf(t), form, d.name, d.grave, c.same([]string{"tenant", d.name, "--reason=" + reason, t.Slug},
		call{http.MethodPost, tenantRequest(t) + d.name + "/", map[string]string{"reason": reason}})})
}

// doTenant does it. Doing it twice comes to the same.
func (c *Console) doTenant(d tenantDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		form := ui.NewForm(r, "reason")
		t, err := d.run(c.Govern, r, form.Values["reason"])
		switch {
		case err == nil:
			return done(w, r, tenantPath(t), "tenant_"+d.name)
		case errors.Is(err, tenant.ErrNotFound), !form.Fail(err):
			return err
		}
		return c.writeTenantDeed(w, r, web.StatusFor(w, err), d, form)
	}
}

// explainView answers whether somebody may do something, and why.
type explainView struct {
	tenantRow
	Form     *ui.Form
	Decision *role.Decision // nil: nothing was asked yet
	Same     ui.Same
}

func (c *Console) showExplain(w http.ResponseWriter, r *http.Request) error {
	t, err := c.Govern.Find(r.Context(), r.PathValue("tenant"))
	if err != nil {
		return err
	}
	v, status, asked := explainView{tenantRow: tenantRowOf(t), Form: ui.NewForm(r, "account", "permission")}, http.StatusOK, r.URL.Query()
	if asked.Has("account") || asked.Has("permission") {
		if v.Decision, err = c.explain(r, t, v.Form.Values["account"], v.Form.Values["permission"]); err != nil {
			if !v.Form.Fail(err) {
				return err
			}
			status = web.StatusFor(w, err)
		}
	}
	who, what := cmp.Or(v.Form.Values["account"], c.UI.Text(c.UI.Language(r), "console.account.subject")), cmp.Or(v.Form.Values["permission"], role.ReadTenant)
	v.Same = c.same(append([]string{"tenant", "explain", t.Slug}, append(argument(who), what)...),
		call{http.MethodGet, tenantRequest(t) + "explain/?" + url.Values{"account": {who}, "permission": {what}}.Encode(), nil})
	return c.write(w, r, status, "tenant_explain", v)
}

func (c *Console) explain(r *http.Request, t *tenant.Tenant, who, permission string) (*role.Decision, error) {
	subject, err := c.subjectNamed(r, who, "account")
	if err != nil {
		return nil, err
	}
	d, err := c.Govern.Explain(r.Context(), t.ID.String(), subject, permission)
	if err != nil {
		return nil, err
	}
	return &d, nil
}
