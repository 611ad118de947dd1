package backupcode

import (
	"context"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Replace makes a new set for an account, in tx, and returns it: xxxx-xxxx-xxxx-xxxx each. It is the
// only time that the codes can be seen. None of a former set is good any more. It returns
// account.ErrNotFound.
func (s *Service) Replace(ctx context.Context, tx *db.Tx, accountID uuid.UUID) (codes []string, err error) {
	hashes := make([][]byte, Codes)
	codes = make([]string, Codes)
	for i := range codes {
		code := generate()
		codes[i], hashes[i] = written(code), s.Hasher.Sum(bound(accountID, code))
	}
	if err := replace(ctx, tx, accountID, hashes); err != nil {
		return nil, err
	}
	return codes, nil
}

// Spend uses a code of an account up and returns how many are left after it, or factor.ErrCode for one
// that is not good: wrong, used, or of a former set. Of two codes that are spent at the same moment, each may
// count the other as left. The caller counts the try before it asks.
func (s *Service) Spend(ctx context.Context, tx *db.Tx, accountID uuid.UUID, code string) (left int, err error) {
	code, ok := canonical(code)
	if !ok {
		return 0, factor.ErrCode
	}
	return spend(ctx, tx, accountID, s.Hasher.Candidates(bound(accountID, code)))
}

// Clear removes all codes of an account.
func (s *Service) Clear(ctx context.Context, tx *db.Tx, accountID uuid.UUID) error {
	return clearAll(ctx, tx, accountID)
}
