package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// sighting is a sign-in that its account was told of by mail.
type sighting struct {
	id        uuid.UUID // of the token
	accountID account.ID
	sessionID uuid.UUID
	at        time.Time
	used      time.Time // when it was disowned; zero: it was not
	email     string    // the account's; empty: another by now than the mail went to
	password  bool      // there is one
}

func issueNotMe(ctx context.Context, tx *db.Tx, accountID account.ID, sessionID uuid.UUID, epoch int64, hash []byte, until time.Time) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("recovery: issue not me: %w", err)
	}
	n, err := tx.Exec(ctx, `INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at, data)
		SELECT $2, $3, a.id, a.email_key, CAST($4 AS BIGINT), $5, CAST($6 AS BIGINT), CAST($7 AS BIGINT), $8 FROM account a WHERE a.id = $1`,
		accountID, id, purposeNotMe, epoch, hash, tx.Now, until, sessionID.String())
	if err != nil {
		return fmt.Errorf("recovery: issue not me: %w", err)
	}
	if n == 0 {
		return account.ErrNotFound
	}
	return nil
}

// findNotMe returns the sign-in that a mailed token is about, or letter.ErrLink.
func findNotMe(ctx context.Context, d *db.DB, tokens *secret.Hasher, token string) (*sighting, error) {
	for _, hash := range tokens.Candidates(token) {
		var t sighting
		var data string
		err := d.Row(ctx, `SELECT t.id, t.account_id, t.data, t.created_at, t.used_at, CASE WHEN a.email_key = t.email_key THEN a.email ELSE '' END,
				EXISTS (SELECT 1 FROM password_credential c WHERE c.account_id = a.id)
			FROM one_time_token t JOIN account a ON a.id = t.account_id WHERE t.token_hash = $1 AND t.purpose = '`+purposeNotMe+`' AND t.expires_at > $2`,
			[]any{hash, d.Now()}, &t.id, &t.accountID, &data, db.Time(&t.at), db.Time(&t.used), &t.email, &t.password)
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err == nil {
			t.sessionID, err = uuid.Parse(data)
		}
		if err != nil {
			return nil, fmt.Errorf("recovery: find not me: %w", err)
		}
		return &t, nil
	}
	return nil, letter.ErrLink
}

// useNotMe notes that a sign-in was disowned, and reports whether it was not before.
func useNotMe(ctx context.Context, tx *db.Tx, id uuid.UUID) (first bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE one_time_token SET used_at = $2 WHERE id = $1 AND used_at IS NULL`, id, tx.Now)
	if err != nil {
		return false, fmt.Errorf("recovery: use not me: %w", err)
	}
	return n > 0, nil
}

// scene is from where somebody signed in. A session is swept some time after its end: then nothing but
// its time is known.
type scene struct {
	Device  string
	Address string
	Over    bool // the session stands no more
}

func findScene(ctx context.Context, d *db.DB, t *sighting) (scene, error) {
	var c scene
	var live bool
	err := d.Row(ctx, `SELECT s.device, s.address, `+session.Live+` FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = $1 AND s.account_id = $3`,
		[]any{t.sessionID, d.Now(), t.accountID}, &c.Device, &c.Address, &live)
	if errors.Is(err, db.ErrNoRows) {
		return scene{Over: true}, nil
	}
	if err != nil {
		return scene{}, fmt.Errorf("recovery: find scene: %w", err)
	}
	c.Over = !live
	return c, nil
}
