package jobs

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

func TestInstancesShareTheWorkAndDoNoJobTwice(t *testing.T) {
	each(t, 2, func(t *testing.T, in instances) {
		const n = 1000
		var runs sync.Map
		var left sync.WaitGroup
		left.Add(n)
		var joined sync.WaitGroup // both instances have a job before either goes on
		joined.Add(len(in.queues))
		for _, q := range in.queues {
			join := sync.OnceFunc(joined.Done)
			q.Register("job", func(ctx context.Context, info Info, payload []byte) error {
				join()
				joined.Wait()
				defer left.Done()
				return note(&runs)(ctx, info, payload)
			})
		}
		all := make([]Job, n)
		for i := range all {
			all[i].Kind = "job"
		}
		enqueue(t, in.queues[0], all...)
		for _, q := range in.queues {
			q.Start(t.Context())
		}
		left.Wait()
		for _, q := range in.queues {
			q.Close()
		}
		done := 0
		runs.Range(func(id, times any) bool {
			if done++; times.(*atomic.Int64).Load() != 1 {
				t.Errorf("job %v was done %d times", id, times.(*atomic.Int64).Load())
			}
			return true
		})
		if recorded := count(t, in.queues[0], "SELECT count(*) FROM job WHERE done_at IS NOT NULL AND attempt = 1"); done != n || recorded != n {
			t.Errorf("%d jobs done, %d recorded, want %d", done, recorded, n)
		}
	})
}

func TestADeadWorkerLosesItsLeaseAndNothingElse(t *testing.T) {
	each(t, 2, func(t *testing.T, in instances) {
		dies, lives := in.queues[0], in.queues[1]
		var attempts []int
		lives.Register("job", func(_ context.Context, info Info, _ []byte) error {
			attempts = append(attempts, info.Attempt)
			return nil
		})
		enqueue(t, dies, Job{Kind: "job"})
		lost, err := dies.claim(t.Context(), 5)
		if err != nil || len(lost) != 1 {
			t.Fatal(lost, err)
		}
		in.clock.advance(lease - time.Millisecond)
		drain(t, lives)
		if len(attempts) != 0 {
			t.Fatal("taken over before the lease ran out")
		}
		in.clock.advance(time.Millisecond)
		drain(t, lives)
		if len(attempts) != 1 || attempts[0] != 2 {
			t.Fatalf("attempts %v, want the second", attempts)
		}
		// The one that was thought dead comes back and has no say any more.
		for name, o := range map[string]outcome{
			"done": done(lost[0], in.clock.Now()), "failed": failed(lost[0], in.clock.Now(), errors.New("x")),
			"dead": dead(lost[0], in.clock.Now(), errors.New("x")), "released": released(lost[0]),
		} {
			if err := dies.record(t.Context(), o); !errors.Is(err, db.ErrNoRows) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestALeaseThatWasPassedOnCannotBeEndedByItsFormerHolder(t *testing.T) {
	each(t, 2, func(t *testing.T, in instances) {
		enqueue(t, in.queues[0], Job{Kind: "job"})
		former, err := in.queues[0].claim(t.Context(), 1)
		if err != nil || len(former) != 1 {
			t.Fatal(former, err)
		}
		in.clock.advance(lease)
		if now, err := in.queues[1].claim(t.Context(), 1); err != nil || len(now) != 1 {
			t.Fatal(now, err)
		}
		if err := in.queues[0].record(t.Context(), done(former[0], in.clock.Now())); !errors.Is(err, db.ErrNoRows) {
			t.Errorf("the former holder recorded: %v", err)
		}
	})
}

func TestAJobThatKillsItsWorkersDies(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		q.Register("job", func(context.Context, Info, []byte) error { t.Error("run"); return nil })
		enqueue(t, q, Job{Kind: "job"})
		for range maxAttempts {
			jobs, err := q.claim(t.Context(), 1)
			if err != nil || len(jobs) != 1 {
				t.Fatal(jobs, err)
			}
			q.running.remove(jobs[0].ID) // as a process that starts anew
			in.clock.advance(lease)
		}
		drain(t, q)
		if l := onlyDead(t, q); l.Error == "" {
			t.Error("no reason is given")
		}
	})
}

func TestCommitsAndJumpsOfTheClockWakeWorkers(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		q.poll = time.Hour
		ran := make(chan string)
		q.Register("job", func(_ context.Context, _ Info, payload []byte) error { ran <- string(payload); return nil })
		looked := make(chan struct{}, 1)
		q.db.Inspect(func(query string) error {
			if strings.HasPrefix(query, "SELECT 1 FROM job") {
				select {
				case looked <- struct{}{}:
				default:
				}
			}
			return nil
		})
		q.Start(t.Context())
		<-looked
		enqueue(t, q, Job{Kind: "job", Payload: []byte("now")}, Job{Kind: "job", Payload: []byte("later"), RunAt: in.clock.Now().Add(36 * time.Hour)})
		if got := <-ran; got != "now" {
			t.Fatal(got)
		}
		in.clock.advance(36 * time.Hour)
		if got := <-ran; got != "later" {
			t.Fatal(got)
		}
		if err := q.Submit(t.Context(), Job{Kind: "job", Payload: []byte("submitted")}); err != nil {
			t.Fatal(err)
		}
		if got := <-ran; got != "submitted" {
			t.Fatal(got)
		}
	})
}

