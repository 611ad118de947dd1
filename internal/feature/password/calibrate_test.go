package password

import (
	"testing"
	"time"
)

func TestCalibrateRaisesTimeThenMemoryUpToTheTarget(t *testing.T) {
	// A machine that writes a MiB in a millisecond.
	machine := func(p Params) time.Duration {
		return time.Duration(p.MemoryKiB>>10) * time.Duration(p.Time) * time.Millisecond
	}
	for target, want := range map[time.Duration]Params{
		0:                       {19 << 10, 2, 1},
		56 * time.Millisecond:   {19 << 10, 2, 1},
		57 * time.Millisecond:   {19 << 10, 3, 1},
		379 * time.Millisecond:  {19 << 10, 10, 1},
		380 * time.Millisecond:  {38 << 10, 10, 1},
		1600 * time.Millisecond: {152 << 10, 10, 1},
		time.Hour:               {608 << 10, 10, 1},
	} {
		got := calibrate(target, machine)
		if got != want {
			t.Errorf("%v: %v, want %v", target, got, want)
		}
		if err := got.validate(); err != nil {
			t.Errorf("%v: %v", target, err)
		}
	}
}

func TestCalibrateMeasuresThisMachine(t *testing.T) {
	if got := Calibrate(0); got != DefaultParams() {
		t.Errorf("nothing is as fast as that, but got %v", got)
	}
}
