package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// side is one of two that are compared by what they do in the same time.
type side struct {
	clients int
	// prepare runs before each block, outside of the measured time. Optional.
	prepare func(ctx context.Context) error
	// do is one operation of a client, 0 to clients-1. It is called by one goroutine per client.
	do func(client int) error
}

// block is what a side did in one block.
type block struct {
	rate      float64 // operations a second
	p50, p99  time.Duration
	perOp     costs   // CPU time of an operation
	strangers float64 // cores that other programs used
}

// duel is a comparison of rates.
type duel struct {
	ours, limit block // medians, each number of its own
	ratios      []float64
	noisy       int // rounds thrown away
}

// quiet is how many cores other programs may use during a round before it is repeated.
const quiet = 0.12

// fight runs rounds of a block of each side, the order changing, after a first one that does not
// count. A round in which other programs took part is repeated, as often in all as there are rounds.
func (l *lab) fight(ctx context.Context, ours, limit side) (duel, error) {
	var d duel
	var a, b []block
	for round := -1; round < l.rounds; round++ {
		var pair [2]block
		sides := [2]side{ours, limit}
		for i := range sides {
			at := (i + round + 2) % 2
			var err error
			if pair[at], err = l.measure(ctx, sides[at]); err != nil {
				return d, err
			}
		}
		if round < 0 {
			continue
		}
		if max(pair[0].strangers, pair[1].strangers) > quiet && d.noisy < l.rounds && !l.quick {
			d.noisy++
			round--
			continue
		}
		a, b = append(a, pair[0]), append(b, pair[1])
		d.ratios = append(d.ratios, pair[0].rate/pair[1].rate)
	}
	d.ours, d.limit = middle(a), middle(b)
	return d, nil
}

func (l *lab) measure(ctx context.Context, s side) (block, error) {
	if s.prepare != nil {
		if err := s.prepare(ctx); err != nil {
			return block{}, err
		}
	}
	before := l.usage()
	times, elapsed, err := closedLoop(ctx, s.clients, l.block, s.do)
	if err != nil {
		return block{}, err
	}
	used := l.usage().since(before)
	slices.Sort(times)
	n := len(times)
	return block{
		rate: float64(n) / elapsed.Seconds(), p50: times[n/2], p99: times[n*99/100],
		perOp: used.costs.over(n), strangers: used.strangers(elapsed),
	}, nil
}

// closedLoop lets each client do one operation after the other for a while, and returns how
// long each took.
func closedLoop(ctx context.Context, clients int, length time.Duration, do func(client int) error) ([]time.Duration, time.Duration, error) {
	var (
		mu    sync.Mutex
		all   []time.Duration
		first error
		work  sync.WaitGroup
	)
	start := time.Now()
	for c := range clients {
		work.Go(func() {
			var times []time.Duration
			var err error
			for at := start; err == nil && at.Sub(start) < length; {
				err = do(c)
				now := time.Now()
				times = append(times, now.Sub(at))
				at = now
				if ctx.Err() != nil {
					err = ctx.Err()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, times...)
			if first == nil {
				first = err
			}
		})
	}
	work.Wait()
	return all, time.Since(start), first
}

// middle returns the median of each number.
func middle(blocks []block) block {
	var out block
	each := func(of func(block) float64) float64 {
		values := make([]float64, len(blocks))
		for i, b := range blocks {
			values[i] = of(b)
		}
		return median(values)
	}
	out.rate = each(func(b block) float64 { return b.rate })
	out.p50 = time.Duration(each(func(b block) float64 { return float64(b.p50) }))
	out.p99 = time.Duration(each(func(b block) float64 { return float64(b.p99) }))
	out.perOp.generator = time.Duration(each(func(b block) float64 { return float64(b.perOp.generator) }))
	out.perOp.server = time.Duration(each(func(b block) float64 { return float64(b.perOp.server) }))
	out.perOp.database = time.Duration(each(func(b block) float64 { return float64(b.perOp.database) }))
	out.strangers = each(func(b block) float64 { return b.strangers })
	return out
}

// row writes a duel as a line of the table.
func (d duel) row(path, beside string, g gate) row {
	ratio := median(d.ratios)
	r := row{
		path: path, beside: beside, ours: d.ours.String(), limit: d.limit.String(), result: number(ratio),
		rounds: rounds(d.ratios), note: d.note(),
	}
	return r.bounded(g, ratio)
}

func (b block) String() string { return number(b.rate) + "/s" }

func rounds(ratios []float64) string {
	return fmt.Sprintf("%d (%s to %s)", len(ratios), number(slices.Min(ratios)), number(slices.Max(ratios)))
}

func (d duel) note() string {
	text := fmt.Sprintf("p50 %s, p99 %s ms; CPU µs an operation %s, limit %s", ms(d.ours.p50), ms(d.ours.p99), d.ours.perOp, d.limit.perOp)
	if all := d.ours.perOp.total(); all > 0 {
		text += ": " + number(float64(d.limit.perOp.total())/float64(all))
	}
	if s := max(d.ours.strangers, d.limit.strangers); s > quiet {
		text += fmt.Sprintf("; other programs used %s cores", number(s))
	}
	if d.noisy > 0 {
		text += fmt.Sprintf("; %d noisy rounds repeated", d.noisy)
	}
	return text
}

func ms(d time.Duration) string { return number(float64(d) / float64(time.Millisecond)) }
func us(d time.Duration) string { return number(float64(d) / float64(time.Microsecond)) }
