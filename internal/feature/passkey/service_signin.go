package passkey

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// BeginSignIn issues a challenge that any account's passkey may answer, if its authenticator verifies its
// user. data comes back with the Assertion; it is kept as it is, so it holds no secret. Anybody may ask:
// the caller limits how often.
func (s *Service) BeginSignIn(ctx context.Context, data string) (*Challenge, error) {
	request, _, err := s.rp.BeginDiscoverableLogin()
	if err != nil {
		return nil, fmt.Errorf("passkey: begin sign-in: %w", err)
	}
	return s.issue(ctx, &ticket.Ticket{Purpose: purposeSignIn}, state{Challenge: request.Response.Challenge.String(), Data: data}, request.Response)
}

// FinishSignIn verifies the answer to a challenge of BeginSignIn and returns whose passkey answered. It is
// two statements. It returns ErrRejected for whatever is wrong.
func (s *Service) FinishSignIn(ctx context.Context, token string, response []byte) (*Assertion, error) {
	_, st, err := s.spend(ctx, purposeSignIn, token)
	if err != nil {
		return nil, notSpent(err)
	}
	a, err := read[assertion](response)
	if err != nil {
		return nil, refused(ReasonMalformed, uuid.Nil, err)
	}
	p, who, err := findAnyone(ctx, s.db, a.ID)
	if err != nil {
		return nil, notFound(err)
	}
	// Whose passkey it is was looked up by its id; the authenticator must say the same (WebAuthn section
	// 7.2 step 6).
	if len(a.Response.UserHandle) == 0 {
		return nil, refused(ReasonUnproven, p.AccountID, errors.New("the answer has no user handle"))
	}
	out, err := s.assert(p, st, protocol.VerificationRequired, a)
	if err != nil {
		return nil, err
	}
	out.Account, out.Epoch = who, who.Epoch
	return out, nil
}

// BeginProof issues a challenge that any passkey of an account may answer, for what parent stands for: a
// sign-in under way or a session. The authenticator need not verify its user. It returns ErrNotFound when
// the account has no passkey, and account.ErrNotFound.
func (s *Service) BeginProof(ctx context.Context, accountID, parent uuid.UUID) (*Challenge, error) {
	epoch, held, err := findHeld(ctx, s.db, accountID)
	if err != nil {
		return nil, err
	}
	if len(held) == 0 {
		return nil, ErrNotFound
	}
	request, _, err := s.rp.BeginLogin(&owner{id: accountID, credentials: held}, webauthn.WithUserVerification(protocol.VerificationPreferred))
	if err != nil {
		return nil, fmt.Errorf("passkey: begin proof: %w", err)
	}
	return s.issue(ctx, &ticket.Ticket{Purpose: purposeProof, AccountID: accountID, Epoch: epoch},
		state{Challenge: request.Response.Challenge.String(), Parent: parent}, request.Response)
}

// FinishProof verifies the answer to a challenge of BeginProof for the same account and parent. It is two
// statements. It returns ErrRejected for whatever is wrong.
func (s *Service) FinishProof(ctx context.Context, accountID, parent uuid.UUID, token string, response []byte) (*Assertion, error) {
	t, st, err := s.spend(ctx, purposeProof, token)
	if err != nil {
		return nil, notSpent(err)
	}
	if t.AccountID != accountID || st.Parent != parent {
		return nil, refused(ReasonChallenge, uuid.Nil, errors.New("the challenge is another's"))
	}
	a, err := read[assertion](response)
	if err != nil {
		return nil, refused(ReasonMalformed, uuid.Nil, err)
	}
	p, err := findOwn(ctx, s.db, a.ID, accountID)
	if err != nil {
		return nil, notFound(err)
	}
	out, err := s.assert(p, st, protocol.VerificationPreferred, a)
	if err != nil {
		return nil, err
	}
	out.Epoch = t.Epoch // the account's when the challenge was spent
	return out, nil
}

// Spend notes that an accepted answer was used: the authenticator's counter, whether the key is backed
// up, and when. It is one statement, in the transaction of what the answer allows. It returns ErrRejected
// when the passkey was removed meanwhile, or another answer of its authenticator was quicker.
func (s *Service) Spend(ctx context.Context, tx *db.Tx, a *Assertion) error {
	changed, err := update(ctx, tx, a.Passkey)
	if err != nil {
		return err
	}
	if !changed {
		return refused(ReasonOvertaken, a.AccountID, nil)
	}
	return nil
}

// assert verifies an answer of passkey p.
func (s *Service) assert(p *Passkey, st state, uv protocol.UserVerificationRequirement, a *answer[assertion]) (*Assertion, error) {
	o := &owner{id: p.AccountID, credentials: []webauthn.Credential{p.credential}}
	c, verified, err := s.verifyUse(o, st.Challenge, uv, a)
	if errors.Is(err, errCounter) {
		return nil, refused(ReasonCounter, p.AccountID, err)
	}
	if err != nil {
		return nil, refused(ReasonUnproven, p.AccountID, err)
	}
	p.credential = *c
	p.describe()
	out := &Assertion{AccountID: p.AccountID, Data: st.Data, Passkey: p, Methods: []string{p.Method()}}
	if verified {
		out.Methods = append(out.Methods, authn.Multi)
	}
	return out, nil
}

// notSpent words why a challenge could not be spent. A failure is no refusal.
func notSpent(err error) error {
	if errors.Is(err, ticket.ErrRejected) {
		return refused(ReasonChallenge, uuid.Nil, err)
	}
	return err
}

func notFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return refused(ReasonUnknown, uuid.Nil, err)
	}
	return err
}
