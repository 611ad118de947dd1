// Package role is the vocabulary of authorization: which permissions there are, which roles hold them,
// and what a decision rests on. A permission is noun.verb; a role is a named set of them; a member of a
// tenant has one role and perhaps further permissions of their own (NIST RBAC). What is asked is always
// answered by verifier.Permissions, the one evaluator.
package role

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Failures a caller can act on.
var (
	ErrPermission = fault.New(fault.Invalid, "permission_unknown", "There is no such permission. Declare it first.")
	ErrName       = fault.New(fault.Invalid, "role_name_invalid", "A role is named by 2 to 32 characters: a to z, 0 to 9 and dashes, a letter first.")
	ErrUnknown    = fault.New(fault.Invalid, "role_unknown", "There is no such role here.")
)

// Roles that every tenant has.
const (
	Owner  = "owner"  // everything, and the tenant itself
	Admin  = "admin"  // members, invitations, roles and settings; and what the application gives it
	Member = "member" // nothing but what the application gives it
)

// Everything is what owners have.
const Everything = "*"

// Permissions over a tenant itself. Those of the application are declared in its configuration or by
// its staff.
const (
	Enter         = "tenant.enter" // every member has it: see one's own rights, leave
	ReadTenant    = "tenant.read"
	ManageTenant  = "tenant.manage" // name, settings, domains
	DeleteTenant  = "tenant.delete" // owners have it, and whom they give it
	ReadMembers   = "members.read"
	ManageMembers = "members.manage" // roles of members, removing them
	Invite        = "members.invite"
	ReadRoles     = "roles.read"
	ManageRoles   = "roles.manage"
	ReadAudit     = "audit.read"
)

// Limits.
const (
	MaxEntries    = 100 // permissions of one role, or of one member besides their role
	MaxRoles      = 50  // that a tenant makes for itself
	MaxPermission = 64  // bytes of a permission
	maxName       = 32  // bytes of a role's name
	// MaxClaim is how many bytes of permissions a token carries. Past that they are looked up.
	MaxClaim = 1024
)

var (
	permissionForm = regexp.MustCompile(`^[a-z][a-z0-9_-]*\.([a-z][a-z0-9_-]*|\*)$`)
	nameForm       = regexp.MustCompile(`^[a-z][a-z0-9-]+$`)
)

// ours are the permissions over tenants themselves.
func ours() []string {
	return []string{ReadTenant, ManageTenant, DeleteTenant, ReadMembers, ManageMembers, Invite, ReadRoles, ManageRoles, ReadAudit}
}

// nobodys are nouns that no application may declare permissions of.
var nobodys = []string{"tenant", "members", "roles", "audit"}

// CheckPermission reports whether text has the form of an entry: noun.verb or noun.*.
func CheckPermission(text string) error {
	if len(text) > MaxPermission || !permissionForm.MatchString(text) {
		return ErrPermission.WithDetail("A permission is noun.verb or noun.*, in a to z, 0 to 9, - and _, at most 64 characters.")
	}
	return nil
}

// CheckName reports whether a tenant may give one of its roles this name.
func CheckName(name string) error {
	if len(name) > maxName || !nameForm.MatchString(name) {
		return ErrName
	}
	return nil
}

// Role is a named set of permissions.
type Role struct {
	Name        string
	Permissions verifier.Permissions
	// Common roles are those that every tenant has: built in, or of the configuration.
	Common bool
}

// Set is the roles that all tenants have, and the permissions that are declared in the configuration. It
// is immutable.
type Set struct {
	declared []string
	roles    []Role
}

