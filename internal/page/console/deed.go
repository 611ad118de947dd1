package console

import (
	"context"
	"net/http"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// deed is something done to an account after one question. Its texts are console.deed.ACTION, its
// path is the account's and the action.
type deed struct {
	manage.Action
	grave bool // it hurts, and looks so
	fits  func(a *account.Account) bool
	run   func(s *manage.Service, ctx context.Context, by manage.Actor, subject string) (*account.Account, error)
}

var deeds = []deed{
	{manage.SignOut, false, active, (*manage.Service).SignOut},
	{manage.SendReset, false, active, (*manage.Service).SendReset},
	{manage.Unlock, false, always, (*manage.Service).Unlock},
	{manage.Enable, false, disabled, (*manage.Service).Enable},
	{manage.Disable, true, active, (*manage.Service).Disable},
}

func always(*account.Account) bool     { return true }
func active(a *account.Account) bool   { return a.Active }
func disabled(a *account.Account) bool { return !a.Active }

// links are what by may do to a now.
func links(by manage.Actor, a *account.Account) []deedLink {
	var all []deedLink
	path := accountPath(a.Subject)
	if by.Superuser && a.Active && !a.Staff && !a.Superuser {
		all = append(all, deedLink{path + "look/", "console.look.do", false})
	}
	if by.Superuser {
		all = append(all, deedLink{path + "rank/", "console.rank.do", false})
	}
	for _, d := range deeds {
		if d.fits(a) && manage.Allowed(by, d.Action, a) == nil {
			all = append(all, deedLink{path + string(d.Action) + "/", "console.deed." + string(d.Action) + ".do", d.grave})
		}
	}
	return all
}

// deedView asks whether something is to be done.
type deedView struct {
	accountRow
	Form   *ui.Form
	Action manage.Action
	Grave  bool
	Same   ui.Same
}

// ask tells what will happen, and to whom.
func (c *Console) ask(d deed) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		a, err := c.find(r.Context(), r)
		if err != nil {
			return err
		}
		if err := manage.Allowed(c.actor(r), d.Action, a); err != nil {
			return err
		}
		return c.writeDeed(w, r, http.StatusOK, d, a, ui.NewForm(r))
	}
}

func (c *Console) writeDeed(w http.ResponseWriter, r *http.Request, status int, d deed, a *account.Account, form *ui.Form) error {
	return c.write(w, r, status, "deed", deedView{accountRow: rowOf(a), Form: form, Action: d.Action, Grave: d.grave, Same: c.sameDeed(d.Action, a.Subject)})
}

// freshFor asks for a fresh proof before something is done to accounts of which one has a rank: whoever
// took a superuser's cookie must not be rid of the others.
func (c *Console) freshFor(r *http.Request, to ...*account.Account) error {
	if slices.ContainsFunc(to, func(a *account.Account) bool { return a.Staff || a.Superuser }) {
		return c.SignIn.Fresh(session.VisitFromContext(r.Context()))
	}
	return nil
}

// do does it. Doing it twice comes to the same.
func (c *Console) do(d deed) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		before, err := c.find(r.Context(), r)
		if err == nil {
			err = c.freshFor(r, before)
		}
		if err != nil {
			return err
		}
		a, err := d.run(c.Manage, r.Context(), c.actor(r), subjectOf(r))
		if err == nil {
			return done(w, r, accountPath(a.Subject), string(d.Action))
		}
		form := ui.NewForm(r)
		if !form.Fail(err) {
			return err
		}
		status := web.StatusFor(w, err)
		if a, err = c.find(r.Context(), r); err != nil {
			return err
		}
		return c.writeDeed(w, r, status, d, a, form)
	}
}
