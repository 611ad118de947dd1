package manage

import (
	"context"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
)

// MaxBulk is how many accounts one call acts on at most.
const MaxBulk = 200

// BulkActions are what Bulk can do.
func BulkActions() []Action { return []Action{Disable, Enable, SignOut, SendReset, Unlock} }

// Outcome is what happened to one account of many.
type Outcome struct {
	Subject string
	Account *account.Account // nil when Err is not
	Err     error
}

// Bulk does one thing to accounts by their subjects, each in a transaction of its own, and
// reports in their order; a subject named twice counts once. It returns ErrBulk, role.ErrDenied, and
// ctx's error with what was done until then.
func (s *Service) Bulk(ctx context.Context, by Actor, action Action, subjects []string) ([]Outcome, error) {
	one, known := map[Action]func(context.Context, Actor, string) (*account.Account, error){
		Disable: s.Disable, Enable: s.Enable, SignOut: s.SignOut, SendReset: s.SendReset, Unlock: s.Unlock,
	}[action]
	if !known || len(subjects) == 0 || len(subjects) > MaxBulk {
		return nil, ErrBulk
	}
	if err := by.needFor(action); err != nil {
		return nil, err
	}
	var all []Outcome
	for i, subject := range subjects {
		if slices.Contains(subjects[:i], subject) {
			continue
		}
		a, err := one(ctx, by, subject)
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		all = append(all, Outcome{Subject: subject, Account: a, Err: err})
	}
	return all, nil
}
