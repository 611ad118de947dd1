package console

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// deleteView asks whether a tenant is to be deleted, and says what goes with it.
type deleteView struct {
	tenantRow
	Size tenancy.Size
	Form *ui.Form
	Same ui.Same
}

func (c *Console) showDelete(w http.ResponseWriter, r *http.Request) error {
	return c.writeDelete(w, r, http.StatusOK, ui.NewForm(r))
}

func (c *Console) writeDelete(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	t, err := c.Govern.Find(r.Context(), r.PathValue("tenant"))
	if err != nil {
		return err
	}
	size, err := c.Govern.Size(r.Context(), t.ID)
	if err != nil {
		return err
	}
	reason := cmp.Or(strings.TrimSpace(strings.ToValidUTF8(form.Values["reason"], "")), c.UI.Text(c.UI.Language(r), "console.tenant.reason"))
	return c.write(w, r, status, "tenant_delete", deleteView{tenantRowOf(t), size, form, c.same([]string{"tenant", "delete", "--slug=" + t.Slug, "--reason=" + reason, t.Slug},
		call{http.MethodDelete, tenantRequest(t), map[string]string{"slug": t.Slug, "reason": reason}})})
}

func (c *Console) postDelete(w http.ResponseWriter, r *http.Request) error {
	form := ui.NewForm(r, "slug", "reason")
	err := c.Govern.Delete(r.Context(), r.PathValue("tenant"), strings.TrimSpace(form.Values["slug"]), form.Values["reason"])
	switch {
	case err == nil:
		return done(w, r, tenantsPath, "tenant_deleted")
	case errors.Is(err, tenant.ErrNotFound), !form.Fail(err):
		return err
	}
	return c.writeDelete(w, r, web.StatusFor(w, err), form)
}
