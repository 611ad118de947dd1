package team

import (
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// question is what is asked before something is done that hurts. Its texts are team.KEY.title, .text and
// .submit.
type question struct {
	frame
	Key    string
	Who    string // whom or what it is about; empty: the organisation
	Action string // where the answer is posted to
	Cancel string // where one can turn back to
	// Typed: it cannot be undone, so the organisation's short name is to be typed.
	Typed bool
	// Barred: it cannot be done for now, so team.KEY.barred is said in place of the question.
	Barred bool
	// Outside: whoever is asked may not be let in, so nothing within is offered.
	Outside bool
}

func (t *Team) ask(w http.ResponseWriter, r *http.Request, h here, q question) error {
	return t.writeQuestion(w, r, h, http.StatusOK, q, ui.NewForm(r))
}

func (t *Team) writeQuestion(w http.ResponseWriter, r *http.Request, h here, status int, q question, f *ui.Form) error {
	q.frame, q.Action = newFrame(h, f), r.URL.Path
	page := ui.Page{Status: status, Name: "team/ask", Data: q}
	if q.Outside {
		page.Nav = t.Nav(Path)
		return t.writePersonal(w, r, h.Visit, page)
	}
	return t.write(w, r, h, page)
}

// answered does what was asked, and leads to path. done is what is said there. Where it is refused the
// question is asked again.
func (t *Team) answered(w http.ResponseWriter, r *http.Request, h here, q question, path, what string, do func() error) error {
	f := ui.NewForm(r, "typed")
	err := error(tenancy.ErrTyped)
	if !q.Typed || strings.TrimSpace(r.PostForm.Get("typed")) == h.Tenant.Slug {
		err = do()
	}
	if err == nil {
		return done(w, r, path, what)
	}
	if !blame(f, "typed", err, tenancy.ErrTyped) && !mend(f, err) {
		return err
	}
	return t.writeQuestion(w, r, h, web.StatusFor(w, err), q, f)
}
