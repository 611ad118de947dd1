package profile

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// MaxGrace is the longest time, in days, that somebody may give themselves to think again.
const MaxGrace = 30

const day = 24 * time.Hour

// Leaving is how somebody leaves.
type Leaving struct {
	Password string // of the account; empty: none is given
	Days     int    // until the account is erased, at most MaxGrace; 0: at once
}

// Erase removes the account of whoever is signed in with all that hangs on it, tenants among it that
// have no other member, and returns the zero time. Or it ends all sessions, returns when that will be
// done, and tells the owner, who can sign in and [Service.Keep] the account until then. Audit events
// stay; they name the account by its id alone. A last letter goes to the address that was on record.
//
// A right password is proof enough for whoever has no second factor; so is a proof that is fresh. It
// returns session.ErrStale, what Prove does, ErrGrace, ErrLastSuperuser, tenant.ErrLastOwner where others
// belong to a tenant that nobody else owns, and session.ErrEnded.
func (s *Service) Erase(ctx context.Context, by session.Bearer, l Leaving) (at time.Time, err error) {
	if l.Days < 0 || l.Days > MaxGrace {
		return at, ErrGrace.WithField("grace_days", "invalid", ErrGrace.Detail)
	}
	o, err := findOwner(ctx, s.DB, by)
	if err != nil {
		return at, err
	}
	if err := s.prove(ctx, by, o, l.Password); err != nil {
		return at, err
	}
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		a, err := claim(ctx, tx, by, &o.account)
		if err != nil {
			return err
		}
		if err := dispensable(ctx, tx, a.ID); err != nil {
			return err
		}
		if l.Days == 0 {
			return s.erase(ctx, tx, a, by.SessionID)
		}
		at = tx.Now.Add(time.Duration(l.Days) * day)
		return s.schedule(ctx, tx, a, by.SessionID, at, l.Days)
	})
	if errors.Is(err, account.ErrNotFound) {
		err = session.ErrEnded // erased by a request that was quicker
	}
	for _, refusal := range []*fault.Error{ErrLastSuperuser, tenant.ErrLastOwner} {
		if errors.Is(err, refusal) {
			err = cmp.Or(audit.RecordAlone(ctx, s.DB, audit.Event{Kind: "account.erase_refused", AccountID: by.AccountID, SessionID: by.SessionID, Reason: refusal.Code}), err)
		}
	}
	if err != nil {
		return time.Time{}, err
	}
	return at, nil
}

// prove asks for a second factor of this session where the account has one: on a device that policy lets
// go without the second step, a fresh proof does not say so much.
func (s *Service) prove(ctx context.Context, by session.Bearer, o *owner, password string) error {
	fresh := by.Proven(s.DB.Now(), s.cfg.Fresh)
	switch {
	case o.held.Strong() && (!fresh || by.Level < authn.AAL2):
		return session.ErrStale.WithNext(fault.Next{MaxAge: s.cfg.Fresh, Methods: o.held.Again(), Level: authn.AAL2.ACR()})
	case password != "":
		return s.Prove(ctx, by, password)
	case !fresh:
		return session.ErrStale.WithNext(fault.Next{MaxAge: s.cfg.Fresh})
	default:
		return nil
	}
}

// claim locks the account first, as everything does that ends its sessions; before it, all
// superusers where it is one of them. The account must still be as found before the proof was
// checked, and the session must still stand: whoever changed the password or signed out everywhere
// in between wins.
func claim(ctx context.Context, tx *db.Tx, by session.Bearer, found *account.Account) (*account.Account, error) {
	if found.Superuser {
		if err := othersRemain(ctx, tx); err != nil {
			return nil, err
		}
	}
	epoch, err := account.EndSessions(ctx, tx, by.AccountID)
	if err != nil {
		return nil, err
	}
	if err := session.Keep(ctx, tx, by.SessionID, epoch); err != nil {
		return nil, err
	}
	a, err := account.Find(ctx, tx, by.AccountID)
	if err != nil {
		return nil, err
	}
	if epoch != found.Epoch+1 || a.Superuser != found.Superuser {
		return nil, session.ErrEnded
	}
	return a, nil
}

func (s *Service) erase(ctx context.Context, tx *db.Tx, a *account.Account, by uuid.UUID) error {
	if err := leaveTenants(ctx, tx, a.ID); err != nil {
		return err
	}
	if err := tenant.Uninvite(ctx, tx, a.ID); err != nil {
		return err
	}
	if err := remove(ctx, tx, a.ID); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "account.erased", AccountID: a.ID, SessionID: by}); err != nil {
		return err
	}
	return s.Letters.TellErased(ctx, tx, a)
}

// schedule ends the session too that claim has kept.
func (s *Service) schedule(ctx context.Context, tx *db.Tx, a *account.Account, by uuid.UUID, at time.Time, days int) error {
	if err := setEraseAt(ctx, tx, a.ID, at); err != nil {
		return err
	}
	if _, _, err := session.End(ctx, tx, by, session.SignedOut); err != nil {
		return err
	}
	e := audit.Event{Kind: "account.erase_scheduled", AccountID: a.ID, SessionID: by, Detail: map[string]string{"days": strconv.Itoa(days)}}
	if err := audit.Record(ctx, tx, e); err != nil {
		return err
	}
	return s.Letters.Write(ctx, tx, letter.EraseScheduled, a.ID, letter.Content{Link: s.cfg.DeleteURL, Expires: at})
}

// othersRemain keeps the last two superusers from leaving at the same moment: they wait for each
// other here.
func othersRemain(ctx context.Context, tx *db.Tx) error {
	if err := account.LockSuperusers(ctx, tx); err != nil {
		return err
	}
	n, err := account.ActiveSuperusers(ctx, tx)
	if err == nil && n < 2 {
		err = ErrLastSuperuser
	}
	return err
}
