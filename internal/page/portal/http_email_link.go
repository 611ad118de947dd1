package portal

import (
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// mailedLink is one of the pages that mails about an address lead to.
type mailedLink struct {
	*Portal
	purpose identifier.Purpose
	path    string
}

// linkView is what they show.
type linkView struct {
	Undo   bool
	Action string
	Token  string
	Link   *identifier.Link // nil: it is not good, or not any more
	Used   bool             // what it would do is done
	Form   *ui.Form
}

func (l mailedLink) view(r *http.Request) linkView {
	return linkView{Undo: l.purpose == identifier.Undo, Action: l.path, Form: ui.NewForm(r)}
}

func (l mailedLink) show(w http.ResponseWriter, r *http.Request) error {
	return l.ask(w, r, http.StatusOK, l.view(r), r.URL.Query().Get("token"))
}

// ask shows the button that does it, if the link is good.
func (l mailedLink) ask(w http.ResponseWriter, r *http.Request, status int, v linkView, token string) (err error) {
	v.Link, err = l.Identifier.Find(r.Context(), l.purpose, token)
	v.Token = token
	if errors.Is(err, letter.ErrLink) {
		status = web.StatusOf(letter.ErrLink)
		v.Used, err = l.Identifier.Used(r.Context(), l.purpose, token)
	}
	if err != nil {
		return err
	}
	return l.UI.Write(w, r, ui.Page{Status: status, Name: "portal/email_link", Data: v})
}

func (l mailedLink) post(w http.ResponseWriter, r *http.Request) error {
	token := r.PostForm.Get("token")
	_, err := l.Identifier.Redeem(r.Context(), l.purpose, token, web.FromContext(r.Context()).Address)
	if err == nil {
		http.Redirect(w, r, l.path+"done/", http.StatusSeeOther)
		return nil
	}
	v := l.view(r)
	if !errors.Is(err, letter.ErrLink) && !v.Form.Fail(err) {
		return err
	}
	return l.ask(w, r, web.StatusFor(w, err), v, token)
}

// showDone is the same for everyone.
func (l mailedLink) showDone(w http.ResponseWriter, r *http.Request) error {
	return l.UI.Write(w, r, ui.Page{Name: "portal/email_done", Data: l.view(r)})
}
