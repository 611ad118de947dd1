package console

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// cancelRecovery keeps somebody from being rid of second factors who says that they lost them. It is
// offered where that is shown.
var cancelRecovery = deed{Action: manage.CancelRecovery, run: (*manage.Service).CancelRecovery}

// factorsView is the box about second factors.
type factorsView struct {
	manage.Factors
	Cancel string // where to cancel what is waited for; empty: it may not be
	Reset  string // where to take all of them; empty: there is none, or it may not be
}

func factorsOf(by manage.Actor, d *manage.Detail) factorsView {
	v := factorsView{Factors: d.Factors}
	if v.Recovery != nil && manage.Allowed(by, manage.CancelRecovery, d.Account) == nil {
		v.Cancel = accountPath(d.Account.Subject) + string(manage.CancelRecovery) + "/"
	}
	if v.Second() && manage.Allowed(by, manage.ResetFactors, d.Account) == nil {
		v.Reset = accountPath(d.Account.Subject) + string(manage.ResetFactors) + "/"
	}
	return v
}

// Kind is the text's key of what a named factor is.
func (factorsView) Kind(n factor.Named) string { return "console.factors.kind." + n.Method }

// resetView asks why all second factors of an account are to be taken.
type resetView struct {
	accountRow
	Form *ui.Form
	Same ui.Same
}

func (c *Console) showReset(w http.ResponseWriter, r *http.Request) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	if err := manage.Allowed(c.actor(r), manage.ResetFactors, a); err != nil {
		return err
	}
	return c.writeReset(w, r, http.StatusOK, a, ui.NewForm(r))
}

func (c *Console) writeReset(w http.ResponseWriter, r *http.Request, status int, a *account.Account, form *ui.Form) error {
	reason := cmp.Or(strings.TrimSpace(strings.ToValidUTF8(form.Values["reason"], "")), c.UI.Text(c.UI.Language(r), "console.reset_factors.reason"))
	in := call{http.MethodPost, requestPath(a.Subject), map[string]string{"reason": reason}}
	if in.path != "" {
		in.path += string(manage.ResetFactors) + "/"
	}
	command := append([]string{"account", string(manage.ResetFactors), "--reason=" + reason}, argument(a.Subject)...)
	return c.write(w, r, status, "reset_factors", resetView{accountRow: rowOf(a), Form: form, Same: c.same(command, in)})
}

func (c *Console) postReset(w http.ResponseWriter, r *http.Request) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	_, err = c.Manage.ResetFactors(r.Context(), c.actor(r), a.Subject, r.PostForm.Get("reason"))
	if err == nil {
		return done(w, r, accountPath(a.Subject), string(manage.ResetFactors))
	}
	form := ui.NewForm(r, "reason")
	if !form.Fail(err) {
		return err
	}
	return c.writeReset(w, r, web.StatusFor(w, err), a, form)
}
