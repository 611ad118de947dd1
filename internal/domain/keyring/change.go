package keyring

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// material is a new key before it has a row.
type material struct {
	id        string
	purpose   Purpose
	algorithm string
	plain     []byte
}

// generate makes a random key.
func (k *Keyring) generate(p Purpose) (material, error) {
	if p == Sign {
		private, err := jose.Generate(k.cfg.Algorithm)
		if err != nil {
			return material{}, err
		}
		return signing(private)
	}
	m := material{id: secret.NewKeyID().String(), purpose: p, algorithm: "HMAC-SHA-256", plain: make([]byte, secret.KeyBytes)}
	if p == Seal {
		m.algorithm = "XChaCha20-Poly1305"
	}
	_, _ = rand.Read(m.plain) // never fails: it ends the program instead
	return m, nil
}

func signing(private *jose.PrivateKey) (material, error) {
	der, err := private.PKCS8()
	return material{private.ID(), Sign, string(private.Algorithm()), der}, err
}

// draft is a key about to be made.
type draft struct {
	material
	generation int64
	imported   bool
	atOnce     bool // active at once, for nobody knows an older key or none may be used
	withdraw   bool // remove all before it
}

// missing drafts what a key ring must have and keys has not.
func (k *Keyring) missing(keys []key) (drafts []draft, err error) {
	for _, p := range Purposes {
		newest, ok := last(ofPurpose(keys, p))
		if ok && (p != Sign || newest.imported || newest.algorithm == string(k.cfg.Algorithm)) {
			continue
		}
		m, err := k.generate(p)
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, draft{material: m, generation: next(keys, p), atOnce: !ok})
	}
	return drafts, nil
}

func last(keys timeline) (key, bool) {
	if len(keys) == 0 {
		return key{}, false
	}
	return keys[len(keys)-1], true
}

func next(keys []key, p Purpose) int64 {
	newest, _ := last(ofPurpose(keys, p))
	return newest.generation + 1
}

func only(made []Info) Info {
	if len(made) == 0 {
		return Info{}
	}
	return made[0]
}

// change reads the keys, asks plan what to add, and adds it in one transaction, unless
// another instance was first with a generation: then it reads and asks again.
func (k *Keyring) change(ctx context.Context, plan func(keys []key) ([]draft, error)) ([]Info, error) {
	const tries = 10
	var err error
	for range tries {
		keys, loadErr := k.load(ctx)
		if loadErr != nil {
			return nil, loadErr
		}
		drafts, planErr := plan(keys)
		if planErr != nil || len(drafts) == 0 {
			return nil, planErr
		}
		var made []Info
		if made, err = k.add(ctx, drafts); err == nil {
			k.tryReload(ctx)
			return made, nil
		}
		if !k.db.Unique(err) {
			break
		}
	}
	return nil, fmt.Errorf("keyring: add a key: %w", err)
}

func (k *Keyring) add(ctx context.Context, drafts []draft) (made []Info, err error) {
	err = k.db.InTx(ctx, func(tx *db.Tx) error {
		made = nil
		for _, d := range drafts {
			info, err := k.addOne(ctx, tx, d)
			if err != nil {
				return err
			}
			made = append(made, info)
		}
		return nil
	})
	return made, err
}

func (k *Keyring) addOne(ctx context.Context, tx *db.Tx, d draft) (Info, error) {
	r := row{id: d.id, purpose: d.purpose, generation: d.generation, algorithm: d.algorithm, imported: d.imported, createdAt: tx.Now, activeAt: tx.Now}
	state, event := Active, Created
	if !d.atOnce {
		r.activeAt, state = tx.Now.Add(k.cfg.lead()), Upcoming
	}
	if d.imported {
		event = Imported
	}
	if err := k.seal(&r, d.plain); err != nil {
		return Info{}, err
	}
	if err := insert(ctx, tx, &r); err != nil {
		return Info{}, err
	}
	if d.withdraw {
		if err := k.withdraw(ctx, tx, &r); err != nil {
			return Info{}, err
		}
	}
	info := r.info(state)
	return info, k.tell(ctx, tx, event, info)
}

// withdraw removes every key before r.
func (k *Keyring) withdraw(ctx context.Context, tx *db.Tx, r *row) error {
	gone, err := removeBefore(ctx, tx, r.purpose, r.generation)
	if err != nil {
		return err
	}
	for _, g := range gone {
		if err := k.tell(ctx, tx, Withdrawn, g.info(Retired)); err != nil {
			return err
		}
	}
	return nil
}

// seal fills in what is stored of a key.
func (k *Keyring) seal(r *row, plain []byte) (err error) {
	r.kek = k.kek.Current.ID()
	r.sealed, err = k.kek.Seal(plain, r.aad())
	return err
}

// tell hands what happened to whoever writes it down.
func (k *Keyring) tell(ctx context.Context, tx *db.Tx, event Event, keys ...Info) error {
	if k.cfg.Record == nil {
		return nil
	}
	for _, info := range keys {
		if err := k.cfg.Record(ctx, tx, event, info); err != nil {
			return err
		}
	}
	return nil
}