// NewSet checks what the configuration declares. roles add to admin and member, or are new ones. Every
// problem is reported at once.
func NewSet(declared []string, roles []Role) (*Set, error) {
	s := &Set{roles: []Role{
		{Name: Owner, Permissions: verifier.Permissions{Everything}, Common: true},
		{Name: Admin, Permissions: slices.DeleteFunc(ours(), func(p string) bool { return p == DeleteTenant }), Common: true},
		{Name: Member, Permissions: verifier.Permissions{ReadTenant}, Common: true},
	}}
	var problems []error
	for _, p := range declared {
		if err := CheckDeclared(p); err != nil {
			problems = append(problems, fmt.Errorf("permission %q: %w", p, err))
		}
		s.declared = append(s.declared, p)
	}
	for _, r := range roles {
		if err := s.add(r); err != nil {
			problems = append(problems, fmt.Errorf("role %q: %w", r.Name, err))
		}
	}
	return s, errors.Join(problems...)
}

// CheckDeclared reports whether an application may declare permission: no wildcard, none of our nouns.
func CheckDeclared(permission string) error {
	noun, verb, _ := strings.Cut(permission, ".")
	if err := CheckPermission(permission); err != nil {
		return err
	}
	if verb == "*" {
		return ErrPermission.WithDetail("Declare each verb by itself; roles may then hold noun.*.")
	}
	if slices.Contains(nobodys, noun) {
		return ErrPermission.WithDetail("The nouns tenant, members, roles and audit are Gatehouse's own.")
	}
	return nil
}

func (s *Set) add(r Role) error {
	if err := CheckName(r.Name); err != nil {
		return err
	}
	if r.Name == Owner {
		return errors.New("owners have everything already")
	}
	if len(r.Permissions) > MaxEntries {
		return fmt.Errorf("more than %d permissions", MaxEntries)
	}
	for _, p := range r.Permissions {
		if err := s.Check(p, nil); err != nil {
			return fmt.Errorf("%q: %w", p, err)
		}
	}
	i := slices.IndexFunc(s.roles, func(have Role) bool { return have.Name == r.Name })
	if i < 0 {
		s.roles = append(s.roles, Role{Name: r.Name, Permissions: slices.Clone(r.Permissions), Common: true})
		return nil
	}
	s.roles[i].Permissions = append(s.roles[i].Permissions, r.Permissions...)
	return nil
}

// Roles returns the roles that all tenants have, owner first.
func (s *Set) Roles() []Role { return slices.Clone(s.roles) }

// Find returns a role that all tenants have.
func (s *Set) Find(name string) (Role, bool) {
	i := slices.IndexFunc(s.roles, func(r Role) bool { return r.Name == name })
	if i < 0 {
		return Role{}, false
	}
	return s.roles[i], true
}

// BuiltIn reports whether name means the same everywhere, whatever a tenant made for itself.
func BuiltIn(name string) bool { return name == Owner || name == Admin || name == Member }

// Resolve returns the role that a name means in a tenant. own are the permissions of the role of that name
// that the tenant made for itself, nil where it made none. Such a role keeps its meaning when the
// configuration gives all tenants one of the same name: what its members may do was decided in the tenant.
func (s *Set) Resolve(name string, own verifier.Permissions) (Role, bool) {
	if own == nil || BuiltIn(name) {
		return s.Find(name)
	}
	return Role{Name: name, Permissions: own}, true
}

// Declared returns the permissions that can be given: ours, and those of the configuration.
func (s *Set) Declared() []string { return append(ours(), s.declared...) }

// Check returns ErrPermission unless entry can be given: one that is declared, in the configuration or
// among more, or noun.* of a noun that is.
func (s *Set) Check(entry string, more []string) error {
	if err := CheckPermission(entry); err != nil {
		return err
	}
	noun, wild := strings.CutSuffix(entry, ".*")
	for _, declared := range slices.Concat(ours(), s.declared, more) {
		if declared == entry || wild && strings.HasPrefix(declared, noun+".") {
			return nil
		}
	}
	return ErrPermission
}

// Join spells permissions as they are stored; Stored reads them.
func Join(p verifier.Permissions) string { return strings.Join(p, " ") }
