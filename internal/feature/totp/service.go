package totp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Begin sets up a device for the account of by, in place of one that waits already; confirmed ones
// are not touched. label is what apps show of the account, commonly its address. An empty name
// becomes DefaultName. It returns ErrName and ErrTooMany, and is one statement.
func (s *Service) Begin(ctx context.Context, by session.Bearer, label, name string) (*Setup, error) {
	name, err := named(name)
	if err != nil {
		return nil, err
	}
	d, key, err := s.fresh(by.AccountID, cmp.Or(name, DefaultName))
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, s.DB, d); err != nil {
		return nil, err
	}
	return s.setup(d, key, label), nil
}

// fresh returns a device with a secret of its own, which is written down nowhere yet.
func (s *Service) fresh(accountID uuid.UUID, name string) (d *device, key []byte, err error) {
	d = &device{Device: Device{Name: name}, accountID: accountID}
	if d.ID, err = uuid.NewV7(); err != nil {
		return nil, nil, fmt.Errorf("totp: fresh: %w", err)
	}
	key = make([]byte, secretBytes)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	if d.sealed, err = s.Sealer.Seal(key, d.aad()); err != nil {
		return nil, nil, fmt.Errorf("totp: fresh: %w", err)
	}
	return d, key, nil
}

// Waiting returns the device of an account that waits for its code, or ErrNoSetup. It is for a page
// that is shown once more, after a wrong code. Whoever opens that page anew gets a new set-up: the
// secret of one that waits may have been seen by whoever else is signed in.
func (s *Service) Waiting(ctx context.Context, accountID uuid.UUID, label string) (*Setup, error) {
	d, err := waiting(ctx, s.DB, accountID, s.DB.Now())
	if err != nil {
		return nil, err
	}
	key, err := s.open(d)
	if err != nil {
		return nil, err
	}
	return s.setup(d, key, label), nil
}

// Confirm makes the device that waits one of the account's, in tx, and spends the code. It returns
// ErrNoSetup, ErrTooMany and factor.ErrCode; nothing is written then. It does not end sessions, nor
// tell anybody.
func (s *Service) Confirm(ctx context.Context, tx *db.Tx, accountID uuid.UUID, code string) (*Device, error) {
	if !isCode(code) {
		return nil, factor.ErrCode
	}
	d, err := waiting(ctx, tx, accountID, tx.Now)
	if err != nil {
		return nil, err
	}
	key, err := s.open(d)
	if err != nil {
		return nil, err
	}
	step, ok, err := match(key, code, tx.Now, d.lastStep)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, factor.ErrCode
	}
	if err := confirm(ctx, tx, d, step); err != nil {
		return nil, err
	}
	return &d.Device, nil
}

// List returns the devices of an account, the oldest first.
func (s *Service) List(ctx context.Context, accountID uuid.UUID) ([]Device, error) {
	all, err := confirmed(ctx, s.DB, accountID)
	devices := make([]Device, len(all))
	for i, d := range all {
		devices[i] = d.Device
	}
	return devices, err
}

// Rename gives a device of an account another name. It returns ErrName and ErrNotFound.
func (s *Service) Rename(ctx context.Context, tx *db.Tx, accountID, id uuid.UUID, name string) error {
	name, err := named(name)
	if err != nil {
		return err
	}
	if name == "" {
		return ErrName.WithField("name", "invalid", "1 to 64 characters.")
	}
	return rename(ctx, tx, accountID, id, name)
}

// Remove takes a device from an account and returns what it was, or ErrNotFound. What the account may
// not be without is for the caller to say.
func (s *Service) Remove(ctx context.Context, tx *db.Tx, accountID, id uuid.UUID) (*Device, error) {
	return remove(ctx, tx, accountID, id)
}

// Match finds out which device of an account a code belongs to, or returns factor.ErrCode. It is one
// statement, which writes nothing: whoever acts on a match spends it in the transaction of what it
// allows. The caller counts the try before it asks.
func (s *Service) Match(ctx context.Context, accountID uuid.UUID, code string) (*Match, error) {
	if !isCode(code) {
		return nil, factor.ErrCode
	}
	now := s.DB.Now()
	devices, err := confirmed(ctx, s.DB, accountID)
	if err != nil {
		return nil, err
	}
	var found *Match
	var problems []error // a device that cannot be read must not keep out the owner of another
	for _, d := range devices {
		key, err := s.open(d)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		step, ok, err := match(key, code, now, d.lastStep)
		if err != nil {
			problems = append(problems, err)
		}
		if ok {
			found = &Match{Device: d.Device, accountID: accountID, step: step}
		}
	}
	switch {
	case found != nil:
		return found, nil
	case len(problems) > 0:
		return nil, errors.Join(problems...)
	}
	return nil, factor.ErrCode
}

// Spend uses a match up, once: it returns factor.ErrCode when a code of the same or a later time step
// was accepted meanwhile, or the device was removed.
func (s *Service) Spend(ctx context.Context, tx *db.Tx, m *Match) error { return spend(ctx, tx, m) }

// Reseal seals every secret anew that another key than the newest has sealed, and returns how many.
// It must run well within the time that a retired key is kept. A secret that cannot be opened is left
// as it is and reported when all others are done.
func (s *Service) Reseal(ctx context.Context) (n int, err error) {
	// What the newest key seals begins with its name; see secret.Sealer.
	sample, err := s.Sealer.Seal(nil, nil)
	if err != nil {
		return 0, fmt.Errorf("totp: reseal: %w", err)
	}
	var problems []error
	for after := uuid.Nil; ; {
		devices, err := sealedByOthers(ctx, s.DB, sample[:sealName], after)
		if err != nil || len(devices) == 0 {
			return n, errors.Join(append(problems, err)...)
		}
		for _, d := range devices {
			if err := s.resealOne(ctx, d); err != nil {
				problems = append(problems, err)
				continue
			}
			n++
		}
		after = devices[len(devices)-1].ID
	}
}

// sealName is how many bytes of a sealed value name its format and key.
const sealName = 1 + len(secret.KeyID{})

func (s *Service) resealOne(ctx context.Context, d *device) error {
	key, err := s.open(d)
	if err != nil {
		return err
	}
	sealed, err := s.Sealer.Seal(key, d.aad())
	if err != nil {
		return fmt.Errorf("totp: reseal: %w", err)
	}
	return reseal(ctx, s.DB, d, sealed)
}

// open returns the secret of a device.
func (s *Service) open(d *device) ([]byte, error) {
	key, err := s.Sealer.Open(d.sealed, d.aad())
	if err != nil {
		return nil, fmt.Errorf("totp: device %s: %w", d.ID, err)
	}
	return key, nil
}
