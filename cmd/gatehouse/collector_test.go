package main

import (
	"runtime/debug"
	"testing"
)

func TestCollectorIsLeftToOperatorsWhoSetIt(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	for _, set := range []string{"GOGC", "GOMEMLIMIT"} {
		kept := paceCollector(func(name string) string { return map[string]string{set: "50"}[name] })
		if now := debug.SetGCPercent(100); kept != nil || now != 100 {
			t.Errorf("%s is set: %d bytes of ballast, %d percent", set, len(kept), now)
		}
	}
	kept := paceCollector(func(string) string { return "" })
	if now := debug.SetGCPercent(100); len(kept) != ballast || now != collectPercent {
		t.Errorf("%d bytes of ballast, %d percent", len(kept), now)
	}
}
