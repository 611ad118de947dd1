package password

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// HasherConfig sets the cost of a hash and how many run and wait at once.
type HasherConfig struct {
	// Params is the cost of new hashes. Zero: [DefaultParams].
	Params Params
	// Slots is how many hashes run at once, 1 to 256. Zero: GOMAXPROCS; more than that makes
	// every hash slower and none faster.
	Slots int
	// Queue is how many callers may wait for a slot, 1 to 10,000. Zero: 64.
	Queue int
	// Wait is the longest that a caller waits, up to a minute of real time. Zero: 5 s.
	Wait time.Duration
	// Around is called in a slot before each hash, and what it returns after it. Optional.
	Around func() (after func())
}

const maxSlots = 256

// validate returns every problem at once, as "field: problem, how to fix".
func (c HasherConfig) validate() error {
	problems := []error{c.Params.validate()}
	if c.Slots < 1 || c.Slots > maxSlots {
		problems = append(problems, fmt.Errorf("Slots: %d is out of range, use 1 to %d", c.Slots, maxSlots))
	}
	if c.Queue < 1 || c.Queue > 10_000 {
		problems = append(problems, fmt.Errorf("Queue: %d is out of range, use 1 to 10000", c.Queue))
	}
	if c.Wait <= 0 || c.Wait > time.Minute {
		problems = append(problems, fmt.Errorf("Wait: %v is out of range, use up to 1m", c.Wait))
	}
	return errors.Join(problems...)
}

// Hasher makes and verifies password hashes, a bounded number at once. Memory in use is at
// most Slots times Params.MemoryKiB, or times 128 MiB while imported hashes are verified.
// It is safe for concurrent use and has no goroutines of its own.
type Hasher struct {
	params Params
	dummy  string // verifies for nobody; takes as long as an own hash
	queue  *queue
	around func() (after func())
}

// NewHasher returns a Hasher, or every problem of its configuration. It computes no hash.
func NewHasher(c HasherConfig) (*Hasher, error) {
	if c.Params == (Params{}) {
		c.Params = DefaultParams()
	}
	c.Slots = cmp.Or(c.Slots, min(runtime.GOMAXPROCS(0), maxSlots))
	c.Queue = cmp.Or(c.Queue, 64)
	c.Wait = cmp.Or(c.Wait, 5*time.Second)
	if err := c.validate(); err != nil {
		return nil, err
	}
	h := &Hasher{params: c.Params, queue: newQueue(c.Slots, c.Queue, c.Wait), around: c.Around}
	h.dummy = newHash(c.Params, random(keySize)).encode()
	return h, nil
}

// Hash returns a new stored form of password, with the configured parameters and a fresh
// salt. It does not ask the policy: an old password that a stricter policy would refuse
// must still be upgradable. Errors: [ErrRefused] for what can never be a password,
// [ErrBusy], and ctx's.
//
// To upgrade at sign-in, call it after a Verify that says so, as a turn of its own: it
// queues like everyone else, and a failure leaves the old hash in place until next time.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if !verifiable(password) {
		return "", ErrRefused
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return "", fmt.Errorf("password: hash: %w", err)
	}
	defer leave()
	a := newHash(h.params, make([]byte, keySize))
	a.key = a.derive(norm.NFKC.String(password))
	return a.encode(), nil
}

// Verify compares password with stored, a result of [Hasher.Hash] or [Import]. The empty
// string is an account without a password: nothing matches it. That, and a text that can be
// nobody's password, takes as long as a real comparison. A stored hash that is damaged or
// over the bounds is an error, never a match. Other errors: [ErrBusy], and ctx's.
//
// An imported hash takes its own time, which can differ from that of an own one until the
// account's next sign-in replaces it.
func (h *Hasher) Verify(ctx context.Context, stored, password string) (Result, error) {
	possible := stored != ""
	if !verifiable(password) {
		possible, password = false, "x"
	}
	matches, current, err := h.parse(cmp.Or(stored, h.dummy))
	if err != nil {
		return Result{}, err
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("password: verify: %w", err)
	}
	defer leave()
	ok := matches(password) && possible
	return Result{OK: ok, Upgrade: ok && !current}, nil
}

// VerifyNothing takes the time of a Verify of an own hash, for an account that does not
// exist. Errors: as Verify.
func (h *Hasher) VerifyNothing(ctx context.Context, password string) error {
	_, err := h.Verify(ctx, "", password)
	return err
}

// enter takes a slot, and says to whom it may concern that a hash begins and ends there.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	free, err := h.queue.enter(ctx)
	if err != nil || h.around == nil {
		return free, err
	}
	begun := false
	defer func() {
		if !begun { // around panics
			free()
		}
	}()
	after := h.around()
	begun = true
	return func() { defer free(); after() }, nil
}

// Stats returns the present state of the slots and the queue.
func (h *Hasher) Stats() Stats { return h.queue.stats() }

// errStored is not a fault: the caller of a sign-in can do nothing about a damaged row.
var errStored = errors.New("password: the stored hash is damaged or above the cost bounds")

// parse returns how to compare a password with stored, and whether stored is an own hash
// with the configured parameters.
func (h *Hasher) parse(stored string) (matches func(string) bool, current bool, err error) {
	if foreign, ok := strings.CutPrefix(stored, importedMark); ok {
		if matches, err = parseImported(foreign); err != nil {
			return nil, false, errStored
		}
		return matches, false, nil
	}
	a, err := parseArgon2(stored, maxParams)
	if err != nil || a.variant != argon2id || len(a.salt) != saltSize || len(a.key) != keySize {
		return nil, false, errStored
	}
	return func(password string) bool { return a.matches(norm.NFKC.String(password)) }, a.params == h.params, nil
}

// newHash returns an argon2id hash with a fresh salt and the given key.
func newHash(params Params, key []byte) argon2Hash {
	return argon2Hash{variant: argon2id, params: params, salt: random(saltSize), key: key}
}

// random returns n random bytes. crypto/rand.Read never fails.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
