package verifier

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func entry(c *cache, token string, set *KeySet, expires time.Time) *seen {
	return &seen{hash: c.hash(token), token: []byte(token), keys: set, id: Identity{times: times{expires: expires.Unix()}}}
}

func (c *cache) held() (n int) {
	for i := range c.buckets {
		for w := range c.buckets[i] {
			if c.buckets[i][w].Load() != nil {
				n++
			}
		}
	}
	return n
}

func TestCacheSizeIsRoundedUp(t *testing.T) {
	for tokens, want := range map[int]int{4: 4, 5: 8, 8: 8, 9: 16, 4096: 4096, 4097: 8192} {
		if got := ways * len(newCache(tokens).buckets); got != want {
			t.Errorf("%d: %d places, want %d", tokens, got, want)
		}
	}
}

func TestCacheHoldsNoMoreThanItsSize(t *testing.T) {
	const tokens, size = 1_000_000, 1024
	c, set, now := newCache(size), &KeySet{}, time.Now()
	body := strings.Repeat("x", 700)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range tokens {
		c.add(entry(c, body+strconv.Itoa(i), set, now.Add(time.Hour)), now)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if c.held() != size {
		t.Errorf("%d entries after %d tokens", c.held(), tokens)
	}
	const most = 4 << 20
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > most {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

func TestCacheOverwritesWhatIsOfNoUseFirst(t *testing.T) {
	now, set, former := time.Now(), &KeySet{keys: map[string]*key{}}, &KeySet{keys: map[string]*key{}}
	for name, useless := range map[string]struct {
		set     *KeySet
		expires time.Time
	}{"expired": {set, now}, "of former keys": {former, now.Add(time.Hour)}} {
		for place := range ways {
			c := newCache(ways)
			for i := range ways {
				e := entry(c, strconv.Itoa(i), set, now.Add(time.Hour))
				if i == place {
					e = entry(c, strconv.Itoa(i), useless.set, useless.expires)
				}
				c.buckets[0][i].Store(e)
			}
			c.add(entry(c, "new", set, now.Add(time.Hour)), now)
			for i := range ways {
				if found := c.find(c.hash(strconv.Itoa(i)), strconv.Itoa(i), set, now) != nil; found == (i == place) {
					t.Errorf("%s in place %d: place %d found=%v", name, place, i, found)
				}
			}
			if c.find(c.hash("new"), "new", set, now) == nil {
				t.Errorf("%s in place %d: the new one is not there", name, place)
			}
		}
	}
}

func TestCacheKeepsOneEntryPerToken(t *testing.T) {
	c, set, now := newCache(ways), &KeySet{}, time.Now()
	for range 10 {
		c.add(entry(c, "same", set, now.Add(time.Hour)), now)
	}
	if c.held() != 1 {
		t.Errorf("%d entries", c.held())
	}
}

func TestCacheComparesTheWholeToken(t *testing.T) {
	c, set, now := newCache(ways), &KeySet{}, time.Now()
	e := entry(c, "mine", set, now.Add(time.Hour))
	c.add(e, now)
	if c.find(e.hash, "thine", set, now) != nil {
		t.Error("equal hashes passed for equal tokens")
	}
}

func TestKeySetRemembersFewHeaders(t *testing.T) {
	set, k := &KeySet{keys: map[string]*key{}}, &key{}
	for i := range 100 {
		set.remember(strconv.Itoa(i), k)
	}
	if n := len(*set.headers.Load()); n != maxHeaders {
		t.Errorf("%d headers", n)
	}
	if set.remembered("0") != k || set.remembered("99") != nil {
		t.Error("not the first ones")
	}
}
