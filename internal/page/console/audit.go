package console

import (
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (c *Console) auditRoutes() []web.Route {
	return []web.Route{
		web.Get(auditPath, web.Staff, web.Page(c.known(c.showAudit))).Needs(role.StaffReadAudit),
		web.Get(auditPath+"export/", web.Staff, web.Page(c.known(c.exportAudit))).Needs(role.StaffReadAudit),
	}
}

// auditView is one page of events.
type auditView struct {
	Form     *ui.Form
	Kinds    []ui.Option
	Rows     []auditRow
	Pager    ui.Pager
	Export   string
	Narrowed bool
	Same     ui.Same
}

type auditRow struct {
	eventRow
	TenantPath  string // empty: it happened in none, or they may not be seen
	AccountPath string // empty: it concerns nobody, or somebody who is gone, or accounts may not be seen
}

// filters are the members of the form, as in the address.
var filters = []string{"account", "tenant", "kind", "actor", "address", "since", "until"}

// auditQuery reads the filters. Days are whole ones in UTC, the last included.
func auditQuery(asked url.Values, form *ui.Form) manage.AuditQuery {
	day := func(name string) time.Time {
		text := asked.Get(name)
		if text == "" {
			return time.Time{}
		}
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			form.Add(name, web.ErrFields.Code, web.ErrFields.Detail)
		}
		return t
	}
	q := manage.AuditQuery{Account: asked.Get("account"), Tenant: asked.Get("tenant"), Kind: asked.Get("kind"), Actor: asked.Get("actor"), Address: asked.Get("address"),
		Since: day("since"), Until: day("until"), After: asked.Get("after")}
	if !q.Until.IsZero() {
		q.Until = q.Until.Add(24 * time.Hour)
	}
	return q
}

func (c *Console) showAudit(w http.ResponseWriter, r *http.Request) error {
	v, asked, status := auditView{Form: ui.NewForm(r, filters...)}, url.Values{}, http.StatusOK
	for _, name := range filters {
		if value := r.URL.Query().Get(name); value != "" {
			asked.Set(name, value)
		}
	}
	q := auditQuery(r.URL.Query(), v.Form)
	kinds, err := audit.Kinds(r.Context(), c.DB)
	if err != nil {
		return err
	}
	v.Kinds = append(v.Kinds, ui.Option{Text: c.UI.Text(c.UI.Language(r), "console.audit.any")})
	for _, k := range kinds {
		v.Kinds = append(v.Kinds, ui.Option{Value: k, Text: k})
	}
	v.Narrowed, v.Export, v.Same = len(asked) > 0, auditPath+"export/?"+asked.Encode(), c.sameAudit(q, asked)
	if len(v.Form.Problems) > 0 {
		return c.write(w, r, http.StatusBadRequest, "audit", v)
	}
	by := c.actor(r)
	page, err := c.Manage.Audit(r.Context(), by, q)
	switch {
	case err == nil:
		for _, e := range page.Items {
			row := auditRow{eventRow: eventOf(e)}
			if e.Subject != "" {
				row.AccountPath = open(by, accountPath(e.Subject))
			}
			if e.TenantID != uuid.Nil {
				row.TenantPath = open(by, tenantsPath+e.TenantID.String()+"/")
			}
			v.Rows = append(v.Rows, row)
		}
		v.Pager = ui.PagerOf(r.URL, page.Next)
	case v.Form.Fail(err):
		status = web.StatusFor(w, err)
	default:
		return err
	}
	return c.write(w, r, status, "audit", v)
}

// exportAudit sends the same events as a table for spreadsheets.
func (c *Console) exportAudit(w http.ResponseWriter, r *http.Request) error {
	// A link elsewhere must not make staff's browsers read and keep so much.
	if web.FromContext(r.Context()).CheckOrigin() != nil {
		http.Redirect(w, r, auditPath, http.StatusSeeOther)
		return nil
	}
	form := ui.NewForm(r, filters...)
	q := auditQuery(r.URL.Query(), form)
	if len(form.Problems) > 0 {
		return web.ErrFields
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="audit.csv"`)
	sent := &counted{w: w}
	err := c.Manage.ExportAudit(r.Context(), c.actor(r), q, sent)
	if err != nil && sent.n > 0 {
		panic(http.ErrAbortHandler) // half a table must not look like a whole one
	}
	if err != nil {
		w.Header().Del("Content-Disposition")
	}
	return err
}

// counted counts what was written.
type counted struct {
	w http.ResponseWriter
	n int
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += n
	return n, err
}

func (c *Console) sameAudit(q manage.AuditQuery, asked url.Values) ui.Same {
	command, request := []string{"audit", "list"}, url.Values{}
	add := func(name, value string) {
		if value != "" {
			command = append(command, "--"+name+"="+value)
			request.Set(name, value)
		}
	}
	add("account", q.Account)
	add("tenant", q.Tenant)
	add("kind", q.Kind)
	add("actor", q.Actor)
	add("address", q.Address)
	moment := func(name string, at time.Time) {
		if !at.IsZero() {
			add(name, at.UTC().Format(time.RFC3339))
		}
	}
	moment("since", q.Since)
	moment("until", q.Until)
	path := "/admin/audit/"
	if len(request) > 0 {
		path += "?" + request.Encode()
	}
	return c.same(command, call{method: http.MethodGet, path: path})
}
