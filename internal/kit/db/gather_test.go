package db

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// slow is an engine whose batches take what waits at once and end when they are told to.
type slow struct {
	mu    sync.Mutex
	sizes []int
	end   chan struct{}
}

func (s *slow) run(_ context.Context, more func(limit int) []*statement) {
	n := len(more(maxBatch))
	s.mu.Lock()
	s.sizes = append(s.sizes, n)
	s.mu.Unlock()
	<-s.end
}

// begun expects so many statements in each batch that has begun since the start.
func (s *slow) begun(t *testing.T, want ...int) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.sizes, want) {
		t.Fatalf("batches of %v, want %v", s.sizes, want)
	}
}

func TestASecondBatchBeginsBesideALoneStatementOrInCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, e := gatherer{leaders: 2}, slow{end: make(chan struct{})}
		var callers sync.WaitGroup
		arrive := func(n int) {
			for range n {
				callers.Go(func() { g.do(&statement{}, e.run) })
				synctest.Wait()
			}
		}
		arrive(1)
		e.begun(t, 1)
		arrive(1) // beside a lone statement, at once
		e.begun(t, 1, 1)
		arrive(3)
		e.begun(t, 1, 1)
		e.end <- struct{}{} // the three, beside a lone statement
		e.begun(t, 1, 1, 3)
		arrive(company - 1)
		e.end <- struct{}{} // too few to begin beside three
		e.begun(t, 1, 1, 3)
		arrive(1) // company
		e.begun(t, 1, 1, 3, company)
		arrive(2)
		e.end <- struct{}{}
		e.begun(t, 1, 1, 3, company)
		e.end <- struct{}{} // nothing under way: whoever waits goes
		e.begun(t, 1, 1, 3, company, 2)
		e.end <- struct{}{}
		callers.Wait()
		if g.leading != 0 || len(g.queue) != 0 {
			t.Errorf("%d lead and %d wait when all have returned", g.leading, len(g.queue))
		}
	})
}
