package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// partDeed is something done to a domain or an invitation of a tenant. Its texts are console.PART.NAME, its
// path is the part's and the name.
type partDeed struct {
	part, name string
	grave      bool // it hurts, and looks so
	why        bool // the audit keeps a reason
	method     string
	rest       string // of where the API does it, below the part
	run        func(s *govern.Service, r *http.Request, reason string) error
}

var partDeeds = []partDeed{
	{"domain", "verify", false, false, http.MethodPost, "verify/", func(s *govern.Service, r *http.Request, _ string) error {
		_, err := s.VerifyDomain(r.Context(), r.PathValue("tenant"), r.PathValue("domain"))
		return err
	}},
	{"domain", "remove", true, true, http.MethodDelete, "", func(s *govern.Service, r *http.Request, reason string) error {
		return s.RemoveDomain(r.Context(), r.PathValue("tenant"), r.PathValue("domain"), reason)
	}},
	{"invitation", "revoke", true, false, http.MethodDelete, "", func(s *govern.Service, r *http.Request, _ string) error {
		return s.RevokeInvitation(r.Context(), r.PathValue("tenant"), r.PathValue("invitation"))
	}},
}

func (c *Console) partRoutes() []web.Route {
	var all []web.Route
	for _, d := range partDeeds {
		path := oneTenant + d.part + "s/{" + d.part + "}/" + d.name + "/"
		all = append(all, web.Get(path, web.Staff, web.Page(c.tenantKnown(c.askPart(d)))).Needs(role.StaffManageTenants).Freshly(),
			web.Post(path, web.Staff, web.Form(c.tenantKnown(c.doPart(d)))).Needs(role.StaffManageTenants).Freshly())
	}
	return all
}

// domainRow is a domain and how it stands.
type domainRow struct {
	tenant.Domain
	Badge badge
}

func domainRowOf(d tenant.Domain) domainRow {
	row := domainRow{d, badge{"warn", "console.domain.claimed"}}
	switch {
	case d.Missing():
		row.Badge.Key = "console.domain.missing"
	case d.Verified():
		row.Badge = badge{"good", "console.domain.verified"}
	}
	return row
}

// partView asks whether something is to be done to a domain or an invitation.
type partView struct {
	tenantRow
	What   string     // the domain, or whose the invitation is
	Domain *domainRow // nil: it is an invitation
	Holder *tenantRow // who has shown a domain that this tenant has not; nil: nobody
	At     string     // where the form goes
	Key    string     // of the deed's texts
	Grave  bool
	Why    bool
	Form   *ui.Form
	Same   ui.Same
}

func (c *Console) askPart(d partDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return c.writePart(w, r, http.StatusOK, d, ui.NewForm(r))
	}
}

func (c *Console) writePart(w http.ResponseWriter, r *http.Request, status int, d partDeed, form *ui.Form) error {
	t, err := c.Govern.Detail(r.Context(), r.PathValue("tenant"))
	if err != nil {
		return err
	}
	id := r.PathValue(d.part)
	at := d.part + "s/" + id + "/"
	v := partView{tenantRow: tenantRowOf(t.Tenant), At: tenantPath(t.Tenant) + at + d.name + "/", Key: "console." + d.part + "." + d.name, Grave: d.grave, Why: d.why, Form: form}
	if d.part == "domain" {
		err = c.aboutDomain(r, &v, t.Domains, id)
	} else {
		err = c.aboutInvitation(r, &v, id)
	}
	if err != nil {
		return err
	}
	command, in := []string{"tenant", d.name + "-" + d.part}, call{d.method, tenantRequest(t.Tenant) + at + d.rest, nil}
	if d.why {
		reason := cmp.Or(strings.TrimSpace(strings.ToValidUTF8(form.Values["reason"], "")), c.UI.Text(c.UI.Language(r), "console.tenant.reason"))
		command, in.body = append(command, "--reason="+reason), map[string]string{"reason": reason}
	}
	v.Same = c.same(append(command, t.Slug, id), in)
	return c.write(w, r, status, "tenant_part", v)
}

// aboutDomain fills in what is known of a domain. It returns tenant.ErrDomainNotFound.
func (c *Console) aboutDomain(r *http.Request, v *partView, all []tenant.Domain, name string) error {
	i := slices.IndexFunc(all, func(d tenant.Domain) bool { return d.Domain == name })
	if i < 0 {
		return tenant.ErrDomainNotFound
	}
	row := domainRowOf(all[i])
	v.What, v.Domain = row.Domain.Domain, &row
	if row.Verified() {
		return nil
	}
	holder, err := c.Govern.Find(r.Context(), name)
	if err == nil {
		other := tenantRowOf(holder)
		v.Holder = &other
	}
	if errors.Is(err, tenant.ErrNotFound) {
		return nil
	}
	return err
}

// aboutInvitation fills in whose an invitation is, of those that the tenant's screen lists. It returns
// invitation.ErrNotFound.
func (c *Console) aboutInvitation(r *http.Request, v *partView, id string) error {
	all, _, err := c.Govern.Invitations(r.Context(), v.ID.String(), "", web.MaxPage)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(one invitation.Invitation) bool { return one.ID.String() == id })
	if i < 0 {
		return invitation.ErrNotFound
	}
	v.What = all[i].Email
	return nil
}

func (c *Console) doPart(d partDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		form := ui.NewForm(r, "reason")
		err := d.run(c.Govern, r, form.Values["reason"])
		switch {
		case err == nil:
			return done(w, r, tenantAt(r), d.part+"_"+d.name)
		case errors.Is(err, tenant.ErrNotFound), errors.Is(err, tenant.ErrDomainNotFound), errors.Is(err, invitation.ErrNotFound), !form.Fail(err):
			return err
		}
		return c.writePart(w, r, web.StatusFor(w, err), d, form)
	}
}
