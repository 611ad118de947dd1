package console

import (
	"net/http"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Where many accounts are acted on; see segment.
const (
	bulkPath = accountsPath + "~selected/"
	bulkDone = bulkPath + "done/"
)

// bulkDeeds are what can be done to many accounts at once.
var bulkDeeds = []manage.Action{manage.SignOut, manage.SendReset, manage.Enable, manage.Disable}

func (c *Console) bulkRoutes() []web.Route {
	return []web.Route{
		// Whoever changes the language here, or comes back by an address, begins anew.
		web.Get(bulkPath, web.Staff, web.Page(toAccounts)).Needs(role.StaffManageAccounts),
		web.Get(bulkDone, web.Staff, web.Page(toAccounts)).Needs(role.StaffManageAccounts),
		web.Post(bulkPath, web.Staff, web.Form(c.askBulk)).Needs(role.StaffManageAccounts),
		web.Post(bulkDone, web.Staff, web.Form(c.doBulk)).Needs(role.StaffManageAccounts),
	}
}

func toAccounts(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, accountsPath, http.StatusSeeOther)
	return nil
}

// bulkView asks whether something is to be done to many, and then tells what was.
type bulkView struct {
	Form   *ui.Form
	Action manage.Action
	Grave  bool
	Rows   []bulkRow
	Able   int // to how many of the rows it will be done
	Path   string
	Same   ui.Same
}

// bulkRow is one of the accounts with what keeps it from being acted on, or kept.
type bulkRow struct {
	accountRow
	Why *fault.Error
}

// wish reads what is to be done to whom.
func wish(r *http.Request) (manage.Action, []string, error) {
	action, subjects := manage.Action(r.PostForm.Get("action")), r.PostForm["account[]"]
	if !slices.Contains(bulkDeeds, action) || len(subjects) == 0 || len(subjects) > manage.MaxBulk || !slices.ContainsFunc(subjects, isSubject) {
		return "", nil, manage.ErrBulk
	}
	return action, slices.DeleteFunc(subjects, func(s string) bool { return !isSubject(s) }), nil
}

// askBulk lists who is meant and what will happen.
func (c *Console) askBulk(w http.ResponseWriter, r *http.Request) error {
	v := bulkView{Form: ui.NewForm(r)}
	action, subjects, err := wish(r)
	if err != nil {
		return c.refuseBulk(w, r, err)
	}
	found, err := findAll(r.Context(), c.DB, subjects)
	if err != nil {
		return err
	}
	v.setAction(action)
	by := c.actor(r)
	for _, a := range found {
		row := bulkRow{rowOf(a), reason(manage.Allowed(by, action, a))}
		if row.Why == nil {
			v.Able++
		}
		v.Rows = append(v.Rows, row)
	}
	v.Same = c.sameBulk(action, subjects)
	return c.write(w, r, http.StatusOK, "bulk", v)
}

func (c *Console) refuseBulk(w http.ResponseWriter, r *http.Request, err error) error {
	form := ui.NewForm(r)
	form.Fail(err)
	return c.write(w, r, web.StatusFor(w, err), "bulk", bulkView{Form: form})
}

// reason is what people are told of an error; nil is none.
func reason(err error) *fault.Error {
	f, ok := fault.From(err)
	if err != nil && !ok {
		return web.ErrInternal
	}
	return f
}

func (v *bulkView) setAction(a manage.Action) {
	v.Action, v.Grave = a, a == manage.Disable
}

// doBulk does it and tells what became of each. Sending it twice comes to the same.
func (c *Console) doBulk(w http.ResponseWriter, r *http.Request) error {
	action, subjects, err := wish(r)
	if err != nil {
		return c.refuseBulk(w, r, err)
	}
	meant, err := findAll(r.Context(), c.DB, subjects)
	if err == nil {
		err = c.freshFor(r, meant...)
	}
	if err != nil {
		return err
	}
	outcomes, err := c.Manage.Bulk(r.Context(), c.actor(r), action, subjects)
	if err != nil {
		return err
	}
	found, err := findAll(r.Context(), c.DB, subjects)
	if err != nil {
		return err
	}
	v := bulkView{Form: ui.NewForm(r)}
	v.setAction(action)
	for _, o := range outcomes {
		i := slices.IndexFunc(found, func(a *account.Account) bool { return a.Subject == o.Subject })
		if i < 0 {
			continue // erased meanwhile, or never there
		}
		v.Rows = append(v.Rows, bulkRow{rowOf(found[i]), reason(o.Err)})
		if o.Err == nil {
			v.Able++
		}
	}
	return c.write(w, r, http.StatusOK, "bulk_done", v)
}
