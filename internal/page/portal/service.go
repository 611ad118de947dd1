package portal

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// signOut ends every session of the visitor's account; this one too unless it is to be kept. A
// session that has ended meanwhile may not do so any more: then nothing happens and it returns
// session.ErrEnded.
func (p *Portal) signOut(ctx context.Context, v *session.Visit, keepThis bool) error {
	err := p.DB.InTx(ctx, func(tx *db.Tx) error {
		epoch, err := account.EndSessions(ctx, tx, v.Account.ID)
		if err != nil {
			return err
		}
		if err := session.Keep(ctx, tx, v.SessionID, epoch); err != nil {
			return err
		}
		kind := "session.others_ended"
		if !keepThis {
			kind = "session.all_ended"
			if _, _, err := session.End(ctx, tx, v.SessionID, session.SignedOut); err != nil {
				return err
			}
		}
		return audit.Record(ctx, tx, audit.Event{Kind: kind, AccountID: v.Account.ID, SessionID: v.SessionID, Reason: session.SignedOut})
	})
	if err != nil {
		return fmt.Errorf("portal: sign out: %w", err)
	}
	return nil
}
