package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (c *Console) mailsRoutes() []web.Route {
	return []web.Route{
		web.Get(mailsPath, web.Staff, web.Page(c.showMails)).Needs(role.StaffReadMails),
		web.Post(mailsPath+"retry/", web.Staff, web.Form(c.onMail("mail_retried", (*manage.Service).RetryMail))).Needs(role.StaffManageMails),
		web.Post(mailsPath+"discard/", web.Staff, web.Form(c.onMail("mail_discarded", (*manage.Service).DiscardMail))).Needs(role.StaffManageMails),
	}
}

// mailsView is one page of the queue.
type mailsView struct {
	Form   *ui.Form
	Counts []mailCount
	State  string
	Rows   []mailRow
	MayAct bool // on dead letters
	Pager  ui.Pager
	Same   ui.Same
}

// mailRow is a mail of the queue; Key is the text that says what it is for.
type mailRow struct {
	manage.Mail
	Key string
}

// mailKeys are the texts of the kinds of jobs that send mail. One whose kind an older or newer version of
// the program put into the queue has none, and is shown by that.
var mailKeys = map[string]string{
	"letter":           "console.mail.kinds.letter",
	"signup.link":      "console.mail.kinds.signup_link",
	"signup.resend":    "console.mail.kinds.signup_resend",
	"recovery.link":    "console.mail.kinds.recovery_link",
	"emailcode.signin": "console.mail.kinds.emailcode_signin",
	"identifier.link":  "console.mail.kinds.identifier_link",
}

func mailRows(mails []manage.Mail) []mailRow {
	rows := make([]mailRow, len(mails))
	for i, m := range mails {
		rows[i] = mailRow{m, mailKeys[m.Kind]}
	}
	return rows
}

// mailCount leads to the jobs in a state. Many: there are at least so many.
type mailCount struct {
	State   string
	Kind    string // of the badge
	Href    string
	N       int
	Many    bool
	Current bool
}

func (c *Console) showMails(w http.ResponseWriter, r *http.Request) error {
	return c.writeMails(w, r, http.StatusOK, ui.NewForm(r))
}

func (c *Console) writeMails(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	asked := r.URL.Query()
	state := asked.Get("state")
	counts, err := c.Manage.MailCounts(r.Context())
	if err != nil {
		return err
	}
	v := mailsView{Form: form, State: state, MayAct: c.actor(r).May(role.StaffManageMails)}
	for _, one := range []struct {
		state jobs.State
		kind  string
		n     int
	}{{jobs.Waiting, "info", counts.Waiting}, {jobs.Running, "info", counts.Running}, {jobs.Dead, "bad", counts.Dead}, {jobs.Done, "good", counts.Done}} {
		v.Counts = append(v.Counts, mailCount{string(one.state), one.kind, mailsPath + "?state=" + string(one.state), one.n, one.n >= jobs.MaxCount, state == string(one.state)})
	}
	command, request := []string{"mail", "list"}, "/admin/mails/"
	if state != "" {
		command, request = append(command, "--state="+state), request+"?state="+url.QueryEscape(state)
	}
	v.Same = c.same(command, call{method: http.MethodGet, path: request})
	page, err := c.Manage.Mails(r.Context(), c.actor(r), manage.MailQuery{State: state, After: asked.Get("after")})
	switch {
	case err == nil:
		v.Rows, v.Pager = mailRows(page.Items), ui.PagerOf(r.URL, page.Next)
	case form.Fail(err):
		status = web.StatusFor(w, err)
	default:
		return err
	}
	return c.write(w, r, status, "mails", v)
}

// onMail does something with a dead letter. That somebody else was quicker is no mistake.
func (c *Console) onMail(what string, do func(*manage.Service, context.Context, manage.Actor, uuid.UUID) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, _ := uuid.Parse(r.PostForm.Get("mail")) // what is no id is no job's
		err := do(c.Manage, r.Context(), c.actor(r), id)
		if err == nil || errors.Is(err, jobs.ErrNotFound) {
			http.Redirect(w, r, mailsPath+"?state="+string(jobs.Dead)+"&done="+what, http.StatusSeeOther)
			return nil
		}
		form := ui.NewForm(r)
		if !form.Fail(err) {
			return err
		}
		return c.writeMails(w, r, web.StatusFor(w, err), form)
	}
}
