package team

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// memberView is a member and what they may do, which is also how people see themselves.
type memberView struct {
	frame
	*member.Member
	Role        string // as people call it
	MemberPath  string // of this page
	Own         bool   // it is the page of whoever looks, which everybody has
	You         bool   // it is about whoever looks
	Changes     bool   // whoever looks may change it
	Beyond      bool   // they could, if the member were not allowed more than they
	HandsOver   bool   // they may make this member the owner
	Entries     []entry
	Permissions []ui.Option
	Why         *why
	// Edited and Fixed are the attributes that members have here: those that whoever looks may change, and
	// the others.
	Edited, Fixed []account.Field
}

// entry is one permission that a member has.
type entry struct {
	Entry, Text string
	Direct      bool // besides the role
}

// why is an answer to why something is allowed or not.
type why struct {
	role.Decision
	Key      string // of the text that says it
	RoleName string
}

func (t *Team) showAccess(w http.ResponseWriter, r *http.Request, h here) error {
	return t.writeOwn(w, r, h, http.StatusOK, ui.NewForm(r, "permission"))
}

func (t *Team) writeOwn(w http.ResponseWriter, r *http.Request, h here, status int, f *ui.Form) error {
	m, err := t.Members.Get(r.Context(), h.Tenant.ID, h.Visit.Account.Subject)
	if err != nil {
		return err
	}
	return t.writeMember(w, r, h, status, f, memberView{Member: m, MemberPath: h.path() + "access/", Own: true})
}

func (t *Team) showMember(w http.ResponseWriter, r *http.Request, h here) error {
	return t.writeOne(w, r, h, http.StatusOK, ui.NewForm(r, "permission"))
}

func (t *Team) writeOne(w http.ResponseWriter, r *http.Request, h here, status int, form *ui.Form) error {
	m, err := t.Members.Get(r.Context(), h.Tenant.ID, r.PathValue("account"))
	if err != nil {
		return err
	}
	view := memberView{Member: m, MemberPath: memberPathOf(h, m.Subject)}
	f := newFrame(h, nil)
	commands := h.Grant.Commands(m.Grant)
	view.Changes, view.Beyond = f.May(role.ManageMembers) && commands, f.May(role.ManageMembers) && !commands
	view.HandsOver = f.May(role.DeleteTenant) && h.Grant.Role == role.Owner && m.Grant.Role != role.Owner && m.Active
	return t.writeMember(w, r, h, status, form, view)
}

func (t *Team) writeMember(w http.ResponseWriter, r *http.Request, h here, status int, form *ui.Form, view memberView) error {
	ctx, lang := r.Context(), t.UI.Language(r)
	view.frame, view.You, view.Role = newFrame(h, form), view.AccountID == h.AccountID, t.roleName(lang, view.Member.Role)
	t.showProfile(&view, lang)
	words, err := t.glossary(ctx, lang)
	if err != nil {
		return err
	}
	for _, e := range view.Member.FromRole {
		view.Entries = append(view.Entries, entry{e, words.text(e), false})
	}
	for _, e := range view.Direct {
		view.Entries = append(view.Entries, entry{e, words.text(e), true})
	}
	declared, err := t.Members.Permissions(ctx)
	if err != nil {
		return err
	}
	for _, p := range declared {
		view.Permissions = append(view.Permissions, ui.Option{Value: p, Text: p})
	}
	if permission := r.URL.Query().Get("permission"); permission != "" {
		d, err := t.Members.Explain(ctx, h.Tenant.ID, view.Subject, permission)
		switch {
		case err == nil:
			view.Why = &why{d, "team.explain." + d.Reason, t.roleName(lang, d.Role)}
		case blame(view.Form, "permission", err, role.ErrPermission):
			status = web.StatusFor(w, err)
		default:
			return err
		}
	}
	return t.write(w, r, h, ui.Page{Status: status, Name: "team/member", Data: view})
}

// changeView is the form of a member's role and permissions.
type changeView struct {
	frame
	*member.Member
	MemberPath string
	Roles      []ui.Option
	Choices    []choice
}

// changed returns the member of the path, if whoever asks may change what they may do.
func (t *Team) changed(r *http.Request, h here) (*member.Member, error) {
	m, err := t.Members.Get(r.Context(), h.Tenant.ID, r.PathValue("account"))
	if err == nil && !h.Grant.Commands(m.Grant) {
		err = role.ErrEscalation
	}
	return m, err
}

func (t *Team) showChange(w http.ResponseWriter, r *http.Request, h here) error {
	m, err := t.changed(r, h)
	if err != nil {
		return err
	}
	return t.writeChange(w, r, h, http.StatusOK, m, ui.NewForm(r), m.Direct)
}

func (t *Team) writeChange(w http.ResponseWriter, r *http.Request, h here, status int, m *member.Member, f *ui.Form, chosen []string) error {
	ctx, lang := r.Context(), t.UI.Language(r)
	words, err := t.glossary(ctx, lang)
	if err != nil {
		return err
	}
	roles, permissions, err := t.Members.Assignable(ctx, h.Tenant.ID, h.Grant)
	if err != nil {
		return err
	}
	f.Set("role", m.Grant.Role)
	f.Values["was"] = cmp.Or(f.Values["was"], m.Mark())
	view := changeView{newFrame(h, f), m, memberPathOf(h, m.Subject), t.roleOptions(lang, roles), words.choices(permissions, chosen)}
	return t.write(w, r, h, ui.Page{Status: status, Name: "team/member_change", Data: view})
}

func (t *Team) postChange(w http.ResponseWriter, r *http.Request, h here) error {
	subject, to, direct := r.PathValue("account"), r.PostForm.Get("role"), r.PostForm["permission[]"]
	_, err := t.Members.Set(r.Context(), h.by(), h.Tenant.ID, subject, member.Change{Role: &to, Direct: &direct, Was: r.PostForm.Get("was")})
	if err == nil {
		path := memberPathOf(h, subject)
		if subject == h.Visit.Account.Subject {
			path = h.path() // they may not be allowed to see members any more
		}
		return done(w, r, path, "changed")
	}
	stale, f := errors.Is(err, member.ErrChanged), ui.NewForm(r, "role", "permissions", "was")
	if stale {
		f = ui.NewForm(r) // what was wished was wished of something else
	}
	if !blame(f, "role", err, role.ErrUnknown) && !blamePermissions(f, err) && !mend(f, err) {
		return err
	}
	m, again := t.changed(r, h)
	if again != nil {
		return again
	}
	if stale {
		direct = m.Direct
	}
	return t.writeChange(w, r, h, web.StatusFor(w, err), m, f, direct)
}
