package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

const (
	open = "done_at IS NULL AND dead_at IS NULL"
	due  = "run_at <= $1 AND leased_until <= $1 AND " + open

	insertStatement = `INSERT INTO job (id, kind, recipient, payload, attempt, run_at, leased_until, created_at, last_error)
		VALUES ($1, $2, $3, $4, 0, $5, 0, $6, '')`

	sweepBatch = 500             // rows deleted in one transaction
	maxWait    = 5 * time.Second // real time, the longest pause before an outcome is written again
)

// claimStatements returns the statement that looks for a due job and the one that leases due
// jobs, both without the jobs that run here. $1 is now, then come the ids of as many jobs
// as there are workers, then the new lease's end and the limit.
func claimStatements(workers int) (look, claim string) {
	var ids strings.Builder
	for i := range workers {
		fmt.Fprintf(&ids, ", $%d", i+2)
	}
	free := due + " AND id NOT IN (" + ids.String()[2:] + ")"
	// The condition is repeated because on PostgreSQL another instance may have claimed the
	// row between the look and the lock.
	return "SELECT 1 FROM job WHERE " + free + " LIMIT 1", fmt.Sprintf(`UPDATE job SET leased_until = $%d, attempt = attempt + 1
		WHERE id IN (SELECT id FROM job WHERE %s ORDER BY run_at, id LIMIT $%d) AND %s
		RETURNING id, kind, attempt, created_at, payload`, workers+2, free, workers+3, due)
}

// claimed is a job under this instance's lease.
type claimed struct {
	Info
	payload []byte // sealed
}

// claim leases at most limit due jobs. It looks before it writes, so that an idle queue
// never asks for the write lock. What runs here is left alone though its lease may have run
// out: a jump of the clock must not do a job twice at once.
func (q *Queue) claim(ctx context.Context, limit int) ([]claimed, error) {
	q.claimMu.Lock()
	defer q.claimMu.Unlock()
	for {
		now := q.db.Now()
		args := append([]any{now}, q.running.ids(cap(q.slots))...)
		err := q.db.Row(ctx, q.lookStatement, slices.Clone(args), new(int))
		if errors.Is(err, db.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		jobs, err := db.OnceAll(ctx, q.db, q.claimStatement, append(args, now.Add(lease), limit), scanClaimed)
		if err != nil || len(jobs) > 0 {
			q.running.add(jobs)
			return jobs, err
		}
		// Other instances were quicker with these; there may be more.
	}
}

func scanClaimed(scan func(dest ...any) error) (claimed, error) {
	var j claimed
	err := scan(&j.ID, &j.Kind, &j.Attempt, db.Time(&j.EnqueuedAt), &j.payload)
	return j, err
}

// outcome is how an attempt ended: a statement that changes the job only while the lease
// that the attempt had is the last one. $1 is the job, $2 the attempt.
type outcome struct {
	set  string
	args []any
}

func done(j claimed, now time.Time) outcome {
	return outcome{"done_at = $3, payload = NULL, last_error = ''", []any{j.ID, j.Attempt, now}}
}

func failed(j claimed, again time.Time, err error) outcome {
	return outcome{"run_at = $3, last_error = $4", []any{j.ID, j.Attempt, again, shown(err)}}
}

func dead(j claimed, now time.Time, err error) outcome {
	return outcome{"dead_at = $3, last_error = $4", []any{j.ID, j.Attempt, now, shown(err)}}
}

// released gives back the attempt too: to be interrupted is no failure.
func released(j claimed) outcome {
	return outcome{"attempt = attempt - 1", []any{j.ID, j.Attempt}}
}

// record writes an outcome. A database that is away for a moment is waited for, so that few jobs
// run twice because of it; one that stays away means that the lease runs out.
func (q *Queue) record(ctx context.Context, o outcome) error {
	query := "UPDATE job SET leased_until = 0, " + o.set + " WHERE id = $1 AND attempt = $2 AND " + open + " RETURNING id"
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		err := q.db.Once(context.WithoutCancel(ctx), query, o.args, new(uuid.UUID))
		if !errors.Is(err, db.ErrUnavailable) || wait > maxWait {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// Sweep deletes jobs that were done 7 days ago or died 30 days ago, in small batches. A
// started queue does it each hour.
func (q *Queue) Sweep(ctx context.Context) error {
	now := q.db.Now()
	for column, before := range map[string]time.Time{"done_at": now.Add(-keepDone), "dead_at": now.Add(-keepDead)} {
		query := "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE " + column + " <= $1 LIMIT $2) AND " + column + " <= $1"
		for n := int64(sweepBatch); n == sweepBatch; {
			err := q.db.InTx(ctx, func(tx *db.Tx) (err error) {
				n, err = tx.Exec(ctx, query, before, sweepBatch)
				return err
			})
			if err != nil {
				return fmt.Errorf("jobs: sweep: %w", err)
			}
		}
	}
	return nil
}
