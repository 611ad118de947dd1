package jobs

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrState is the refusal of a state that no job has.
var ErrState = fault.New(fault.Invalid, "job_state_invalid", "A job is waiting, running, dead or done.")

// State is where a job stands.
type State string

// The states of a job.
const (
	Waiting State = "waiting" // for its time, another attempt or a worker
	Running State = "running" // somebody is at it
	Dead    State = "dead"    // failed for good
	Done    State = "done"
)

// Entry is a job without its payload.
type Entry struct {
	ID         uuid.UUID
	Kind       string
	Recipient  string
	State      State
	Attempts   int
	EnqueuedAt time.Time
	RunAt      time.Time // the next attempt; of a running job this one
	EndedAt    time.Time // done or dead since; zero: neither
	Error      string    // of the last attempt, at most 500 bytes
}

// Filter picks jobs out.
type Filter struct {
	State State  // empty: all
	After *Place // nil: from the beginning
	Limit int
}

// Place is where a page ended.
type Place struct {
	At time.Time // what the state's list is sorted by
	ID uuid.UUID
}

const entry = `SELECT id, kind, recipient, attempt, created_at, run_at, COALESCE(done_at, dead_at), last_error,
	CASE WHEN done_at IS NOT NULL THEN 'done' WHEN dead_at IS NOT NULL THEN 'dead' WHEN leased_until > $1 THEN 'running' ELSE 'waiting' END
	FROM job WHERE `

// lists are the statements for each state: $1 is now, $2 and $4 the place to start after, $3 the
// limit. What waits comes in the order of its turn, all else the newest first.
var lists = map[State]string{
	"":      entry + `id < $2 ORDER BY id DESC LIMIT $3`,
	Waiting: entry + open + ` AND leased_until <= $1 AND (run_at, id) > ($4, $2) ORDER BY run_at, id LIMIT $3`,
	Running: entry + open + ` AND leased_until > $1 AND (run_at, id) > ($4, $2) ORDER BY run_at, id LIMIT $3`,
	Dead:    entry + `dead_at IS NOT NULL AND (dead_at, id) < ($4, $2) ORDER BY dead_at DESC, id DESC LIMIT $3`,
	Done:    entry + `done_at IS NOT NULL AND (done_at, id) < ($4, $2) ORDER BY done_at DESC, id DESC LIMIT $3`,
}

// List returns at most f.Limit jobs and where to go on, nil at the end: waiting and running ones in
// the order of their turn, others the newest first. It returns ErrState.
func (q *Queue) List(ctx context.Context, f Filter) (page []Entry, next *Place, err error) {
	query, known := lists[f.State]
	if !known {
		return nil, nil, ErrState
	}
	after := Place{At: time.UnixMilli(math.MaxInt64), ID: uuid.Max}
	if f.State == Waiting || f.State == Running {
		after = Place{At: time.UnixMilli(0)}
	}
	if f.After != nil {
		after = *f.After
	}
	args := []any{q.db.Now(), after.ID, f.Limit + 1, after.At}
	if f.State == "" {
		args = args[:3] // ordered by id alone
	}
	if page, err = q.entries(ctx, query, args...); err != nil {
		return nil, nil, err
	}
	if len(page) > f.Limit {
		page = page[:f.Limit]
		last := page[f.Limit-1]
		next = &Place{At: last.EndedAt, ID: last.ID}
		if last.EndedAt.IsZero() {
			next.At = last.RunAt
		}
	}
	return page, next, nil
}

// Concerning returns at most limit jobs of any of the recipients, at most 8, the newest first.
func (q *Queue) Concerning(ctx context.Context, limit int, recipients ...string) ([]Entry, error) {
	args := []any{q.db.Now(), limit}
	places := make([]string, len(recipients))
	for i, r := range recipients {
		args = append(args, r)
		places[i] = fmt.Sprintf("$%d", len(args))
	}
	return q.entries(ctx, entry+`recipient IN (`+strings.Join(places, ", ")+`) ORDER BY created_at DESC, id DESC LIMIT $2`, args...)
}

func (q *Queue) entries(ctx context.Context, query string, args ...any) (all []Entry, err error) {
	err = q.db.Each(ctx, query, args, func(scan func(...any) error) error {
		var e Entry
		err := scan(&e.ID, &e.Kind, &e.Recipient, &e.Attempts, db.Time(&e.EnqueuedAt), db.Time(&e.RunAt), db.Time(&e.EndedAt), &e.Error, &e.State)
		all = append(all, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("jobs: list: %w", err)
	}
	return all, nil
}

// MaxCount is where Counts stops counting the jobs of a state.
const MaxCount = 1000

// Counts is how many jobs there are in each state, at most MaxCount each.
type Counts struct{ Waiting, Running, Dead, Done int }

// Counts counts jobs, those done in the last 7 days among them.
func (q *Queue) Counts(ctx context.Context) (c Counts, err error) {
	err = q.db.Row(ctx, `SELECT
		count(CASE WHEN leased_until <= $1 THEN 1 END), count(CASE WHEN leased_until > $1 THEN 1 END),
		(SELECT count(*) FROM (SELECT 1 FROM job WHERE dead_at IS NOT NULL ORDER BY dead_at LIMIT $2) dead),
		(SELECT count(*) FROM (SELECT 1 FROM job WHERE done_at IS NOT NULL ORDER BY done_at LIMIT $2) done)
		FROM (SELECT leased_until FROM job WHERE `+open+` ORDER BY run_at, id LIMIT $2) open`,
		[]any{q.db.Now(), MaxCount}, &c.Waiting, &c.Running, &c.Dead, &c.Done)
	if err != nil {
		return Counts{}, fmt.Errorf("jobs: count: %w", err)
	}
	return c, nil
}
