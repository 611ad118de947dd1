package console

import (
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (c *Console) permissionsRoutes() []web.Route {
	return []web.Route{
		web.Get(permissionsPath, web.Staff, web.Page(c.showPermissions)).Needs(role.StaffReadTenants),
		web.Post(permissionsPath, web.Staff, web.Form(c.postPermission)).Needs(role.StaffManagePermissions),
		web.Post(permissionsPath+"withdraw/", web.Staff, web.Form(c.withdrawPermission)).Needs(role.StaffManagePermissions),
	}
}

// permissionsView is what roles of tenants can hold.
type permissionsView struct {
	Form      *ui.Form
	Rows      []govern.Permission
	MayChange bool
	Same      ui.Same
}

func (c *Console) showPermissions(w http.ResponseWriter, r *http.Request) error {
	return c.writePermissions(w, r, http.StatusOK, ui.NewForm(r))
}

func (c *Console) writePermissions(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	form.Action = permissionsPath
	all, err := c.Govern.Permissions(r.Context())
	if err != nil {
		return err
	}
	return c.write(w, r, status, "permissions", permissionsView{form, all, c.actor(r).May(role.StaffManagePermissions),
		c.same([]string{"permission", "list"}, call{http.MethodGet, "/admin/permissions/", nil})})
}

func (c *Console) postPermission(w http.ResponseWriter, r *http.Request) error {
	form := ui.NewForm(r, "name", "description")
	err := c.Govern.Declare(r.Context(), form.Values["name"], form.Values["description"])
	if err == nil {
		return done(w, r, permissionsPath, "permission_declared")
	}
	if !form.Fail(err) {
		return err
	}
	return c.writePermissions(w, r, web.StatusFor(w, err), form)
}

// withdrawPermission ends the declaration whose button was pressed; that it is over already is no
// mistake.
func (c *Console) withdrawPermission(w http.ResponseWriter, r *http.Request) error {
	err := c.Govern.Withdraw(r.Context(), r.PostForm.Get("name"))
	if err == nil || errors.Is(err, govern.ErrUndeclared) {
		return done(w, r, permissionsPath, "permission_withdrawn")
	}
	form := ui.NewForm(r)
	if !form.Fail(err) {
		return err
	}
	return c.writePermissions(w, r, web.StatusFor(w, err), form)
}
