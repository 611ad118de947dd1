package gatehouse

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
)

// Tenant is an organisation, as the API shows it.
type Tenant struct {
	ID        string       `json:"id"` // never changes, never used again
	Slug      string       `json:"slug"`
	Name      string       `json:"name"`
	Color     string       `json:"color"`  // #rrggbb; empty: the service's own
	Radius    int          `json:"radius"` // of corners, in pixels; 0: the service's own
	Font      string       `json:"font"`   // system, humanist, rounded, serif or mono; empty: the service's own
	CreatedAt time.Time    `json:"created_at"`
	IsActive  bool         `json:"is_active"` // false: suspended
	Policy    TenantPolicy `json:"policy"`
}

// TenantPolicy is what a tenant asks of whoever comes in.
type TenantPolicy struct {
	SecondFactor  bool     `json:"second_factor"`
	MaxAge        int64    `json:"max_age"`        // how many seconds old the last proof may be; 0: as the service has it
	MaxIdle       int64    `json:"max_idle"`       // how many seconds a session may have been left unused; 0: as the service has it
	RefuseMethods []string `json:"refuse_methods"` // first proofs that are not taken: password, passkey, email
	EmailDomains  []string `json:"email_domains"`  // what addresses of new members end in; none: any
	JoinRole      string   `json:"join_role"`      // of whoever joins by a verified domain; empty: nobody does
}

// NewTenant is what [Gatehouse.CreateTenant] makes a tenant from. Slug may be empty: it is made from
// the name then.
type NewTenant struct {
	Name  string
	Slug  string
	Owner string // the id of an account
}

// CreateTenant makes a tenant with its first owner. Error codes: account_not_found, tenant_slug_invalid,
// tenant_slug_taken, tenant_name_invalid, tenant_name_taken, memberships_too_many.
func (g *Gatehouse) CreateTenant(ctx context.Context, n NewTenant) (*Tenant, error) {
	return shownTenant(g.govern.Create(ctx, n.Name, n.Slug, n.Owner))
}

// Tenant returns the tenant with this slug or id, or that has shown this domain to be its own; so do all
// methods that take the name of a tenant. Error code: tenant_not_found.
func (g *Gatehouse) Tenant(ctx context.Context, name string) (*Tenant, error) {
	return shownTenant(g.govern.Find(ctx, name))
}

// TenantSearch is what [Gatehouse.Tenants] looks for. Empty members take their defaults.
type TenantSearch struct {
	By     string // name (default) or slug
	Prefix string // how it begins
	Status string // all (default), active or suspended
	After  string // what the page before returned as next
	Limit  int    // 1 to 200; 0 means 50
}

// Tenants returns tenants, and what After takes for the next page, empty at the end: the newest first
// without a prefix, else in the order of what is looked at. Error codes: search_invalid, query_invalid.
func (g *Gatehouse) Tenants(ctx context.Context, q TenantSearch) (tenants []*Tenant, next string, err error) {
	page, err := g.govern.Search(ctx, govern.Query(q))
	for _, t := range page.Tenants {
		tenants = append(tenants, showTenant(t))
	}
	return tenants, page.Next, err
}

// SuspendTenant keeps the members of a tenant out, from their next request of Gatehouse on; elsewhere
// their tokens end with their lifetime. Nothing is lost. The audit keeps the reason, 10 to 300 characters.
// Error codes: tenant_not_found, reason_required.
func (g *Gatehouse) SuspendTenant(ctx context.Context, name, reason string) (*Tenant, error) {
	return shownTenant(g.govern.Suspend(ctx, name, reason))
}

// ResumeTenant lets the members of a suspended tenant in again. The audit keeps the reason. Error codes:
// tenant_not_found, reason_required.
func (g *Gatehouse) ResumeTenant(ctx context.Context, name, reason string) (*Tenant, error) {
	return shownTenant(g.govern.Resume(ctx, name, reason))
}

// DeleteTenant deletes a tenant with its roles, invitations, domains and memberships, and tells its
// members by mail. Accounts stay. slug is the tenant's slug once more, so that nobody deletes another by
// mistake. The audit keeps the reason, 10 to 300 characters. Error codes: tenant_not_found,
// tenant_slug_mismatch, reason_required.
func (g *Gatehouse) DeleteTenant(ctx context.Context, name, slug, reason string) error {
	return g.govern.Delete(ctx, name, slug, reason)
}

// TenantMember is an account in a tenant.
type TenantMember struct {
	Account     string    `json:"account"` // its id
	Email       string    `json:"email"`
	FullName    string    `json:"full_name"`
	IsActive    bool      `json:"is_active"` // of the account
	Role        string    `json:"role"`
	Permissions []string  `json:"permissions"` // besides those of the role
	JoinedAt    time.Time `json:"joined_at"`
	// Attributes are as Config.Tenants.Attributes declares them; nil where it declares none, and from
	// TenantMembers, which leaves them out.
	Attributes map[string]any `json:"attributes,omitzero"`
}

