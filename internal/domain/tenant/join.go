package tenant

import "github.com/gatehouse-auth/gatehouse/internal/kit/fault"

// ErrEmailDomain refuses an address that the policy does not take.
var ErrEmailDomain = fault.New(fault.Conflict, "email_domain_refused", "This organisation takes verified addresses of certain domains only, and this is none.")

// Joins reports whether whoever has an address, by its canonical key, may join without being invited, once
// the tenant has shown that the address's domain is its own.
func (p Policy) Joins(key string) bool { return p.JoinRole != "" && p.AllowsEmail(key) }
