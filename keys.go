package gatehouse

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
)

// Key describes a key in the key ring. It holds nothing secret.
type Key struct {
	ID         string    `json:"id"`
	Purpose    string    `json:"purpose"`    // sign, refresh, hash or seal
	Generation int64     `json:"generation"` // within its purpose
	Algorithm  string    `json:"algorithm"`
	State      string    `json:"state"` // upcoming, active or retired
	Imported   bool      `json:"imported"`
	KEK        string    `json:"kek"` // names the Config.SecretKey that seals it
	CreatedAt  time.Time `json:"created_at"`
	ActiveAt   time.Time `json:"active_at"`
	RetiredAt  time.Time `json:"retired_at,omitzero"` // when a later key takes over; zero when none will
	RemovedAt  time.Time `json:"removed_at,omitzero"` // when nothing that it made can be valid any more
}

// Keys returns every key by purpose and generation.
func (g *Gatehouse) Keys(ctx context.Context) ([]Key, error) {
	found, err := g.keys.List(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Key, len(found))
	for i, k := range found {
		all[i] = showKey(k)
	}
	return all, nil
}

// RotateKey makes a new key of a purpose (sign, refresh, hash or seal), ahead of its time. It is
// used as soon as every verifier can know it, and its predecessor is kept for what it made.
//
// With now, for a key that somebody may have stolen, it is used at once and all before it are
// removed: tokens they signed fail, sessions end at their next refresh, mailed links are dead.
// Keys of purpose seal are kept even so, because removing them would destroy what they sealed.
func (g *Gatehouse) RotateKey(ctx context.Context, purpose string, now bool) (Key, error) {
	k, err := g.keys.Rotate(ctx, keyring.Purpose(purpose), now)
	return showKey(k), err
}

// ImportKey takes in a signing key of your own: one unencrypted PKCS #8 key in PEM. It is used as
// soon as every verifier can know it, or at once with now, which verifiers that fetched the
// published keys a moment ago may not expect.
func (g *Gatehouse) ImportKey(ctx context.Context, pem []byte, now bool) (Key, error) {
	k, err := g.keys.Import(ctx, pem, now)
	return showKey(k), err
}

// ExportKey returns the active signing key, unsealed, as PKCS #8 in PEM. Whoever holds it can
// make tokens for anybody, so it is an error without Config.Dev.
func (g *Gatehouse) ExportKey() ([]byte, error) {
	if !g.cfg.Dev {
		return nil, errors.New("gatehouse: keys leave the database in development mode only")
	}
	return g.keys.Export()
}

// RewrapKeys seals with Config.SecretKey every key that a former one seals, and returns how many.
// After it Config.SecretKeyPrevious can go.
func (g *Gatehouse) RewrapKeys(ctx context.Context) (int, error) { return g.keys.Rewrap(ctx) }

func showKey(k keyring.Info) Key {
	return Key{
		ID: k.ID, Purpose: string(k.Purpose), Generation: k.Generation, Algorithm: k.Algorithm, State: string(k.State), Imported: k.Imported,
		KEK: k.KEK, CreatedAt: k.CreatedAt, ActiveAt: k.ActiveAt, RetiredAt: k.RetiredAt, RemovedAt: k.RemovedAt,
	}
}
