package keyring

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Published is the public half of the signing keys at one moment. It must not be changed.
type Published struct {
	// Keys are those of the set, for a verifier in the same process.
	Keys []jose.PublicKey
	// JWKS is the JWK Set (RFC 7517 section 5), and ETag its strong validator with quotes.
	JWKS []byte
	ETag string
	// MaxAge is how long others may keep it.
	MaxAge time.Duration
}

// view is what the keys amount to at one moment. It never changes.
type view struct {
	keys  []key     // all of the table, by purpose and generation
	read  time.Time // when the table was last asked
	until time.Time // from when on the view is not to be relied on

	signer    *jose.Signer
	published *Published
	data      map[Purpose]dataKeys
}

type dataKeys struct {
	newest secret.Key
	all    secret.Keys // newest first, upcoming ones too: another instance's clock may be ahead
}

// newView sorts out which keys are good for what at the moment now. until is bounded by the
// next moment at which that changes.
func newView(keys []key, cfg Config, now, until time.Time, before *Published) *view {
	v := &view{keys: keys, read: now, until: until, data: map[Purpose]dataKeys{}}
	for _, p := range Purposes {
		line := ofPurpose(keys, p)
		for i, k := range line {
			for _, change := range []time.Time{k.activeAt, line.end(i, cfg.retention(p))} {
				if change.After(now) && change.Before(v.until) {
					v.until = change
				}
			}
		}
		active, live := line.at(now, cfg.retention(p))
		if p == Sign {
			v.signer, v.published = active.signer, publish(live, cfg.JWKSCache, before)
			continue
		}
		d := dataKeys{newest: active.data}
		for _, k := range slices.Backward(live) {
			d.all = append(d.all, k.data)
		}
		v.data[p] = d
	}
	return v
}

// publish keeps the former pointer when the set is the same.
func publish(keys timeline, maxAge time.Duration, before *Published) *Published {
	p := &Published{MaxAge: maxAge}
	for _, k := range keys {
		p.Keys = append(p.Keys, k.signer.Key().Public())
	}
	p.JWKS = jose.MarshalSet(p.Keys)
	if before != nil && bytes.Equal(before.JWKS, p.JWKS) {
		return before
	}
	sum := sha256.Sum256(p.JWKS)
	p.ETag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	return p
}

// timeline is the keys of one purpose, oldest generation first.
type timeline []key

func ofPurpose(keys []key, p Purpose) timeline {
	var out timeline
	for _, k := range keys {
		if k.purpose == p {
			out = append(out, k)
		}
	}
	return out
}

// complete reports whether there is a key of each purpose.
func complete(keys []key) bool {
	return !slices.ContainsFunc(Purposes, func(p Purpose) bool { return len(ofPurpose(keys, p)) == 0 })
}

// retiredAt returns when a later generation begins to be used; zero when there is none.
func (t timeline) retiredAt(i int) time.Time {
	var at time.Time
	for _, later := range t[i+1:] {
		if at.IsZero() || later.activeAt.Before(at) {
			at = later.activeAt
		}
	}
	return at
}

// end returns when the key has served its time; zero when it has no successor.
func (t timeline) end(i int, retention time.Duration) time.Time {
	if at := t.retiredAt(i); !at.IsZero() {
		return at.Add(retention)
	}
	return time.Time{}
}

// active returns the index of the key in use: the newest that has begun. Should none have
// (a clock went back), the oldest is what everybody knows.
func (t timeline) active(now time.Time) int {
	for i, k := range slices.Backward(t) {
		if !k.activeAt.After(now) {
			return i
		}
	}
	return 0
}

func (t timeline) state(i int, now time.Time) State {
	switch active := t.active(now); {
	case i == active:
		return Active
	case t[i].activeAt.After(now):
		return Upcoming
	default:
		return Retired
	}
}

// at returns the key in use and all that have not come to their end.
func (t timeline) at(now time.Time, retention time.Duration) (active key, live timeline) {
	for i, k := range t {
		if end := t.end(i, retention); end.IsZero() || now.Before(end) {
			live = append(live, k)
		}
	}
	return t[t.active(now)], live
}
