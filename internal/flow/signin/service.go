package signin

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Attempt is a wish to sign in with a password.
type Attempt struct {
	Email     string // one of Email and Username
	Username  string
	Password  string
	Audience  string // empty: the first configured
	Tenant    string // slug or id of the one that the tokens are to be for; empty: none
	Transport string // session.Body or session.Cookie
	Address   netip.Addr
	Browser   Browser
}

// Login checks a password and starts a session. For a missing account it does the same
// statements and the same work as for a wrong password, and says the same. It returns
// ErrCredentials, ErrNotVerified and ErrDisabled (only after a right password),
// ratelimit.ErrLimited, password.ErrBusy, and faults for malformed input.
func (s *Service) Login(ctx context.Context, in Attempt) (*SignedIn, error) {
	audience, err := s.audience(in.Audience)
	if err != nil {
		return nil, err
	}
	var done *SignedIn
	err = s.attempt(ctx, in, func(found *candidate) (err error) {
		done, err = s.signIn(ctx, found.proven(authn.Password), goal{Transport: in.Transport, Audience: audience, Tenant: in.Tenant}, in.Browser)
		return err
	})
	return done, err
}

// audience returns the one asked for, or the first where none is.
func (s *Service) audience(asked string) (string, error) {
	if asked == "" {
		return s.cfg.Audiences[0], nil
	}
	if !slices.Contains(s.cfg.Audiences, asked) {
		return "", ErrAudience
	}
	return asked, nil
}

// attempt finds who is meant, checks the password and hands the account to signedIn.
func (s *Service) attempt(ctx context.Context, in Attempt, signedIn func(*candidate) error) error {
	by, err := s.identify(in)
	if err != nil {
		return err
	}
	found, err := find(ctx, s.DB, by)
	if err != nil {
		return err
	}
	leave, err := s.enter(ctx, in, found.lockKey(by))
	if err != nil {
		return err
	}
	defer leave()
	if refusal, err := s.prove(ctx, in, by, found); err != nil || refusal != nil {
		return cmp.Or(err, refusal) // without its trace a refusal is a failure
	}
	return signedIn(found)
}

// enter waits for a place among the attempts from the same address and on the same account.
func (s *Service) enter(ctx context.Context, in Attempt, account string) (leave func(), err error) {
	leaveAddress, err := s.perAddress.enter(ctx, ratelimit.AddressKey(in.Address))
	if err != nil {
		return nil, err
	}
	leaveAccount, err := s.perAccount.enter(ctx, account)
	if err != nil {
		leaveAddress()
		return nil, err
	}
	return func() { leaveAccount(); leaveAddress() }, nil
}

// identifier is how the person named themselves, checked.
type identifier struct {
	column string // of table account
	key    string
}

func (s *Service) identify(in Attempt) (identifier, error) {
	switch {
	case in.Email != "" && in.Username == "" && s.cfg.Identifier != ByUsername:
		e, err := account.ParseEmail(in.Email)
		return identifier{"email_key", e.Key}, err
	case in.Username != "" && in.Email == "" && s.cfg.Identifier != ByEmail:
		u, err := account.ParseUsername(in.Username)
		return identifier{"username_key", u.Key}, err
	default:
		return identifier{}, ErrIdentifier
	}
}

// prove checks the password of whoever was found, and returns the refusal where there is one. A
// refusal leaves its trace: the limiter has counted it and the audit says why.
func (s *Service) prove(ctx context.Context, in Attempt, by identifier, found *candidate) (refusal, err error) {
	taken, err := s.Limiter.Take(ctx,
		ratelimit.Bucket{Limit: s.cfg.PerAccount, Key: found.lockKey(by)},
		ratelimit.Bucket{Limit: s.cfg.PerAddress, Key: ratelimit.AddressKey(in.Address)})
	if errors.Is(err, ratelimit.ErrLimited) {
		if !s.noted.First(found.lockKey(by), s.DB.Now()) {
			s.attempts.refuse(rateLimited)
			return err, nil
		}
		return err, s.refused(ctx, found.auditID(), rateLimited)
	}
	if err != nil {
		return nil, err
	}
	proof, err := s.verify(ctx, found, in.Password)
	switch {
	case err != nil:
		taken.Refund() // nothing was learnt about the password
		return nil, err
	case proof.registered:
		return ErrNotVerified, s.refused(ctx, found.auditID(), "registration_waits")
	case !proof.OK:
		return ErrCredentials, s.refused(ctx, found.auditID(), found.whyWrong())
	}
	taken.Refund()
	switch {
	case !found.account.Active:
		return ErrDisabled, s.refused(ctx, found.auditID(), "account_disabled")
	case !found.account.EmailVerified:
		return ErrNotVerified, s.refused(ctx, found.auditID(), "email_not_verified")
	}
	if proof.Upgrade {
		s.upgrade(ctx, found, in.Password)
	}
	return nil, nil
}

// worth is what a password is.
type worth struct {
	password.Result
	// registered: it is not the account's, but that of a registration for the address.
	registered bool
}

// verify looks at the account's password first, or at nothing for the same time, and then at
// that of a waiting registration. Whether there is an account changes neither how much is done
// nor what whoever registered the address is told. So a registration's password counts as a
// try: it could be a guess at the account's.
func (s *Service) verify(ctx context.Context, found *candidate, pass string) (p worth, err error) {
	if found.missing() {
		err = s.Hasher.VerifyNothing(ctx, pass)
	} else {
		p.Result, err = s.Hasher.Verify(ctx, found.hash, pass)
	}
	if err != nil || p.OK || found.waiting == "" {
		return p, err
	}
	waiting, err := s.Hasher.Verify(ctx, found.waiting, pass)
	p.registered = waiting.OK
	return p, err
}

// upgrade stores the password under today's parameters. It may fail without harm: the next
// sign-in tries again.
func (s *Service) upgrade(ctx context.Context, found *candidate, pass string) {
	hash, err := s.Hasher.Hash(ctx, pass)
	if err == nil {
		err = replaceHash(ctx, s.DB, found.account.ID, found.hash, hash)
	}
	if err != nil {
		s.Logger.WarnContext(ctx, "password hash was not upgraded", "account_id", found.account.ID, "error", err)
	}
}

// refused leaves the trace of an attempt that was refused; id is uuid.Nil where nobody is known.
func (s *Service) refused(ctx context.Context, id account.ID, why string) error {
	s.attempts.refuse(why)
	return audit.RecordAlone(ctx, s.DB, audit.Event{Kind: "signin.refused", AccountID: id, Reason: why})
}
