package govern

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

// DetailJSON is a tenant with its domains, as the API shows it.
type DetailJSON struct {
	Tenant  tenant.JSON         `json:"tenant"`
	Domains []tenant.DomainJSON `json:"domains"`
}

// JSON returns it as JSON.
func (d *Detail) JSON() DetailJSON {
	return DetailJSON{d.Tenant.JSON(), listed(d.Domains, func(one tenant.Domain) tenant.DomainJSON { return one.JSON() })}
}

// PermissionJSON is a permission as the API and the command line show it.
type PermissionJSON struct {
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Source      string     `json:"source" enum:"built_in,configuration,declared"`
	DeclaredAt  *time.Time `json:"declared_at" doc:"null unless it was declared while running"`
}

// JSON returns the permission as JSON.
func (p Permission) JSON() PermissionJSON {
	j := PermissionJSON{Name: p.Name, Description: p.Description, Source: p.Source}
	if !p.DeclaredAt.IsZero() {
		j.DeclaredAt = &p.DeclaredAt
	}
	return j
}

// listed is never null in JSON.
func listed[T, J any](all []T, fn func(T) J) []J {
	out := make([]J, len(all))
	for i, one := range all {
		out[i] = fn(one)
	}
	return out
}
