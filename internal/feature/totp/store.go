package totp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// device is one row.
type device struct {
	Device
	accountID uuid.UUID
	sealed    []byte // the secret
	lastStep  int64  // the newest time step of which a code was accepted
}

// aad binds a sealed secret to its device and account: whoever can write to the table cannot put
// their own in its place.
func (d *device) aad() []byte {
	return secret.AAD("totp_device", "secret", d.ID.String(), d.accountID.String())
}

const columns = `id, account_id, name, secret, last_step, created_at, last_used_at`

func (d *device) dest() []any {
	return []any{&d.ID, &d.accountID, &d.Name, &d.sealed, &d.lastStep, db.Time(&d.CreatedAt), db.Time(&d.LastUsedAt)}
}

// wait writes down a device that is not confirmed, in place of another of its account.
func wait(ctx context.Context, d *db.DB, w *device) error {
	w.CreatedAt = d.Now()
	err := d.Once(ctx, `INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at)
		SELECT $2, a.id, $3, $4, 0, CAST($5 AS BIGINT) FROM account a
		WHERE a.id = $1 AND (SELECT count(*) FROM totp_device o WHERE o.account_id = $1 AND o.confirmed_at IS NOT NULL) < $6
		ON CONFLICT (account_id) WHERE confirmed_at IS NULL
			DO UPDATE SET id = excluded.id, name = excluded.name, secret = excluded.secret, last_step = 0, created_at = excluded.created_at
		RETURNING id`, []any{w.accountID, w.ID, w.Name, w.sealed, w.CreatedAt, MaxDevices}, &w.ID)
	if errors.Is(err, db.ErrNoRows) {
		return ErrTooMany // or the account is gone, and with it whoever could be told so
	}
	if err != nil {
		return fmt.Errorf("totp: wait: %w", err)
	}
	return nil
}

// waiting returns the device of an account that may still be confirmed, or ErrNoSetup.
func waiting(ctx context.Context, r factor.Rower, accountID uuid.UUID, now time.Time) (*device, error) {
	var d device
	err := r.Row(ctx, `SELECT `+columns+` FROM totp_device WHERE account_id = $1 AND confirmed_at IS NULL AND created_at > $2`,
		[]any{accountID, now.Add(-SetupLife)}, d.dest()...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrNoSetup
	}
	if err != nil {
		return nil, fmt.Errorf("totp: waiting: %w", err)
	}
	return &d, nil
}

// confirm makes a waiting device count. Its secret must be the one that the code was checked with, so
// it is not confirmed when another took its place meanwhile.
func confirm(ctx context.Context, tx *db.Tx, d *device, step int64) error {
	var count int64
	err := tx.Row(ctx, `SELECT count(*) FROM totp_device WHERE account_id = $1 AND confirmed_at IS NOT NULL`, []any{d.accountID}, &count)
	if err != nil {
		return fmt.Errorf("totp: confirm: %w", err)
	}
	if count >= MaxDevices {
		return ErrTooMany
	}
	n, err := tx.Exec(ctx, `UPDATE totp_device SET confirmed_at = $3, last_step = $4 WHERE id = $1 AND account_id = $2 AND confirmed_at IS NULL`,
		d.ID, d.accountID, tx.Now, step)
	if err != nil {
		return fmt.Errorf("totp: confirm: %w", err)
	}
	if n == 0 {
		return ErrNoSetup
	}
	return nil
}

// enlist writes down a device that was confirmed before it was anywhere.
func enlist(ctx context.Context, tx *db.Tx, d *device, step int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at) VALUES ($1, $2, $3, $4, $5, $6, $6)`,
		d.ID, d.accountID, d.Name, d.sealed, step, tx.Now)
	if err != nil {
		return fmt.Errorf("totp: enlist: %w", err)
	}
	return nil
}

// confirmed returns the devices of an account that count, the oldest first.
func confirmed(ctx context.Context, d *db.DB, accountID uuid.UUID) ([]*device, error) {
	return list(ctx, d, `SELECT `+columns+` FROM totp_device WHERE account_id = $1 AND confirmed_at IS NOT NULL ORDER BY created_at, id`, accountID)
}

func list(ctx context.Context, d *db.DB, query string, args ...any) ([]*device, error) {
	var all []*device
	err := d.Each(ctx, query, args, func(scan func(...any) error) error {
		var one device
		err := scan(one.dest()...)
		all = append(all, &one)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("totp: list: %w", err)
	}
	return all, nil
}

// spend moves the newest accepted step of a device on, once.
func spend(ctx context.Context, tx *db.Tx, m *Match) error {
	n, err := tx.Exec(ctx, `UPDATE totp_device SET last_step = $3, last_used_at = $4
		WHERE id = $1 AND account_id = $2 AND confirmed_at IS NOT NULL AND last_step < $3`, m.Device.ID, m.accountID, m.step, tx.Now)
	if err != nil {
		return fmt.Errorf("totp: spend: %w", err)
	}
	if n == 0 {
		return factor.ErrCode
	}
	return nil
}

func rename(ctx context.Context, tx *db.Tx, accountID, id uuid.UUID, name string) error {
	n, err := tx.Exec(ctx, `UPDATE totp_device SET name = $3 WHERE id = $1 AND account_id = $2 AND confirmed_at IS NOT NULL`, id, accountID, name)
	if err != nil {
		return fmt.Errorf("totp: rename: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

func remove(ctx context.Context, tx *db.Tx, accountID, id uuid.UUID) (*Device, error) {
	var d device
	err := tx.Row(ctx, `DELETE FROM totp_device WHERE id = $1 AND account_id = $2 AND confirmed_at IS NOT NULL RETURNING `+columns, []any{id, accountID}, d.dest()...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("totp: remove: %w", err)
	}
	return &d.Device, nil
}

// resealBatch is how many secrets are read at once to be sealed anew.
const resealBatch = 100

// sealedByOthers returns the next devices after one whose secret does not begin with name.
func sealedByOthers(ctx context.Context, d *db.DB, name []byte, after uuid.UUID) ([]*device, error) {
	return list(ctx, d, `SELECT `+columns+` FROM totp_device WHERE id > $1 AND substr(secret, 1, $2) <> $3 ORDER BY id LIMIT $4`,
		after, len(name), name, resealBatch)
}

// reseal writes a secret that was sealed anew, unless the row changed meanwhile.
func reseal(ctx context.Context, d *db.DB, r *device, sealed []byte) error {
	err := d.Once(ctx, `UPDATE totp_device SET secret = $2 WHERE id = $1 AND secret = $3`, []any{r.ID, sealed, r.sealed})
	if err != nil {
		return fmt.Errorf("totp: reseal: %w", err)
	}
	return nil
}

// Sweep removes at most limit devices that waited too long and returns how many it removed.
func Sweep(ctx context.Context, d *db.DB, limit int) (n int64, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		n, err = tx.Exec(ctx, `DELETE FROM totp_device WHERE id IN (SELECT id FROM totp_device WHERE confirmed_at IS NULL AND created_at <= $1 LIMIT $2)`,
			tx.Now.Add(-SetupLife), limit)
		return err
	})
	return n, err
}
