package member

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Change is what becomes of a member; nil leaves a thing as it is.
type Change struct {
	Role   *string
	Direct *[]string // permissions besides those of the role, in place of those they have
	// Attributes are those that become others, of all that are declared; a nil one is removed.
	Attributes map[string]any
	// Was is the Mark of the member that the wish was made of; empty: of whatever they are.
	Was string
}

// deed is a change under way: of a locked tenant, by somebody who may do there what grant says.
type deed struct {
	tx     *db.Tx
	by     tenant.Actor
	tenant *tenant.Tenant
	grant  role.Grant
	// postage is what letters about it were charged; nil: they are not limited.
	postage postage
}

// SetRole is Set for the role alone.
func (s *Service) SetRole(ctx context.Context, by tenant.Actor, id tenant.ID, subject, to string) (*Member, error) {
	return s.Set(ctx, by, id, subject, Change{Role: &to})
}

// SetPermissions is Set for the permissions besides the role alone.
func (s *Service) SetPermissions(ctx context.Context, by tenant.Actor, id tenant.ID, subject string, direct []string) (*Member, error) {
	return s.Set(ctx, by, id, subject, Change{Direct: &direct})
}

// Set changes what a member may do and what they are, all of it or nothing, and tells them what they may,
// unless they were told of the same within the hour. by must be able to do all that the member can, and all
// that they give. It returns role.ErrEscalation, role.ErrUnknown, role.ErrPermission, ErrPermissions,
// ErrInactive, ErrChanged, account.ErrProfile, tenant.ErrLastOwner, tenant.ErrMemberNotFound and what
// tenant.Act and tenant.Entrust do.
func (s *Service) Set(ctx context.Context, by tenant.Actor, id tenant.ID, subject string, c Change) (*Member, error) {
	more, err := s.declared(ctx)
	if err != nil {
		return nil, err
	}
	paid, err := s.pay(ctx, id, subject, c)
	if err != nil {
		return nil, err
	}
	var changed *Member
	var sent string
	err = s.actOn(ctx, by, id, role.ManageMembers, subject, func(d deed, m *Member) error {
		d.postage = paid
		if !d.grant.Commands(m.Grant) {
			return role.ErrEscalation
		}
		if c.Was != "" && c.Was != m.Mark() {
			return ErrChanged
		}
		told, err := s.setRole(ctx, d, m, c.Role)
		if err != nil {
			return err
		}
		also, err := s.setDirect(ctx, d, m, c.Direct, more)
		if err != nil {
			return err
		}
		if err := s.setAttributes(ctx, d, m, c.Attributes, false); err != nil {
			return err
		}
		sent = cmp.Or(told, also)
		if err := s.tell(ctx, d, sent, m.AccountID); err != nil {
			return err
		}
		changed, err = find(ctx, d.tx, s.Deps, d.tenant.ID, subject)
		return err
	})
	if err != nil {
		sent = ""
	}
	paid.refund(sent)
	return changed, err
}

// postage is what was charged for each kind of letter; nil under a kind: one was sent lately.
type postage map[string]*ratelimit.Taken

// pay charges the letters that a change may bring, before it is known which of them it does.
func (s *Service) pay(ctx context.Context, id tenant.ID, subject string, c Change) (postage, error) {
	if c.Role == nil && c.Direct == nil {
		return nil, nil
	}
	p := postage{letter.TenantRoleChanged: nil}
	if c.Role != nil && *c.Role == role.Owner {
		p[letter.TenantOwner] = nil
	}
	for kind := range p {
		taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: letters, Key: kind + " " + id.String() + " " + subject})
		if err != nil && !errors.Is(err, ratelimit.ErrLimited) {
			p.refund("")
			return nil, err
		}
		p[kind] = taken
	}
	return p, nil
}

// refund gives back what the letters would have cost that were not sent.
func (p postage) refund(sent string) {
	for kind, taken := range p {
		if taken != nil && kind != sent {
			taken.Refund()
		}
	}
}

// setRole gives a member another role, if it is one, and returns which letter says so.
func (s *Service) setRole(ctx context.Context, d deed, m *Member, to *string) (kind string, err error) {
	if to == nil || *to == m.Role {
		return "", nil
	}
	r, err := tenant.FindRole(ctx, d.tx, s.Deps.Roles, d.tenant.ID, *to)
	switch {
	case err != nil:
		return "", err
	case !d.grant.Gives(r):
		return "", role.ErrEscalation
	case r.Name == role.Owner && !m.Active:
		return "", ErrInactive
	}
	if err := tenant.Entrust(ctx, d.tx, d.tenant, d.by, m.AccountID, m.Grant, r.Permissions); err != nil {
		return "", err
	}
	if err := tenant.SetRole(ctx, d.tx, d.tenant, m.AccountID, r.Name); err != nil {
		return "", err
	}
	kind = letter.TenantRoleChanged
	if r.Name == role.Owner {
		kind = letter.TenantOwner
	}
	e := audit.Event{Kind: "member.role_changed", AccountID: m.AccountID, TenantID: d.tenant.ID, Detail: map[string]string{"from": m.Role, "to": r.Name}}
	return kind, tenant.Record(ctx, d.tx, d.by, e)
}

