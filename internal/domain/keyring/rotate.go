package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
)

// Rotate makes a new key of a purpose. It is used as soon as everybody can know it, and its
// predecessor is kept for what it has made.
//
// With now, for a key that somebody may have stolen, the new key is used at once and all
// before it are removed: access tokens they signed fail, sessions end at their next refresh,
// mailed links and page cookies are dead; other instances follow within seconds. Keys of purpose
// Seal are kept even so: removing them would destroy what they sealed.
func (k *Keyring) Rotate(ctx context.Context, p Purpose, now bool) (Info, error) {
	if !slices.Contains(Purposes, p) {
		return Info{}, errors.New("keyring: the purpose must be sign, refresh, hash or seal")
	}
	m, err := k.generate(p)
	if err != nil {
		return Info{}, err
	}
	made, err := k.change(ctx, func(keys []key) ([]draft, error) {
		return []draft{{material: m, generation: next(keys, p), atOnce: now, withdraw: now && p != Seal}}, nil
	})
	return only(made), err
}

// RotateDue gives the newest signing key a successor when its time is over, early enough for
// the successor to be known by then. It returns the zero Info when nothing was due. Any
// number of instances may call it; one makes the key.
func (k *Keyring) RotateDue(ctx context.Context) (Info, error) {
	made, err := k.change(ctx, func(keys []key) ([]draft, error) {
		newest, _ := last(ofPurpose(keys, Sign))
		if newest.activeAt.Add(k.cfg.Active - k.cfg.lead()).After(k.db.Now()) {
			return nil, nil
		}
		m, err := k.generate(Sign)
		return []draft{{material: m, generation: next(keys, Sign)}}, err
	})
	return only(made), err
}

// Import takes in a signing key of the operator's own: one unencrypted PKCS #8 key in PEM,
// see [jose.ParsePEM]. With now it signs at once, which verifiers that fetched the JWK Set
// a moment ago may not expect. It lives and is replaced like any other; a key that is
// there already is [ErrKnown].
func (k *Keyring) Import(ctx context.Context, pem []byte, now bool) (Info, error) {
	private, err := jose.ParsePEM(pem)
	if err != nil {
		return Info{}, err
	}
	m, err := signing(private)
	if err != nil {
		return Info{}, err
	}
	made, err := k.change(ctx, func(keys []key) ([]draft, error) {
		if slices.ContainsFunc(keys, func(have key) bool { return have.id == m.id }) {
			return nil, ErrKnown
		}
		return []draft{{material: m, generation: next(keys, Sign), imported: true, atOnce: now}}, nil
	})
	return only(made), err
}

// Sweep removes the keys whose time is over and returns them.
func (k *Keyring) Sweep(ctx context.Context) ([]Info, error) {
	var gone []Info
	err := k.db.InTx(ctx, func(tx *db.Tx) error {
		gone = nil
		for _, p := range Purposes {
			rows, err := removeEnded(ctx, tx, p, tx.Now.Add(-k.cfg.retention(p)))
			if err != nil {
				return err
			}
			for _, r := range rows {
				gone = append(gone, r.info(Retired))
			}
		}
		return k.tell(ctx, tx, Expired, gone...)
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: sweep: %w", err)
	}
	return gone, nil
}

// Rewrap seals every key anew that another key-encryption key than the current one has
// sealed, and returns how many. Once every instance runs with the current one and Rewrap
// has run, the former ones can go.
func (k *Keyring) Rewrap(ctx context.Context) (int, error) {
	n := 0
	err := k.db.InTx(ctx, func(tx *db.Tx) error {
		rows, err := sealedByOthers(ctx, tx, k.kek.Current.ID())
		if err != nil {
			return err
		}
		for _, r := range rows {
			plain, err := k.unseal(r)
			if err != nil {
				return err
			}
			if err := k.seal(&r, plain); err != nil {
				return err
			}
			if err := reseal(ctx, tx, r.id, r.sealed, r.kek); err != nil {
				return err
			}
			if err := k.tell(ctx, tx, Resealed, r.info(Active)); err != nil {
				return err
			}
		}
		n = len(rows)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("keyring: rewrap: %w", err)
	}
	return n, nil
}
