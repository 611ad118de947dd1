package enrol

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// standing is how things stand with whoever asks.
type standing struct {
	factor.Held
	account *account.Account
	methods []string // proven in the session
	level   authn.AAL
}

const findStanding = `SELECT s.amr, s.aal, ` + factor.Columns + `, ` + account.Columns + `
	FROM session s JOIN account a ON a.id = s.account_id JOIN profile p ON p.account_id = a.id
	WHERE s.id = $1 AND s.account_id = $3 AND ` + session.Live

// find returns how things stand at time now, or session.ErrEnded where the session has ended.
func find(ctx context.Context, r factor.Rower, by session.Bearer, now time.Time) (*standing, error) {
	st := &standing{account: &account.Account{}}
	var amr string
	var level int64
	dest, done := st.account.Dest()
	err := r.Row(ctx, findStanding, []any{by.SessionID, now, by.AccountID}, slices.Concat([]any{&amr, &level}, st.Held.Dest(), dest)...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, session.ErrEnded
	}
	if err == nil {
		err = done()
	}
	if err != nil {
		return nil, fmt.Errorf("enrol: find: %w", err)
	}
	st.methods, st.level = strings.Fields(amr), authn.AAL(level)
	return st, nil
}

// lock is find with the account kept from changing until tx ends. It is a statement of its own, so
// that what is found is what the transaction that held the lock before has left.
func lock(ctx context.Context, tx *db.Tx, by session.Bearer) (*standing, error) {
	if err := account.Lock(ctx, tx, by.AccountID, by.AccountID); err != nil {
		return nil, err
	}
	return find(ctx, tx, by, tx.Now)
}
