package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

type letter struct {
	To   string `json:"to"`
	Code string `json:"code"`
}

func TestAJobLivesAndDiesWithItsTransaction(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, _ instances) {
		var got []letter
		q.Register("mail", JSON(func(_ context.Context, _ Info, l letter) error {
			got = append(got, l)
			return nil
		}))
		boom := errors.New("boom")
		err := q.db.InTx(t.Context(), func(tx *db.Tx) error {
			return errors.Join(q.Enqueue(t.Context(), tx, Job{Kind: "mail", Payload: letter{To: "rolled back"}}), boom)
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		enqueue(t, q, Job{Kind: "mail", Payload: letter{To: "a", Code: "1"}})
		before, _ := q.db.Counts()
		if err := q.Submit(t.Context(), Job{Kind: "mail", Payload: letter{To: "b", Code: "2"}}); err != nil {
			t.Fatal(err)
		}
		if after, _ := q.db.Counts(); after-before != 1 {
			t.Errorf("Submit ran %d statements, want 1", after-before)
		}
		drain(t, q)
		if want := []letter{{"a", "1"}, {"b", "2"}}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("done: %v, want %v", got, want)
		}
		drain(t, q)
		if len(got) != 2 {
			t.Error("a done job was done again")
		}
	})
}

func TestDrainDoesWhatItsJobsQueueButNothingBeforeItsTime(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		var did []string
		q.Register("first", func(ctx context.Context, info Info, _ []byte) error {
			did = append(did, "first")
			if !info.EnqueuedAt.Equal(in.clock.Now()) {
				t.Errorf("enqueued at %v", info.EnqueuedAt)
			}
			return q.Submit(ctx, Job{Kind: "second", RunAt: in.clock.Now().Add(-time.Second)})
		})
		q.Register("second", func(context.Context, Info, []byte) error { did = append(did, "second"); return nil })
		enqueue(t, q, Job{Kind: "first"}, Job{Kind: "second", RunAt: in.clock.Now().Add(time.Hour)})
		drain(t, q)
		if fmt.Sprint(did) != "[first second]" {
			t.Errorf("did %v", did)
		}
		in.clock.advance(time.Hour)
		drain(t, q)
		if len(did) != 3 {
			t.Errorf("after an hour: %v", did)
		}
	})
}

func TestFailuresAreTriedAgainWithGrowingPausesOverADay(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		attempts := 0
		q.Register("mail", func(_ context.Context, info Info, _ []byte) error {
			if attempts++; info.Attempt != attempts {
				t.Errorf("attempt %d says it is %d", attempts, info.Attempt)
			}
			return errors.New("the server is away")
		})
		enqueue(t, q, Job{Kind: "mail", Recipient: "ada@example.com"})
		began := in.clock.Now()
		want := 10 * time.Second
		for attempt := 1; attempt < 16; attempt++ {
			drain(t, q)
			if attempts != attempt {
				t.Fatalf("%d attempts, want %d", attempts, attempt)
			}
			in.clock.advance(want - time.Second)
			drain(t, q)
			if attempts != attempt {
				t.Fatalf("attempt %d came sooner than %v after the last", attempts, want)
			}
			in.clock.advance(time.Second + want/4)
			want = min(2*want, 4*time.Hour)
		}
		if day := in.clock.Now().Sub(began); day < 20*time.Hour || day > 28*time.Hour {
			t.Errorf("the last attempt comes after %v, want about a day", day)
		}
		if s := stats(t, q); s.Dead != 0 || s.Queued != 1 {
			t.Errorf("before the last attempt: %+v", s)
		}
		drain(t, q)
		l := onlyDead(t, q)
		if l.Kind != "mail" || l.Recipient != "ada@example.com" || l.Error != "the server is away" || l.Attempts != 16 ||
			!l.EnqueuedAt.Equal(began) || !l.DeadAt.Equal(in.clock.Now()) {
			t.Errorf("dead letter %+v", l)
		}
		in.clock.advance(24 * time.Hour)
		drain(t, q)
		if attempts != 16 {
			t.Errorf("a dead letter was tried again")
		}
	})
}

