package member

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// all returns the roles that members of a tenant can have: first those of all tenants, owner in front.
func (s *Service) all(ctx context.Context, id tenant.ID) ([]role.Role, error) {
	own, err := tenant.OwnRoles(ctx, s.DB, id)
	common := slices.DeleteFunc(s.Deps.Roles.Roles(), func(r role.Role) bool {
		return !role.BuiltIn(r.Name) && slices.ContainsFunc(own, func(o role.Role) bool { return o.Name == r.Name })
	})
	return append(common, own...), err
}

// Roles lists the roles that members of a tenant can have: first those of all tenants, owner in front.
func (s *Service) Roles(ctx context.Context, id tenant.ID) ([]RoleInfo, error) {
	all, err := s.all(ctx, id)
	if err != nil {
		return nil, err
	}
	n, err := counts(ctx, s.DB, id)
	if err != nil {
		return nil, err
	}
	infos := make([]RoleInfo, len(all))
	for i, r := range all {
		infos[i] = RoleInfo{r, n[r.Name]}
	}
	return infos, nil
}

// Permissions returns what can be given at all: Gatehouse's own permissions, and those that the
// application declared.
func (s *Service) Permissions(ctx context.Context) ([]string, error) {
	more, err := s.declared(ctx)
	all := append(s.Deps.Roles.Declared(), more...)
	slices.Sort(all)
	return slices.Compact(all), err
}

// Assignable returns what whoever has g may give to others: roles, permissions, and noun.* where they
// have it.
func (s *Service) Assignable(ctx context.Context, id tenant.ID, g role.Grant) (roles, permissions []string, err error) {
	all, err := s.all(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range all {
		if g.Gives(r) {
			roles = append(roles, r.Name)
		}
	}
	declared, err := s.Permissions(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range declared {
		noun, _, _ := strings.Cut(p, ".")
		permissions = append(permissions, p, noun+".*")
	}
	slices.Sort(permissions)
	permissions = slices.DeleteFunc(slices.Compact(permissions), func(p string) bool { return !g.Covers(p) })
	return roles, permissions, nil
}

// CreateRole makes a role of a tenant's own. by must have all that it holds. It returns role.ErrName,
// ErrRoleExists, ErrRoles, ErrPermissions, role.ErrPermission, role.ErrEscalation and what tenant.Act does.
func (s *Service) CreateRole(ctx context.Context, by tenant.Actor, id tenant.ID, name string, permissions []string) (*RoleInfo, error) {
	if err := role.CheckName(name); err != nil {
		return nil, err
	}
	if _, common := s.Deps.Roles.Find(name); common {
		return nil, ErrRoleExists
	}
	more, err := s.declared(ctx)
	if err != nil {
		return nil, err
	}
	made := role.Role{Name: name}
	err = s.actOnRole(ctx, by, id, name, func(tx *db.Tx, t *tenant.Tenant, g role.Grant) error {
		entries, err := s.entries(g, permissions, nil, more)
		if err != nil {
			return err
		}
		made.Permissions = entries
		if err := insertRole(ctx, tx, t.ID, made); err != nil {
			return err
		}
		return tenant.Record(ctx, tx, by, audit.Event{Kind: "role.created", TenantID: t.ID, Detail: roleDetail(name, nil, entries)})
	})
	if err != nil {
		return nil, err
	}
	return &RoleInfo{Role: made}, nil
}

// ChangeRole gives a tenant's own role other permissions, and so everybody who has it. by must have all
// that it held and all that it shall hold. It returns ErrRoleCommon, ErrRoleNotFound and what CreateRole
// does.
func (s *Service) ChangeRole(ctx context.Context, by tenant.Actor, id tenant.ID, name string, permissions []string) (*RoleInfo, error) {
	more, err := s.declared(ctx)
	if err != nil {
		return nil, err
	}
	var changed role.Role
	err = s.actOnRole(ctx, by, id, name, func(tx *db.Tx, t *tenant.Tenant, g role.Grant) error {
		was, err := s.own(ctx, tx, t, g, name)
		if err != nil {
			return err
		}
		entries, err := s.entries(g, permissions, was.Permissions, more)
		if err != nil {
			return err
		}
		changed = role.Role{Name: name, Permissions: entries}
		if slices.Equal(entries, was.Permissions) {
			return nil
		}
		if err := updateRole(ctx, tx, t.ID, changed); err != nil {
			return err
		}
		return tenant.Record(ctx, tx, by, audit.Event{Kind: "role.changed", TenantID: t.ID, Detail: roleDetail(name, was.Permissions, entries)})
	})
	if err != nil {
		return nil, err
	}
	n, err := counts(ctx, s.DB, id)
	return &RoleInfo{changed, n[name]}, err
}

// DeleteRole removes a role of a tenant's own that no member has. by must have all that it holds, and all
// that its name means afterwards: an invitation may still promise it. It returns ErrRoleInUse, ErrRoleCommon, ErrRoleNotFound, role.ErrEscalation and what tenant.Act does.
func (s *Service) DeleteRole(ctx context.Context, by tenant.Actor, id tenant.ID, name string) error {
	return s.actOnRole(ctx, by, id, name, func(tx *db.Tx, t *tenant.Tenant, g role.Grant) error {
		was, err := s.own(ctx, tx, t, g, name)
		if err != nil {
			return err
		}
		if r, common := s.Deps.Roles.Find(name); common && !g.Gives(r) {
			return role.ErrEscalation
		}
		if err := deleteRole(ctx, tx, t.ID, name); err != nil {
			return err
		}
		return tenant.Record(ctx, tx, by, audit.Event{Kind: "role.deleted", TenantID: t.ID, Detail: roleDetail(name, was.Permissions, nil)})
	})
}

// own returns a tenant's own role that whoever has g may change.
func (s *Service) own(ctx context.Context, tx *db.Tx, t *tenant.Tenant, g role.Grant, name string) (role.Role, error) {
	r, err := tenant.FindRole(ctx, tx, s.Deps.Roles, t.ID, name)
	switch {
	case errors.Is(err, role.ErrUnknown):
		return r, ErrRoleNotFound
	case err != nil:
		return r, err
	case r.Common:
		return r, ErrRoleCommon
	case !g.Gives(r):
		return r, role.ErrEscalation
	default:
		return r, nil
	}
}

// actOnRole runs what by does to a role, and writes down when it is refused.
func (s *Service) actOnRole(ctx context.Context, by tenant.Actor, id tenant.ID, name string, fn func(tx *db.Tx, t *tenant.Tenant, g role.Grant) error) error {
	if role.CheckName(name) != nil {
		return ErrRoleNotFound
	}
	err := tenant.Act(ctx, s.DB, s.Deps.Roles, id, by, role.ManageRoles, fn)
	e := audit.Event{Kind: "role.change_refused", TenantID: id, Detail: map[string]string{"role": name}}
	return s.refused(ctx, by, e, err)
}

// roleDetail says which role it was and what it held before and after.
func roleDetail(name string, from, to []string) map[string]string {
	return map[string]string{"role": name, "from": role.Join(from), "to": role.Join(to)}
}
