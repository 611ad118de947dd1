package ratelimit_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

func TestNoLimitIsSwitchedOffByZeroOrOutgrowsTheArithmetic(t *testing.T) {
	good := ratelimit.Limit{Name: "test.limit", Burst: 10, Per: time.Minute}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ratelimit.Limit){
		"zero burst":     func(l *ratelimit.Limit) { l.Burst = 0 },
		"negative burst": func(l *ratelimit.Limit) { l.Burst = -1 },
		"huge burst":     func(l *ratelimit.Limit) { l.Burst = 1 << 40 },
		"zero time":      func(l *ratelimit.Limit) { l.Per = 0 },
		"negative time":  func(l *ratelimit.Limit) { l.Per = -time.Minute },
		"huge time":      func(l *ratelimit.Limit) { l.Per = 1<<63 - 1 },
		"no name":        func(l *ratelimit.Limit) { l.Name = "" },
		"a separator":    func(l *ratelimit.Limit) { l.Name = "a:b" },
	} {
		l := good
		change(&l)
		if l.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAddressKeyIsWhatOneSubscriberHas(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7":               "192.0.2.7",
		"::ffff:192.0.2.7":        "192.0.2.7",
		"2001:db8:1:2:3:4:5:6":    "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1":    "2001:db8:1:2::/64",
		"2001:db8:1:3::1":         "2001:db8:1:3::/64",
		"fe80::1%eth0":            "fe80::/64",
		"::ffff:192.0.2.7%ignore": "192.0.2.7",
	} {
		if got := ratelimit.AddressKey(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if got := ratelimit.AddressKey(netip.Addr{}); got != ratelimit.AddressKey(netip.Addr{}) || got == "" {
		t.Errorf("invalid addresses: %q", got)
	}
}
