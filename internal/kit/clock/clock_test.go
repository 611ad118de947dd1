package clock_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/clock"
)

func TestAJumpWakesWhoeverSleeps(t *testing.T) {
	c := clock.NewDriven(0)
	done, until := make(chan error), c.Now().Add(48*time.Hour)
	go func() { done <- clock.Sleep(t.Context(), c, until) }()
	for _, step := range []time.Duration{time.Hour, 50 * time.Hour} {
		if err := c.Advance(step); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := clock.Sleep(ctx, clock.System(), time.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestTimeGoesForwardOnlyAndSurvivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clock")
	c, err := clock.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Advance(36 * time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := c.Advance(-time.Second); !errors.Is(err, clock.ErrBackwards) {
		t.Errorf("a step back: %v", err)
	}
	again, err := clock.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if ahead := time.Until(again.Now()); ahead < 35*time.Hour || ahead > 37*time.Hour {
		t.Errorf("after a restart the clock is %v ahead, want 36h", ahead)
	}
	if err := os.WriteFile(file, []byte("soon"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := clock.Open(file); err == nil {
		t.Error("a damaged offset was read as none")
	}
}