func TestAJumpOfTheClockDoesNotRunAJobASecondTimeBesideTheFirst(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		var did []string
		q.Register("slow", func(ctx context.Context, _ Info, _ []byte) error {
			if did = append(did, "slow"); len(did) > 1 {
				return nil
			}
			in.clock.advance(36 * time.Hour)
			return q.Drain(ctx)
		})
		q.Register("other", func(context.Context, Info, []byte) error { did = append(did, "other"); return nil })
		enqueue(t, q, Job{Kind: "slow"}, Job{Kind: "other"})
		drain(t, q)
		if s := stats(t, q); strings.Join(did, " ") != "slow other" || s != (Stats{}) {
			t.Errorf("did %v, %+v", did, s)
		}
	})
}

func TestStartFindsWhatWasQueuedBeforeAndOthersQueue(t *testing.T) {
	each(t, 2, func(t *testing.T, in instances) {
		ran := make(chan string)
		q, other := in.queues[0], in.queues[1]
		q.Register("job", func(_ context.Context, _ Info, payload []byte) error { ran <- string(payload); return nil })
		enqueue(t, other, Job{Kind: "job", Payload: []byte("before")})
		q.Start(t.Context())
		if got := <-ran; got != "before" {
			t.Fatal(got)
		}
		enqueue(t, other, Job{Kind: "job", Payload: []byte("by another")})
		if got := <-ran; got != "by another" {
			t.Fatal(got)
		}
	})
}

func TestAHandlerMustEndWellBeforeItsLease(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, _ instances) {
		q.Register("job", func(ctx context.Context, _ Info, _ []byte) error {
			end, ok := ctx.Deadline()
			if left := time.Until(end); !ok || left > handlerLimit {
				t.Errorf("a handler has %v", left)
			}
			return nil
		})
		enqueue(t, q, Job{Kind: "job"})
		drain(t, q)
		if lease-handlerLimit < 30*time.Second || periodLease-periodLimit < 30*time.Second {
			t.Error("too little time between a handler's limit and its lease")
		}
	})
}

func TestAnOutcomeIsWrittenOnceTheDatabaseIsBack(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, _ instances) {
		q.Register("job", func(context.Context, Info, []byte) error { return nil })
		enqueue(t, q, Job{Kind: "job"})
		var away atomic.Int64
		q.db.Inspect(func(query string) error {
			if strings.Contains(query, "done_at = $3") && away.Add(1) < 3 {
				return db.ErrUnavailable
			}
			return nil
		})
		drain(t, q)
		if n := count(t, q, "SELECT count(*) FROM job WHERE done_at IS NOT NULL"); n != 1 {
			t.Error("done and not recorded")
		}
	})
}

func TestCloseWaitsForRunningJobsAndGivesBackWhatItCutsShort(t *testing.T) {
	each(t, 2, func(t *testing.T, in instances) {
		q, other := in.queues[0], in.queues[1]
		q.grace = 50 * time.Millisecond
		began := make(chan struct{})
		release := make(chan struct{})
		q.Register("patient", func(context.Context, Info, []byte) error { began <- struct{}{}; <-release; return nil })
		q.Register("endless", func(ctx context.Context, _ Info, _ []byte) error {
			began <- struct{}{}
			<-ctx.Done()
			close(release) // the grace is over, and Close still waits for the other
			return ctx.Err()
		})
		enqueue(t, q, Job{Kind: "patient"}, Job{Kind: "endless"})
		q.Start(t.Context())
		<-began
		<-began
		q.Close()
		if n := count(t, q, "SELECT count(*) FROM job WHERE kind = 'patient' AND done_at IS NOT NULL"); n != 1 {
			t.Error("Close did not wait for a running job")
		}
		attempt := 0
		other.Register("endless", func(_ context.Context, info Info, _ []byte) error { attempt = info.Attempt; return nil })
		drain(t, other)
		if attempt != 1 {
			t.Errorf("the job that was cut short came again as attempt %d, want at once and as 1", attempt)
		}
	})
}

func TestNoGoroutineOutlivesClose(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		q.Register("job", func(context.Context, Info, []byte) error { return nil })
		q.Every("period", time.Hour, func(context.Context) error { return nil })
		drain(t, q) // opens the connections, whose goroutines stay
		before := runtime.NumGoroutine()
		q.Start(t.Context())
		enqueue(t, q, Job{Kind: "job"}, Job{Kind: "job"}, Job{Kind: "job"})
		in.clock.advance(time.Hour)
		q.Close()
		q.Close()
		for try := 0; ; try++ { // database/sql ends its own helpers a moment later
			now := runtime.NumGoroutine()
			if now <= before {
				return
			}
			if try == 100 {
				stacks := make([]byte, 1<<20)
				stacks = stacks[:runtime.Stack(stacks, true)]
				if strings.Contains(string(stacks), "jobs.(*Queue)") {
					t.Fatalf("%d goroutines, %d before:\n%s", now, before, stacks)
				}
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}
