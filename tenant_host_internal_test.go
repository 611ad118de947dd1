package gatehouse

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"
)

func TestDomainBookIsBounded(t *testing.T) {
	now, asked, fail := time.Unix(1_800_000_000, 0), 0, error(nil)
	b := &domainBook{known: map[string]knownDomain{}, now: func() time.Time { return now }, find: func(context.Context, string) (string, error) {
		asked++
		return "found", fail
	}}
	for i := range 10 * maxDomains {
		if _, err := b.tenant(t.Context(), strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
		if len(b.known) > maxDomains {
			t.Fatalf("%d domains are remembered", len(b.known))
		}
	}
	last := strconv.Itoa(10*maxDomains - 1)
	for _, c := range []struct {
		after time.Duration
		asks  int
	}{{0, 0}, {domainLife - time.Millisecond, 0}, {domainLife, 1}, {domainLife, 0}, {-time.Hour, 1}} { // a clock that was set back makes nothing last longer
		asked = 0
		at := now
		now = time.Unix(1_800_000_000, 0).Add(c.after)
		if found, err := b.tenant(t.Context(), last); found != "found" || err != nil || asked != c.asks {
			t.Errorf("at %v after %v: %q, %v, asked %d times", now, at, found, err, asked)
		}
	}
	fail = errors.New("away")
	if _, err := b.tenant(t.Context(), "new"); err == nil {
		t.Error("a failure counts as an answer")
	}
	fail, asked = nil, 0
	if _, err := b.tenant(t.Context(), "new"); err != nil || asked != 1 {
		t.Error("a failure is remembered")
	}
}
