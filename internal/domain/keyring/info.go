package keyring

import (
	"context"
	"time"
)

// Event says what happened to a key.
type Event string

// What happens to keys.
const (
	Created   Event = "created"
	Imported  Event = "imported"
	Withdrawn Event = "withdrawn" // by an emergency rotation
	Expired   Event = "expired"   // removed by Sweep
	Resealed  Event = "resealed"  // by Rewrap
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
