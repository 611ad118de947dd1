package profile

import (
	"cmp"
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Erase removes the account of whoever is signed in with all that hangs on it: profile, password,
// sessions, mailed permissions, registrations and mails that wait. Audit events stay; they name the
// account by its id alone. A last letter goes to the address that was on record. It returns
// what Prove does, ErrLastSuperuser and session.ErrEnded.
func (s *Service) Erase(ctx context.Context, by session.Bearer, password string) error {
	o, err := findOwner(ctx, s.DB, by)
	if err != nil {
		return err
	}
	if err := s.Prove(ctx, by, password); err != nil {
		return err
	}
	err = s.DB.InTx(ctx, func(tx *db.Tx) error { return s.erase(ctx, tx, by, &o.account) })
	switch {
	case errors.Is(err, account.ErrNotFound):
		return session.ErrEnded // erased by a request that was quicker
	case errors.Is(err, ErrLastSuperuser):
		refused := audit.Event{Kind: "account.erase_refused", AccountID: by.AccountID, SessionID: by.SessionID, Reason: ErrLastSuperuser.Code}
		return cmp.Or(audit.RecordAlone(ctx, s.DB, refused), err)
	}
	return err
}

// erase locks the account first, as everything does that ends its sessions; before it, all
// superusers where it is one of them. The account must still be as found before the password was
// checked, and the session must still stand: whoever changed the password or signed out everywhere
// in between wins.
func (s *Service) erase(ctx context.Context, tx *db.Tx, by session.Bearer, found *account.Account) error {
	if found.Superuser {
		if err := othersRemain(ctx, tx); err != nil {
			return err
		}
	}
	epoch, err := account.EndSessions(ctx, tx, by.AccountID)
	if err != nil {
		return err
	}
	if err := session.Keep(ctx, tx, by.SessionID, epoch); err != nil {
		return err
	}
	a, err := account.Find(ctx, tx, by.AccountID)
	if err != nil {
		return err
	}
	if epoch != found.Epoch+1 || a.Superuser != found.Superuser {
		return session.ErrEnded
	}
	if err := remove(ctx, tx, a.ID); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "account.erased", AccountID: a.ID, SessionID: by.SessionID}); err != nil {
		return err
	}
	return s.Letters.TellErased(ctx, tx, a)
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