// MemberSearch is what [Gatehouse.TenantMembers] looks for. Empty members pick none out.
type MemberSearch struct {
	Prefix string // how an address or a name begins
	Role   string
	After  string // what the page before returned as next
	Limit  int    // 1 to 200; 0 means 50
}

// TenantMembers returns the members of a tenant and what After takes for the next page, empty at the
// end. Error codes: tenant_not_found, query_invalid.
func (g *Gatehouse) TenantMembers(ctx context.Context, tenant string, q MemberSearch) (members []*TenantMember, next string, err error) {
	page, err := g.govern.Members(ctx, tenant, member.Query(q))
	if err != nil {
		return nil, "", err
	}
	for _, m := range page.Members {
		members = append(members, showMember(&m))
	}
	return members, page.Next, nil
}

// TenantMember returns a member of a tenant with their attributes. Error codes: tenant_not_found,
// member_not_found.
func (g *Gatehouse) TenantMember(ctx context.Context, tenant, account string) (*TenantMember, error) {
	return shownMember(g.govern.FindMember(ctx, tenant, account))
}

// byOperator is who the library and the command line act as in tenants: the operator of the machine.
func byOperator() tenant.Actor { return tenant.ByStaff() }

// AddMember makes an account a member of a tenant in a role, without asking it. Error codes:
// tenant_not_found, account_not_found, member_already, role_unknown, memberships_too_many.
func (g *Gatehouse) AddMember(ctx context.Context, tenant, account, role string) (*TenantMember, error) {
	return shownMember(g.govern.AddMember(ctx, byOperator(), tenant, account, role))
}

// SetMemberRole gives a member of a tenant another role. Error codes: tenant_not_found, member_not_found,
// role_unknown, last_owner.
func (g *Gatehouse) SetMemberRole(ctx context.Context, tenant, account, role string) (*TenantMember, error) {
	return shownMember(g.govern.ChangeMember(ctx, byOperator(), tenant, account, member.Change{Role: &role}))
}

// SetMemberPermissions gives a member of a tenant permissions besides those of their role, in place of
// the ones they had. Error codes: tenant_not_found, member_not_found, permission_unknown.
func (g *Gatehouse) SetMemberPermissions(ctx context.Context, tenant, account string, permissions []string) (*TenantMember, error) {
	return shownMember(g.govern.ChangeMember(ctx, byOperator(), tenant, account, member.Change{Direct: &permissions}))
}

// SetMemberAttributes changes attributes of a member of a tenant, also those that are not the member's own to
// set: nil removes one, those left out stay. A value is a string, a float64 or a bool. Error codes: tenant_not_found, member_not_found, profile_invalid.
func (g *Gatehouse) SetMemberAttributes(ctx context.Context, tenant, account string, attributes map[string]any) (*TenantMember, error) {
	return shownMember(g.govern.ChangeMember(ctx, byOperator(), tenant, account, member.Change{Attributes: attributes}))
}

// RemoveMember ends an account's membership of a tenant. Its sessions stay: they are the account's. Error
// codes: tenant_not_found, member_not_found, last_owner.
func (g *Gatehouse) RemoveMember(ctx context.Context, tenant, account string) error {
	return g.govern.RemoveMember(ctx, tenant, account)
}

// TenantInvitation is one that was neither accepted nor revoked.
type TenantInvitation struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Role      string    `json:"role"`
	InvitedBy string    `json:"invited_by"` // the name of who sent it last; empty when that is no member
	Sent      int       `json:"sent"`       // how many mails
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Status    string    `json:"status"` // open, expired or void
}

// TenantInvitations returns at most limit invitations of a tenant by address, 1 to 200, 0 means 50, and what
// after takes for the next page, empty at the end. Error codes: tenant_not_found, query_invalid.
func (g *Gatehouse) TenantInvitations(ctx context.Context, tenant, after string, limit int) (invitations []*TenantInvitation, next string, err error) {
	page, next, err := g.govern.Invitations(ctx, tenant, after, limit)
	for _, i := range page {
		j := i.JSON(g.db.Now())
		invitations = append(invitations, &TenantInvitation{j.ID.String(), j.Email, j.Role, j.InvitedBy, j.Sent, j.CreatedAt, j.ExpiresAt, j.Status})
	}
	return invitations, next, err
}

// RevokeInvitation makes the link of the invitation with this id worthless. Error codes: tenant_not_found,
// invitation_not_found.
func (g *Gatehouse) RevokeInvitation(ctx context.Context, tenant, id string) error {
	return g.govern.RevokeInvitation(ctx, tenant, id)
}

