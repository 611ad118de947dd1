package console

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (c *Console) sessionsRoutes() []web.Route {
	return []web.Route{
		web.Get(sessionsPath, web.Staff, web.Page(c.known(c.showSessions))).Needs(role.StaffReadSessions),
		web.Post(sessionsPath, web.Staff, web.Form(c.known(c.postSessions))).Needs(role.StaffEndSessions),
	}
}

// sessionsView is one page of the sessions of everybody, or of one account.
type sessionsView struct {
	Form   *ui.Form
	Rows   []visitRow
	MayEnd bool
	Pager  ui.Pager
	Same   ui.Same
}

type visitRow struct {
	sessionRow
	AccountPath string // empty: accounts may not be seen
}

func (c *Console) showSessions(w http.ResponseWriter, r *http.Request) error {
	return c.writeSessions(w, r, http.StatusOK, ui.NewForm(r, "account"))
}

func (c *Console) writeSessions(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	asked, by := r.URL.Query(), c.actor(r)
	q := manage.SessionQuery{Account: asked.Get("account"), After: asked.Get("after")}
	command, request := []string{"session", "list"}, "/admin/sessions/"
	if q.Account != "" {
		command, request = append(command, "--account="+q.Account), request+"?account="+url.QueryEscape(q.Account)
	}
	v := sessionsView{Form: form, MayEnd: by.May(role.StaffEndSessions), Same: c.same(command, call{method: http.MethodGet, path: request})}
	page, err := c.Manage.Sessions(r.Context(), by, q)
	switch {
	case err == nil:
		for _, s := range page.Items {
			v.Rows = append(v.Rows, visitRow{c.sessionRow(s), open(by, accountPath(s.Subject))})
		}
		v.Pager = ui.PagerOf(r.URL, page.Next)
	case form.Fail(err):
		status = web.StatusFor(w, err)
	default:
		return err
	}
	return c.write(w, r, status, "sessions", v)
}

// postSessions ends the session whose button was pressed; that it is over already is no mistake.
func (c *Console) postSessions(w http.ResponseWriter, r *http.Request) error {
	id, _ := uuid.Parse(r.PostForm.Get("session")) // what is no id is no session's
	err := c.freshForSession(r, id)
	if err != nil {
		return err
	}
	err = c.Manage.EndSession(r.Context(), c.actor(r), id)
	if err == nil || errors.Is(err, session.ErrNotFound) {
		return done(w, r, sessionsPath, "session_ended")
	}
	form := ui.NewForm(r)
	if !form.Fail(err) {
		return err
	}
	return c.writeSessions(w, r, web.StatusFor(w, err), form)
}

// freshForSession is freshFor for the owner of a session.
func (c *Console) freshForSession(r *http.Request, id uuid.UUID) error {
	var owner *account.Account
	err := c.DB.InTx(r.Context(), func(tx *db.Tx) error {
		whose, err := session.AccountOf(r.Context(), tx, id)
		if err == nil {
			owner, err = account.Find(r.Context(), tx, whose)
		}
		return err
	})
	if errors.Is(err, session.ErrNotFound) {
		return nil // over already
	}
	if err != nil {
		return err
	}
	return c.freshFor(r, owner)
}
