package gatehouse

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// What is remembered of custom domains, found or not.
const (
	// domainLife is how long: a domain that was verified or taken away is felt by then.
	domainLife = time.Minute
	// maxDomains bounds how many. Whoever writes host names can only make us ask again.
	maxDomains = 1000
)

// TenantFromHost takes the tenant from the host that a request is for: the one label below
// Config.Tenants.Domain is a slug, and a domain that a tenant has shown to be its own is that tenant.
// Any other host names none, and is refused. As [verifier.FromHost] it reads the request's host alone,
// never what X-Forwarded-Host or Forwarded say. What it finds of a custom domain it takes for a minute.
func (g *Gatehouse) TenantFromHost() verifier.TenantSource {
	below := func(*http.Request) (string, error) { return "", nil }
	domain := strings.ToLower(g.cfg.Tenants.Domain)
	if domain != "" {
		below = verifier.FromHost(domain)
	}
	public := ""
	if u, err := url.Parse(g.cfg.PublicURL); err == nil {
		public = strings.ToLower(u.Hostname())
	}
	domains := &domainBook{known: map[string]knownDomain{}, now: g.db.Now, find: g.tenantOfDomain}
	return func(r *http.Request) (string, error) {
		name, port, _ := strings.Cut(strings.ToLower(r.Host), ":")
		name = strings.TrimSuffix(name, ".")
		if name == public { // Gatehouse's own, not a slug
			return "", nil
		}
		if slug, err := below(r); slug != "" || err != nil {
			return slug, err
		}
		custom, err := tenant.ParseDomain(name)
		if err != nil || strings.Trim(port, "0123456789") != "" || domain != "" && strings.HasSuffix("."+custom, "."+domain) {
			return "", nil
		}
		return domains.tenant(r.Context(), custom)
	}
}

// tenantOfDomain returns the id of the tenant that has shown domain to be its own, "" for none.
func (g *Gatehouse) tenantOfDomain(ctx context.Context, domain string) (string, error) {
	t, err := tenant.ByDomain(ctx, g.db, domain)
	if errors.Is(err, tenant.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return t.ID.String(), nil
}

// domainBook remembers which tenant a domain is.
type domainBook struct {
	now  func() time.Time
	find func(ctx context.Context, domain string) (tenant string, err error)

	mu    sync.Mutex
	known map[string]knownDomain
}

type knownDomain struct {
	tenant string
	asked  time.Time
}

func (b *domainBook) tenant(ctx context.Context, domain string) (string, error) {
	now := b.now()
	b.mu.Lock()
	k, ok := b.known[domain]
	b.mu.Unlock()
	if ok && now.Sub(k.asked).Abs() < domainLife {
		return k.tenant, nil
	}
	found, err := b.find(ctx, domain)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.known) >= maxDomains {
		clear(b.known)
	}
	b.known[domain] = knownDomain{found, now}
	return found, nil
}
