package role

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Permissions of staff, over the whole service. Superusers have all of them, and what is for superusers
// alone besides.
const (
	StaffReadConsole       = "console.read" // the overview: numbers, and nobody by name; every role has it
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
	StaffReadSettings      = "settings.read" // what the instance runs with, but for secrets
	StaffReadTenants       = "tenants.read"
	StaffManageTenants     = "tenants.manage" // make, suspend, name an owner
	StaffManagePermissions = "permissions.manage"
)

// StaffPermissions lists them all.
func StaffPermissions() []string {
	return []string{StaffReadConsole, StaffReadAccounts, StaffManageAccounts, StaffReadSessions, StaffEndSessions, StaffReadAudit, StaffReadMails, StaffManageMails,
		StaffReadTemplates, StaffTestTemplates, StaffReadKeys, StaffReadSettings, StaffReadTenants, StaffManageTenants, StaffManagePermissions}
}

// Failures a caller can act on.
var (
	// ErrDenied refuses a member of staff whose role does not have a permission, and names it.
	ErrDenied = fault.New(fault.Forbidden, "staff_permission_required", "Your staff role does not allow this. A superuser can give you another.")
	// ErrStaffRole says that no member of staff can have this role.
	ErrStaffRole = fault.New(fault.Invalid, "staff_role_unknown", "There is no such staff role.")
)

// Operator is the role of staff who look after everything but what is for superusers: what every member
// of staff could do before there were roles, so it does not see the settings.
const Operator = "operator"

// Staff is the roles that members of staff can have. It is immutable.
type Staff struct{ roles []Role }

// NewStaff adds the roles of the configuration to those built in: operator, support, auditor. Every role
// may see the overview of the console. Every problem is reported at once.
func NewStaff(roles []Role) (*Staff, error) {
	s := &Staff{}
	s.add(Operator, slices.DeleteFunc(StaffPermissions(), func(p string) bool { return p == StaffReadSettings }))
	s.add("support", verifier.Permissions{"accounts.*", "sessions.*", StaffReadMails, StaffReadTenants})
	s.add("auditor", slices.DeleteFunc(StaffPermissions(), func(p string) bool { return !strings.HasSuffix(p, ".read") }))
	var problems []error
	for _, r := range roles {
		switch {
		case CheckName(r.Name) != nil:
			problems = append(problems, fmt.Errorf("staff role %q: %w", r.Name, ErrName))
		case s.Check(r.Name) == nil:
			problems = append(problems, fmt.Errorf("staff role %q is there already", r.Name))
		default:
			for _, problem := range staffProblems(r.Permissions) {
				problems = append(problems, fmt.Errorf("staff role %q: %w", r.Name, problem))
			}
			s.add(r.Name, r.Permissions)
		}
	}
	return s, errors.Join(problems...)
}

func (s *Staff) add(name string, permissions verifier.Permissions) {
	all := append(verifier.Permissions{StaffReadConsole}, permissions...)
	slices.Sort(all)
	s.roles = append(s.roles, Role{Name: name, Permissions: slices.Compact(all), Common: true})
}

// staffProblems is what is wrong with the permissions of a role. Whoever may change something may see it:
// a role that lacks that was not meant so.
func staffProblems(permissions verifier.Permissions) (problems []error) {
	for _, p := range permissions {
		noun, _, _ := strings.Cut(p, ".")
		read := noun + ".read"
		if noun == "permissions" { // they are listed to whoever may see tenants
			read = StaffReadTenants
		}
		switch {
		case !slices.Contains(StaffPermissions(), p) && !staffNoun(p):
			problems = append(problems, fmt.Errorf("there is no permission %q of staff", p))
		case slices.Contains(StaffPermissions(), read) && !permissions.Has(read):
			problems = append(problems, fmt.Errorf("%q is of no use without %q", p, read))
		}
	}
	return problems
}

// staffNoun reports whether entry is noun.* of a noun that staff have permissions of.
func staffNoun(entry string) bool {
	noun, wild := strings.CutSuffix(entry, "*")
	return wild && strings.HasSuffix(noun, ".") && slices.ContainsFunc(StaffPermissions(), func(p string) bool { return strings.HasPrefix(p, noun) })
}

// Roles returns the roles that staff can have, operator first.
func (s *Staff) Roles() []Role { return slices.Clone(s.roles) }

// Check returns ErrStaffRole unless there is a role of that name.
func (s *Staff) Check(name string) error {
	if !slices.ContainsFunc(s.roles, func(r Role) bool { return r.Name == name }) {
		return ErrStaffRole
	}
	return nil
}

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
