package passkey

import (
	"context"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// List returns an account's passkeys, the oldest first.
func (s *Service) List(ctx context.Context, accountID uuid.UUID) ([]Passkey, error) {
	return list(ctx, s.db, accountID)
}

// Rename gives a passkey of the account another name. It returns ErrName and ErrNotFound.
func (s *Service) Rename(ctx context.Context, tx *db.Tx, accountID, id uuid.UUID, name string) error {
	name, err := parseName(name)
	if err != nil {
		return err
	}
	return rename(ctx, tx, accountID, id, name)
}

// Remove takes a passkey from the account and returns what it was, or ErrNotFound. Its authenticator is not
// told; it may go on offering it, in vain.
func (s *Service) Remove(ctx context.Context, tx *db.Tx, accountID, id uuid.UUID) (*Passkey, error) {
	return remove(ctx, tx, accountID, id)
}
