package team

import (
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

const invitationsPath = one + "invitations/"

func (t *Team) invitationRoutes() []web.Route {
	return []web.Route{
		web.Get(invitationsPath, web.Member, web.Page(within(t.showInvitations))).Needs(role.ReadMembers),
		web.Post(invitationsPath, web.Member, web.Form(within(t.postInvitation))).Needs(role.Invite).Freshly(),
		web.Post(invitationsPath+"{invitation}/resend/", web.Member, web.Form(within(t.postResend))).Needs(role.Invite).Freshly(),
		web.Post(invitationsPath+"{invitation}/revoke/", web.Member, web.Form(within(t.postRevoke))).Needs(role.Invite),
	}
}

// invitationsPage is how many invitations one page lists.
const invitationsPage = 50

// invitationsView is what the page of invitations shows.
type invitationsView struct {
	frame
	// Roles are those that whoever looks can invite to; none: they cannot invite.
	Roles     []ui.Option
	Languages []ui.Option
	Rows      []invitationRow
	Pager     ui.Pager
}

// invitationRow is an invitation in a table.
type invitationRow struct {
	invitation.Invitation
	Role   string
	Status string
	Path   string // of what can be done with it; empty: nothing by whoever looks
}

func (t *Team) showInvitations(w http.ResponseWriter, r *http.Request, h here) error {
	return t.writeInvitations(w, r, h, http.StatusOK, ui.NewForm(r))
}

func (t *Team) writeInvitations(w http.ResponseWriter, r *http.Request, h here, status int, f *ui.Form) error {
	ctx, lang := r.Context(), t.UI.Language(r)
	view := invitationsView{frame: newFrame(h, f)}
	var offered []string
	if view.May(role.Invite) {
		var err error
		if offered, _, err = t.Members.Assignable(ctx, h.Tenant.ID, h.Grant); err != nil {
			return err
		}
		view.Roles = t.roleOptions(lang, offered)
		view.Languages = languageOptions()
		f.Set("role", role.Member)
		f.Set("locale", lang)
	}
	page, next, err := t.Invitations.List(ctx, h.Tenant.ID, r.URL.Query().Get("after"), invitationsPage)
	switch {
	case err == nil:
	case mend(f, err):
		status = web.StatusFor(w, err)
	default:
		return err
	}
	for _, one := range page {
		row := invitationRow{Invitation: one, Role: t.roleName(lang, one.Role), Status: one.Status(t.DB.Now())}
		if slices.Contains(offered, one.Role) || view.May(role.Invite) && one.Void == invitation.RoleGone {
			row.Path = h.path() + "invitations/" + one.ID.String() + "/"
		}
		view.Rows = append(view.Rows, row)
	}
	view.Pager = ui.PagerOf(r.URL, next)
	return t.write(w, r, h, ui.Page{Status: status, Name: "team/invitations", Data: view})
}

// languageOptions are the languages by their own names.
func languageOptions() []ui.Option {
	options := []ui.Option{}
	for _, l := range ui.Languages() {
		options = append(options, ui.Option{Value: l.Tag, Text: l.Name})
	}
	return options
}

func (t *Team) postInvitation(w http.ResponseWriter, r *http.Request, h here) error {
	_, err := t.Invitations.Send(r.Context(), h.by(), h.Tenant.ID, r.PostForm.Get("email"), r.PostForm.Get("role"), r.PostForm.Get("locale"))
	if err == nil {
		return done(w, r, h.path()+"invitations/", "sent")
	}
	f := ui.NewForm(r, "email", "role", "locale")
	if !blame(f, "email", err, account.ErrEmail, tenant.ErrEmailDomain, tenant.ErrMember) && !blame(f, "role", err, role.ErrUnknown) && !mend(f, err) {
		return err
	}
	return t.writeInvitations(w, r, h, web.StatusFor(w, err), f)
}

func (t *Team) postResend(w http.ResponseWriter, r *http.Request, h here) error {
	return t.onInvitation(w, r, h, "resent", func(id uuid.UUID) error {
		_, err := t.Invitations.Resend(r.Context(), h.by(), h.Tenant.ID, id)
		return err
	})
}

func (t *Team) postRevoke(w http.ResponseWriter, r *http.Request, h here) error {
	return t.onInvitation(w, r, h, "revoked", func(id uuid.UUID) error {
		return t.Invitations.Revoke(r.Context(), h.by(), h.Tenant.ID, id)
	})
}

// onInvitation does something to the invitation of the path.
func (t *Team) onInvitation(w http.ResponseWriter, r *http.Request, h here, what string, do func(id uuid.UUID) error) error {
	id, err := uuid.Parse(r.PathValue("invitation"))
	if err != nil {
		return invitation.ErrNotFound
	}
	if err = do(id); err == nil {
		return done(w, r, h.path()+"invitations/", what)
	}
	f := ui.NewForm(r)
	if !mend(f, err) {
		return err
	}
	return t.writeInvitations(w, r, h, web.StatusFor(w, err), f)
}
