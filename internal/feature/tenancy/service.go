package tenancy

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// MayCreate reports whether an account can make tenants for itself.
func (s *Service) MayCreate(a *account.Account) bool {
	return s.cfg.Create == ByAnyone && a.Active && a.EmailVerified
}

// may is MayCreate of an account as it is now.
func (s *Service) may(ctx context.Context, id account.ID) (may bool, err error) {
	if s.cfg.Create != ByAnyone {
		return false, nil
	}
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		a, err := account.Find(ctx, tx, id)
		if err == nil {
			may = s.MayCreate(a)
		}
		return err
	})
	return may, err
}

// Create makes a tenant that belongs to whoever is signed in. An empty slug is made from the name. It
// returns ErrClosed, ErrUnverified, the refusals of names and of settings in package tenant, also that they
// are taken, session.ErrEnded and ratelimit.ErrLimited.
func (s *Service) Create(ctx context.Context, by session.Bearer, name, slug string) (*tenant.Tenant, error) {
	if s.cfg.Create != ByAnyone {
		return nil, ErrClosed
	}
	settings, err := settingsOf(name, slug)
	if err != nil {
		return nil, err
	}
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerAccount, Key: by.AccountID.String()})
	if err != nil {
		return nil, err
	}
	guess, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: guesses, Key: by.AccountID.String()})
	if err != nil {
		taken.Refund()
		return nil, err
	}
	t, err := s.create(ctx, by.AccountID, settings, s.check)
	if !guessed(err) {
		guess.Refund()
	}
	if errors.Is(err, account.ErrNotFound) {
		err = session.ErrEnded // erased meanwhile
	}
	if err != nil {
		taken.Refund()
		return nil, err
	}
	return t, nil
}

// check is what is asked of whoever makes a tenant for themselves, as they are now.
func (s *Service) check(a *account.Account) error {
	switch {
	case s.MayCreate(a):
		return nil
	case !a.Active:
		return session.ErrEnded
	default:
		return ErrUnverified
	}
}

// CreateFor makes a tenant that belongs to owner. It is for whoever runs the service. It returns what
// Create does, but for the limits and ErrClosed; account.ErrNotFound where the account is gone.
func (s *Service) CreateFor(ctx context.Context, owner *account.Account, name, slug string) (*tenant.Tenant, error) {
	settings, err := settingsOf(name, slug)
	if err != nil {
		return nil, err
	}
	return s.create(ctx, owner.ID, settings, func(*account.Account) error { return nil })
}

// create locks the owner's account first: one that is erased at the same moment leaves no tenant behind
// that nobody owns.
func (s *Service) create(ctx context.Context, owner account.ID, settings tenant.Settings, check func(*account.Account) error) (t *tenant.Tenant, err error) {
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := account.Lock(ctx, tx, owner, owner); err != nil {
			return err
		}
		a, err := account.Find(ctx, tx, owner)
		if err != nil {
			return err
		}
		if err := check(a); err != nil {
			return err
		}
		if t, err = tenant.Create(ctx, tx, settings); err != nil {
			return err
		}
		if err := tenant.Join(ctx, tx, t, owner, role.Owner); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "tenant.created", TenantID: t.ID, AccountID: owner, Detail: map[string]string{"slug": t.Slug}})
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// settingsOf are those of a new tenant.
func settingsOf(name, slug string) (tenant.Settings, error) {
	if slug == "" {
		slug = tenant.SlugOf(name)
	}
	return tenant.Settings{Name: name, Slug: slug}.Check()
}

// guessed reports whether err says that another has a name: what is limited by guesses.
func guessed(err error) bool {
	return errors.Is(err, tenant.ErrSlugTaken) || errors.Is(err, tenant.ErrNameTaken)
}

// Mine lists the tenants that an account belongs to, by name, suspended ones too.
func (s *Service) Mine(ctx context.Context, accountID uuid.UUID) ([]tenant.Membership, error) {
	return tenant.Of(ctx, s.DB, s.Roles, accountID)
}

// Size is how much is deleted with a tenant.
type Size struct {
	Members     int
	Roles       int // of its own
	Invitations int // that were neither accepted nor taken back
	Domains     int
}

// Size returns how much is deleted with a tenant: of one that is not there, nothing.
func (s *Service) Size(ctx context.Context, id tenant.ID) (Size, error) { return count(ctx, s.DB, id) }
