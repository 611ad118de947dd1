package console

import (
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// lookView asks why somebody wants to look at another's pages.
type lookView struct {
	accountRow
	Form *ui.Form
}

func (c *Console) showLook(w http.ResponseWriter, r *http.Request) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	return c.writeLook(w, r, http.StatusOK, a, ui.NewForm(r))
}

func (c *Console) writeLook(w http.ResponseWriter, r *http.Request, status int, a *account.Account, form *ui.Form) error {
	return c.write(w, r, status, "look", lookView{accountRow: rowOf(a), Form: form})
}

// postLook leads to the account's own pages. There is no command and no call that does it: it
// takes a browser to look.
func (c *Console) postLook(w http.ResponseWriter, r *http.Request) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	cookie, err := c.SignIn.Look(r.Context(), session.VisitFromContext(r.Context()), a.Subject, r.PostForm.Get("reason"))
	if err != nil {
		form := ui.NewForm(r, "reason")
		if errors.Is(err, signin.ErrReason) {
			form.Add("reason", signin.ErrReason.Code, signin.ErrReason.Detail)
		} else if !form.Fail(err) {
			return err
		}
		return c.writeLook(w, r, web.StatusFor(w, err), a, form)
	}
	if err := c.SignIn.SetLookCookie(web.FromContext(r.Context()), cookie); err != nil {
		return err
	}
	http.Redirect(w, r, "/account/", http.StatusSeeOther)
	return nil
}
