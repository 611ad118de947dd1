package enrol

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
)

// Status is what an account can prove itself with.
type Status struct {
	factor.Held
	Apps     []totp.Device
	Passkeys []passkey.Passkey
	Required bool // policy asks for a second factor
	MayMail  bool // a code by mail may be made a second step
}

// Reachable is the highest level that a session of the account can have.
func (s *Status) Reachable() authn.AAL {
	if s.Strong() {
		return authn.AAL2
	}
	return authn.AAL1
}

// Status returns how things stand with whoever asks, or session.ErrEnded. It is three statements.
func (s *Service) Status(ctx context.Context, by session.Bearer) (*Status, error) {
	st, err := find(ctx, s.DB, by, s.DB.Now())
	if err != nil {
		return nil, err
	}
	out := &Status{Held: st.Held, Required: s.Required(st.account), MayMail: st.mayMail()}
	if out.Apps, err = s.TOTP.List(ctx, by.AccountID); err != nil {
		return nil, err
	}
	if out.Passkeys, err = s.Passkeys.List(ctx, by.AccountID); err != nil {
		return nil, err
	}
	return out, nil
}

// mayMail reports whether a code by mail is a step of its own for the account: without a password mail
// is the way in already, and an address that is not proven may be anybody's.
func (st *standing) mayMail() bool { return st.Password && st.account.EmailVerified }
