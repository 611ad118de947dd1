// Package ratelimit bounds how often something may be tried, on all instances together.
//
// A [Limit] is a number of tries in a time; a [Bucket] is that limit for one key, an
// account or a network address. [Limiter.Take] counts a try against several buckets in
// one statement, exactly, however many try at once (GCRA: a bucket leaks at an even rate,
// so after the burst is spent one try comes back each Per/Burst). It counts before the
// thing tried is checked; who turns out to be honest gets the try back with
// [Taken.Refund].
//
// Any error is a refusal. What must be limited, by which key and how strictly is said by
// the flows that ask.
package ratelimit

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrLimited is the refusal of a try too many. Its Retry says after how many whole
// seconds the same try would pass if nobody else tries.
var ErrLimited = fault.New(fault.RateLimited, "rate_limited", "Too many attempts. Try again later.")

// Bounds of a limit. They keep the arithmetic in nanoseconds far from its edges.
const (
	maxBurst = 1_000_000
	maxPer   = 366 * 24 * time.Hour
)

// Limit allows Burst tries in Per: all at once, then one more each Per/Burst. The zero
// value allows nothing, so no limit is switched off by zero.
type Limit struct {
	Name  string        // lower-case words with dots, "signin.account"; part of the stored key
	Burst int           // tries, 1 to 1,000,000
	Per   time.Duration // 1 ms to 366 days
}

const maxName = 64 // bytes

var validName = regexp.MustCompile(`^[a-z][a-z0-9_.]*$`)

// Validate reports what is wrong with the limit, every problem at once.
func (l Limit) Validate() error {
	var problems []error
	if len(l.Name) > maxName || !validName.MatchString(l.Name) {
		problems = append(problems, errors.New("the name must be lower-case letters, digits, dots and underscores"))
	}
	if l.Burst < 1 || l.Burst > maxBurst {
		problems = append(problems, fmt.Errorf("the number of tries must be 1 to %d", maxBurst))
	}
	if l.Per < time.Millisecond || l.Per > maxPer {
		problems = append(problems, fmt.Errorf("the time must be %v to %v", time.Millisecond, maxPer))
	}
	return errors.Join(problems...)
}

// interval is what one try adds to a bucket and what leaks out in that time, in nanoseconds.
func (l Limit) interval() int64 { return int64(l.Per) / int64(l.Burst) }

// size is how much a full bucket holds, in nanoseconds.
func (l Limit) size() int64 { return l.interval() * int64(l.Burst) }

// Bucket is a limit for one key, for example an account or an address. The key may be
// personal: only its digest is stored.
type Bucket struct {
	Limit Limit
	Key   string
}

// stored returns the row's key: the limit's name and 144 bits of the key's SHA-256, so
// that no e-mail or network address stands in the table.
func (b Bucket) stored() string {
	sum := sha256.Sum256([]byte(b.Key))
	return b.Limit.Name + ":" + base64.RawURLEncoding.EncodeToString(sum[:18])
}

// AddressKey returns the key of a network address: an IPv4 address whole, an IPv6 address
// by its /64, which is what one subscriber has at will (RFC 6177). IPv4 in IPv6 clothing is
// IPv4. All invalid addresses share one key.
func AddressKey(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
