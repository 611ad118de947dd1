package console

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (c *Console) accountsRoutes() []web.Route {
	return []web.Route{web.Get(accountsPath, web.Staff, web.Page(c.showAccounts)).Needs(role.StaffReadAccounts)}
}

// accountsView is one page of a search.
type accountsView struct {
	Form     *ui.Form
	By       []ui.Option
	Status   []ui.Option
	Rows     []accountRow
	Deeds    []manage.Action // what can be done to many at once; none to who may not
	Pager    ui.Pager
	Narrowed bool // a search or a filter, so that an empty page does not say there is nobody
	Same     ui.Same
}

// accountRow is an account in a table.
type accountRow struct {
	*account.Account
	Path   string
	Badges []badge
}

// badge is a status in a word; Key is its text's.
type badge struct{ Kind, Key string }

func rowOf(a *account.Account) accountRow {
	row := accountRow{Account: a, Path: accountPath(a.Subject)}
	add := func(when bool, kind, name string) {
		if when {
			row.Badges = append(row.Badges, badge{kind, "console.status." + name})
		}
	}
	add(a.Active, "good", "active")
	add(!a.Active, "bad", "disabled")
	add(!a.EmailVerified, "warn", "unverified")
	add(a.Superuser, "info", "superuser")
	add(a.Staff && !a.Superuser, "info", "staff")
	return row
}

func rowsOf(all []*account.Account) []accountRow {
	rows := make([]accountRow, len(all))
	for i, a := range all {
		rows[i] = rowOf(a)
	}
	return rows
}

func (c *Console) showAccounts(w http.ResponseWriter, r *http.Request) error {
	asked, by := r.URL.Query(), c.actor(r)
	q := manage.Query{By: asked.Get("by"), Prefix: asked.Get("prefix"), Status: asked.Get("status"), After: asked.Get("after")}
	v := accountsView{
		Form: ui.NewForm(r, "by", "prefix", "status"), Narrowed: q.Prefix != "" || q.Status != "" && q.Status != string(account.All),
		By:     c.options(r, "console.accounts.by_", string(account.ByEmail), string(account.ByUsername), string(account.ByName), string(account.ByID)),
		Status: c.options(r, "console.status.", string(account.All), string(account.Active), string(account.Disabled), string(account.Unverified), string(account.StaffOnly)),
		Same:   c.same(searchCommand(q), call{method: http.MethodGet, path: searchRequest(q)}),
	}
	status := http.StatusOK
	if by.May(role.StaffManageAccounts) {
		v.Deeds = bulkDeeds
	}
	page, err := c.Manage.Search(r.Context(), by, q)
	switch {
	case err == nil:
		v.Rows, v.Pager = rowsOf(page.Items), ui.PagerOf(r.URL, page.Next)
	case v.Form.Fail(err):
		status = web.StatusFor(w, err)
	default:
		return err
	}
	return c.write(w, r, status, "accounts", v)
}

// options are the choices of a field; the texts' keys begin with prefix.
func (c *Console) options(r *http.Request, prefix string, values ...string) []ui.Option {
	lang := c.UI.Language(r)
	all := make([]ui.Option, len(values))
	for i, v := range values {
		all[i] = ui.Option{Value: v, Text: c.UI.Text(lang, prefix+v)}
	}
	return all
}

// actor is who acts on this screen.
func (c *Console) actor(r *http.Request) manage.Actor {
	return c.Manage.ActorOf(session.VisitFromContext(r.Context()).Account)
}
