package role

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Permissions of staff, over the whole service. Superusers have all of them, and what is for superusers
// alone besides.
const (
	StaffReadAccounts      = "accounts.read"
	StaffManageAccounts    = "accounts.manage" // disable, enable, sign out, unlock, send a reset
	StaffReadSessions      = "sessions.read"
	StaffEndSessions       = "sessions.end"
	StaffReadAudit         = "audit.read"
	StaffReadMails         = "mails.read"
	StaffManageMails       = "mails.manage"
	StaffReadTemplates     = "templates.read"
	StaffTestTemplates     = "templates.test"
	StaffReadKeys          = "keys.read"
	StaffReadSettings      = "settings.read"
	StaffReadTenants       = "tenants.read"
	StaffManageTenants     = "tenants.manage" // make, suspend, name an owner
	StaffManagePermissions = "permissions.manage"
)

// StaffPermissions lists them all.
func StaffPermissions() []string {
	return []string{StaffReadAccounts, StaffManageAccounts, StaffReadSessions, StaffEndSessions, StaffReadAudit, StaffReadMails, StaffManageMails,
		StaffReadTemplates, StaffTestTemplates, StaffReadKeys, StaffReadSettings, StaffReadTenants, StaffManageTenants, StaffManagePermissions}
}

// ErrDenied refuses a member of staff whose role does not have a permission, and names it.
var ErrDenied = fault.New(fault.Forbidden, "staff_permission_required", "Your staff role does not allow this. A superuser can give you another.")

// Operator is the role of staff who may do all that is not for superusers: what every member of staff
// could do before there were roles.
const Operator = "operator"

// Staff is the roles that members of staff can have. It is immutable.
type Staff struct{ roles []Role }

// NewStaff adds the roles of the configuration to those built in: operator, support, auditor.
func NewStaff(roles []Role) (*Staff, error) {
	s := &Staff{roles: []Role{
		{Name: Operator, Permissions: StaffPermissions(), Common: true},
		{Name: "support", Permissions: verifier.Permissions{"accounts.*", "sessions.*", "mails.read", "tenants.read"}, Common: true},
		{Name: "auditor", Permissions: verifier.Permissions{"accounts.read", "sessions.read", "audit.read", "mails.read", "templates.read", "keys.read", "settings.read", "tenants.read"}, Common: true},
	}}
	var problems []error
	for _, r := range roles {
		switch {
		case CheckName(r.Name) != nil:
			problems = append(problems, fmt.Errorf("staff role %q: %w", r.Name, ErrName))
		case slices.ContainsFunc(s.roles, func(have Role) bool { return have.Name == r.Name }):
			problems = append(problems, fmt.Errorf("staff role %q is there already", r.Name))
		default:
			for _, p := range r.Permissions {
				if !verifier.Permissions(StaffPermissions()).Has(p) && !staffNoun(p) {
					problems = append(problems, fmt.Errorf("staff role %q: there is no permission %q of staff", r.Name, p))
				}
			}
			s.roles = append(s.roles, Role{Name: r.Name, Permissions: slices.Clone(r.Permissions), Common: true})
		}
	}
	return s, errors.Join(problems...)
}

// staffNoun reports whether entry is noun.* of a noun that staff have permissions of.
func staffNoun(entry string) bool {
	return slices.ContainsFunc(StaffPermissions(), func(p string) bool { return verifier.Permissions{entry}.Has(p) })
}

// Roles returns the roles that staff can have, operator first.
func (s *Staff) Roles() []Role { return slices.Clone(s.roles) }

// Permissions returns what a role allows; of one that there is not, or is none, nothing.
func (s *Staff) Permissions(name string) verifier.Permissions {
	i := slices.IndexFunc(s.roles, func(r Role) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return s.roles[i].Permissions
}

// May reports whether staff of a role may do something. Superusers always may.
func (s *Staff) May(name string, superuser bool, permission string) bool {
	return superuser || s.Permissions(name).Has(permission)
}
