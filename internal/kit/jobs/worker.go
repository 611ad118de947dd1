package jobs

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
)

// running is which jobs run here.
type running struct {
	mu   sync.Mutex
	jobs map[uuid.UUID]bool
}

func (r *running) add(jobs []claimed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range jobs {
		r.jobs[j.ID] = true
	}
}

func (r *running) remove(id uuid.UUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.jobs, id)
}

// ids returns n arguments: every job that runs, filled up with an id that no job has.
func (r *running) ids(n int) []any {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]any, 0, n)
	for id := range r.jobs {
		all = append(all, id)
	}
	for len(all) < n {
		all = append(all, uuid.Nil)
	}
	return all
}

// Start begins to do jobs and periodic work, until [Queue.Close]. It takes ctx's values,
// not its end.
func (q *Queue) Start(ctx context.Context) {
	q.start.Do(func() {
		handling, abort := context.WithCancel(context.WithoutCancel(ctx))
		claiming, stop := context.WithCancel(handling)
		q.abort, q.stop = abort, stop
		q.work.Go(func() { q.dispatch(claiming, handling) })
		for _, s := range q.schedules {
			q.work.Go(func() { q.keep(claiming, handling, s) })
		}
	})
}

// Close claims nothing more, lets running work end for the grace period, then cancels
// it, and returns when all has ended. What was cut short is done later, by whoever is left.
func (q *Queue) Close() {
	if q.stop == nil {
		return
	}
	q.stop()
	impatient := time.AfterFunc(q.grace, q.abort)
	q.work.Wait()
	impatient.Stop()
	q.abort()
}

// dispatch hands due jobs to workers until claiming ends.
func (q *Queue) dispatch(claiming, handling context.Context) {
	tick := time.NewTicker(q.poll)
	defer tick.Stop()
	healthy := true
	for claiming.Err() == nil {
		jumped := q.db.Clock().Jumped() // before the look, so that no jump is missed
		err := q.startDue(claiming, handling)
		if err != nil && healthy && claiming.Err() == nil {
			q.log.WarnContext(claiming, "the job queue cannot be read", "error", err)
		}
		healthy = err == nil
		select {
		case <-claiming.Done():
		case <-q.wake:
		case <-jumped:
		case <-tick.C:
		}
	}
}

// startDue starts due jobs as workers get free, until no job is due. It claims no more than can
// start at once: a claimed job that waits would use up its lease.
func (q *Queue) startDue(claiming, handling context.Context) error {
	for {
		n := q.reserve(claiming)
		jobs, err := q.claim(claiming, n)
		q.free(n - len(jobs))
		for _, j := range jobs {
			q.work.Go(func() {
				defer q.free(1)
				q.run(handling, j)
			})
		}
		if err != nil || len(jobs) == 0 {
			return err
		}
	}
}

// reserve waits for a free worker and takes all that are free. It returns 0 when ctx ends.
func (q *Queue) reserve(ctx context.Context) int {
	select {
	case <-ctx.Done():
		return 0
	case <-q.slots:
	}
	for n := 1; ; n++ {
		select {
		case <-q.slots:
		default:
			return n
		}
	}
}

func (q *Queue) free(n int) {
	for range n {
		q.slots <- struct{}{}
	}
}
