package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// onePath is where an account and all that is done to it lie.
const onePath = accountsPath + "{account}/"

func (c *Console) accountRoutes() []web.Route {
	all := []web.Route{
		web.Get(onePath, web.Staff, web.Page(c.known(c.showAccount))).Needs(role.StaffReadAccounts),
		web.Get(onePath+"sessions/{session}/", web.Staff, web.Page(c.known(c.showSession))).Needs(role.StaffEndSessions),
		web.Post(onePath+"sessions/{session}/", web.Staff, web.Form(c.known(c.postSession))).Needs(role.StaffEndSessions),
		web.Get(onePath+"attributes/", web.Staff, web.Page(c.known(c.showAttributes))).Needs(role.StaffManageAccounts).Freshly(),
		web.Post(onePath+"attributes/", web.Staff, web.Form(c.known(c.postAttributes))).Needs(role.StaffManageAccounts).Freshly(),
		web.Get(onePath+"rank/", web.Superuser, web.Page(c.known(c.showRank))),
		web.Post(onePath+"rank/", web.Superuser, web.Form(c.known(c.postRank))),
		web.Get(onePath+"look/", web.Superuser, web.Page(c.known(c.showLook))),
		web.Post(onePath+"look/", web.Superuser, web.Form(c.known(c.postLook))),
		web.Get(onePath+"reset-factors/", web.Superuser, web.Page(c.known(c.showReset))),
		web.Post(onePath+"reset-factors/", web.Superuser, web.Form(c.known(c.postReset))),
	}
	for _, d := range append(slices.Clone(deeds), cancelRecovery) {
		path := onePath + string(d.Action) + "/"
		all = append(all, web.Get(path, web.Staff, web.Page(c.known(c.ask(d)))).Needs(role.StaffManageAccounts),
			web.Post(path, web.Staff, web.Form(c.known(c.do(d)))).Needs(role.StaffManageAccounts))
	}
	return all
}

// known turns an account that does not exist into a page that says so.
func (c *Console) known(fn func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := fn(w, r)
		if errors.Is(err, account.ErrNotFound) {
			return c.write(w, r, web.StatusFor(w, err), "no_account", open(c.actor(r), accountsPath))
		}
		return err
	}
}

// shown is how many of a person's newest events and mails stand on their page.
const shown = 10

// accountView is everything about a person.
type accountView struct {
	accountRow
	Attributes []account.Field
	MaySet     bool // the attributes
	Tenants    []membershipRow
	Factors    factorsView
	Sessions   []sessionRow
	Events     []eventRow
	Mails      []mailRow
	MailKinds  map[jobs.State]string // how a mail's state looks
	Deeds      []deedLink
	MayAct     bool   // on accounts that are not protected
	MayEnd     bool   // sessions
	MoreEvents string // empty: the events may not be seen
	MoreVisits string // the same of sessions
	SeesMails  bool
	SeesTeams  bool // the organisations
	Same       ui.Same
}

// mailKinds is how the states of mails look.
var mailKinds = map[jobs.State]string{jobs.Waiting: "info", jobs.Running: "info", jobs.Dead: "bad", jobs.Done: "good"}

// membershipRow is an organisation that an account belongs to.
type membershipRow struct {
	tenantRow
	role.Grant
	JoinedAt time.Time
}

type sessionRow struct {
	session.Row
	End   string // where it is ended
	Place place.Place
}

func (c *Console) sessionRow(s session.Row) sessionRow {
	return sessionRow{s, accountPath(s.Subject) + "sessions/" + s.ID.String() + "/", c.Places.Find(s.Address)}
}

// eventRow is an event of the audit; Key is the text that says who acted, where that is nobody by name.
type eventRow struct {
	manage.Event
	Key string
}

// deedLink leads to what can be done to an account.
type deedLink struct {
	Path, Key string
	Grave     bool
}

