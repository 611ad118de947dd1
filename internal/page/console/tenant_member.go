package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// oneMember is below where a member of a tenant is changed and removed. An account called add is in
// nobody's way: members are added one level up.
const oneMember = oneTenant + "members/{account}/"

func (c *Console) memberRoutes() []web.Route {
	return []web.Route{
		web.Get(oneTenant+"members/add/", web.Staff, web.Page(c.tenantKnown(c.showAddMember))).Needs(role.StaffManageTenants).Freshly(),
		web.Post(oneTenant+"members/add/", web.Staff, web.Form(c.tenantKnown(c.postAddMember))).Needs(role.StaffManageTenants).Freshly(),
		web.Get(oneMember+"change/", web.Staff, web.Page(c.tenantKnown(c.showChangeMember))).Needs(role.StaffManageTenants).Freshly(),
		web.Post(oneMember+"change/", web.Staff, web.Form(c.tenantKnown(c.postChangeMember))).Needs(role.StaffManageTenants).Freshly(),
		web.Get(oneMember+"remove/", web.Staff, web.Page(c.tenantKnown(c.showRemoveMember))).Needs(role.StaffManageTenants).Freshly(),
		web.Post(oneMember+"remove/", web.Staff, web.Form(c.tenantKnown(c.postRemoveMember))).Needs(role.StaffManageTenants).Freshly(),
	}
}

// addView asks who is to become a member, and as what.
type addView struct {
	tenantRow
	Form  *ui.Form
	Roles []ui.Option
	Same  ui.Same
}

func (c *Console) showAddMember(w http.ResponseWriter, r *http.Request) error {
	return c.writeAddMember(w, r, http.StatusOK, ui.NewForm(r))
}

func (c *Console) writeAddMember(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	t, err := c.Govern.Find(r.Context(), r.PathValue("tenant"))
	if err != nil {
		return err
	}
	roles, _, err := c.Govern.Assignable(r.Context(), t)
	if err != nil {
		return err
	}
	form.Set("role", role.Member)
	who := c.UI.Text(c.UI.Language(r), "console.account.subject")
	return c.write(w, r, status, "tenant_add", addView{tenantRowOf(t), form, named(roles), c.same([]string{"tenant", "add-member", t.Slug, who, role.Member},
		call{http.MethodPost, tenantRequest(t) + "members/", map[string]string{"account": who, "role": role.Member}})})
}

// named are choices that people know by their names.
func named(names []string) []ui.Option {
	all := make([]ui.Option, len(names))
	for i, name := range names {
		all[i] = ui.Option{Value: name, Text: name}
	}
	return all
}

func (c *Console) postAddMember(w http.ResponseWriter, r *http.Request) error {
	form := ui.NewForm(r, "account", "role")
	subject, err := c.subjectNamed(r, form.Values["account"], "account")
	if err == nil {
		if _, err = c.Govern.AddMember(r.Context(), tenant.ByOfficer(c.actor(r).ID), r.PathValue("tenant"), subject, form.Values["role"]); err == nil {
			return done(w, r, tenantAt(r), "member_added")
		}
	}
	if errors.Is(err, tenant.ErrNotFound) || !form.Fail(atField(err)) {
		return err
	}
	return c.writeAddMember(w, r, web.StatusFor(w, err), form)
}

// atField says at which field of a form about a member a refusal is shown, where it speaks of one.
func atField(err error) error {
	field := ""
	switch {
	case errors.Is(err, role.ErrUnknown), errors.Is(err, tenant.ErrLastOwner), errors.Is(err, member.ErrInactive), errors.Is(err, tenant.ErrOwned):
		field = "role"
	case errors.Is(err, role.ErrPermission), errors.Is(err, member.ErrPermissions):
		field = "permissions"
	}
	f, ok := fault.From(err)
	if field == "" || !ok {
		return err
	}
	return f.WithField(field, f.Code, f.Detail)
}

// memberView is about a member of a tenant.
type memberView struct {
	tenantRow
	Member *member.Member
	At     string // of its pages
	Form   *ui.Form
	Same   ui.Same
}

// memberPath is where the pages of a member lie, escaped as the server reads it.
func memberPath(t *tenant.Tenant, subject string) string {
	return (&url.URL{Path: tenantPath(t) + "members/" + segment(subject) + "/"}).EscapedPath()
}

// memberRequest is where the API has a member; empty: its id fits into no path.
func memberRequest(t *tenant.Tenant, subject string) string {
	if pathless(subject) {
		return ""
	}
	return (&url.URL{Path: tenantRequest(t) + "members/" + subject + "/"}).EscapedPath()
}

// aboutMember returns what a page says of the member that its path names. It returns tenant.ErrNotFound and
// tenant.ErrMemberNotFound.
func (c *Console) aboutMember(r *http.Request, form *ui.Form) (v memberView, err error) {
	t, err := c.Govern.Find(r.Context(), r.PathValue("tenant"))
	if err != nil {
		return v, err
	}
	m, err := c.Govern.Member(r.Context(), t.ID, subjectOf(r))
	if err != nil {
		return v, err
	}
	return memberView{tenantRow: tenantRowOf(t), Member: m, At: memberPath(t, m.Subject), Form: form}, nil
}

