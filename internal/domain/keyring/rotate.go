package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Event says what happened to a key.
type Event string

// What happens to keys.
const (
	Created   Event = "key.created"
	Imported  Event = "key.imported"
	Withdrawn Event = "key.withdrawn" // by an emergency rotation
	Expired   Event = "key.expired"   // removed by Sweep
	Resealed  Event = "key.resealed"  // by Rewrap
)

// State is where a key is in its life.
type State string

// The states of a key.
const (
	Upcoming State = "upcoming" // known, and not used yet
	Active   State = "active"   // makes new values
	Retired  State = "retired"  // checks and opens what it made
)

// Info describes a key. It holds nothing secret.
type Info struct {
	ID         string    `json:"id"`
	Purpose    Purpose   `json:"purpose"`
	Generation int64     `json:"generation"`
	Algorithm  string    `json:"algorithm"`
	State      State     `json:"state"`
	Imported   bool      `json:"imported"`
	KEK        string    `json:"kek"` // id of the key-encryption key that seals it
	CreatedAt  time.Time `json:"created_at"`
	ActiveAt   time.Time `json:"active_at"`
	RetiredAt  time.Time `json:"retired_at,omitzero"` // when a later key takes over; zero when none will
	RemovedAt  time.Time `json:"removed_at,omitzero"` // from when on Sweep removes it
}

func (r *row) info(s State) Info {
	return Info{ID: r.id, Purpose: r.purpose, Generation: r.generation, Algorithm: r.algorithm, State: s, Imported: r.imported,
		KEK: r.kek, CreatedAt: r.createdAt, ActiveAt: r.activeAt}
}

// List returns every key by purpose and generation, as it stands at this moment.
func (k *Keyring) List(ctx context.Context) ([]Info, error) {
	keys, err := k.load(ctx)
	if err != nil {
		return nil, err
	}
	var all []Info
	now := k.db.Now()
	for _, p := range Purposes {
		line := ofPurpose(keys, p)
		for i, key := range line {
			info := key.info(line.state(i, now))
			info.RetiredAt, info.RemovedAt = line.retiredAt(i), line.end(i, k.cfg.retention(p))
			all = append(all, info)
		}
	}
	return all, nil
}

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
