package portal

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// languageView is what the language page shows.
type languageView struct {
	frame
	Choices []ui.Option
}

func (p *Portal) showLanguage(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writeLanguage(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeLanguage(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	chosen := v.Account.Profile.Locale
	f.Set("locale", chosen)
	view := languageView{frame: newFrame(v, f), Choices: []ui.Option{{Value: "", Text: p.UI.Text(p.UI.Language(r), "portal.language.browser")}}}
	for _, l := range ui.Languages() {
		view.Choices = append(view.Choices, ui.Option{Value: l.Tag, Text: l.Name})
	}
	if chosen != "" && !ui.Supported(chosen) {
		// An API may set any tag. It stays until another is chosen.
		view.Choices = append(view.Choices, ui.Option{Value: chosen, Text: nameOf(chosen)})
	}
	return p.write(w, r, v, languagePath, ui.Page{Status: status, Name: "portal/language", Data: view})
}

// nameOf returns what the language of a tag calls itself, with the tag where that says more.
func nameOf(tag string) string {
	near, ok := ui.Match(tag)
	for _, l := range ui.Languages() {
		switch {
		case l.Tag == tag:
			return l.Name
		case ok && l.Tag == near:
			return l.Name + " (" + tag + ")"
		}
	}
	return tag
}

func (p *Portal) postLanguage(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	locale := r.PostForm.Get("locale")
	if locale != v.Account.Profile.Locale {
		if _, err := p.Profile.Change(r.Context(), v.Bearer(), account.Change{Locale: &locale}); err != nil {
			f := ui.NewForm(r)
			if !mend(f, err) {
				return err
			}
			return p.writeLanguage(w, r, v, web.StatusFor(w, err), f)
		}
	}
	return done(w, r, languagePath, "language")
}
