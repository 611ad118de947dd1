package db

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	maxBatch     = 64               // statements that share one transaction
	company      = 8                // waiting statements that are worth a second batch
	batchTimeout = 10 * time.Second // real time a batch may take, waiting for a connection included
)

// statement is one waiting call of Once or OnceAll.
type statement struct {
	in    Scope
	query string
	args  []any
	many  bool                          // it locks several rows
	read  func(r rows, err error) error // takes what the statement returns; nil when it returns nothing
	err   error

	wake chan bool // true: lead the next batch; false: the result is in
}

// gatherer lets statements that wait at the same moment share a transaction. There
// is no goroutine of its own: a caller who finds no batch under way leads one at once (so
// a lone statement waits for nobody), later callers queue up, and a leader that is
// done hands the queue to the first who waits.
type gatherer struct {
	leaders int  // batches that may be under way at once
	apart   bool // statements that lock several rows are not gathered

	mu      sync.Mutex
	leading int
	latest  int // statements in the batch that began last
	queue   []*statement
}

// begins reports whether a batch may begin, now that so many wait. Beside one under way another
// may while there is little to do; under load only in company, because small batches cost a
// commit each, and whoever is not in one is in the next. The caller holds the lock.
func (g *gatherer) begins(waiting int) bool {
	return g.leading == 0 || g.leading < g.leaders && (waiting >= company || g.latest == 1)
}

type runBatch func(ctx context.Context, more func(limit int) []*statement)

// do runs s, alone or with others, and returns when s.err and what s.read took are final.
func (g *gatherer) do(s *statement, run runBatch) {
	if s.many && g.apart {
		ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
		defer cancel()
		run(ctx, func(int) []*statement { return []*statement{s} })
		return
	}
	g.mu.Lock()
	if g.begins(len(g.queue) + 1) {
		g.leading++
		g.mu.Unlock()
		g.lead(s, run)
		return
	}
	s.wake = make(chan bool, 1)
	g.queue = append(g.queue, s)
	g.mu.Unlock()
	if lead := <-s.wake; lead {
		g.lead(s, run)
	}
}

// lead runs one batch that starts with own, and passes the lead on.
func (g *gatherer) lead(own *statement, run runBatch) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	var taken []*statement
	more := func(limit int) []*statement {
		if own != nil {
			taken = append(taken, own)
			own = nil
			limit--
			return append([]*statement{taken[0]}, g.take(&taken, limit)...)
		}
		return g.take(&taken, limit)
	}
	run(ctx, more)
	for _, s := range taken[1:] {
		s.wake <- false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leading--
	if len(g.queue) == 0 || !g.begins(len(g.queue)) {
		return
	}
	g.leading++
	next := g.queue[0]
	g.queue = slices.Delete(g.queue, 0, 1)
	next.wake <- true
}

// take removes at most limit statements from the queue and notes them in taken.
func (g *gatherer) take(taken *[]*statement, limit int) []*statement {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(limit, len(g.queue))
	batch := slices.Clone(g.queue[:n])
	g.queue = slices.Delete(g.queue, 0, n)
	*taken = append(*taken, batch...)
	g.latest = len(*taken)
	return batch
}

// inLockOrder sorts statements by text and first argument.
func inLockOrder(batch []*statement) {
	slices.SortStableFunc(batch, func(a, b *statement) int {
		if c := cmp.Compare(a.query, b.query); c != 0 {
			return c
		}
		return compareKeys(a.args, b.args)
	})
}

func compareKeys(a, b []any) int {
	if len(a) == 0 || len(b) == 0 {
		return cmp.Compare(len(a), len(b))
	}
	return bytes.Compare(keyBytes(a[0]), keyBytes(b[0]))
}

func keyBytes(v any) []byte {
	switch k := v.(type) {
	case string:
		return []byte(k)
	case []byte:
		return k
	case uuid.UUID:
		return k[:]
	default:
		return fmt.Append(nil, k)
	}
}
