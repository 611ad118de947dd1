package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// queueOfEach makes five jobs of each state, two at each moment.
func queueOfEach(t *testing.T, q *Queue, in instances) {
	t.Helper()
	q.Register("done", func(_ context.Context, _ Info, _ []byte) error { return nil })
	q.Register("dead", func(_ context.Context, _ Info, _ []byte) error { return Permanent(errors.New("no such mailbox")) })
	for i := range 5 {
		for _, kind := range []string{"done", "dead"} {
			enqueue(t, q, Job{Kind: kind, Recipient: "jo@example.com", Payload: letter{Code: "canary"}})
		}
		if i%2 == 1 {
			in.clock.advance(time.Second)
		}
		drain(t, q)
	}
	for i := range 5 {
		enqueue(t, q, Job{Kind: "waiting", Recipient: fmt.Sprintf("p%d@example.com", i), Payload: letter{Code: "canary"}, RunAt: in.clock.Now().Add(time.Duration(i/2) * time.Hour)})
		enqueue(t, q, Job{Kind: "running", Payload: letter{Code: "canary"}, RunAt: in.clock.Now().Add(-time.Duration(i/2) * time.Hour)})
	}
	if err := q.db.Once(t.Context(), "UPDATE job SET leased_until = $1, attempt = 1 WHERE kind = 'running'", []any{in.clock.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
}

func TestTheQueueIsListedPageByPage(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		queueOfEach(t, q, in)
		for state, want := range map[State]int{"": 20, Waiting: 5, Running: 5, Dead: 5, Done: 5} {
			var all []Entry
			for f := (Filter{State: state, Limit: 2}); ; {
				page, next, err := q.List(t.Context(), f)
				if err != nil || len(page) > 2 {
					t.Fatal(len(page), err)
				}
				all = append(all, page...)
				if next == nil {
					break
				}
				f.After = next
			}
			ids := map[uuid.UUID]bool{}
			for _, e := range all {
				ids[e.ID] = true
				if string(e.State) != e.Kind || state != "" && e.State != state || strings.Contains(fmt.Sprintf("%+v", e), "canary") {
					t.Errorf("%q: %+v", state, e)
				}
				if ended := e.State == Done || e.State == Dead; ended == e.EndedAt.IsZero() || (e.State == Dead) != (e.Error == "no such mailbox") {
					t.Errorf("%q: %+v", state, e)
				}
			}
			if len(all) != want || len(ids) != want {
				t.Errorf("%q: listed %d, %d of them different, want %d", state, len(all), len(ids), want)
			}
			sorted := slices.IsSortedFunc(all, func(a, b Entry) int {
				switch state {
				case Waiting, Running:
					return a.RunAt.Compare(b.RunAt)
				case "":
					return slices.Compare(b.ID[:], a.ID[:])
				default:
					return b.EndedAt.Compare(a.EndedAt)
				}
			})
			if !sorted {
				t.Errorf("%q is not sorted", state)
			}
		}
		if _, _, err := q.List(t.Context(), Filter{State: "payload", Limit: 1}); !errors.Is(err, ErrState) {
			t.Errorf("an unknown state: %v", err)
		}
		if c, err := q.Counts(t.Context()); err != nil || c != (Counts{5, 5, 5, 5}) {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestConcerningFindsAllOfARecipient(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		queueOfEach(t, q, in)
		if all, err := q.Concerning(t.Context(), 50, "jo@example.com", "p3@example.com", "nobody"); err != nil || len(all) != 11 || all[0].Recipient != "p3@example.com" {
			t.Errorf("%d, %v", len(all), err)
		}
		if all, err := q.Concerning(t.Context(), 3, "jo@example.com"); err != nil || len(all) != 3 {
			t.Errorf("%d, %v", len(all), err)
		}
	})
}
