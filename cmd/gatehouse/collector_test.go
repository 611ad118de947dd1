package main

import (
	"runtime/debug"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
)

func TestCollectorIsLeftToOperatorsWhoSetIt(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	for _, set := range []string{"GOGC", "GOMEMLIMIT"} {
		var c gatehouse.Config
		kept := paceCollector(func(name string) string { return map[string]string{set: "50"}[name] }, &c)
		if now := debug.SetGCPercent(100); kept != nil || now != 100 || c.Password.Collect != nil {
			t.Errorf("%s is set: %d bytes of ballast, %d percent, hashes collected: %v", set, len(kept), now, c.Password.Collect != nil)
		}
	}
	var c gatehouse.Config
	kept := paceCollector(func(string) string { return "" }, &c)
	if now := debug.SetGCPercent(100); len(kept) != ballast || now != collectPercent || c.Password.Collect == nil {
		t.Errorf("%d bytes of ballast, %d percent, hashes collected: %v", len(kept), now, c.Password.Collect != nil)
	}
}
