package ui

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestPagerLeadsForthAndBack(t *testing.T) {
	at, places := "/x/?role=admin&done=team.done.x", []string{""}
	for i := range 3 {
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		next := strconv.Itoa(i)
		p := PagerOf(u, next)
		back, err := url.Parse(p.Previous)
		if err != nil || i > 0 && back.Query().Get("after") != places[i-1] || (p.Previous == "") != (i == 0) {
			t.Errorf("from page %d back to %q", i, p.Previous)
		}
		if !strings.HasPrefix(p.Next, "/x/?") || !strings.Contains(p.Next, "role=admin") || strings.Contains(p.Next, "done") {
			t.Errorf("from page %d on to %q", i, p.Next)
		}
		at, places = p.Next, append(places, next)
	}
	u, _ := url.Parse("/x/")
	if p := PagerOf(u, ""); p != (Pager{}) {
		t.Errorf("a single page leads to %v", p)
	}
}

func TestPagerForgetsWhatMakesAnAddressTooLong(t *testing.T) {
	u := &url.URL{Path: "/x/"}
	for i := range 100 {
		next, err := url.Parse(PagerOf(u, strings.Repeat("c", 100)+strconv.Itoa(i)).Next)
		if err != nil {
			t.Fatal(err)
		}
		u = next
	}
	if n := len(u.RawQuery); n > 2*maxTrail {
		t.Errorf("an address has %d bytes", n)
	}
}

func TestALongTrailKeepsItsLastSteps(t *testing.T) {
	trail := make([]string, 100)
	for i := range trail {
		trail[i] = strings.Repeat("x", 99) + string(rune('a'+i%26))
	}
	kept := cutTrail(trail)
	if len(kept) != 20 || kept[19] != trail[99] || kept[0] != trail[80] {
		t.Errorf("%d steps are kept", len(kept))
	}
	if len(cutTrail(nil)) != 0 {
		t.Error("there is a step before the first")
	}
}
