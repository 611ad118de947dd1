package portal

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// emailRoutes are the page that asks for another address, and those that mailed links lead to: whoever
// follows one need not be signed in here. Looking at one uses nothing up: mail scanners open links.
func (p *Portal) emailRoutes() []web.Route {
	all := []web.Route{
		web.Get(emailPath, web.FreshPerson, web.Page(signedIn(p.showEmail))),
		web.Post(emailPath, web.FreshPerson, web.Form(signedIn(p.postEmail))),
	}
	for _, l := range []mailedLink{{p, identifier.Change, emailPath + "confirm/"}, {p, identifier.Undo, emailPath + "undo/"}} {
		all = append(all,
			web.Get(l.path, web.Public, web.Page(l.show)),
			web.Post(l.path, web.Public, web.Form(l.post)),
			web.Get(l.path+"done/", web.Public, web.Page(l.showDone)),
		)
	}
	return all
}

// emailView is what the page of the address shows.
type emailView struct {
	frame
	Waiting []identifier.Link
}

func (p *Portal) showEmail(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if err := p.Enrol.Check(r.Context(), v.Bearer()); err != nil {
		return err
	}
	return p.writeEmail(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeEmail(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	waiting, err := p.Identifier.Waiting(r.Context(), v.Account.ID)
	if err != nil {
		return err
	}
	return p.write(w, r, v, emailPath, ui.Page{Status: status, Name: "portal/email", Data: emailView{newFrame(v, f), waiting}})
}

// postEmail says the same for every address.
func (p *Portal) postEmail(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	err := p.Identifier.AskEmail(r.Context(), v.Bearer(), r.PostForm.Get("email"), web.FromContext(r.Context()).Address)
	if err == nil {
		return done(w, r, emailPath, "email_asked")
	}
	f := ui.NewForm(r, "email")
	if !blame(f, "email", err, account.ErrEmail) && !mend(f, err) {
		return err
	}
	return p.writeEmail(w, r, v, web.StatusFor(w, err), f)
}
