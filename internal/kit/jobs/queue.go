package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Config says what a queue works with.
type Config struct {
	// DB holds the jobs. Required.
	DB *db.DB
	// Sealer encrypts payloads. Required.
	Sealer Sealer
	// Logger receives failures, without payloads; nil means slog.Default().
	Logger *slog.Logger
	// Workers is how many jobs run at once; 0 means 4.
	Workers int
	// Grace is how much real time Close lets running jobs end by themselves; 0 means 10 s.
	Grace time.Duration
}

// pollEvery is how often, in real time, a queue looks for jobs that other instances
// queued and for leases that ran out.
const pollEvery = time.Second

// Queue queues jobs and, once started, does them. It is safe for concurrent use, except
// that Register and Every come before Start and Drain.
type Queue struct {
	db        *db.DB
	sealer    Sealer
	log       *slog.Logger
	grace     time.Duration
	poll      time.Duration
	handlers  map[string]Handler
	schedules []schedule

	wake  chan struct{} // one token: there may be a due job
	slots chan struct{} // a token for each free worker

	lookStatement, claimStatement string

	claimMu sync.Mutex // held from looking to noting what runs
	running running

	start sync.Once
	stop  context.CancelFunc // ends claiming; nil until Start
	abort context.CancelFunc // ends the handlers
	work  sync.WaitGroup
}

// New returns a queue that has not started.
func New(cfg Config) *Queue {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Workers <= 0 {
		cfg.Workers = 4
	}
	if cfg.Grace <= 0 {
		cfg.Grace = 10 * time.Second
	}
	q := &Queue{
		db: cfg.DB, sealer: cfg.Sealer, log: cfg.Logger, grace: cfg.Grace, poll: pollEvery,
		handlers: map[string]Handler{},
		wake:     make(chan struct{}, 1),
		slots:    make(chan struct{}, cfg.Workers),
		running:  running{jobs: map[uuid.UUID]bool{}},
	}
	q.lookStatement, q.claimStatement = claimStatements(cfg.Workers)
	q.free(cfg.Workers)
	q.Every("jobs.sweep", time.Hour, q.Sweep)
	return q
}

// Register says who does jobs of a kind. A second handler for a kind panics, as with
// routes. Jobs of a kind without a handler fail and are tried again: a newer instance may know it.
func (q *Queue) Register(kind string, handler Handler) {
	if _, taken := q.handlers[kind]; taken {
		panic("jobs: two handlers for " + kind)
	}
	q.handlers[kind] = handler
}

// Enqueue queues job in the caller's transaction. Local workers are woken by its
// commit; other instances find it within a second.
func (q *Queue) Enqueue(ctx context.Context, tx *db.Tx, job Job) error {
	args, err := q.row(job, tx.Now)
	if err != nil {
		return fmt.Errorf("jobs: enqueue %s: %w", job.Kind, err)
	}
	if _, err := tx.Exec(ctx, insertStatement, args...); err != nil {
		return fmt.Errorf("jobs: enqueue %s: %w", job.Kind, err)
	}
	tx.OnCommit(q.notify)
	return nil
}

// Submit queues job in a transaction of its own, one statement, for a use case that
// writes nothing else.
func (q *Queue) Submit(ctx context.Context, job Job) error {
	args, err := q.row(job, q.db.Now())
	if err != nil {
		return fmt.Errorf("jobs: submit %s: %w", job.Kind, err)
	}
	if err := q.db.Once(ctx, insertStatement, args); err != nil {
		return fmt.Errorf("jobs: submit %s: %w", job.Kind, err)
	}
	q.notify()
	return nil
}

// notify tells the dispatcher that there may be a due job.
func (q *Queue) notify() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Drain does due jobs, one after another in the caller's goroutine, until none is due,
// those that they queue included. A job that fails is not due again before its pause is over.
func (q *Queue) Drain(ctx context.Context) error {
	for {
		did, err := q.doOne(ctx)
		if err != nil {
			return fmt.Errorf("jobs: drain: %w", err)
		}
		if !did {
			return nil
		}
	}
}

// doOne does one due job in a worker's place.
func (q *Queue) doOne(ctx context.Context) (did bool, err error) {
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-q.slots:
		defer q.free(1)
	}
	jobs, err := q.claim(ctx, 1)
	if err != nil || len(jobs) == 0 {
		return false, err
	}
	q.run(ctx, jobs[0])
	return true, nil
}

// run does one claimed job and records how it ended.
func (q *Queue) run(ctx context.Context, j claimed) {
	defer q.running.remove(j.ID)
	err := q.attempt(ctx, j)
	log := q.log.With("job", j.ID, "kind", j.Kind, "attempt", j.Attempt)
	var o outcome
	switch {
	case err == nil:
		o = done(j, q.db.Now())
	case ctx.Err() != nil:
		o = released(j)
		log.InfoContext(ctx, "job interrupted, it will be done later")
	case errors.As(err, new(permanent)) || j.Attempt >= maxAttempts:
		o = dead(j, q.db.Now(), err)
		log.ErrorContext(ctx, "job failed for good", "error", shown(err))
	default:
		o = failed(j, q.db.Now().Add(pause(j.Attempt)), err)
		log.WarnContext(ctx, "job failed, it will be tried again", "error", shown(err))
	}
	if err := q.record(ctx, o); errors.Is(err, db.ErrNoRows) {
		log.WarnContext(ctx, "job outlived its lease and may run twice, or was recorded before")
	} else if err != nil {
		log.ErrorContext(ctx, "job could not be recorded, it will run again", "error", err)
	}
}

// attempt runs the handler of a job. What panics has failed.
func (q *Queue) attempt(ctx context.Context, j claimed) (err error) {
	if j.Attempt > maxAttempts {
		return errors.New("whoever did this job never came back, too often")
	}
	handler, ok := q.handlers[j.Kind]
	if !ok {
		return errors.New("no handler for this kind of job")
	}
	payload, err := q.sealer.Open(j.payload, associated(j.ID, j.Kind))
	if err != nil {
		return fmt.Errorf("open the payload: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, handlerLimit)
	defer cancel()
	return q.guard(ctx, j.Kind, func() error { return handler(ctx, j.Info, payload) })
}

// guard turns a panic of fn into an error. What it panicked with may hold a payload, so
// that is logged only where the runtime said it.
func (q *Queue) guard(ctx context.Context, name string, fn func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		text := fmt.Sprintf("panic with %T", p)
		if e, ok := p.(runtime.Error); ok {
			text = "panic: " + e.Error()
		}
		q.log.ErrorContext(ctx, "background work panicked", "kind", name, "panic", text, "stack", string(debug.Stack()))
		err = errors.New(text)
	}()
	return fn()
}

// row returns the arguments of insertStatement.
func (q *Queue) row(job Job, now time.Time) ([]any, error) {
	if job.Kind == "" {
		return nil, errors.New("a job needs a kind")
	}
	plain, err := encode(job.Payload)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	sealed, err := q.sealer.Seal(plain, associated(id, job.Kind))
	if err != nil {
		return nil, fmt.Errorf("seal the payload: %w", err)
	}
	runAt := job.RunAt
	if runAt.IsZero() {
		runAt = now
	}
	return []any{id, job.Kind, job.Recipient, sealed, runAt, now}, nil
}
