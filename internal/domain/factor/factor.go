// Package factor knows by what an account can prove that it is its owner, and what is still needed.
// That is worked out from what the account has at the moment it is asked, and never stored: a level
// that was stored once was stale once too often elsewhere (CVE-2024-45042). The features own what is
// counted here.
package factor

import (
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrCode is the one refusal of a code that somebody gives who is signed in: wrong, used, or too old.
var ErrCode = fault.New(fault.Forbidden, "code_rejected", "The code is not right, was used already, or is too old.")

// Ways to prove oneself, as the API names them.
const (
	Password   = "password"
	TOTP       = "totp"
	BackupCode = "backup_code"
	EmailCode  = "email_code"
	Passkey    = "passkey"
)

// Held is what an account can prove itself with.
type Held struct {
	Password    bool
	TOTP        int // generators that are confirmed
	Passkeys    int
	BackupCodes int  // not used yet
	Email       bool // a mailed code is a second step
}

// Second reports whether the account has a second step of any kind.
func (h Held) Second() bool { return h.Strong() || h.Email }

// Strong reports whether it has a second factor: a mailed code is none.
func (h Held) Strong() bool { return h.TOTP > 0 || h.Passkeys > 0 }

// After returns by what any one of which a sign-in goes on that has proven these methods of package
// authn; none: it is complete. No subset of what the account has is enough: whoever came by
// mail is asked for something else than mail, whoever came by password for something else than that.
func (h Held) After(proven ...string) []string {
	proven, level := authn.Together(proven...)
	switch {
	case level >= authn.AAL2:
		return nil
	case h.Strong():
		return h.strong()
	case !h.Email || !slices.Contains(proven, authn.Email) && !slices.Contains(proven, authn.Password):
		return nil
	case !slices.Contains(proven, authn.Email):
		return []string{EmailCode}
	case h.Password && !slices.Contains(proven, authn.Password):
		return []string{Password}
	default:
		return nil // it has nothing else
	}
}

// strong lists second factors, the best first.
func (h Held) strong() []string {
	var all []string
	if h.Passkeys > 0 {
		all = append(all, Passkey)
	}
	if h.TOTP > 0 {
		all = append(all, TOTP)
	}
	if h.BackupCodes > 0 {
		all = append(all, BackupCode)
	}
	return all
}

// Again returns by what any one of which whoever is signed in proves once more that it is they: by a
// second factor where there is one, so that a password and a session that were stolen together are
// not enough to take the second factor away.
func (h Held) Again() []string {
	switch {
	case h.Strong():
		return h.strong()
	case h.Password:
		return []string{Password}
	default:
		return []string{EmailCode}
	}
}

// Enough refuses, with session.ErrStale, a session of this level where the account has a second factor
// and the session has proven none: on a device that policy lets go without the second step, a fresh
// proof is a password. It says how to go on.
func (h Held) Enough(level authn.AAL) error {
	if h.Strong() && level < authn.AAL2 {
		return session.ErrStale.WithNext(fault.Next{Methods: h.Again(), Level: authn.AAL2.ACR()})
	}
	return nil
}
