// Package password owns memorised secrets: how they are hashed and verified, which
// imported hashes still verify, how many hashes run at once, and which new passwords
// are refused (NIST SP 800-63B-4 section 3.1.1; argon2id as in RFC 9106).
//
// [Service] lets a person who is signed in change theirs. The package does not own
// sessions or the reset mail: package signin asks it whether a password is right and
// limits how often one may ask, package recovery decides who may set a new one.
//
// Passwords are compared byte for byte after Unicode normalisation (NFKC) and nothing
// else: no trimming, no folding, no truncation. Imported hashes were made by systems
// that did not normalise, so those see the bytes as typed.
package password

import (
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Failures that a caller can act on.
var (
	// ErrRefused says that a new password breaks the policy. Its fields name each reason:
	// too_short, too_long, malformed, common, context, breached.
	ErrRefused = fault.New(fault.Invalid, "password_refused", "This password cannot be used.")
	// ErrBusy says that all hashing slots are taken and the queue is full or too slow.
	// Its Retry is an estimate from the queue's length and the measured time of a hash.
	ErrBusy = fault.New(fault.Unavailable, "busy", "The server is busy. Try again shortly.")
	// ErrRejected says that the present password, asked for before a change, is wrong.
	ErrRejected = fault.New(fault.Forbidden, "password_rejected", "The present password is not right.")
	// ErrNone says that there is no password to change.
	ErrNone = fault.New(fault.Conflict, "password_none", "This account has no password to change.")
	// ErrHashUnsupported says that Import does not know the hash's format, or that it is damaged.
	ErrHashUnsupported = fault.New(fault.Invalid, "password_hash_unsupported",
		"The password hash is damaged or of a format that cannot be imported.")
	// ErrHashTooCostly says that verifying the hash would take more time or memory than one sign-in may.
	ErrHashTooCostly = fault.New(fault.Invalid, "password_hash_too_costly",
		"Verifying this password hash would cost more than one sign-in may.")
	// ErrBreachUnavailable says that the breach check gave no answer and is set to fail closed.
	ErrBreachUnavailable = fault.New(fault.Unavailable, "password_breach_check_unavailable",
		"The password could not be checked against known breaches. Try again shortly.")
)

// MaxBytes is the longest password in bytes as typed: far above the 64 characters that
// SP 800-63B-4 section 3.1.1.2 demands in any script, and small enough to hash for strangers.
const MaxBytes = 1024

// Result is the outcome of a verification.
type Result struct {
	// OK says that the password is the right one.
	OK bool
	// Upgrade says that the password is right and its stored hash was imported or made with
	// other parameters than the configured ones: store a new one from [Hasher.Hash].
	Upgrade bool
}

// wellFormed reports whether password is text: valid UTF-8 without NUL. HMAC pads its key
// with NUL and bcrypt ends it with one, so there "a" and "a\x00" would be the same password.
func wellFormed(password string) bool {
	return utf8.ValidString(password) && !strings.Contains(password, "\x00")
}

// verifiable reports whether password can be anyone's. An empty one never is.
func verifiable(password string) bool {
	return password != "" && len(password) <= MaxBytes && wellFormed(password)
}
