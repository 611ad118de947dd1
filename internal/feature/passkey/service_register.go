package passkey

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// BeginRegistration issues the challenge of a new passkey for the account of by, to be answered in the
// same session. email and fullName are what the authenticator shows it under. The authenticators that
// have a passkey of the account are excluded. It returns ErrTooMany and account.ErrNotFound.
func (s *Service) BeginRegistration(ctx context.Context, by session.Bearer, email, fullName string) (*Challenge, error) {
	epoch, held, err := findHeld(ctx, s.db, by.AccountID)
	if err != nil {
		return nil, err
	}
	if len(held) >= MaxPerAccount {
		return nil, ErrTooMany
	}
	o := &owner{id: by.AccountID, name: email, displayName: cmp.Or(fullName, email)}
	creation, _, err := s.rp.BeginRegistration(o,
		webauthn.WithCredentialParameters(algorithms), webauthn.WithExclusions(webauthn.Credentials(held).CredentialDescriptors()))
	if err != nil {
		return nil, fmt.Errorf("passkey: begin registration: %w", err)
	}
	t := &ticket.Ticket{Purpose: purposeRegister, AccountID: by.AccountID, Epoch: epoch, SessionID: by.SessionID}
	return s.issue(ctx, t, state{Challenge: creation.Response.Challenge.String()}, creation.Response)
}

// FinishRegistration verifies the answer to a challenge of the same session and returns the new passkey,
// for Save. Without a name it is called by its model. It returns ErrName, and ErrInvalid for whatever
// is wrong with the answer.
func (s *Service) FinishRegistration(ctx context.Context, by session.Bearer, token string, response []byte, name string) (*Passkey, error) {
	if name != "" {
		var err error
		if name, err = parseName(name); err != nil {
			return nil, err
		}
	}
	t, st, err := s.spend(ctx, purposeRegister, token)
	switch {
	case errors.Is(err, ticket.ErrRejected):
		return nil, ErrInvalid.Wrap(err)
	case err != nil:
		return nil, err
	case t.SessionID != by.SessionID || t.AccountID != by.AccountID:
		return nil, ErrInvalid.Wrap(errors.New("the challenge is another session's"))
	}
	c, err := s.verifyNew(&owner{id: by.AccountID}, st.Challenge, protocol.VerificationRequired, response)
	if err != nil {
		return nil, ErrInvalid.Wrap(err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("passkey: finish registration: %w", err)
	}
	p := &Passkey{ID: id, AccountID: by.AccountID, credential: *c}
	p.describe()
	p.Name = cmp.Or(name, p.Model, "Passkey")
	return p, nil
}

// Save adds a passkey that FinishRegistration returned to its account and sets its CreatedAt. It returns
// ErrTaken when any account has the credential already, ErrTooMany, and account.ErrNotFound; on PostgreSQL
// the transaction can still be used after ErrTaken and ErrTooMany.
func (s *Service) Save(ctx context.Context, tx *db.Tx, p *Passkey) error {
	if err := account.Lock(ctx, tx, p.AccountID, p.AccountID); err != nil { // or two at once could both be the last
		return err
	}
	n, err := count(ctx, tx, p.AccountID)
	if err != nil {
		return err
	}
	if n >= MaxPerAccount {
		return ErrTooMany
	}
	return insert(ctx, tx, p)
}
