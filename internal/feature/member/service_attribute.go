package member

import (
	"context"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// SetOwn changes attributes of by's own membership, whose subject is by's, as people may themselves: those
// that are read-only are not theirs, and what is required must be there afterwards. was is as in Change.
// Changes made at the same time to different attributes all hold. It returns account.ErrProfile, ErrChanged,
// tenant.ErrMemberNotFound for another's subject, ratelimit.ErrLimited, and what tenant.Act does.
func (s *Service) SetOwn(ctx context.Context, by tenant.Actor, id tenant.ID, subject string, attributes map[string]any, was string) (changed *Member, err error) {
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: changes, Key: id.String() + " " + subject})
	if err != nil {
		return nil, err
	}
	err = s.actOn(ctx, by, id, role.Enter, subject, func(d deed, m *Member) error {
		switch {
		case m.AccountID != by.AccountID():
			return tenant.ErrMemberNotFound
		case was != "" && was != m.Mark():
			return ErrChanged
		}
		changed = m
		return s.setAttributes(ctx, d, m, attributes, true)
	})
	if err != nil {
		taken.Refund()
		return nil, err
	}
	return changed, nil
}

// setAttributes changes attributes of a member, and says in the audit which, not to what. One that stays as
// it is is no change.
func (s *Service) setAttributes(ctx context.Context, d deed, m *Member, change map[string]any, byPerson bool) error {
	if len(change) == 0 {
		return nil
	}
	values, err := s.Schema.Set(m.stored, change, byPerson)
	if err != nil {
		return err
	}
	names := account.Changed(change, m.stored, values)
	if len(names) == 0 {
		return nil
	}
	if err := tenant.Entrust(ctx, d.tx, d.tenant, d.by, m.AccountID, m.Grant, nil); err != nil {
		return err
	}
	if err := tenant.SetAttributes(ctx, d.tx, d.tenant, m.AccountID, values); err != nil {
		return err
	}
	m.stored, m.Attributes = values, s.Schema.Shown(values)
	e := audit.Event{Kind: "member.profile_changed", AccountID: m.AccountID, TenantID: d.tenant.ID, Detail: map[string]string{"members": strings.Join(names, " ")}}
	return tenant.Record(ctx, d.tx, d.by, e)
}
