package gatehouse

import (
	"log/slog"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

func TestAnInstanceWhoseClockIsWrongIsNotReady(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		skew, err := d.Skew(t.Context())
		if err != nil || skew.Abs() > 5*time.Second {
			t.Fatalf("one machine, and its clocks differ by %v (%v)", skew, err)
		}
		g := &Gatehouse{db: d.DB, cfg: Config{Logger: slog.New(slog.DiscardHandler)}}
		for ahead, ready := range map[time.Duration]bool{0: true, 9 * time.Second: true, 11 * time.Second: false, -11 * time.Second: false} {
			g.skew.Store(int64(ahead))
			if err := g.Ready(t.Context()); (err == nil) != ready {
				t.Errorf("%v ahead: %v", ahead, err)
			}
		}
	})
}
