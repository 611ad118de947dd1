package keyring

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// row is a row of key_material. Only sealed and kek ever change.
type row struct {
	id         string
	purpose    Purpose
	generation int64 // counts the keys of a purpose from 1
	algorithm  string
	imported   bool
	sealed     []byte
	kek        string
	createdAt  time.Time
	activeAt   time.Time
}

// key is a row with its seal open.
type key struct {
	row
	signer *jose.Signer // of purpose Sign
	data   secret.Key   // of the others
}

// aad binds the sealed key to the rest of its row: whoever can write to the table can
// remove a key, but not move it, revive it under another date or use it for something else.
func (r *row) aad() []byte {
	return secret.AAD("key_material", "sealed", r.id, string(r.purpose), strconv.FormatInt(r.generation, 10), r.algorithm,
		strconv.FormatBool(r.imported), strconv.FormatInt(r.createdAt.UnixMilli(), 10), strconv.FormatInt(r.activeAt.UnixMilli(), 10))
}

const columns = "id, purpose, generation, algorithm, imported, sealed, kek, created_at, active_at"

func (r *row) scan(scan func(dest ...any) error) error {
	return scan(&r.id, &r.purpose, &r.generation, &r.algorithm, &r.imported, &r.sealed, &r.kek, db.Time(&r.createdAt), db.Time(&r.activeAt))
}

// list returns every row by purpose and generation.
func list(ctx context.Context, d *db.DB) ([]row, error) {
	var all []row
	err := d.Each(ctx, "SELECT "+columns+" FROM key_material ORDER BY purpose, generation", nil, appendTo(&all))
	return all, err
}

func appendTo(all *[]row) func(scan func(dest ...any) error) error {
	return func(scan func(dest ...any) error) error {
		var r row
		err := r.scan(scan)
		*all = append(*all, r)
		return err
	}
}

func insert(ctx context.Context, tx *db.Tx, r *row) error {
	_, err := tx.Exec(ctx, "INSERT INTO key_material ("+columns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		r.id, string(r.purpose), r.generation, r.algorithm, r.imported, r.sealed, r.kek, r.createdAt, r.activeAt)
	return err
}

// removeBefore removes the generations before one and returns them.
func removeBefore(ctx context.Context, tx *db.Tx, p Purpose, generation int64) ([]row, error) {
	var gone []row
	err := tx.Each(ctx, "DELETE FROM key_material WHERE purpose = $1 AND generation < $2 RETURNING "+columns, []any{string(p), generation}, appendTo(&gone))
	return gone, err
}

// removeEnded removes the keys that a later one has replaced by a time and returns them.
func removeEnded(ctx context.Context, tx *db.Tx, p Purpose, by time.Time) ([]row, error) {
	var gone []row
	err := tx.Each(ctx, `DELETE FROM key_material WHERE purpose = $1 AND EXISTS (SELECT 1 FROM key_material later
		WHERE later.purpose = $1 AND later.generation > key_material.generation AND later.active_at <= $2) RETURNING `+columns,
		[]any{string(p), by}, appendTo(&gone))
	return gone, err
}

// sealedByOthers returns the rows that another key-encryption key than kek has sealed.
func sealedByOthers(ctx context.Context, tx *db.Tx, kek string) ([]row, error) {
	var rows []row
	err := tx.Each(ctx, "SELECT "+columns+" FROM key_material WHERE kek <> $1 ORDER BY purpose, generation", []any{kek}, appendTo(&rows))
	return rows, err
}

func reseal(ctx context.Context, tx *db.Tx, id string, sealed []byte, kek string) error {
	_, err := tx.Exec(ctx, "UPDATE key_material SET sealed = $2, kek = $3 WHERE id = $1", id, sealed, kek)
	return err
}

// load reads every row and opens its seal; what was open before is not opened again, so a
// key-encryption key held elsewhere is asked once for each key.
func (k *Keyring) load(ctx context.Context) ([]key, error) {
	rows, err := list(ctx, k.db)
	if err != nil {
		return nil, fmt.Errorf("keyring: read: %w", err)
	}
	known := map[string]key{}
	for _, open := range k.view.Load().keys {
		known[string(open.aad())] = open
	}
	keys := make([]key, len(rows))
	for i, r := range rows {
		open, ok := known[string(r.aad())]
		if !ok {
			if open, err = k.open(r); err != nil {
				return nil, err
			}
		}
		keys[i] = open
	}
	return keys, nil
}

func (k *Keyring) open(r row) (key, error) {
	plain, err := k.unseal(r)
	if err != nil {
		return key{}, err
	}
	out := key{row: r}
	if r.purpose == Sign {
		var private *jose.PrivateKey
		if private, err = jose.ParsePKCS8(plain); err == nil {
			out.signer, err = jose.NewSigner(private, accessTokenType)
		}
	} else {
		var id secret.KeyID
		if id, err = secret.ParseKeyID(r.id); err == nil {
			out.data, err = secret.NewKey(id, plain)
		}
	}
	if err != nil {
		return key{}, fmt.Errorf("keyring: key %s: %w", r.id, err)
	}
	return out, nil
}

// accessTokenType is RFC 9068 section 2.1.
const accessTokenType = "at+jwt"

func (k *Keyring) unseal(r row) ([]byte, error) {
	if !k.kek.Knows(r.kek) {
		return nil, fmt.Errorf("keyring: %w: key %s was sealed with the secret key whose id is %s, and the ones given are others (the current one is %s): "+
			"set GATEHOUSE_SECRET_KEY to that key, or put it into GATEHOUSE_SECRET_KEY_PREVIOUS beside a new GATEHOUSE_SECRET_KEY", ErrUnreadable, r.id, r.kek, k.kek.Current.ID())
	}
	plain, err := k.kek.Open(r.kek, r.sealed, r.aad())
	if err != nil {
		return nil, fmt.Errorf("keyring: %w: key %s: its row was changed, or its secret key cannot be reached: %w", ErrUnreadable, r.id, err)
	}
	return plain, nil
}
