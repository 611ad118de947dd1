package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// newTenantPath is no tenant's: no slug has a tilde.
const newTenantPath = tenantsPath + "~new/"

func (c *Console) tenantsRoutes() []web.Route {
	return []web.Route{
		web.Get(tenantsPath, web.Staff, web.Page(c.showTenants)).Needs(role.StaffReadTenants),
		web.Get(newTenantPath, web.Staff, web.Page(c.showNewTenant)).Needs(role.StaffManageTenants),
		web.Post(newTenantPath, web.Staff, web.Form(c.postNewTenant)).Needs(role.StaffManageTenants),
	}
}

// tenantsView is one page of a search.
type tenantsView struct {
	Form     *ui.Form
	By       []ui.Option
	Status   []ui.Option
	Rows     []tenantRow
	New      string // where one is made; empty: it may not be
	Pager    ui.Pager
	Narrowed bool // a search or a filter, so that an empty page does not say there is none
	Same     ui.Same
}

// tenantRow is a tenant in a table.
type tenantRow struct {
	*tenant.Tenant
	Path  string
	Badge badge
}

func tenantPath(t *tenant.Tenant) string { return tenantsPath + t.Slug + "/" }

func tenantRowOf(t *tenant.Tenant) tenantRow {
	row := tenantRow{t, tenantPath(t), badge{"good", "console.status.active"}}
	if !t.Active {
		row.Badge = badge{"bad", "console.status.suspended"}
	}
	return row
}

func (c *Console) showTenants(w http.ResponseWriter, r *http.Request) error {
	asked := r.URL.Query()
	q := govern.Query{By: asked.Get("by"), Prefix: asked.Get("prefix"), Status: asked.Get("status"), After: asked.Get("after")}
	v := tenantsView{
		Form: ui.NewForm(r, "by", "prefix", "status"), Narrowed: q.Prefix != "" || q.Status != "" && q.Status != string(tenant.All),
		By:     c.options(r, "console.tenants.by_", string(tenant.NameColumn), string(tenant.SlugColumn)),
		Status: c.options(r, "console.status.", string(tenant.All), string(tenant.Active), string(tenant.Suspended)),
		Same:   c.sameTenants(q),
	}
	if c.actor(r).May(role.StaffManageTenants) {
		v.New = newTenantPath
	}
	status := http.StatusOK
	page, err := c.Govern.Search(r.Context(), q)
	switch {
	case err == nil:
		for _, t := range page.Tenants {
			v.Rows = append(v.Rows, tenantRowOf(t))
		}
		v.Pager = ui.PagerOf(r.URL, page.Next)
	case v.Form.Fail(err):
		status = web.StatusFor(w, err)
	default:
		return err
	}
	return c.write(w, r, status, "tenants", v)
}

func (c *Console) sameTenants(q govern.Query) ui.Same {
	command, request := []string{"tenant", "list"}, url.Values{}
	for _, one := range [][2]string{{"by", q.By}, {"status", q.Status}} {
		if one[1] != "" {
			command = append(command, "--"+one[0]+"="+one[1])
			request.Set(one[0], one[1])
		}
	}
	if q.Prefix != "" {
		command = append(command, argument(q.Prefix)...)
		request.Set("prefix", q.Prefix)
	}
	return c.same(command, call{method: http.MethodGet, path: strings.TrimSuffix("/admin/tenants/?"+request.Encode(), "?")})
}

// newTenantView asks what a tenant is called and whose it is.
type newTenantView struct {
	Form *ui.Form
	Same ui.Same
}

func (c *Console) showNewTenant(w http.ResponseWriter, r *http.Request) error {
	return c.writeNewTenant(w, r, http.StatusOK, ui.NewForm(r))
}

func (c *Console) writeNewTenant(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	lang := c.UI.Language(r)
	name, owner := c.UI.Text(lang, "console.tenant.name"), c.UI.Text(lang, "console.account.subject")
	return c.write(w, r, status, "tenant_new", newTenantView{form, c.same([]string{"tenant", "create", "--owner=" + owner, name},
		call{http.MethodPost, "/admin/tenants/", map[string]string{"name": name, "owner": owner}})})
}

func (c *Console) postNewTenant(w http.ResponseWriter, r *http.Request) error {
	form := ui.NewForm(r, "name", "slug", "owner")
	owner, err := c.subjectNamed(r, form.Values["owner"], "owner")
	if err == nil {
		var t *tenant.Tenant
		if t, err = c.Govern.Create(r.Context(), form.Values["name"], form.Values["slug"], owner); err == nil {
			return done(w, r, tenantPath(t), "tenant_created")
		}
	}
	if !form.Fail(err) {
		return err
	}
	return c.writeNewTenant(w, r, web.StatusFor(w, err), form)
}
