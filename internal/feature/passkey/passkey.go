// Package passkey registers passkeys and lets people sign in or prove themselves with them
// (WebAuthn Level 3).
//
// Each ceremony has two halves. The first issues a challenge, which is a ticket of package ticket; the
// second spends the ticket before it looks at anything else, and then verifies the answer. An accepted
// answer changes nothing by itself: what it leads to (a passkey saved, a session made) is done by a flow,
// in a transaction in which it also calls Save or Spend. So are audit, letters and limits, and the
// question of who may ask.
package passkey

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Failures a caller can act on.
var (
	// ErrRejected is the one refusal of an answer that should prove something. Why is for the audit
	// alone: a Refusal is in its chain.
	ErrRejected = fault.New(fault.Forbidden, "passkey_rejected", "This passkey was not accepted. Try again, or use another way.")
	ErrInvalid  = fault.New(fault.Invalid, "passkey_invalid", "This passkey cannot be added. Start again, or use another device.")
	ErrTaken    = fault.New(fault.Conflict, "passkey_taken", "This passkey is registered already.")
	ErrTooMany  = fault.New(fault.Conflict, "passkey_limit", "An account has at most 20 passkeys. Remove one first.")
	ErrName     = fault.New(fault.Invalid, "passkey_name_invalid", "A passkey's name has 1 to 64 characters.")
	ErrNotFound = fault.New(fault.NotFound, "passkey_not_found", "There is no such passkey.")
)

// Limits.
const (
	// Lifetime is how long a challenge may be answered.
	Lifetime = 5 * time.Minute
	// MaxPerAccount is how many passkeys an account may have.
	MaxPerAccount = 20

	maxName       = 64       // characters
	maxAnswer     = 16 << 10 // bytes: four times what authenticators send
	maxDepth      = 8        // nested objects and arrays in an answer; four are known
	maxCredential = 1023     // bytes of a credential id (WebAuthn section 7.1 step 25)
)

// Purposes of tickets: an answer to a challenge of one is no answer to one of another.
const (
	purposeRegister = "passkey_register"
	purposeSignIn   = "passkey_signin"
	purposeProof    = "passkey_proof"
)

// Challenge is the first half of a ceremony.
type Challenge struct {
	// Ticket comes back with the answer.
	Ticket string
	// Options go to navigator.credentials.create or get as publicKey, through
	// PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON (WebAuthn sections
	// 5.1.8 and 5.1.9).
	Options jsontext.Value
}

// Passkey is one of an account's passkeys.
type Passkey struct {
	ID        uuid.UUID
	AccountID uuid.UUID
	Name      string
	// Model is what the authenticator says that it is, or empty. Nobody vouches for it.
	Model string
	// Synced: at its last use the key was backed up, so that it can be on other devices of its owner.
	Synced     bool
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never

	credential webauthn.Credential
	stored     string // the credential as the row has it
}

// Method returns what the use of the passkey proves: authn.SyncedPasskey where the key can be backed up,
// and so copied, be it backed up now or not; else authn.BoundPasskey.
func (p *Passkey) Method() string {
	if p.credential.Flags.BackupEligible {
		return authn.SyncedPasskey
	}
	return authn.BoundPasskey
}

// Assertion is what an accepted answer proves. It counts for nothing before it is spent.
type Assertion struct {
	// Account is whose passkey it is, of a sign-in only. It may be inactive or not verified: that is for
	// the caller to tell.
	Account   *account.Account
	AccountID uuid.UUID
	// Epoch is the account's, for authn.Evidence.
	Epoch   int64
	Data    string // what BeginSignIn was given
	Passkey *Passkey
	// Methods are those of package authn, with authn.Multi where the authenticator verified its user.
	Methods []string
}

// Reasons of a Refusal, as the audit names them.
const (
	ReasonChallenge = "challenge_rejected" // not issued for this, used, expired, or overtaken
	ReasonMalformed = "passkey_malformed"
	ReasonUnknown   = "passkey_unknown" // nobody's, or not the one's who asks
	ReasonUnproven  = "passkey_unproven"
	// ReasonCounter: the signature is good, but the authenticator has counted backwards. Somebody may
	// have a copy of the key.
	ReasonCounter   = "passkey_counter"
	ReasonOvertaken = "passkey_overtaken" // removed, or used by somebody else at the same moment
)

// Refusal is why an answer was refused. It is in the chain of ErrRejected.
type Refusal struct {
	Reason string
	// AccountID is whose passkey was answered with, or uuid.Nil where that is not known. Unless Reason is
	// ReasonCounter or ReasonOvertaken nothing proves that it was the owner who answered.
	AccountID uuid.UUID
	Cause     error
}

// Error returns the reason and the cause.
func (r *Refusal) Error() string {
	if r.Cause == nil {
		return r.Reason
	}
	return r.Reason + ": " + r.Cause.Error()
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

func refused(reason string, accountID uuid.UUID, cause error) error {
	return ErrRejected.Wrap(&Refusal{reason, accountID, cause})
}

// parseName returns a name without the blanks around it.
func parseName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", ErrName.WithField("name", "invalid", "1 to 64 characters.")
	}
	return name, nil
}
