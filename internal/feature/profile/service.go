package profile

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Me returns the account of whoever holds the token, or session.ErrEnded when its session
// stands no more. It is one statement.
func (s *Service) Me(ctx context.Context, by session.Bearer) (*account.Account, error) {
	a, err := find(ctx, s.DB, by)
	if err != nil {
		return nil, err
	}
	return s.shown(a), nil
}

// Summary is what an account's first page says about it.
type Summary struct {
	PasswordChanged time.Time // zero: there is none
	Sessions        int       // that stand
	EraseAt         time.Time // when the account is erased; zero: never
}

// Summary returns it for an account. It is one statement.
func (s *Service) Summary(ctx context.Context, id account.ID) (*Summary, error) {
	return summarise(ctx, s.DB, id)
}

// Change applies c to the profile of whoever is signed in and returns the account. Changes
// made at the same time to different members all hold. It returns account.ErrProfile.
func (s *Service) Change(ctx context.Context, by session.Bearer, c account.Change) (*account.Account, error) {
	var a *account.Account
	err := s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		if err := account.LockProfile(ctx, tx, by.AccountID); err != nil {
			return err
		}
		if a, err = account.Find(ctx, tx, by.AccountID); err != nil {
			return err
		}
		members := named(c)
		if len(members) == 0 {
			return nil
		}
		if a.Profile, err = s.Schema.Apply(a.Profile, c, true); err != nil {
			return err
		}
		if err := account.SaveProfile(ctx, tx, a.ID, a.Profile); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "profile.changed", AccountID: a.ID, SessionID: by.SessionID,
			Detail: map[string]string{"members": strings.Join(members, " ")}})
	})
	if err != nil {
		return nil, err
	}
	return s.shown(a), nil
}

// named lists the members that c speaks of, without their values.
func named(c account.Change) []string {
	var members []string
	for _, m := range []struct {
		name  string
		given bool
	}{{"full_name", c.FullName != nil}, {"phone", c.Phone != nil}, {"locale", c.Locale != nil}} {
		if m.given {
			members = append(members, m.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		members = append(members, "attributes."+name)
	}
	return members
}

// shown leaves out attributes that are no longer declared.
func (s *Service) shown(a *account.Account) *account.Account {
	a.Profile.Attributes = s.Schema.Shown(a.Profile.Attributes)
	return a
}
