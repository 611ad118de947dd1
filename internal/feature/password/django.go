package password

import (
	"crypto/sha1" //nolint:gosec // PBKDF2 with SHA-1, in hashes that others made
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strings"
)

// parseDjango reads the formats of django.contrib.auth.hashers: the algorithm's name, a
// dollar sign, and what that algorithm stores. Salts are text, used as their bytes.
func parseDjango(scheme, rest string) (func(string) bool, error) {
	switch scheme {
	case "pbkdf2_sha256":
		return parseDjangoPBKDF2(sha256.New, rest)
	case "pbkdf2_sha1":
		return parseDjangoPBKDF2(sha1.New, rest)
	case "argon2":
		return parseForeignArgon2("$" + rest)
	case "bcrypt":
		return parseBcrypt(rest)
	case "bcrypt_sha256":
		return parseDjangoBcryptSHA256(rest)
	case "scrypt":
		return parseDjangoScrypt(rest)
	}
	return nil, ErrHashUnsupported
}

// parseDjangoPBKDF2 reads iterations$salt$key.
func parseDjangoPBKDF2(digest func() hash.Hash, rest string) (func(string) bool, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return nil, ErrHashUnsupported
	}
	key, err := canonical64(base64.StdEncoding, parts[2])
	if err != nil {
		return nil, err
	}
	return matchPBKDF2(digest, parts[0], []byte(parts[1]), key)
}

// parseDjangoBcryptSHA256 reads bcrypt over the SHA-256 of the password in lower-case hex,
// 64 bytes, so that the 72-byte limit is never met.
func parseDjangoBcryptSHA256(rest string) (func(string) bool, error) {
	matches, err := parseBcrypt(rest)
	if err != nil {
		return nil, err
	}
	return func(password string) bool {
		digest := sha256.Sum256([]byte(password))
		return matches(hex.EncodeToString(digest[:]))
	}, nil
}

// parseDjangoScrypt reads N$salt$r$p$key.
func parseDjangoScrypt(rest string) (func(string) bool, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 5 {
		return nil, ErrHashUnsupported
	}
	n, err := number(parts[0], 2, 1<<20)
	if err != nil {
		return nil, err
	}
	if n&(n-1) != 0 { // N is a power of two (RFC 7914 section 2)
		return nil, ErrHashUnsupported
	}
	key, err := canonical64(base64.StdEncoding, parts[4])
	if err != nil {
		return nil, err
	}
	return matchScrypt(n, parts[2], parts[3], []byte(parts[1]), key)
}
