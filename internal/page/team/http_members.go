package team

import (
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

const (
	membersPath = one + "members/"
	memberPath  = membersPath + "{account}/"
)

func (t *Team) memberRoutes() []web.Route {
	return []web.Route{
		web.Get(one+"access/", web.Member, web.Page(within(t.showAccess))).Needs(role.Enter),
		web.Post(one+"access/", web.Member, web.Form(within(t.postOwnProfile))).Needs(role.Enter),
		web.Get(membersPath, web.Member, web.Page(within(t.showMembers))).Needs(role.ReadMembers),
		web.Get(memberPath, web.Member, web.Page(within(t.showMember))).Needs(role.ReadMembers),
		web.Post(memberPath, web.Member, web.Form(within(t.postProfile))).Needs(role.ManageMembers).Freshly(),
		web.Get(memberPath+"change/", web.Member, web.Page(within(t.showChange))).Needs(role.ManageMembers).Freshly(),
		web.Post(memberPath+"change/", web.Member, web.Form(within(t.postChange))).Needs(role.ManageMembers).Freshly(),
		web.Get(memberPath+"remove/", web.Member, web.Page(within(t.showRemove))).Needs(role.ManageMembers).Freshly(),
		web.Post(memberPath+"remove/", web.Member, web.Form(within(t.postRemove))).Needs(role.ManageMembers).Freshly(),
		web.Get(memberPath+"transfer/", web.Member, web.Page(within(t.showTransfer))).Needs(role.DeleteTenant).Freshly(),
		web.Post(memberPath+"transfer/", web.Member, web.Form(within(t.postTransfer))).Needs(role.DeleteTenant).Freshly(),
	}
}

// membersView is one page of a search for members.
type membersView struct {
	frame
	Roles    []ui.Option
	Rows     []memberRow
	Pager    ui.Pager
	Narrowed bool
}

// memberRow is a member in a table.
type memberRow struct {
	Email, FullName, Role, Path string
	Direct                      int // permissions besides those of the role
	Active, You                 bool
	JoinedAt                    time.Time
}

func (t *Team) showMembers(w http.ResponseWriter, r *http.Request, h here) error {
	asked, lang, status := r.URL.Query(), t.UI.Language(r), http.StatusOK
	q := member.Query{Prefix: asked.Get("prefix"), Role: asked.Get("role"), After: asked.Get("after")}
	view := membersView{frame: newFrame(h, ui.NewForm(r, "prefix", "role")), Narrowed: q.Prefix != "" || q.Role != ""}
	roles, err := t.Members.Roles(r.Context(), h.Tenant.ID)
	if err != nil {
		return err
	}
	view.Roles = []ui.Option{{Value: "", Text: t.UI.Text(lang, "team.members.any")}}
	for _, one := range roles {
		view.Roles = append(view.Roles, ui.Option{Value: one.Name, Text: t.roleName(lang, one.Name)})
	}
	page, err := t.Members.List(r.Context(), h.Tenant.ID, q)
	switch {
	case err == nil:
		for _, m := range page.Members {
			view.Rows = append(view.Rows, memberRow{m.Email, m.FullName, t.roleName(lang, m.Role), memberPathOf(h, m.Subject), len(m.Direct), m.Active, m.AccountID == h.AccountID, m.JoinedAt})
		}
		view.Pager = ui.PagerOf(r.URL, page.Next)
	case mend(view.Form, err):
		status = web.StatusFor(w, err)
	default:
		return err
	}
	return t.write(w, r, h, ui.Page{Status: status, Name: "team/members", Data: view})
}

// memberPathOf returns where a member's page lies.
func memberPathOf(h here, subject string) string { return h.path() + "members/" + subject + "/" }
