package gatehouse

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"time"
)

// metricsTimeout bounds how long the database may take to answer, in real time.
const metricsTimeout = 2 * time.Second

// Metrics serves counters in the text format of Prometheus. It tells strangers how busy the server
// is, so mount it where only your own monitoring comes.
func (g *Gatehouse) Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var out exposition
		g.measure(&out)
		// The queue is counted in the database; while that is away the rest still tells why.
		ctx, cancel := context.WithTimeout(r.Context(), metricsTimeout)
		defer cancel()
		if q, err := g.queue.Stats(ctx); err == nil {
			out.gauge("gatehouse_jobs", "Jobs of all instances by state.", `{state="queued"}`, q.Queued, `{state="running"}`, q.Running, `{state="dead"}`, q.Dead)
			late := 0.0
			if !q.Oldest.IsZero() {
				late = max(0, g.db.Now().Sub(q.Oldest).Seconds())
			}
			out.gauge("gatehouse_jobs_late_seconds", "How long the longest waiting due job has been due.", "", late)
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(out.Bytes()) // the caller may be gone
	})
}

// measure writes what this instance knows of itself.
func (g *Gatehouse) measure(out *exposition) {
	statements, transactions := g.db.Counts()
	out.counter("gatehouse_db_statements_total", "Statements run.", "", statements)
	out.counter("gatehouse_db_transactions_total", "Explicit transactions run.", "", transactions)
	h := g.hasher.Stats()
	out.gauge("gatehouse_hash_slots", "Password hashes that may run at once.", "", h.Slots)
	out.gauge("gatehouse_hash_running", "Password hashes that run.", "", h.InFlight)
	out.gauge("gatehouse_hash_waiting", "Callers that wait to hash a password.", "", h.Waiting)
	out.counter("gatehouse_hash_refused_total", "Callers that were told to come back later.", "", h.Refused)
	out.gauge("gatehouse_hash_seconds", "Moving average of the time of one hash.", "", h.HashTime.Seconds())
	s := g.signin.Stats()
	out.counter("gatehouse_signins_total", "Attempts to sign in, by outcome.",
		`{outcome="succeeded"}`, s.Attempts.Succeeded, `{outcome="refused"}`, s.Attempts.Refused, `{outcome="limited"}`, s.Attempts.Limited)
	out.counter("gatehouse_refreshes_total", "Refresh tokens presented, by outcome.",
		`{outcome="rotated"}`, s.Rotated, `{outcome="repeated"}`, s.Repeated, `{outcome="reused"}`, s.Reused, `{outcome="refused"}`, s.Refused)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out.gauge("go_goroutines", "Goroutines that exist.", "", runtime.NumGoroutine())
	out.gauge("go_memstats_sys_bytes", "Memory obtained from the system.", "", m.Sys)
	out.gauge("go_memstats_heap_alloc_bytes", "Heap in use.", "", m.HeapAlloc)
}

// exposition is text in the format of Prometheus, version 0.0.4.
type exposition struct{ bytes.Buffer }

func (e *exposition) counter(name, help string, samples ...any) {
	e.write("counter", name, help, samples)
}
func (e *exposition) gauge(name, help string, samples ...any) { e.write("gauge", name, help, samples) }

// write writes one metric. samples are pairs of labels and value.
func (e *exposition) write(kind, name, help string, samples []any) {
	fmt.Fprintf(e, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	for i := 0; i < len(samples); i += 2 {
		fmt.Fprintf(e, "%s%v %v\n", name, samples[i], samples[i+1])
	}
}
