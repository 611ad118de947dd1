package console

import (
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// ranks are what an account can be, by the names of forms.
var ranks = map[string]struct{ staff, superuser bool }{"none": {}, "staff": {staff: true}, "superuser": {staff: true, superuser: true}}

func rankOf(a *account.Account) string {
	switch {
	case a.Superuser:
		return "superuser"
	case a.Staff:
		return "staff"
	default:
		return "none"
	}
}

// rankView asks what an account is to be.
type rankView struct {
	accountRow
	Form  *ui.Form
	Ranks []ui.Option
	Roles []ui.Option // with what they allow
	Same  ui.Same
}

func (c *Console) showRank(w http.ResponseWriter, r *http.Request) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	return c.writeRank(w, r, http.StatusOK, a, ui.NewForm(r))
}

func (c *Console) writeRank(w http.ResponseWriter, r *http.Request, status int, a *account.Account, form *ui.Form) error {
	v := rankView{accountRow: rowOf(a), Form: form, Ranks: c.options(r, "console.rank.", "none", "staff", "superuser"), Roles: c.roles(r, a)}
	form.Set("rank", rankOf(a))
	as := role.Operator
	if a.Staff {
		as = a.StaffRole
	}
	if c.Manage.Roles.Check(as) != nil {
		form.Set("staff_role", "")
	} else {
		form.Set("staff_role", as)
	}
	v.Same = c.same(append([]string{"account", "set-staff", "--role=" + role.Operator}, argument(a.Subject)...),
		call{http.MethodPatch, requestPath(a.Subject), map[string]any{"is_staff": true, "staff_role": role.Operator}})
	return c.write(w, r, status, "rank", v)
}

// roles are the choices of a staff role. One that a has and that there is no more can stay, as nothing: it
// must not become another by a form that was sent for something else.
func (c *Console) roles(r *http.Request, a *account.Account) []ui.Option {
	var all []ui.Option
	if a.Staff && c.Manage.Roles.Check(a.StaffRole) != nil {
		all = append(all, ui.Option{Text: c.UI.Text(c.UI.Language(r), "console.rank.no_role")})
	}
	for _, one := range c.Manage.Roles.Roles() {
		all = append(all, ui.Option{Value: one.Name, Text: one.Name + ": " + strings.Join(one.Permissions, ", ")})
	}
	return all
}

func (c *Console) postRank(w http.ResponseWriter, r *http.Request) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	form := ui.NewForm(r, "rank", "staff_role")
	err = web.ErrFields.WithField("rank", "invalid", "Choose one of these.")
	if wish, known := ranks[r.PostForm.Get("rank")]; known {
		rank := manage.Rank{Staff: &wish.staff, Superuser: &wish.superuser}
		if as := r.PostForm.Get("staff_role"); as != "" && wish.staff && !wish.superuser {
			rank.Role = &as
		}
		_, err = c.Manage.SetRank(r.Context(), c.actor(r), a.Subject, rank)
	}
	switch {
	case err == nil:
		return done(w, r, accountPath(a.Subject), "rank")
	case form.Fail(err):
		return c.writeRank(w, r, web.StatusFor(w, err), a, form)
	default:
		return err
	}
}
