package console

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
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
	form.Set("rank", rankOf(a))
	return c.write(w, r, status, "rank", rankView{
		accountRow: rowOf(a), Form: form, Ranks: c.options(r, "console.rank.", "none", "staff", "superuser"),
		Same: c.same(append([]string{"account", "set-staff"}, append(argument(a.Subject), "on")...), call{http.MethodPatch, requestPath(a.Subject), map[string]bool{"is_staff": true}}),
	})
}

func (c *Console) postRank(w http.ResponseWriter, r *http.Request) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	form := ui.NewForm(r, "rank")
	err = web.ErrFields.WithField("rank", "invalid", "Choose one of these.")
	if wish, known := ranks[r.PostForm.Get("rank")]; known {
		_, err = c.Manage.SetRank(r.Context(), actor(r), a.Subject, manage.Rank{Staff: &wish.staff, Superuser: &wish.superuser})
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