func TestDeadLettersAreRetriedOrDiscardedByHand(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		outcome := Permanent(fmt.Errorf("no such mailbox\x00%s", strings.Repeat("ü", 300)))
		var last Info
		q.Register("mail", JSON(func(_ context.Context, info Info, l letter) error {
			if last = info; l.Code != "1" {
				t.Errorf("payload %v", l)
			}
			return outcome
		}))
		enqueue(t, q, Job{Kind: "mail", Payload: letter{Code: "1"}})
		drain(t, q)
		l := onlyDead(t, q)
		if l.Attempts != 1 || l.ID != last.ID || len(l.Error) > 500 || len(l.Error) < 490 || !utf8.ValidString(l.Error) || !strings.HasPrefix(l.Error, "no such mailboxü") {
			t.Errorf("dead letter %+v", l)
		}
		in.clock.advance(time.Hour)
		if err := retry(t, q, l.ID); err != nil {
			t.Fatal(err)
		}
		drain(t, q)
		if again := onlyDead(t, q); again.Attempts != 1 || !again.DeadAt.Equal(in.clock.Now()) {
			t.Errorf("after Retry: %+v", again)
		}
		outcome = nil
		if err := retry(t, q, l.ID); err != nil {
			t.Fatal(err)
		}
		if err := discard(t, q, l.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("Discard of a job that waits: %v", err)
		}
		drain(t, q)
		for _, id := range []uuid.UUID{l.ID, uuid.New()} {
			if err := retry(t, q, id); !errors.Is(err, ErrNotFound) {
				t.Errorf("Retry of what is not dead: %v", err)
			}
			if err := discard(t, q, id); !errors.Is(err, ErrNotFound) {
				t.Errorf("Discard of what is not dead: %v", err)
			}
		}
		outcome = Permanent(errors.New("no"))
		enqueue(t, q, Job{Kind: "mail", Payload: letter{Code: "1"}})
		drain(t, q)
		if err := discard(t, q, onlyDead(t, q).ID); err != nil {
			t.Fatal(err)
		}
		if s := stats(t, q); s != (Stats{}) {
			t.Errorf("after all: %+v", s)
		}
	})
}

func TestPayloadsAreSealedToTheirRowAndWipedWhenDone(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, _ instances) {
		const canary = "canary-4711"
		handled := 0
		q.Register("mail", func(_ context.Context, _ Info, payload []byte) error {
			if handled++; !bytes.Contains(payload, []byte(canary)) {
				t.Errorf("payload %q", payload)
			}
			return nil
		})
		dump := func() (all []byte) {
			err := q.db.Each(t.Context(), "SELECT kind, recipient, payload, last_error FROM job", nil, func(scan func(dest ...any) error) error {
				var parts [4][]byte
				err := scan(&parts[0], &parts[1], &parts[2], &parts[3])
				all = append(all, bytes.Join(parts[:], nil)...)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		enqueue(t, q, Job{Kind: "mail", Payload: letter{Code: canary}}, Job{Kind: "mail", Payload: []byte(canary)})
		if all := dump(); len(all) < 2*len(canary) || bytes.Contains(all, []byte(canary)) {
			t.Errorf("the table holds %q", all)
		}
		drain(t, q)
		if n := count(t, q, "SELECT count(*) FROM job WHERE payload IS NULL AND done_at IS NOT NULL"); n != 2 || handled != 2 {
			t.Errorf("%d of 2 done payloads are wiped, %d handled", n, handled)
		}

		enqueue(t, q, Job{Kind: "mail", Payload: letter{To: "a"}}, Job{Kind: "mail", Payload: letter{To: "b"}})
		ids, payloads := map[string]uuid.UUID{}, map[string][]byte{}
		for _, pick := range []string{"min", "max"} {
			var id uuid.UUID
			var payload []byte
			query := "SELECT id, payload FROM job WHERE CAST(id AS TEXT) = (SELECT " + pick + "(CAST(id AS TEXT)) FROM job WHERE done_at IS NULL)"
			if err := q.db.Row(t.Context(), query, nil, &id, &payload); err != nil {
				t.Fatal(err)
			}
			ids[pick], payloads[pick] = id, payload
		}
		for pick, from := range map[string]string{"min": "max", "max": "min"} {
			if err := q.db.Once(t.Context(), "UPDATE job SET payload = $2 WHERE id = $1", []any{ids[pick], payloads[from]}); err != nil {
				t.Fatal(err)
			}
		}
		drain(t, q)
		if s := stats(t, q); handled != 2 || s.Queued != 2 {
			t.Errorf("swapped payloads were opened: %d handled, %+v", handled, s)
		}
	})
}

func TestAPayloadThatDoesNotFitIsRefused(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, _ instances) {
		q.Register("mail", JSON(func(context.Context, Info, letter) error { return nil }))
		for name, job := range map[string]Job{
			"too long": {Kind: "mail", Payload: make([]byte, 64<<10+1)},
			"no JSON":  {Kind: "mail", Payload: func() {}},
			"no kind":  {},
		} {
			if q.Submit(t.Context(), job) == nil {
				t.Errorf("%s: queued", name)
			}
		}
		enqueue(t, q, Job{Kind: "mail", Payload: "canary of another type"})
		drain(t, q)
		if l := onlyDead(t, q); strings.Contains(l.Error, "canary") {
			t.Errorf("the error quotes the payload: %s", l.Error)
		}
	})
}

