// Package authn is the vocabulary of authentication: what was proven, how, and how strongly.
// It holds no rules about who may do what.
package authn

import (
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Methods of authentication, as the claim amr names them (RFC 8176 section 2).
const (
	Password = "pwd"
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

// Evidence is what one checked authenticator reports. It is what sessions are made from.
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
