package join

import (
	"context"
	"errors"
	"net/netip"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Accept makes whoever is signed in a member by a mailed token, and returns the invitation that it was. It
// returns letter.ErrLink, invitation.ErrForeign, tenant.ErrMember, tenant.ErrMemberships and
// ratelimit.ErrLimited.
func (s *Service) Accept(ctx context.Context, id account.ID, token string, from netip.Addr) (*invitation.Open, error) {
	var o *invitation.Open
	err := s.guessing(ctx, from, func() (err error) {
		if o, err = s.Invitations.Find(ctx, token); err != nil {
			return err
		}
		return s.accept(ctx, o, id)
	})
	return o, err
}

// AcceptWaiting is Accept for an invitation that invitation.Service.Waiting lists: the account has shown to
// read the address, so no token is needed. It returns invitation.ErrNotFound for any other.
func (s *Service) AcceptWaiting(ctx context.Context, id account.ID, which uuid.UUID) (*invitation.Open, error) {
	var a *account.Account
	err := s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		a, err = account.Find(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	waiting, err := s.Invitations.Waiting(ctx, a)
	if err != nil {
		return nil, err
	}
	for i := range waiting {
		if waiting[i].ID == which {
			return &waiting[i], s.accept(ctx, &waiting[i], id)
		}
	}
	return nil, invitation.ErrNotFound
}

// find is invitation.Service.Find, of which a network address gets only so many failures.
func (s *Service) find(ctx context.Context, token string, from netip.Addr) (o *invitation.Open, err error) {
	err = s.guessing(ctx, from, func() error {
		o, err = s.Invitations.Find(ctx, token)
		return err
	})
	return o, err
}

// guessing bounds how often fn may be tried with what is no token, or another's.
func (s *Service) guessing(ctx context.Context, from netip.Addr, fn func() error) error {
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerAddress, Key: ratelimit.AddressKey(from)})
	if err != nil {
		return err
	}
	err = fn()
	if !errors.Is(err, letter.ErrLink) && !errors.Is(err, invitation.ErrForeign) {
		taken.Refund()
	}
	return err
}

func (s *Service) accept(ctx context.Context, o *invitation.Open, id account.ID) error {
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		a, err := account.Find(ctx, tx, id)
		if err != nil {
			return err
		}
		return s.Invitations.Accept(ctx, tx, o, a)
	})
	return s.Invitations.Refuse(ctx, o, id, err)
}