func (c *Console) showAccount(w http.ResponseWriter, r *http.Request) error {
	by := c.actor(r)
	d, err := c.Manage.Detail(r.Context(), by, subjectOf(r))
	if err != nil {
		return err
	}
	name, lang, schema := url.QueryEscape(d.Account.Subject), c.UI.Language(r), c.Manage.Schema
	v := accountView{
		accountRow: rowOf(d.Account), Attributes: account.Fields(c.UI, lang, schema.Attributes(), schema.Shown(d.Account.Profile.Attributes)), Deeds: links(by, d.Account), Factors: factorsOf(by, d),
		MayAct: by.May(role.StaffManageAccounts), MayEnd: manage.Allowed(by, manage.EndSession, d.Account) == nil,
		MaySet:    manage.Allowed(by, manage.SetAttributes, d.Account) == nil,
		SeesMails: by.May(role.StaffReadMails), Mails: mailRows(d.Mails[:min(shown, len(d.Mails))]), SeesTeams: by.May(role.StaffReadTenants),
		MoreEvents: open(by, auditPath+"?account="+name), MoreVisits: open(by, sessionsPath+"?account="+name),
		MailKinds: mailKinds, Same: c.same(append([]string{"account", "show"}, argument(d.Account.Subject)...), call{http.MethodGet, requestPath(d.Account.Subject), nil}),
	}
	if v.SeesTeams {
		if v.Tenants, err = c.memberships(r, d.Account); err != nil {
			return err
		}
	}
	for _, s := range d.Sessions {
		v.Sessions = append(v.Sessions, c.sessionRow(s))
	}
	for _, e := range d.Events[:min(shown, len(d.Events))] {
		v.Events = append(v.Events, eventOf(e))
	}
	return c.write(w, r, http.StatusOK, "account", v)
}

// eventOf words who acted: somebody by address, or one of the few that have none.
func eventOf(e manage.Event) eventRow {
	row := eventRow{Event: e}
	switch e.Source.Actor {
	case "self", "cli", "system":
		row.Key = "console.actor." + e.Source.Actor
	default:
		row.ActorEmail = cmp.Or(e.ActorEmail, e.Source.Actor)
	}
	return row
}

// memberships are the organisations that a belongs to, by name.
func (c *Console) memberships(r *http.Request, a *account.Account) ([]membershipRow, error) {
	all, err := c.Govern.Of(r.Context(), a.ID)
	if err != nil {
		return nil, err
	}
	rows := make([]membershipRow, len(all))
	for i, m := range all {
		rows[i] = membershipRow{tenantRowOf(&m.Tenant), m.Grant, m.JoinedAt}
	}
	return rows, nil
}

// afterwards is where an outcome is seen of what was done to a session of a.
func (c *Console) afterwards(r *http.Request, a *account.Account) string {
	return cmp.Or(open(c.actor(r), accountPath(a.Subject)), sessionsPath)
}

// sessionView asks whether one session is to be ended.
type sessionView struct {
	accountRow
	Form    *ui.Form
	Session session.Row
	Same    ui.Same
}

// showSession asks. A session that is over, or another's, leads back to the account.
func (c *Console) showSession(w http.ResponseWriter, r *http.Request) error {
	return c.writeSession(w, r, http.StatusOK, ui.NewForm(r))
}

func (c *Console) writeSession(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	newest, err := c.Manage.Sessions(r.Context(), c.actor(r), manage.SessionQuery{Account: a.Subject})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(newest.Items, func(s session.Row) bool { return s.ID.String() == r.PathValue("session") && s.Live })
	if i < 0 {
		return done(w, r, c.afterwards(r, a), "session_over")
	}
	id := newest.Items[i].ID.String()
	return c.write(w, r, status, "session_end", sessionView{
		accountRow: rowOf(a), Form: form, Session: newest.Items[i],
		Same: c.same([]string{"session", "end", id}, call{http.MethodDelete, "/admin/sessions/" + id + "/", nil}),
	})
}

// postSession ends a session; that it is over already is no mistake.
func (c *Console) postSession(w http.ResponseWriter, r *http.Request) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	id, _ := uuid.Parse(r.PathValue("session")) // what is no id is no session's
	// The session's owner counts: the path may name another account.
	if err := c.freshForSession(r, id); err != nil {
		return err
	}
	err = c.Manage.EndSession(r.Context(), c.actor(r), id)
	if err == nil || errors.Is(err, session.ErrNotFound) {
		return done(w, r, c.afterwards(r, a), "session_ended")
	}
	form := ui.NewForm(r)
	if !form.Fail(err) {
		return err
	}
	return c.writeSession(w, r, web.StatusFor(w, err), form)
}
