// Package jobs runs background work: queued in the transaction that causes it, done at
// least once by any instance, tried again with growing pauses when it fails.
//
// [Queue.Enqueue] writes a job in the caller's transaction, so what is rolled back leaves
// no job and what is committed loses none. Instances claim due jobs with a lease; one
// that dies loses its lease and another instance does the job again, so a handler must
// bear a second run: the job's id stays the same. A job that fails for good, or too
// often, becomes a dead letter, which keeps its payload until a person retries or discards
// it. Payloads are sealed, wiped when the job is done, and never shown: dead letters
// show kind, recipient and error.
//
// [Queue.Every] is for periodic work, done by one instance at a time.
//
// Schedules and leases follow the database's clock and its jumps. A handler's time limit is
// real time. What the jobs do is said by those who register handlers.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrNotFound is the fault for a dead letter that is not there, or no longer dead.
var ErrNotFound = fault.New(fault.NotFound, "job_not_found", "There is no such dead job.")

// How often and how long. A handler must end well before its lease does, clocks of
// instances being up to 10 s apart.
const (
	maxAttempts = 16               // with the pauses below, tries over about a day
	firstPause  = 10 * time.Second // after the first failure; doubled after each further one
	maxPause    = 4 * time.Hour

	handlerLimit = time.Minute // real time a handler has
	lease        = 2 * time.Minute
	periodLimit  = 5 * time.Minute // the same for periodic work
	periodLease  = 6 * time.Minute

	keepDone = 7 * 24 * time.Hour
	keepDead = 30 * 24 * time.Hour

	maxPayload = 64 << 10 // bytes before sealing
	maxError   = 500      // bytes of an error that are kept
)

// Job is work to be queued.
type Job struct {
	Kind      string    // names the handler
	Recipient string    // whom a dead letter is shown to concern; may be empty, never secret
	Payload   any       // sealed as JSON; []byte is sealed as it is; at most 64 KiB
	RunAt     time.Time // not before; zero means now
}

// Info is what a handler may know of its job.
type Info struct {
	ID         uuid.UUID // the same at every attempt
	Kind       string
	Attempt    int // 1 for the first
	EnqueuedAt time.Time
}

// Handler does one job. An error means another attempt later, or none when it is
// [Permanent]; its text is kept and shown, so it must hold nothing of the payload. ctx
// ends after a minute and when the queue closes; a handler must then return.
type Handler func(ctx context.Context, info Info, payload []byte) error

// JSON makes a handler of a function that takes the payload decoded.
func JSON[T any](fn func(ctx context.Context, info Info, payload T) error) Handler {
	return func(ctx context.Context, info Info, payload []byte) error {
		var v T
		if json.Unmarshal(payload, &v) != nil {
			return Permanent(errors.New("the payload is not what this kind of job takes")) // the decoder's words may quote it
		}
		return fn(ctx, info, v)
	}
}

// Permanent marks err as not worth another attempt: the job becomes a dead letter at once.
// Nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Sealer encrypts payloads at rest. Package secret has one.
type Sealer interface {
	Seal(plain, aad []byte) ([]byte, error)
	Open(sealed, aad []byte) ([]byte, error)
}

// associated binds a payload to its row, so that it opens nowhere else.
func associated(id uuid.UUID, kind string) []byte {
	return []byte("job\x00" + id.String() + "\x00" + kind)
}

func encode(payload any) ([]byte, error) {
	plain, ok := payload.([]byte)
	if !ok {
		var err error
		if plain, err = json.Marshal(payload); err != nil {
			return nil, err
		}
	}
	if len(plain) > maxPayload {
		return nil, fmt.Errorf("the payload is longer than %d bytes", maxPayload)
	}
	return plain, nil
}

// pause returns how long to wait after a failed attempt: doubling, with up to a quarter
// more at random, so that what failed together does not come back together.
func pause(attempt int) time.Duration {
	d := min(firstPause<<min(attempt-1, 20), maxPause)
	return d + rand.N(d/4) //nolint:gosec // spreads retries, guards nothing
}

// shown cuts the text of an error to what is stored: valid UTF-8 that both databases
// take, and no more than maxError bytes.
func shown(err error) string {
	s := strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "?"), "\x00", "")
	if len(s) <= maxError {
		return s
	}
	n := maxError
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
