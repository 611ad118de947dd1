package portal

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// profileView is what the profile page shows.
type profileView struct {
	frame
	Attributes []account.Field
}

func (p *Portal) showProfile(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writeProfile(w, r, v, http.StatusOK, ui.NewForm(r))
}

// profileNames are the members of the profile's form.
func (p *Portal) profileNames() []string {
	names := []string{"full_name", "phone"}
	for _, a := range p.Attributes {
		names = append(names, a.FieldName())
	}
	return names
}

func (p *Portal) writeProfile(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	f.Set("full_name", v.Account.Profile.FullName)
	f.Set("phone", v.Account.Profile.Phone)
	lang := p.UI.Language(r)
	fields := p.attributeFields(v.Account.Profile.Attributes, lang)
	account.Explain(p.UI, lang, f, fields)
	for _, a := range fields {
		f.Set(a.Field, a.Text)
	}
	return p.write(w, r, v, profilePath, ui.Page{Status: status, Name: "portal/profile", Data: profileView{newFrame(v, f), fields}})
}

func (p *Portal) postProfile(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	c := p.change(v.Account, r.PostForm)
	if !empty(c) {
		if _, err := p.Profile.Change(r.Context(), v.Bearer(), c); err != nil {
			f := ui.NewForm(r, p.profileNames()...)
			if !mend(f, err) {
				return err
			}
			return p.writeProfile(w, r, v, web.StatusFor(w, err), f)
		}
	}
	return done(w, r, profilePath, "profile")
}
