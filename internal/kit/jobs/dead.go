package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// DeadLetter is a job that failed for good, without its payload.
type DeadLetter struct {
	ID         uuid.UUID
	Kind       string
	Recipient  string
	Error      string // of the last attempt, at most 500 bytes
	Attempts   int
	EnqueuedAt time.Time
	DeadAt     time.Time
}

// Dead returns at most limit dead letters, the newest first.
func (q *Queue) Dead(ctx context.Context, limit int) ([]DeadLetter, error) {
	var all []DeadLetter
	err := q.db.Each(ctx, `SELECT id, kind, recipient, last_error, attempt, created_at, dead_at FROM job
		WHERE dead_at IS NOT NULL ORDER BY dead_at DESC, id DESC LIMIT $1`, []any{limit}, func(scan func(dest ...any) error) error {
		var l DeadLetter
		err := scan(&l.ID, &l.Kind, &l.Recipient, &l.Error, &l.Attempts, db.Time(&l.EnqueuedAt), db.Time(&l.DeadAt))
		all = append(all, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("jobs: dead letters: %w", err)
	}
	return all, nil
}

// Retry gives a dead letter all its attempts again, from now, in the caller's transaction, and
// returns it. It returns [ErrNotFound] when there is none with this id.
func (q *Queue) Retry(ctx context.Context, tx *db.Tx, id uuid.UUID) (DeadLetter, error) {
	l := DeadLetter{ID: id}
	err := tx.Row(ctx, "UPDATE job SET dead_at = NULL, attempt = 0, run_at = $2 WHERE id = $1 AND dead_at IS NOT NULL RETURNING kind, recipient",
		[]any{id, tx.Now}, &l.Kind, &l.Recipient)
	if err != nil {
		return l, fmt.Errorf("jobs: retry: %w", missing(err))
	}
	tx.OnCommit(q.notify)
	return l, nil
}

// Discard deletes a dead letter in the caller's transaction and returns what it was. It returns
// [ErrNotFound] when there is none with this id.
func (q *Queue) Discard(ctx context.Context, tx *db.Tx, id uuid.UUID) (DeadLetter, error) {
	l := DeadLetter{ID: id}
	err := tx.Row(ctx, "DELETE FROM job WHERE id = $1 AND dead_at IS NOT NULL RETURNING kind, recipient", []any{id}, &l.Kind, &l.Recipient)
	if err != nil {
		return l, fmt.Errorf("jobs: discard: %w", missing(err))
	}
	return l, nil
}

func missing(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// Stats counts what is in the queue.
type Stats struct {
	Queued  int       // waiting for their time or a worker
	Running int       // under a lease
	Dead    int       // dead letters
	Oldest  time.Time // since when the longest waiting due job is due; zero when none is
}

// Stats returns the queue's state over all instances.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	err := q.db.Row(ctx, `SELECT
		(SELECT count(*) FROM job WHERE leased_until <= $1 AND `+open+`),
		(SELECT count(*) FROM job WHERE leased_until > $1 AND `+open+`),
		(SELECT count(*) FROM job WHERE dead_at IS NOT NULL),
		(SELECT min(run_at) FROM job WHERE `+due+`)`, []any{q.db.Now()}, &s.Queued, &s.Running, &s.Dead, db.Time(&s.Oldest))
	if err != nil {
		return Stats{}, fmt.Errorf("jobs: stats: %w", err)
	}
	return s, nil
}
