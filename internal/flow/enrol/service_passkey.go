package enrol

import (
	"context"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// StartPasskey begins a registration.
func (s *Service) StartPasskey(ctx context.Context, by session.Bearer) (*passkey.Challenge, error) {
	st, err := s.look(ctx, by)
	if err != nil {
		return nil, err
	}
	return s.Passkeys.BeginRegistration(ctx, by, st.account.Email, st.account.Profile.FullName)
}

// FinishPasskey adds the passkey that a browser made for a challenge of the same session. It returns new
// backup codes where it is the account's first second factor; they can be seen only now.
func (s *Service) FinishPasskey(ctx context.Context, by session.Bearer, ticket string, response []byte, name string) (added *passkey.Passkey, codes []string, err error) {
	added, err = s.Passkeys.FinishRegistration(ctx, by, ticket, response, name)
	if err != nil {
		return nil, nil, err
	}
	codes, err = s.add(ctx, by, added.Method(), func(tx *db.Tx) (thing, error) {
		return thingOfPasskey(added), s.Passkeys.Save(ctx, tx, added)
	})
	if err != nil {
		return nil, nil, err
	}
	return added, codes, nil
}

// RenamePasskey changes what a passkey is called. It returns passkey.ErrNotFound.
func (s *Service) RenamePasskey(ctx context.Context, by session.Bearer, id uuid.UUID, name string) error {
	return s.rename(ctx, by, thing{method: factor.Passkey, id: id}, func(tx *db.Tx) error {
		return s.Passkeys.Rename(ctx, tx, by.AccountID, id, name)
	})
}

// RemovePasskey takes a passkey away. It returns passkey.ErrNotFound and ErrRequired.
func (s *Service) RemovePasskey(ctx context.Context, by session.Bearer, id uuid.UUID) error {
	return s.remove(ctx, by, func(tx *db.Tx) ([]thing, error) {
		gone, err := s.Passkeys.Remove(ctx, tx, by.AccountID, id)
		if err != nil {
			return nil, err
		}
		return []thing{thingOfPasskey(gone)}, nil
	})
}

func thingOfPasskey(p *passkey.Passkey) thing {
	return thing{method: factor.Passkey, id: p.ID, name: p.Name}
}
