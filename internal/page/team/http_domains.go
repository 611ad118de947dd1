package team

import (
	"net/http"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

const (
	domainsPath = one + "domains/"
	domainPath  = domainsPath + "{domain}/"
)

func (t *Team) domainRoutes() []web.Route {
	return []web.Route{
		web.Get(domainsPath, web.Member, web.Page(within(t.showDomains))).Needs(role.ManageTenant),
		web.Post(domainsPath, web.Member, web.Form(within(t.postDomain))).Needs(role.ManageTenant).Freshly(),
		web.Post(domainPath+"verify/", web.Member, web.Form(within(t.postVerify))).Needs(role.ManageTenant).Freshly(),
		web.Get(domainPath+"remove/", web.Member, web.Page(within(t.showDomainRemove))).Needs(role.ManageTenant).Freshly(),
		web.Post(domainPath+"remove/", web.Member, web.Form(within(t.postDomainRemove))).Needs(role.ManageTenant).Freshly(),
		web.Get(one+"activity/", web.Member, web.Page(within(t.showActivity))).Needs(role.ReadAudit),
	}
}

// domainsView is what the page of domains shows.
type domainsView struct {
	frame
	Domains []domainView
}

type domainView struct {
	tenant.Domain
	Path string // of what can be done with it
}

func (t *Team) showDomains(w http.ResponseWriter, r *http.Request, h here) error {
	return t.writeDomains(w, r, h, http.StatusOK, ui.NewForm(r))
}

func (t *Team) writeDomains(w http.ResponseWriter, r *http.Request, h here, status int, f *ui.Form) error {
	domains, err := t.Tenancy.Domains(r.Context(), h.Tenant.ID)
	if err != nil {
		return err
	}
	view := domainsView{frame: newFrame(h, f)}
	for _, d := range domains {
		view.Domains = append(view.Domains, domainView{d, h.path() + "domains/" + d.Domain + "/"})
	}
	return t.write(w, r, h, ui.Page{Status: status, Name: "team/domains", Data: view})
}

func (t *Team) postDomain(w http.ResponseWriter, r *http.Request, h here) error {
	_, err := t.Tenancy.AddDomain(r.Context(), h.by(), h.Tenant.ID, r.PostForm.Get("domain"))
	return t.domainDone(w, r, h, "domain_added", err, "domain")
}

func (t *Team) postVerify(w http.ResponseWriter, r *http.Request, h here) error {
	_, err := t.Tenancy.VerifyDomain(r.Context(), h.by(), h.Tenant.ID, r.PathValue("domain"))
	return t.domainDone(w, r, h, "domain_verified", err)
}

// domainDone says what was done, or shows the page again with what is wrong; names are the members of the
// form that was sent.
func (t *Team) domainDone(w http.ResponseWriter, r *http.Request, h here, what string, err error, names ...string) error {
	if err == nil {
		return done(w, r, h.path()+"domains/", what)
	}
	f := ui.NewForm(r, names...)
	if !blame(f, "domain", err, tenant.ErrDomains) && !mend(f, err) {
		return err
	}
	return t.writeDomains(w, r, h, web.StatusFor(w, err), f)
}

func removingDomain(r *http.Request, h here) question {
	return question{Key: "domain_remove", Who: r.PathValue("domain"), Cancel: h.path() + "domains/"}
}

func (t *Team) showDomainRemove(w http.ResponseWriter, r *http.Request, h here) error {
	domains, err := t.Tenancy.Domains(r.Context(), h.Tenant.ID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(domains, func(d tenant.Domain) bool { return d.Domain == r.PathValue("domain") }) {
		return tenant.ErrDomainNotFound
	}
	return t.ask(w, r, h, removingDomain(r, h))
}

func (t *Team) postDomainRemove(w http.ResponseWriter, r *http.Request, h here) error {
	return t.answered(w, r, h, removingDomain(r, h), h.path()+"domains/", "domain_removed", func() error {
		return t.Tenancy.RemoveDomain(r.Context(), h.by(), h.Tenant.ID, r.PathValue("domain"), "")
	})
}
