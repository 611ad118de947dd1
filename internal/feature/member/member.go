// Package member is who belongs to a tenant, what they may do and what they are there: roles, permissions of
// their own, declared attributes, ownership, joining by a verified domain, leaving, and the answer to why
// somebody may do something.
//
// Whoever changes what another may do gives and takes no more than they have themselves. That is decided
// with the tenant locked, so nobody acts on rights that they lost a moment ago, and the last owner stays.
// Rows of memberships and what a role is are domain/tenant's and domain/role's; invitations are left to
// feature/invitation.
package member

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Failures a caller can act on. Those of package tenant and role.ErrEscalation come besides.
var (
	ErrChanged      = fault.New(fault.Conflict, "member_changed", "This member was changed meanwhile. Look at them as they are now, and decide anew.")
	ErrInactive     = fault.New(fault.Conflict, "member_inactive", "This account is disabled, so it cannot be an owner.")
	ErrPermissions  = fault.New(fault.Invalid, "permissions_too_many", "A role can hold at most 100 permissions, and a member as many besides their role.")
	ErrRoleNotFound = fault.New(fault.NotFound, "role_not_found", "There is no such role.")
	ErrRoleExists   = fault.New(fault.Conflict, "role_exists", "There is a role of this name already.")
	ErrRoleCommon   = fault.New(fault.Conflict, "role_common", "All organisations have this role. It cannot be changed here.")
	ErrRoleInUse    = fault.New(fault.Conflict, "role_in_use", "Members have this role, or get it when they join. Give them another first.")
	ErrRoles        = fault.New(fault.Conflict, "roles_too_many", "An organisation can make at most 50 roles of its own.")
)

var (
	// joins bounds how often an account may ask to join something uninvited.
	joins = ratelimit.Limit{Name: "tenant.join", Burst: 20, Per: time.Hour}
	// letters bounds how often a tenant mails a member that what they may do has changed, and that they
	// have become an owner: each of the two has one bucket for a member and a tenant.
	letters = ratelimit.Limit{Name: "member.letter", Burst: 1, Per: time.Hour}
	// changes bounds how often somebody changes what they are in a tenant: each is an event of the tenant's.
	changes = ratelimit.Limit{Name: "member.change", Burst: 30, Per: time.Hour}
)

// Member is one account in one tenant, with what it may do and what it is there.
type Member struct {
	role.Grant
	AccountID account.ID
	Subject   string
	Email     string
	FullName  string
	Active    bool // whether the account is
	JoinedAt  time.Time
	// Attributes are those that are declared; nil where none are, and in a List, which leaves them out.
	Attributes map[string]any

	stored map[string]any // with those that are not shown
}

// Mark stands for what can be changed of the member: it differs when their role, their own permissions or
// their attributes do. What a role gives is not part of it.
func (m *Member) Mark() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %#v", m.Role, role.Join(m.Direct), m.Attributes))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Query asks for members of a tenant. Empty members pick none out.
type Query struct {
	Prefix string // of the address or the full name
	Role   string
	After  string // Page.Next of the page before
	Limit  int    // 1 to web.MaxPage; 0: web.DefaultPage
}

// Page is a part of the list of members.
type Page struct {
	Members []Member
	Next    string // asks for what follows, as Query.After; empty at the end
}

// RoleInfo is a role with how many members of a tenant have it.
type RoleInfo struct {
	role.Role
	Members int
}

// Deps is what a Service works with. Every member is required.
type Deps struct {
	DB      *db.DB
	Roles   *role.Set
	Schema  account.Schema // declares the attributes that members have in a tenant
	Limiter *ratelimit.Limiter
	Letters *letter.Post
}

// Service manages members and roles of tenants. It is safe for concurrent use.
type Service struct {
	Deps
	noted audit.Noted
}

// New returns a Service.
func New(deps Deps) *Service { return &Service{Deps: deps} }
