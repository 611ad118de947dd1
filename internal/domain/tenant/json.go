package tenant

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
)

// Ways to sign in, as the API names those that a tenant does not take as the first proof.
const (
	PasswordMethod = "password"
	PasskeyMethod  = "passkey"
	EmailMethod    = "email"
)

// JSON is a tenant as the API shows it.
type JSON struct {
	ID        string     `json:"id" doc:"Never changes, never used again"`
	Slug      string     `json:"slug"`
	Name      string     `json:"name"`
	Color     string     `json:"color" doc:"#rrggbb; empty: the service's own"`
	Radius    int        `json:"radius" doc:"Of corners, in pixels; 0: the service's own"`
	Font      string     `json:"font" doc:"system, humanist, rounded, serif or mono; empty: the service's own"`
	CreatedAt time.Time  `json:"created_at"`
	IsActive  bool       `json:"is_active" doc:"false: nobody comes in"`
	Policy    PolicyJSON `json:"policy"`
}

// PolicyJSON is a policy as the API shows it.
type PolicyJSON struct {
	SecondFactor  bool     `json:"second_factor"`
	MaxAge        int64    `json:"max_age" doc:"How many seconds old the last proof may be; 0: as the service has it"`
	MaxIdle       int64    `json:"max_idle" doc:"How many seconds a session may have been left unused; 0: as the service has it"`
	RefuseMethods []string `json:"refuse_methods" doc:"First proofs that are not taken: password, passkey, email"`
	EmailDomains  []string `json:"email_domains" doc:"What addresses of new members end in; none: any"`
	JoinRole      string   `json:"join_role" doc:"What whoever has an address of a verified domain may join as; empty: nobody joins uninvited"`
}

// MembershipJSON is a tenant as the API shows it to one of its members.
type MembershipJSON struct {
	ID        string      `json:"id"`
	Slug      string      `json:"slug"`
	Name      string      `json:"name"`
	Color     string      `json:"color"`
	Radius    int         `json:"radius"`
	Font      string      `json:"font"`
	CreatedAt time.Time   `json:"created_at"`
	IsActive  bool        `json:"is_active" doc:"false: nobody comes in"`
	Policy    *PolicyJSON `json:"policy,omitempty" doc:"Where one may read it, and the tenant lets its members in"`
	Role      string      `json:"role" doc:"One's own"`
	JoinedAt  time.Time   `json:"joined_at"`
}

// JSON returns the membership as the API shows it to whoever has it.
func (m *Membership) JSON() MembershipJSON {
	t := m.Tenant.JSON()
	j := MembershipJSON{ID: t.ID, Slug: t.Slug, Name: t.Name, Color: t.Color, Radius: t.Radius, Font: t.Font, CreatedAt: t.CreatedAt, IsActive: t.IsActive, Role: m.Grant.Role, JoinedAt: m.JoinedAt.UTC()}
	if t.IsActive && m.Grant.Has(role.ReadTenant) {
		j.Policy = &t.Policy
	}
	return j
}

// JSON returns the tenant as the API shows it.
func (t *Tenant) JSON() JSON {
	p := t.Policy
	j := JSON{ID: t.ID.String(), Slug: t.Slug, Name: t.Name, Color: t.Color, Radius: t.Radius, Font: t.Font, CreatedAt: t.CreatedAt.UTC(), IsActive: t.Active,
		Policy: PolicyJSON{SecondFactor: p.SecondFactor, MaxAge: int64(p.MaxAge / time.Second), MaxIdle: int64(p.MaxIdle / time.Second), RefuseMethods: []string{}, EmailDomains: append([]string{}, p.EmailDomains...), JoinRole: p.JoinRole}}
	for _, m := range []struct {
		refused bool
		name    string
	}{{p.NoPassword, PasswordMethod}, {p.NoPasskey, PasskeyMethod}, {p.NoMail, EmailMethod}} {
		if m.refused {
			j.Policy.RefuseMethods = append(j.Policy.RefuseMethods, m.name)
		}
	}
	return j
}

// DomainJSON is a domain as the API shows it.
type DomainJSON struct {
	Domain     string     `json:"domain" doc:"In ASCII (RFC 5891)"`
	Challenge  string     `json:"challenge" doc:"What the record or the file must hold"`
	Record     string     `json:"record" doc:"The name of the DNS record of type TXT"`
	File       string     `json:"file" doc:"The URL of the file"`
	CreatedAt  time.Time  `json:"created_at"`
	VerifiedAt *time.Time `json:"verified_at" doc:"null: the challenge was not found yet, or not any more"`
	CheckedAt  *time.Time `json:"checked_at" doc:"null: nobody has looked yet"`
	// MissingSince is of a domain that is verified still.
	MissingSince *time.Time `json:"missing_since" doc:"Since when the challenge of a verified domain is gone; null: it is not"`
}

// JSON returns the domain as the API shows it.
func (d *Domain) JSON() DomainJSON {
	j := DomainJSON{Domain: d.Domain, Challenge: d.Challenge, Record: d.Record(), File: d.File(), CreatedAt: d.CreatedAt.UTC()}
	for _, one := range []struct {
		at    time.Time
		shown **time.Time
	}{{d.VerifiedAt, &j.VerifiedAt}, {d.CheckedAt, &j.CheckedAt}, {d.MissingSince, &j.MissingSince}} {
		if !one.at.IsZero() {
			at := one.at.UTC()
			*one.shown = &at
		}
	}
	return j
}