// setDirect is setRole for the permissions besides the role.
func (s *Service) setDirect(ctx context.Context, d deed, m *Member, to *[]string, declared []string) (kind string, err error) {
	if to == nil {
		return "", nil
	}
	entries, err := s.entries(d.grant, *to, m.Direct, declared)
	if err != nil || slices.Equal(entries, m.Direct) {
		return "", err
	}
	if err := tenant.Entrust(ctx, d.tx, d.tenant, d.by, m.AccountID, m.Grant, entries); err != nil {
		return "", err
	}
	if err := tenant.SetPermissions(ctx, d.tx, d.tenant, m.AccountID, entries); err != nil {
		return "", err
	}
	e := audit.Event{Kind: "member.permissions_changed", AccountID: m.AccountID, TenantID: d.tenant.ID,
		Detail: map[string]string{"from": role.Join(m.Direct), "to": role.Join(entries)}}
	return letter.TenantRoleChanged, tenant.Record(ctx, d.tx, d.by, e)
}

// tell writes a letter about a tenant to an account, unless its kind is limited and was sent lately; an
// empty kind is none.
func (s *Service) tell(ctx context.Context, d deed, kind string, to account.ID) error {
	if paid, limited := d.postage[kind]; kind == "" || limited && paid == nil {
		return nil
	}
	return s.Letters.Write(ctx, d.tx, kind, to, letter.Content{Name: d.tenant.Name})
}

// Remove ends a membership and tells whoever had it. It returns what Set does.
func (s *Service) Remove(ctx context.Context, by tenant.Actor, id tenant.ID, subject string) error {
	return s.actOn(ctx, by, id, role.ManageMembers, subject, func(d deed, m *Member) error {
		if d.by.AccountID() == m.AccountID {
			return leave(ctx, d.tx, d.tenant, m.AccountID)
		}
		if !d.grant.Commands(m.Grant) {
			return role.ErrEscalation
		}
		if err := tenant.Remove(ctx, d.tx, d.tenant, m.AccountID); err != nil {
			return err
		}
		e := audit.Event{Kind: "member.removed", AccountID: m.AccountID, TenantID: d.tenant.ID, Detail: map[string]string{"role": m.Role}}
		if err := tenant.Record(ctx, d.tx, d.by, e); err != nil {
			return err
		}
		return s.tell(ctx, d, letter.TenantRemoved, m.AccountID)
	})
}

// Transfer makes a member an owner, and by, who must be one, an admin; both are told. Where by is staff
// nobody is an owner less. It returns role.ErrEscalation where by is none, and what Set does.
func (s *Service) Transfer(ctx context.Context, by tenant.Actor, id tenant.ID, toSubject string) error {
	return s.actOn(ctx, by, id, role.DeleteTenant, toSubject, func(d deed, m *Member) error {
		switch {
		case d.grant.Role != role.Owner:
			return role.ErrEscalation
		case d.by.AccountID() == m.AccountID:
			return nil // theirs already
		}
		if err := s.appoint(ctx, d, m, role.Owner); err != nil {
			return err
		}
		if !d.by.Staff() {
			if err := s.appoint(ctx, d, &Member{Grant: d.grant, AccountID: d.by.AccountID()}, role.Admin); err != nil {
				return err
			}
		}
		return tenant.Record(ctx, d.tx, d.by, audit.Event{Kind: "ownership.transferred", AccountID: m.AccountID, TenantID: d.tenant.ID})
	})
}

// appoint gives a member a role and tells them.
func (s *Service) appoint(ctx context.Context, d deed, m *Member, as string) error {
	kind, err := s.setRole(ctx, d, m, &as)
	if err != nil {
		return err
	}
	return s.tell(ctx, d, kind, m.AccountID)
}

// actOn runs what by does to a member, and writes down when it is refused.
func (s *Service) actOn(ctx context.Context, by tenant.Actor, id tenant.ID, permission, subject string, fn func(d deed, m *Member) error) error {
	refused := audit.Event{Kind: "member.change_refused", TenantID: id}
	err := tenant.Act(ctx, s.DB, s.Deps.Roles, id, by, permission, func(tx *db.Tx, t *tenant.Tenant, g role.Grant) error {
		m, err := find(ctx, tx, s.Deps, t.ID, subject)
		if err != nil {
			return err
		}
		refused.AccountID = m.AccountID
		return fn(deed{tx: tx, by: by, tenant: t, grant: g}, m)
	})
	return s.refused(ctx, by, refused, err)
}

// refused writes down that by may not do what they tried, the first of several times, and returns err.
func (s *Service) refused(ctx context.Context, by tenant.Actor, e audit.Event, err error) error {
	f, ok := fault.From(err)
	if !ok || f.Kind != fault.Forbidden && !errors.Is(err, tenant.ErrLastOwner) {
		return err
	}
	e.Reason = f.Code
	return cmp.Or(tenant.Refuse(ctx, s.DB, &s.noted, by, e), err)
}

// entries returns permissions in the one way that they are stored. Those that are not had yet must be
// declared, and g must have all of them. It returns role.ErrPermission, ErrPermissions and
// role.ErrEscalation.
func (s *Service) entries(g role.Grant, wanted, had, declared []string) ([]string, error) {
	entries := slices.Clone(wanted)
	slices.Sort(entries)
	entries = slices.Compact(entries)
	if len(entries) > role.MaxEntries {
		return nil, ErrPermissions
	}
	for _, entry := range entries {
		if err := s.Deps.Roles.Check(entry, declared); err != nil && !slices.Contains(had, entry) {
			return nil, err
		}
	}
	for _, entry := range entries {
		if !g.Covers(entry) {
			return nil, role.ErrEscalation
		}
	}
	return entries, nil
}

// declared returns the permissions that were declared while running.
func (s *Service) declared(ctx context.Context) ([]string, error) {
	all, err := role.Declarations(ctx, s.DB)
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = d.Name
	}
	return names, err
}
