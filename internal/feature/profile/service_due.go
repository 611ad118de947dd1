package profile

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Keep calls off what [Service.Erase] has planned for the account of whoever is signed in. Where
// nothing is planned it does nothing. It returns ErrDue when it is too late, whether or not the
// account is still there, and session.ErrEnded.
func (s *Service) Keep(ctx context.Context, by session.Bearer) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		called, err := callOff(ctx, tx, by.AccountID)
		if err != nil || !called {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "account.erase_cancelled", AccountID: by.AccountID, SessionID: by.SessionID})
	})
}

// EraseDue erases at most limit accounts whose time has come, and returns how many it dealt with. The
// last active superuser is kept for a day more each time. Who has become the last owner of a tenant since
// it was planned is not: nobody else can see to that, and it is their right to go. One account that cannot
// be erased keeps no other from it.
func (s *Service) EraseDue(ctx context.Context, limit int) (n int64, err error) {
	due, err := findDue(ctx, s.DB, s.DB.Now(), limit)
	if err != nil {
		return 0, err
	}
	var problems []error
	for _, d := range due {
		if err := s.DB.InTx(ctx, func(tx *db.Tx) error { return s.eraseDue(ctx, tx, d) }); err != nil {
			problems = append(problems, err)
		} else {
			n++
		}
	}
	return n, errors.Join(problems...)
}

// due is an account whose time has come.
type due struct {
	id        account.ID
	superuser bool
}

// eraseDue asks again, with the account locked: its owner may have kept it meanwhile. Superusers are
// locked before the account, so one that was made a superuser meanwhile waits for the next time.
func (s *Service) eraseDue(ctx context.Context, tx *db.Tx, d due) error {
	if d.superuser {
		if err := account.LockSuperusers(ctx, tx); err != nil {
			return err
		}
	}
	still, err := lockDue(ctx, tx, d.id)
	if err != nil || !still {
		return err
	}
	a, err := account.Find(ctx, tx, d.id)
	if err != nil || a.Superuser && !d.superuser {
		return err
	}
	if a.Superuser && a.Active {
		others, err := account.ActiveSuperusers(ctx, tx)
		if err != nil {
			return err
		}
		if others < 2 {
			return postpone(ctx, tx, a.ID)
		}
	}
	return s.erase(ctx, tx, a, uuid.Nil)
}

func postpone(ctx context.Context, tx *db.Tx, id account.ID) error {
	if err := setEraseAt(ctx, tx, id, tx.Now.Add(day)); err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Event{Kind: "account.erase_refused", AccountID: id, Reason: ErrLastSuperuser.Code})
}
