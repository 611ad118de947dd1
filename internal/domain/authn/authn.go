// Package authn is the vocabulary of authentication: what was proven, how, and how strongly.
// It holds no rules about who may do what.
package authn

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Methods of authentication, as sessions keep them and the claim amr names them. Those of RFC 8176
// section 2 have its names.
const (
	Password   = "pwd"
	TOTP       = "otp"
	BackupCode = "backup_code"
	Email      = "email" // a code or link that was mailed
	// A passkey whose key never leaves its device, and one that may be copied to others of its owner.
	BoundPasskey  = "hwk"
	SyncedPasskey = "swk"
	// Multi says that two factors were proven: by two methods, or by a passkey that asked for a PIN,
	// a finger or a face before it signed.
	Multi = "mfa"
	// Staff is no proof of the account's owner: a member of staff looks at the account's pages.
	Staff = "staff"
)

// AAL is an authentication assurance level (NIST SP 800-63B-4 section 2). The zero value is
// no assurance at all.
type AAL int

// The levels.
const (
	AAL1 AAL = 1 // one factor
	AAL2 AAL = 2 // two factors
	AAL3 AAL = 3 // two factors, one of them hardware that resists phishing
)

// ACR returns the level as the claim acr spells it (OpenID Connect Core section 2).
func (a AAL) ACR() string { return "aal" + strconv.Itoa(int(a)) }

// Evidence is what checked authenticators report. It is what sessions are made from.
type Evidence struct {
	AccountID uuid.UUID
	// Epoch is the account's, read together with the credential that was checked. If it has
	// moved on by the time the session is made, there is none.
	Epoch   int64
	Methods []string
	Level   AAL
	// At is when the proof was given.
	At time.Time
}

// Together returns what methods are worth together: each once, with Multi among them where
// they are two factors, and their level. A mailed code is a way in, and a check besides another,
// but no second factor (NIST SP 800-63B-4 section 3.1.3.1 does not let mail be one).
func Together(methods ...string) ([]string, AAL) {
	var all []string
	for _, m := range methods {
		if !slices.Contains(all, m) && m != Multi {
			all = append(all, m)
		}
	}
	has := func(wanted ...string) bool {
		return slices.ContainsFunc(wanted, func(m string) bool { return slices.Contains(all, m) })
	}
	if slices.Contains(methods, Multi) || has(Password, Email) && has(TOTP, BackupCode, BoundPasskey, SyncedPasskey) {
		return append(all, Multi), AAL2
	}
	return all, AAL1
}
