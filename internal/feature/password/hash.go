package password

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Params is the cost of one argon2id hash (RFC 9106 section 3.1). The zero value stands
// for [DefaultParams] wherever a Params is configured.
type Params struct {
	MemoryKiB uint32 // memory of one hash in KiB; from 19,456 (19 MiB) to 1,048,576 (1 GiB)
	Time      uint32 // passes over that memory; from 2 to 10
	Threads   uint8  // lanes computed side by side; from 1 to 16
}

// DefaultParams returns 19 MiB, 2 passes, 1 lane: the floor as well, since cheaper ones
// only help whoever steals the table.
func DefaultParams() Params { return minParams }

// The ceilings keep a mistyped setting, or a stored hash that somebody else wrote, from
// taking the machine's memory or a slot for minutes.
var (
	minParams = Params{MemoryKiB: 19 << 10, Time: 2, Threads: 1}
	maxParams = Params{MemoryKiB: 1 << 20, Time: 10, Threads: 16}
)

// String returns the parameters as they stand in a stored hash: "m=19456,t=2,p=1".
func (p Params) String() string {
	return fmt.Sprintf("m=%d,t=%d,p=%d", p.MemoryKiB, p.Time, p.Threads)
}

// validate returns every problem at once.
func (p Params) validate() error {
	var problems []error
	check := func(field string, value, low, high uint32) {
		if value < low || value > high {
			problems = append(problems, fmt.Errorf("%s: %d is out of range, use %d to %d", field, value, low, high))
		}
	}
	check("MemoryKiB", p.MemoryKiB, minParams.MemoryKiB, maxParams.MemoryKiB)
	check("Time", p.Time, minParams.Time, maxParams.Time)
	check("Threads", uint32(p.Threads), uint32(minParams.Threads), uint32(maxParams.Threads))
	return errors.Join(problems...)
}

// Sizes of an own hash in bytes (RFC 9106 section 4 recommends 128 bits of salt and a 256-bit tag).
const (
	saltSize = 16
	keySize  = 32
)

const (
	argon2id = "argon2id"
	argon2i  = "argon2i" // only in imported hashes
	version  = "v=19"    // 0x13, the only one that golang.org/x/crypto/argon2 computes
)

// argon2Hash is a decoded PHC string: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
type argon2Hash struct {
	variant   string
	params    Params
	salt, key []byte
}

// derive computes the key of password with the hash's variant, salt and parameters.
func (a argon2Hash) derive(password string) []byte {
	compute := argon2.IDKey
	if a.variant == argon2i {
		compute = argon2.Key
	}
	return compute([]byte(password), a.salt, a.params.Time, a.params.MemoryKiB, a.params.Threads, uint32(len(a.key)))
}

// matches reports whether password has the hash's key.
func (a argon2Hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(a.key, a.derive(password)) == 1
}

// encode returns the PHC string.
func (a argon2Hash) encode() string {
	b64 := base64.RawStdEncoding
	return strings.Join([]string{"", a.variant, version, a.params.String(),
		b64.EncodeToString(a.salt), b64.EncodeToString(a.key)}, "$")
}

// parseArgon2 decodes what encode writes, in that one spelling only, and refuses
// parameters above limit before anything is computed with them.
func parseArgon2(encoded string, limit Params) (argon2Hash, error) {
	if len(encoded) > maxEncoded {
		return argon2Hash{}, ErrHashUnsupported
	}
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || (parts[1] != argon2id && parts[1] != argon2i) || parts[2] != version {
		return argon2Hash{}, ErrHashUnsupported
	}
	a := argon2Hash{variant: parts[1]}
	var err error
	if a.params, err = parseParams(parts[3], limit); err != nil {
		return argon2Hash{}, err
	}
	if a.salt, err = canonical64(base64.RawStdEncoding, parts[4]); err != nil {
		return argon2Hash{}, err
	}
	if a.key, err = canonical64(base64.RawStdEncoding, parts[5]); err != nil {
		return argon2Hash{}, err
	}
	if len(a.salt) < 8 || len(a.key) < minKey || len(a.key) > maxKey {
		return argon2Hash{}, ErrHashUnsupported
	}
	return a, nil
}

// parseParams reads "m=19456,t=2,p=1" and applies the floors of RFC 9106 section 3.1,
// below which the library would panic or silently use other values.
func parseParams(list string, limit Params) (Params, error) {
	values, err := parameters(list, "m=", "t=", "p=")
	if err != nil {
		return Params{}, err
	}
	memory, err := number(values[0], 8, int(limit.MemoryKiB))
	if err != nil {
		return Params{}, err
	}
	passes, err := number(values[1], 1, int(limit.Time))
	if err != nil {
		return Params{}, err
	}
	threads, err := number(values[2], 1, int(limit.Threads))
	if err != nil {
		return Params{}, err
	}
	if memory < 8*threads {
		return Params{}, ErrHashUnsupported
	}
	return Params{MemoryKiB: uint32(memory), Time: uint32(passes), Threads: uint8(threads)}, nil
}
