package totp

import (
	"context"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Draft sets up a device that stands in no table: whoever holds what is sealed keeps it, and nobody
// else comes by its secret or puts another in its place. It is for whoever has not proven enough yet to
// be shown what waits for the account.
func (s *Service) Draft(accountID uuid.UUID, label string) (setup *Setup, sealed []byte, err error) {
	d, key, err := s.fresh(accountID, DefaultName)
	if err != nil {
		return nil, nil, err
	}
	return s.setup(d, key, label), d.sealed, nil
}

// Drafted returns what Draft sealed, to be shown once more to whoever holds it.
func (s *Service) Drafted(accountID, id uuid.UUID, sealed []byte, label string) (*Setup, error) {
	d := &device{Device: Device{ID: id, Name: DefaultName}, accountID: accountID, sealed: sealed}
	key, err := s.open(d)
	if err != nil {
		return nil, err
	}
	return s.setup(d, key, label), nil
}

// Enlist makes a drafted device one of the account's, in tx, and spends the code. It returns
// factor.ErrCode; nothing is written then.
func (s *Service) Enlist(ctx context.Context, tx *db.Tx, accountID, id uuid.UUID, sealed []byte, code string) (*Device, error) {
	if !isCode(code) {
		return nil, factor.ErrCode
	}
	d := &device{Device: Device{ID: id, Name: DefaultName, CreatedAt: tx.Now}, accountID: accountID, sealed: sealed}
	key, err := s.open(d)
	if err != nil {
		return nil, err
	}
	step, ok, err := match(key, code, tx.Now, 0)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, factor.ErrCode
	}
	return &d.Device, enlist(ctx, tx, d, step)
}
