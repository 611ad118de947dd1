package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain lets the test binary be the bare handler, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == floorMode {
		exit(serveFloor(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// TestEveryPartRuns measures nothing; but what needs no clock holds in any run.
func TestEveryPartRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and starts servers")
	}
	var o options
	o.quicken()
	l, err := openLab(o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			rows, err := p.run(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if r.path == "" || r.result == "" {
					t.Errorf("a row without a result: %+v", r)
				}
				counted := strings.Contains(r.gate, "statement") || strings.Contains(r.gate, "100 %")
				if counted && r.missed {
					t.Errorf("%s: %s %s, must be %s", r.path, r.ours, r.result, r.gate)
				}
			}
			if len(rows) == 0 {
				t.Error("no row")
			}
		})
	}
}

func TestNumbersHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{0.1234: "0.12", 1.5: "1.50", 2: "2", 12.34: "12.3", 123.4: "123", 1234.5: "1,235", 1234567: "1,234,567", -4321: "-4,321"} {
		if got := number(v); got != want {
			t.Errorf("%v is written %s, not %s", v, got, want)
		}
	}
}

func TestGatesHoldAtTheirBound(t *testing.T) {
	for _, c := range []struct {
		gate   gate
		value  float64
		missed bool
	}{
		{atLeast(0.6), 0.6, false}, {atLeast(0.6), 0.59, true}, {atLeast(0.6), 0.7, false},
		{atMost(1.1), 1.1, false}, {atMost(1.1), 1.11, true}, {atMost(1.1), 1, false},
	} {
		if got := c.gate.missedBy(c.value); got != c.missed {
			t.Errorf("%v, %s: missed %v", c.value, c.gate, got)
		}
	}
}

func TestTablesShowWhatWasMissed(t *testing.T) {
	rows := []row{row{path: "one", result: "0.5"}.bounded(atLeast(0.6), 0.5), {path: "two", result: "3"}}
	if !missed(rows) || missed(rows[1:]) {
		t.Error("a missed gate must be seen, and only where there is one")
	}
	for _, markdown := range []bool{false, true} {
		if text := format(rows, markdown); strings.Count(text, "MISSED") != 1 || !strings.Contains(text, "at least 0.60") {
			t.Errorf("markdown %v:\n%s", markdown, text)
		}
	}
}

func TestWireCountsStatementsAndRoundTrips(t *testing.T) {
	message := func(kind, body string) string {
		n := len(body) + 4
		return kind + string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + body
	}
	sent := message("", "startup") +
		message("P", "s1\x00UPDATE a\x00") + message("S", "") + // preparing is a round trip, no statement
		message("Q", "begin\x00") +
		message("B", "\x00s1\x00") + message("E", "\x00") + message("S", "") +
		message("B", "\x00s1\x00") + message("E", "\x00") + message("B", "\x00s1\x00") + message("E", "\x00") + message("S", "") + // two at once
		message("Q", "commit\x00")
	var w wire
	var passed strings.Builder
	_ = w.watch(strings.NewReader(sent), &passed) // it ends with the input
	if want := (traffic{statements: 3, roundTrips: 5}); w.read() != want {
		t.Errorf("counted %+v, not %+v", w.read(), want)
	}
	if passed.String() != sent {
		t.Error("the messages were changed on their way")
	}
}

func TestProcessTimeReadsOddNames(t *testing.T) {
	file := t.TempDir() + "/stat"
	text := "42 (a) R (b) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 100 1 1"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	pid, parent, cpu, ok := processTime(file)
	if got := fmt.Sprint(pid, parent, cpu, ok); got != "42 7 2s true" {
		t.Error(got)
	}
}
