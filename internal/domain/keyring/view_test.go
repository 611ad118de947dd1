package keyring

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
)

func TestTimelineAtItsEdges(t *testing.T) {
	start := time.UnixMilli(1_800_000_000_000).UTC()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	begins := func(ds ...time.Duration) (line timeline) {
		for i, d := range ds {
			line = append(line, key{row: row{generation: int64(i + 1), activeAt: at(d)}})
		}
		return line
	}
	const retention, ms = 15 * time.Minute, time.Millisecond
	two := begins(0, time.Hour)
	leapt := begins(0, time.Hour, 30*time.Minute) // the third was told to begin before the second
	for _, c := range []struct {
		name   string
		line   timeline
		now    time.Duration
		active int
		states []State
		live   int
	}{
		{"alone", begins(0), 1000 * time.Hour, 0, []State{Active}, 1},
		{"clock went back", two, -time.Hour, 0, []State{Active, Upcoming}, 2},
		{"before the successor", two, time.Hour - ms, 0, []State{Active, Upcoming}, 2},
		{"successor begins", two, time.Hour, 1, []State{Retired, Active}, 2},
		{"overlap ends in a moment", two, time.Hour + retention - ms, 1, []State{Retired, Active}, 2},
		{"overlap has ended", two, time.Hour + retention, 1, []State{Retired, Active}, 1},
		{"leapt over: before", leapt, 30*time.Minute - ms, 0, []State{Active, Upcoming, Upcoming}, 3},
		{"leapt over: newest begins", leapt, 30 * time.Minute, 2, []State{Retired, Upcoming, Active}, 3},
		{"leapt over: the second's hour has come", leapt, time.Hour, 2, []State{Retired, Retired, Active}, 1},
	} {
		now := at(c.now)
		active, live := c.line.at(now, retention)
		if active.generation != int64(c.active+1) || len(live) != c.live {
			t.Errorf("%s: generation %d is active and %d live, want %d and %d", c.name, active.generation, len(live), c.active+1, c.live)
		}
		for i, want := range c.states {
			if got := c.line.state(i, now); got != want {
				t.Errorf("%s: generation %d is %s, want %s", c.name, i+1, got, want)
			}
		}
	}
}

func TestViewIsGoodUntilTheNextChange(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000).UTC()
	cfg, err := Config{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	private := must(jose.Generate(jose.EdDSA))(t)
	signer := must(jose.NewSigner(private, accessTokenType))(t)
	keys := func(successor time.Time) (all []key) {
		for _, p := range Purposes {
			all = append(all, key{row: row{purpose: p, generation: 1, activeAt: now.Add(-time.Hour)}, signer: signer})
		}
		return append(all, key{row: row{purpose: Refresh, generation: 2, activeAt: successor}})
	}
	const ms = time.Millisecond
	for _, c := range []struct {
		name      string
		successor time.Duration
		until     time.Duration
	}{
		{"nothing changes soon", time.Hour, staleAfter},
		{"a key begins", staleAfter - ms, staleAfter - ms},
		{"a key has begun", 0, staleAfter},
		{"a key ends", 5*time.Second - cfg.SessionLifetime, 5 * time.Second},
		{"a key has ended", -cfg.SessionLifetime, staleAfter},
	} {
		v := newView(keys(now.Add(c.successor)), cfg, now, now.Add(staleAfter), nil)
		if got := v.until.Sub(now); got != c.until {
			t.Errorf("%s: good for %v, want %v", c.name, got, c.until)
		}
	}
}
