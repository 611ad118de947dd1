package team

import (
	"net/http"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// newRolePath is no name that a role can have.
const (
	rolesPath   = one + "roles/"
	newRolePath = rolesPath + "~new/"
	rolePath    = rolesPath + "{role}/"
)

func (t *Team) roleRoutes() []web.Route {
	return []web.Route{
		web.Get(rolesPath, web.Member, web.Page(within(t.showRoles))).Needs(role.ReadRoles),
		web.Get(newRolePath, web.Member, web.Page(within(t.showNewRole))).Needs(role.ManageRoles).Freshly(),
		web.Post(newRolePath, web.Member, web.Form(within(t.postNewRole))).Needs(role.ManageRoles).Freshly(),
		web.Get(rolePath, web.Member, web.Page(within(t.showRole))).Needs(role.ManageRoles).Freshly(),
		web.Post(rolePath, web.Member, web.Form(within(t.postRole))).Needs(role.ManageRoles).Freshly(),
		web.Get(rolePath+"delete/", web.Member, web.Page(within(t.showRoleDelete))).Needs(role.ManageRoles).Freshly(),
		web.Post(rolePath+"delete/", web.Member, web.Form(within(t.postRoleDelete))).Needs(role.ManageRoles).Freshly(),
	}
}

// rolesView is what the page shows that lists roles.
type rolesView struct {
	frame
	Own, Common []roleRow
}

// roleRow is a role in a list.
type roleRow struct {
	member.RoleInfo
	Name string // as people call it
	Path string // where it can be changed; empty: not by whoever looks
}

func (t *Team) showRoles(w http.ResponseWriter, r *http.Request, h here) error {
	roles, err := t.Members.Roles(r.Context(), h.Tenant.ID)
	if err != nil {
		return err
	}
	view, lang := rolesView{frame: newFrame(h, ui.NewForm(r))}, t.UI.Language(r)
	for _, one := range roles {
		row := roleRow{RoleInfo: one, Name: t.roleName(lang, one.Name)}
		switch {
		case one.Common:
			view.Common = append(view.Common, row)
			continue
		case view.May(role.ManageRoles) && h.Grant.Gives(one.Role):
			row.Path = rolePathOf(h, one.Name)
		}
		view.Own = append(view.Own, row)
	}
	return t.write(w, r, h, ui.Page{Name: "team/roles", Data: view})
}

// rolePathOf returns where a role can be changed.
func rolePathOf(h here, name string) string { return h.path() + "roles/" + name + "/" }

// roleView is the form of a role.
type roleView struct {
	frame
	Name    string // empty: it is a new one
	Action  string
	Choices []choice
}

func (t *Team) writeRole(w http.ResponseWriter, r *http.Request, h here, status int, name string, f *ui.Form, chosen []string) error {
	words, err := t.glossary(r.Context(), t.UI.Language(r))
	if err != nil {
		return err
	}
	_, permissions, err := t.Members.Assignable(r.Context(), h.Tenant.ID, h.Grant)
	if err != nil {
		return err
	}
	view := roleView{newFrame(h, f), name, r.URL.Path, words.choices(permissions, chosen)}
	return t.write(w, r, h, ui.Page{Status: status, Name: "team/role", Data: view})
}

func (t *Team) showNewRole(w http.ResponseWriter, r *http.Request, h here) error {
	return t.writeRole(w, r, h, http.StatusOK, "", ui.NewForm(r), nil)
}

func (t *Team) postNewRole(w http.ResponseWriter, r *http.Request, h here) error {
	chosen := r.PostForm["permission[]"]
	_, err := t.Members.CreateRole(r.Context(), h.by(), h.Tenant.ID, r.PostForm.Get("name"), chosen)
	if err == nil {
		return done(w, r, h.path()+"roles/", "role_created")
	}
	f := ui.NewForm(r, "name", "permissions")
	if !blame(f, "name", err, role.ErrName, member.ErrRoleExists) && !blamePermissions(f, err) && !mend(f, err) {
		return err
	}
	return t.writeRole(w, r, h, web.StatusFor(w, err), "", f, chosen)
}

// blamePermissions takes err as the problem of the permissions of a form.
func blamePermissions(f *ui.Form, err error) bool {
	return blame(f, "permissions", err, role.ErrPermission, member.ErrPermissions)
}

// ownRole returns the role of the path, if it is the organisation's own and whoever asks may change it.
func (t *Team) ownRole(r *http.Request, h here) (member.RoleInfo, error) {
	roles, err := t.Members.Roles(r.Context(), h.Tenant.ID)
	if err != nil {
		return member.RoleInfo{}, err
	}
	i := slices.IndexFunc(roles, func(one member.RoleInfo) bool { return one.Name == r.PathValue("role") })
	switch {
	case i < 0:
		return member.RoleInfo{}, member.ErrRoleNotFound
	case roles[i].Common:
		return member.RoleInfo{}, member.ErrRoleCommon
	case !h.Grant.Gives(roles[i].Role):
		return member.RoleInfo{}, role.ErrEscalation
	default:
		return roles[i], nil
	}
}

func (t *Team) showRole(w http.ResponseWriter, r *http.Request, h here) error {
	own, err := t.ownRole(r, h)
	if err != nil {
		return err
	}
	return t.writeRole(w, r, h, http.StatusOK, own.Name, ui.NewForm(r), own.Permissions)
}

func (t *Team) postRole(w http.ResponseWriter, r *http.Request, h here) error {
	name, chosen := r.PathValue("role"), r.PostForm["permission[]"]
	_, err := t.Members.ChangeRole(r.Context(), h.by(), h.Tenant.ID, name, chosen)
	if err == nil {
		return done(w, r, h.path()+"roles/", "role_changed")
	}
	f := ui.NewForm(r, "permissions")
	if !blamePermissions(f, err) && !mend(f, err) {
		return err
	}
	own, again := t.ownRole(r, h)
	if again != nil {
		return again
	}
	return t.writeRole(w, r, h, web.StatusFor(w, err), own.Name, f, chosen)
}

func (t *Team) showRoleDelete(w http.ResponseWriter, r *http.Request, h here) error {
	own, err := t.ownRole(r, h)
	if err != nil {
		return err
	}
	return t.ask(w, r, h, deletingRole(h, own.Name))
}

func deletingRole(h here, name string) question {
	return question{Key: "role_delete", Who: name, Cancel: h.path() + "roles/"}
}

func (t *Team) postRoleDelete(w http.ResponseWriter, r *http.Request, h here) error {
	name := r.PathValue("role")
	return t.answered(w, r, h, deletingRole(h, name), h.path()+"roles/", "role_deleted", func() error {
		return t.Members.DeleteRole(r.Context(), h.by(), h.Tenant.ID, name)
	})
}
