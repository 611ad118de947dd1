package password

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // PBKDF2 with SHA-1, in hashes that others made
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// Bounds of an imported hash, so that one sign-in takes at most 128 MiB and about a second
// of one slot (measured; 2.5 s when the longest password meets the most sha512-crypt rounds).
// They hold the defaults of every system listed at Import, with room to grow.
const (
	maxMemoryKiB    = 128 << 10 // argon2 and scrypt: memory of one hash
	maxWorkKiB      = 512 << 10 // argon2 and scrypt: memory times passes
	maxBcryptCost   = 14        // 2^14 rounds
	maxPBKDF2Rounds = 2_000_000
	maxCryptRounds  = 1_000_000 // sha256-crypt, sha512-crypt
	maxEncoded      = 512       // bytes of an encoded hash
	minKey, maxKey  = 16, 64    // bytes of a derived key
)

// maxImported is what bounds argon2, besides maxWorkKiB.
var maxImported = Params{MemoryKiB: maxMemoryKiB, Time: 10, Threads: 16}

// importedMark tells an imported hash from an own one: an argon2id string can be either,
// but own ones are over the NFKC form of the password and imported ones over its bytes.
const importedMark = "imported:"

// Import checks a password hash that another system made and returns the form to store,
// which [Hasher.Verify] accepts and wants upgraded at the first sign-in. It computes
// nothing. Errors: [ErrHashUnsupported], [ErrHashTooCostly].
//
//	from           format                                              up to
//	Django         pbkdf2_sha256$ pbkdf2_sha1$                         2,000,000 iterations
//	Django         argon2$argon2id$… argon2$argon2i$…                  128 MiB, 10 passes, 16 lanes, 512 MiB in all passes
//	Django         bcrypt_sha256$$2b$… bcrypt$$2b$…                    cost 14
//	Django         scrypt$N$salt$r$p$…                                 128·N·r of 128 MiB, times p of 512 MiB
//	crypt(3)       $1$ (md5-crypt)                                     -
//	crypt(3)       $5$ (sha256-crypt) $6$ (sha512-crypt)               1,000,000 rounds
//	many           $2a$ $2b$ $2y$ (bcrypt)                             cost 14
//	many (PHC)     $argon2id$ $argon2i$                                as above
//	passlib (PHC)  $pbkdf2$ $pbkdf2-sha256$ $pbkdf2-sha512$ $scrypt$   as above
//
// Refused are single rounds of a fast hash (Django's md5$, sha1$ and unsalted ones): until
// its next sign-in such an account would be open to whoever reads the table. Import it
// without a password; its owner sets one through a reset.
//
// A locked or unset password ("", "*", or anything after "!", as in Django and shadow files)
// becomes the empty string, an account without a password.
//
// A bcrypt hash knows only the first 72 bytes of its password. A longer one never matches,
// so that no two passwords open one account; its owner needs a reset.
func Import(encoded string) (string, error) {
	if encoded == "" || encoded == "*" || strings.HasPrefix(encoded, "!") {
		return "", nil
	}
	if _, err := parseImported(encoded); err != nil {
		return "", err
	}
	return importedMark + encoded, nil
}

// parseImported checks an encoded hash and its bounds, and returns how to compare a
// password with it. The password is one that verifiable accepts.
func parseImported(encoded string) (func(string) bool, error) {
	if len(encoded) > maxEncoded || strings.ContainsFunc(encoded, notPrintable) {
		return nil, ErrHashUnsupported
	}
	scheme, rest, _ := strings.Cut(encoded, "$")
	if scheme != "" {
		return parseDjango(scheme, rest)
	}
	scheme, rest, _ = strings.Cut(rest, "$")
	switch scheme {
	case argon2id, argon2i:
		return parseForeignArgon2(encoded)
	case "2a", "2b", "2y":
		return parseBcrypt(encoded)
	case "pbkdf2":
		return parsePBKDF2(sha1.New, rest)
	case "pbkdf2-sha256":
		return parsePBKDF2(sha256.New, rest)
	case "pbkdf2-sha512":
		return parsePBKDF2(sha512.New, rest)
	case "scrypt":
		return parseScryptPHC(rest)
	case "1":
		return parseMD5Crypt(encoded, rest)
	case "5":
		return parseSHACrypt(encoded, rest, 43)
	case "6":
		return parseSHACrypt(encoded, rest, 86)
	}
	return nil, ErrHashUnsupported
}

func notPrintable(r rune) bool { return r <= ' ' || r > '~' }

func parseForeignArgon2(encoded string) (func(string) bool, error) {
	a, err := parseArgon2(encoded, maxImported)
	if err != nil {
		return nil, err
	}
	if a.params.MemoryKiB*a.params.Time > maxWorkKiB { // at most 128 Ki times 10: no overflow
		return nil, ErrHashTooCostly
	}
	return a.matches, nil
}

// parseBcrypt reads $2b$cost$ and 22 + 31 characters of salt and key. $2x$, made by an
// implementation that lost the top bit of each byte, is not accepted.
func parseBcrypt(encoded string) (func(string) bool, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 4 || parts[0] != "" || !slices.Contains([]string{"2a", "2b", "2y"}, parts[1]) ||
		len(parts[2]) != 2 || !cryptText(parts[3], 53, 53) {
		return nil, ErrHashUnsupported
	}
	if _, err := number(strings.TrimPrefix(parts[2], "0"), bcrypt.MinCost, maxBcryptCost); err != nil {
		return nil, err
	}
	return func(password string) bool {
		match := bcrypt.CompareHashAndPassword([]byte(encoded), []byte(password)) == nil
		return match && len(password) <= 72 // after the work, which bcrypt does on the first 72
	}, nil
}