// changeView asks what a member is to be.
type changeView struct {
	memberView
	Roles   []ui.Option
	Choices []choice
	Fields  []account.Field // attributes
}

// choice is a permission that a member can be given besides those of the role.
type choice struct {
	Entry, Text string
	Chosen      bool
}

func (c *Console) showChangeMember(w http.ResponseWriter, r *http.Request) error {
	v, err := c.aboutMember(r, ui.NewForm(r))
	if err != nil {
		return err
	}
	return c.writeChangeMember(w, r, http.StatusOK, v, v.Member.Direct)
}

func (c *Console) writeChangeMember(w http.ResponseWriter, r *http.Request, status int, about memberView, chosen []string) error {
	roles, permissions, err := c.Govern.Assignable(r.Context(), about.Tenant)
	if err != nil {
		return err
	}
	v := changeView{memberView: about, Roles: named(roles), Fields: c.edited(r, about.Form, c.memberSchema(), about.Member.Attributes)}
	if v.Choices, err = c.choices(r, permissions, chosen); err != nil {
		return err
	}
	// A role that there is no more is none of those to choose from: nothing is ticked then.
	v.Form.Set("role", v.Member.Role)
	v.Form.Values["was"] = cmp.Or(v.Form.Values["was"], v.Member.Mark())
	v.Same = c.same(append([]string{"tenant", "set-role", v.Slug}, append(argument(v.Member.Subject), v.Member.Role)...),
		call{http.MethodPatch, memberRequest(v.Tenant, v.Member.Subject), map[string]string{"role": v.Member.Role}})
	return c.write(w, r, status, "member_change", v)
}

// memberSchema declares the attributes that members of tenants have.
func (c *Console) memberSchema() account.Schema { return c.Govern.Deps.Members.Schema }

// choices are the permissions that can be given, and those that are, by their names.
func (c *Console) choices(r *http.Request, offered, chosen []string) ([]choice, error) {
	known, err := c.Govern.Permissions(r.Context())
	if err != nil {
		return nil, err
	}
	lang := c.UI.Language(r)
	texts := map[string]string{}
	for _, p := range known {
		if texts[p.Name] = p.Description; p.Source == govern.BuiltIn {
			texts[p.Name] = c.UI.Text(lang, "console.permissions.ours."+p.Name)
		}
	}
	entries := slices.Concat(offered, chosen)
	slices.Sort(entries)
	var all []choice
	for _, entry := range slices.Compact(entries) {
		if noun, wild := strings.CutSuffix(entry, ".*"); wild {
			texts[entry] = c.UI.Text(lang, "console.member.wildcard", "noun", noun)
		}
		all = append(all, choice{entry, texts[entry], slices.Contains(chosen, entry)})
	}
	return all, nil
}

func (c *Console) postChangeMember(w http.ResponseWriter, r *http.Request) error {
	form := ui.NewForm(r, append(attributeNames(c.memberSchema()), "role", "permissions", "was")...)
	to, direct := form.Values["role"], r.PostForm["permission[]"]
	now, err := c.aboutMember(r, form)
	if err != nil {
		return err
	}
	_, err = c.Govern.ChangeMember(r.Context(), tenant.ByOfficer(c.actor(r).ID), r.PathValue("tenant"), now.Member.Subject, member.Change{
		Role: &to, Direct: &direct, Was: form.Values["was"], Attributes: account.Differences(c.memberSchema().Attributes(), now.Member.Attributes, r.PostForm, false)})
	if err == nil {
		return done(w, r, tenantAt(r), "member_changed")
	}
	stale := errors.Is(err, member.ErrChanged)
	if stale {
		form = ui.NewForm(r) // what was wished was wished of something else
	}
	v, again := c.aboutMember(r, form)
	if again != nil {
		return again
	}
	if stale {
		direct = v.Member.Direct
	}
	if !form.Fail(atField(err)) {
		return err
	}
	return c.writeChangeMember(w, r, web.StatusFor(w, err), v, direct)
}

func (c *Console) showRemoveMember(w http.ResponseWriter, r *http.Request) error {
	return c.writeRemoveMember(w, r, http.StatusOK, ui.NewForm(r))
}

func (c *Console) writeRemoveMember(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	v, err := c.aboutMember(r, form)
	if err != nil {
		return err
	}
	v.Same = c.same(append([]string{"tenant", "remove-member", v.Slug}, argument(v.Member.Subject)...), call{http.MethodDelete, memberRequest(v.Tenant, v.Member.Subject), nil})
	return c.write(w, r, status, "member_remove", v)
}

func (c *Console) postRemoveMember(w http.ResponseWriter, r *http.Request) error {
	err := c.Govern.RemoveMember(r.Context(), r.PathValue("tenant"), subjectOf(r))
	if err == nil {
		return done(w, r, tenantAt(r), "member_removed")
	}
	form := ui.NewForm(r)
	if errors.Is(err, tenant.ErrNotFound) || errors.Is(err, tenant.ErrMemberNotFound) || !form.Fail(err) {
		return err
	}
	return c.writeRemoveMember(w, r, web.StatusFor(w, err), form)
}