// TenantDomain is one that a tenant says is its own.
type TenantDomain struct {
	Domain       string     `json:"domain"`
	Challenge    string     `json:"challenge"` // what the record or the file must hold
	Record       string     `json:"record"`    // the name of the DNS record of type TXT
	File         string     `json:"file"`      // the URL of the file
	CreatedAt    time.Time  `json:"created_at"`
	VerifiedAt   *time.Time `json:"verified_at"`   // nil: it is not shown
	CheckedAt    *time.Time `json:"checked_at"`    // nil: nobody has looked yet
	MissingSince *time.Time `json:"missing_since"` // nil unless it is verified and its challenge is gone
}

// TenantDomains returns the domains of a tenant by name. Error code: tenant_not_found.
func (g *Gatehouse) TenantDomains(ctx context.Context, tenant string) ([]*TenantDomain, error) {
	d, err := g.govern.Detail(ctx, tenant)
	if err != nil {
		return nil, err
	}
	domains := make([]*TenantDomain, len(d.Domains))
	for i, one := range d.Domains {
		shown := TenantDomain(one.JSON())
		domains[i] = &shown
	}
	return domains, nil
}

// VerifyTenantDomain looks for the challenge of a tenant's domain, also of one that is verified: where both
// places answer without it, the domain is the tenant's no more. Error codes: tenant_not_found,
// domain_not_found, domain_unproven, domain_taken.
func (g *Gatehouse) VerifyTenantDomain(ctx context.Context, tenant, domain string) (*TenantDomain, error) {
	d, err := g.govern.VerifyDomain(ctx, tenant, domain)
	if err != nil {
		return nil, err
	}
	shown := TenantDomain(d.JSON())
	return &shown, nil
}

// RemoveTenantDomain takes a domain from a tenant. The audit keeps the reason, 10 to 300 characters. Error
// codes: tenant_not_found, domain_not_found, reason_required.
func (g *Gatehouse) RemoveTenantDomain(ctx context.Context, tenant, domain, reason string) error {
	return g.govern.RemoveDomain(ctx, tenant, domain, reason)
}

// Decision says whether somebody may do something in a tenant, and what that rests on.
type Decision struct {
	Allowed bool `json:"allowed"`
	// Reason is granted_by_role, granted_directly, not_granted, not_a_member, tenant_suspended,
	// account_inactive or permission_not_declared.
	Reason     string `json:"reason"`
	Permission string `json:"permission"`
	Tenant     string `json:"tenant"`         // the slug
	Role       string `json:"role,omitempty"` // the member's
	Rule       string `json:"rule,omitempty"` // the entry that allows it, such as notes.*
}

// Explain says whether the account with this id may do something in a tenant now, and why or why not; whoever
// has no account is no member. Error codes: tenant_not_found, permission_unknown.
func (g *Gatehouse) Explain(ctx context.Context, tenant, account, permission string) (*Decision, error) {
	d, err := g.govern.Explain(ctx, tenant, account, permission)
	if err != nil {
		return nil, err
	}
	shown := Decision(d)
	return &shown, nil
}

// Permission is one that roles of tenants can hold.
type Permission struct {
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Source      string     `json:"source"`      // built_in, configuration or declared
	DeclaredAt  *time.Time `json:"declared_at"` // nil unless it was declared while running
}

// Permissions returns all that roles of tenants can hold, by name.
func (g *Gatehouse) Permissions(ctx context.Context) ([]Permission, error) {
	found, err := g.govern.Permissions(ctx)
	all := make([]Permission, len(found))
	for i, p := range found {
		all[i] = Permission(p.JSON())
	}
	return all, err
}

// DeclarePermission makes a permission, noun.verb, one that roles of tenants can hold, or describes it
// anew. Declaring it once more changes nothing: an application can declare its own whenever it starts.
// Error codes: permission_unknown, permission_description_invalid, permissions_too_many.
func (g *Gatehouse) DeclarePermission(ctx context.Context, name, description string) error {
	return g.govern.Declare(ctx, name, description)
}

// WithdrawPermission ends what DeclarePermission did. Roles that hold the permission keep it, and nobody
// can give it any more. Error code: permission_not_declared.
func (g *Gatehouse) WithdrawPermission(ctx context.Context, name string) error {
	return g.govern.Withdraw(ctx, name)
}

func shownTenant(t *tenant.Tenant, err error) (*Tenant, error) {
	if err != nil {
		return nil, err
	}
	return showTenant(t), nil
}

func showTenant(t *tenant.Tenant) *Tenant {
	j := t.JSON()
	return &Tenant{ID: j.ID, Slug: j.Slug, Name: j.Name, Color: j.Color, Radius: j.Radius, Font: j.Font, CreatedAt: j.CreatedAt, IsActive: j.IsActive, Policy: TenantPolicy(j.Policy)}
}

func shownMember(m *member.Member, err error) (*TenantMember, error) {
	if err != nil {
		return nil, err
	}
	return showMember(m), nil
}

func showMember(m *member.Member) *TenantMember {
	shown := TenantMember(m.JSON())
	return &shown
}