// parseMD5Crypt reads salt$key.
func parseMD5Crypt(encoded, rest string) (func(string) bool, error) {
	salt, key, _ := strings.Cut(rest, "$")
	if !cryptText(salt, 1, 8) || !cryptText(key, 22, 22) {
		return nil, ErrHashUnsupported
	}
	digest, err := md5crypt.Decode(encoded)
	if err != nil {
		return nil, ErrHashUnsupported
	}
	return digest.Match, nil
}

// parseSHACrypt reads salt$key, with rounds=… before it where they are not 5000.
func parseSHACrypt(encoded, rest string, keyLength int) (func(string) bool, error) {
	if given, ok := strings.CutPrefix(rest, "rounds="); ok {
		var rounds string
		rounds, rest, _ = strings.Cut(given, "$")
		if _, err := number(rounds, 1000, maxCryptRounds); err != nil {
			return nil, err
		}
	}
	salt, key, _ := strings.Cut(rest, "$")
	if !cryptText(salt, 1, 16) || !cryptText(key, keyLength, keyLength) {
		return nil, ErrHashUnsupported
	}
	digest, err := shacrypt.Decode(encoded)
	if err != nil {
		return nil, ErrHashUnsupported
	}
	return digest.Match, nil
}

// cryptText reports whether s is shortest to longest characters of crypt(3)'s base64.
func cryptText(s string, shortest, longest int) bool {
	return len(s) >= shortest && len(s) <= longest && strings.Trim(s, cryptAlphabet) == ""
}

const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// adapted64 is the base64 of passlib's PBKDF2: "." in place of "+", no padding.
var adapted64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").
	WithPadding(base64.NoPadding)

// parsePBKDF2 reads rounds$salt$key.
func parsePBKDF2(digest func() hash.Hash, rest string) (func(string) bool, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return nil, ErrHashUnsupported
	}
	salt, err := canonical64(adapted64, parts[1])
	if err != nil {
		return nil, err
	}
	key, err := canonical64(adapted64, parts[2])
	if err != nil {
		return nil, err
	}
	return matchPBKDF2(digest, parts[0], salt, key)
}

func matchPBKDF2(digest func() hash.Hash, rounds string, salt, key []byte) (func(string) bool, error) {
	n, err := number(rounds, 1, maxPBKDF2Rounds)
	if err != nil {
		return nil, err
	}
	// A key longer than the digest would double the rounds for nothing.
	if len(salt) == 0 || len(key) < minKey || len(key) > digest().Size() {
		return nil, ErrHashUnsupported
	}
	return func(password string) bool {
		derived, err := pbkdf2.Key(digest, password, salt, n, len(key))
		return err == nil && subtle.ConstantTimeCompare(key, derived) == 1
	}, nil
}

// parseScryptPHC reads ln=…,r=…,p=…$salt$key.
func parseScryptPHC(rest string) (func(string) bool, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return nil, ErrHashUnsupported
	}
	values, err := parameters(parts[0], "ln=", "r=", "p=")
	if err != nil {
		return nil, err
	}
	ln, err := number(values[0], 1, 20)
	if err != nil {
		return nil, err
	}
	salt, err := canonical64(base64.RawStdEncoding, parts[1])
	if err != nil {
		return nil, err
	}
	key, err := canonical64(base64.RawStdEncoding, parts[2])
	if err != nil {
		return nil, err
	}
	return matchScrypt(1<<ln, values[1], values[2], salt, key)
}

// matchScrypt bounds the memory, 128·N·r bytes, and that times p (RFC 7914 section 2).
func matchScrypt(n int, blockSize, lanes string, salt, key []byte) (func(string) bool, error) {
	r, err := number(blockSize, 1, 1<<20)
	if err != nil {
		return nil, err
	}
	p, err := number(lanes, 1, 1<<20)
	if err != nil {
		return nil, err
	}
	memory := 128 * uint64(n) * uint64(r)
	if memory > maxMemoryKiB<<10 || memory*uint64(p) > maxWorkKiB<<10 {
		return nil, ErrHashTooCostly
	}
	if len(salt) == 0 || len(key) < minKey || len(key) > maxKey {
		return nil, ErrHashUnsupported
	}
	return func(password string) bool {
		derived, err := scrypt.Key([]byte(password), salt, n, r, p, len(key))
		return err == nil && subtle.ConstantTimeCompare(key, derived) == 1
	}, nil
}

// number reads a decimal without sign or leading zeros. Below low it is no such hash, above
// high it is too costly.
func number(s string, low, high int) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, ErrHashTooCostly
	case err != nil, s[0] == '0' && s != "0", n < uint64(low):
		return 0, ErrHashUnsupported
	case n > uint64(high):
		return 0, ErrHashTooCostly
	}
	return int(n), nil
}

// parameters returns the values of a PHC parameter list that holds exactly names, in order.
func parameters(list string, names ...string) ([]string, error) {
	values := strings.Split(list, ",")
	if len(values) != len(names) {
		return nil, ErrHashUnsupported
	}
	for i, name := range names {
		value, ok := strings.CutPrefix(values[i], name)
		if !ok {
			return nil, ErrHashUnsupported
		}
		values[i] = value
	}
	return values, nil
}

// canonical64 decodes s in its one spelling.
func canonical64(encoding *base64.Encoding, s string) ([]byte, error) {
	b, err := encoding.DecodeString(s)
	if err != nil || encoding.EncodeToString(b) != s {
		return nil, ErrHashUnsupported
	}
	return b, nil
}