func TestAPanicIsAFailedAttemptAndItsPayloadStaysSecret(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		q.Register("mail", func(_ context.Context, info Info, payload []byte) error {
			switch info.Attempt {
			case 1:
				panic("cannot send " + string(payload))
			case 2:
				return []error{nil}[len(payload)]
			}
			return nil
		})
		enqueue(t, q, Job{Kind: "mail", Payload: []byte("canary-4711")})
		drain(t, q)
		in.clock.advance(time.Minute)
		drain(t, q)
		if n := count(t, q, "SELECT count(*) FROM job WHERE last_error LIKE '%canary%' OR last_error = ''"); n != 0 {
			t.Error("the table holds no error, or the payload")
		}
		log := in.log.String()
		if strings.Contains(log, "canary") || !strings.Contains(log, "queue_test.go") || !strings.Contains(log, "index out of range") {
			t.Errorf("logged: %s", log)
		}
		in.clock.advance(time.Minute)
		drain(t, q)
		if s := stats(t, q); s != (Stats{}) {
			t.Errorf("a job that panicked twice and then worked: %+v", s)
		}
	})
}

func TestAJobWithoutAHandlerWaitsForANewerInstance(t *testing.T) {
	each(t, 2, func(t *testing.T, in instances) {
		var runs sync.Map
		enqueue(t, in.queues[0], Job{Kind: "new"})
		drain(t, in.queues[0])
		in.queues[1].Register("new", note(&runs))
		in.clock.advance(time.Minute)
		drain(t, in.queues[1])
		if s := stats(t, in.queues[0]); s != (Stats{}) {
			t.Errorf("%+v", s)
		}
	})
}

func TestStatsTellTheStates(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		began := in.clock.Now()
		q.Register("bad", func(context.Context, Info, []byte) error { return Permanent(errors.New("no")) })
		enqueue(t, q, Job{Kind: "bad"})
		drain(t, q)
		enqueue(t, q, Job{Kind: "x"}, Job{Kind: "x", RunAt: began.Add(time.Minute)}, Job{Kind: "x", RunAt: began.Add(time.Hour)})
		if _, err := q.claim(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if s := stats(t, q); s != (Stats{Queued: 2, Running: 1, Dead: 1}) {
			t.Errorf("%+v", s)
		}
		in.clock.advance(90 * time.Second)
		if s := stats(t, q); s != (Stats{Queued: 2, Running: 1, Dead: 1, Oldest: began.Add(time.Minute)}) {
			t.Errorf("later: %+v", s)
		}
	})
}

func TestSweepKeepsDoneJobsAWeekAndDeadOnesAMonth(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		q.Register("good", func(context.Context, Info, []byte) error { return nil })
		q.Register("bad", func(context.Context, Info, []byte) error { return Permanent(errors.New("no")) })
		var all []Job
		for range sweepBatch + 10 {
			all = append(all, Job{Kind: "good"})
		}
		enqueue(t, q, append(all, Job{Kind: "bad"})...)
		if err := q.db.Once(t.Context(), "UPDATE job SET done_at = $1 WHERE kind = 'good'", []any{in.clock.Now()}); err != nil {
			t.Fatal(err)
		}
		drain(t, q)
		enqueue(t, q, Job{Kind: "waits", RunAt: in.clock.Now().Add(365 * 24 * time.Hour)})
		for _, step := range []struct {
			after time.Duration
			left  int
		}{
			{7*24*time.Hour - time.Millisecond, sweepBatch + 12},
			{time.Millisecond, 2},
			{23*24*time.Hour - time.Millisecond, 2},
			{time.Millisecond, 1},
			{300 * 24 * time.Hour, 1},
		} {
			in.clock.advance(step.after)
			if err := q.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := count(t, q, "SELECT count(*) FROM job"); n != step.left {
				t.Errorf("%d jobs are left, want %d", n, step.left)
			}
		}
	})
}
