package manage

import (
	"context"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// SetAttributes changes declared attributes of the account with this subject, those that its owner cannot
// change among them; nil removes one, and those that change does not name stay. The audit says which became
// others, not to what; where none does, it says nothing. It returns account.ErrNotFound, account.ErrProfile
// and what Allowed returns.
func (s *Service) SetAttributes(ctx context.Context, by Actor, subject string, change map[string]any) (*account.Account, error) {
	return s.act(ctx, by, SetAttributes, subject, func(ctx context.Context, tx *db.Tx, a *account.Account) error {
		// Its owner writes the same row, without holding the account.
		if err := account.LockProfile(ctx, tx, a.ID); err != nil {
			return err
		}
		now, err := account.Find(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if a.Profile, err = s.Schema.Apply(now.Profile, account.Change{Attributes: change}, false); err != nil {
			return err
		}
		names := account.Changed(change, now.Profile.Attributes, a.Profile.Attributes)
		if len(names) == 0 {
			return nil
		}
		if err := account.SaveProfile(ctx, tx, a.ID, a.Profile); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "profile.changed", AccountID: a.ID, Detail: map[string]string{"members": strings.Join(names, " ")}})
	})
}
