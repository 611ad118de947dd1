package verifier

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"
)

// ways is how many tokens share a bucket of the cache.
const ways = 4

// cache remembers tokens that passed, so that the same one again costs a hash and a
// comparison. It has a fixed size, no lock and no list: each place is one atomic pointer.
// An entry is good only under the very key set it was checked with and within its token's
// time, both looked at on every hit; so nothing needs to be removed.
type cache struct {
	seed    maphash.Seed
	buckets [][ways]atomic.Pointer[seen]
}

type seen struct {
	hash  uint64
	keys  *KeySet
	token []byte
	id    Identity // in place: one allocation, and its times are at hand
}

func newCache(tokens int) *cache {
	buckets := 1 << bits.Len(uint((tokens-1)/ways))
	return &cache{seed: maphash.MakeSeed(), buckets: make([][ways]atomic.Pointer[seen], buckets)}
}

func (c *cache) hash(token string) uint64 { return maphash.String(c.seed, token) }

func (c *cache) bucket(hash uint64) *[ways]atomic.Pointer[seen] {
	return &c.buckets[hash&uint64(len(c.buckets)-1)]
}

// find returns the identity of a token that passed before and still would, else nil. The
// hash, whose seed nobody knows, is compared first: the time that comparing texts takes
// tells a stranger nothing about tokens they do not hold.
func (c *cache) find(hash uint64, token string, keys *KeySet, now time.Time) *Identity {
	bucket := c.bucket(hash)
	for i := range bucket {
		e := bucket[i].Load()
		if e != nil && e.hash == hash && e.keys == keys && string(e.token) == token && e.id.times.check(now) == nil {
			return &e.id
		}
	}
	return nil
}

// add keeps e in the place of the same token, of one that would no longer pass, or of any.
func (c *cache) add(e *seen, now time.Time) {
	bucket := c.bucket(e.hash)
	place := int(e.hash >> 62)
	for i := range bucket {
		old := bucket[i].Load()
		if old == nil || old.keys != e.keys || old.id.times.check(now) != nil {
			place = i
		} else if old.hash == e.hash && bytes.Equal(old.token, e.token) {
			place = i
			break
		}
	}
	bucket[place].Store(e)
}
