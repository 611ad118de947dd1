package recovery

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Refusals of who wants to be rid of second factors.
var (
	ErrNeedless     = fault.New(fault.Conflict, "recovery_needless", "This account has no second factor that could be lost.")
	ErrPasswordless = fault.New(fault.Conflict, "recovery_needs_password", "This account has no password, so second factors cannot be removed like this. Ask whoever runs this service.")
)

// What the mailed tokens of this file and the next are marked with.
const (
	purposeCancel = "factor_cancel"   // says no
	purposeFinish = "factor_recovery" // does it
)

// purposeStep marks the ticket of a sign-in that got as far as the second step; flow/signin issues it.
const purposeStep = "mfa"

// Bounds of a recovery. Whoever is away for a weekend shall still be able to say no.
const (
	factorDelay    = 72 * time.Hour
	minFactorDelay = 24 * time.Hour
	maxFactorDelay = 30 * 24 * time.Hour
	factorOpen     = 7 * 24 * time.Hour // how long it can be done once it can
)

// factorLimit is how often an account's recovery can be asked for: each mails to all its addresses.
var factorLimit = ratelimit.Limit{Name: "recovery.factor", Burst: 3, Per: 7 * 24 * time.Hour}

// factors is what a Service needs for second factors.
type factors struct {
	steps                  *ticket.Book
	cancels, finishes      *secret.Hasher
	cancelPage, finishPage string // addresses, with {token}
}

// newFactors takes the addresses of pages from where letters lead to the first page of this flow.
func newFactors(deps Deps) (factors, error) {
	forgot, err := url.Parse(deps.Letters.Links().Recover)
	if err != nil || !forgot.IsAbs() {
		return factors{}, errors.New("recovery: letters must lead to an absolute address for a new password")
	}
	page := func(path string) string {
		return forgot.ResolveReference(&url.URL{Path: path, RawQuery: "token={token}"}).String()
	}
	return factors{steps: ticket.NewBook(deps.Keys.Hasher), cancels: deps.Keys.Hasher(purposeCancel), finishes: deps.Keys.Hasher(purposeFinish),
		cancelPage: page(cancelPath), finishPage: page(finishPath)}, nil
}

// Lost is what somebody can do who lost a second factor.
type Lost struct {
	AccountID account.ID
	// Password: the account has one. Without it support has to help.
	Password bool
	// Waiting is what was asked for already; nil: nothing.
	Waiting *factor.Recovery

	epoch int64
}

// Lost returns what can be done by the holder of a sign-in's ticket, whose first factor was right. The
// ticket is not used up. It returns ticket.ErrRejected and ErrNeedless.
func (s *Service) Lost(ctx context.Context, step string) (*Lost, error) {
	t, err := s.steps.Find(ctx, s.DB, purposeStep, step)
	if err != nil {
		return nil, err
	}
	held, err := factor.Of(ctx, s.DB, t.AccountID)
	if errors.Is(err, account.ErrNotFound) {
		return nil, ticket.ErrRejected
	}
	if err != nil {
		return nil, err
	}
	if !held.Strong() {
		return nil, ErrNeedless
	}
	waiting, err := s.Pending(ctx, t.AccountID)
	return &Lost{AccountID: t.AccountID, Password: held.Password, Waiting: waiting, epoch: t.Epoch}, err
}

// Ask asks for the removal of second factors that were lost. It tells every address of the account, and
// takes a while before it can be done. Who asks again meanwhile is told of the first wish. It returns
// ErrPasswordless, ratelimit.ErrLimited and what Lost does.
func (s *Service) Ask(ctx context.Context, step string) (*factor.Recovery, error) {
	lost, err := s.Lost(ctx, step)
	if err != nil {
		return nil, err
	}
	if lost.Waiting != nil {
		return lost.Waiting, nil
	}
	if !lost.Password {
		return nil, ErrPasswordless
	}
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: factorLimit, Key: lost.AccountID.String()})
	if err != nil {
		return nil, err
	}
	var waiting *factor.Recovery
	begun := false
	err = s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		waiting, begun, err = s.begin(ctx, tx, lost)
		return err
	})
	if !begun {
		taken.Refund()
	}
	return waiting, err
}

// begin writes a wish down and tells of it, unless there is one.
func (s *Service) begin(ctx context.Context, tx *db.Tx, lost *Lost) (_ *factor.Recovery, begun bool, err error) {
	if err := account.Lock(ctx, tx, lost.AccountID, lost.AccountID); err != nil {
		return nil, false, err
	}
	w, err := factor.FindRecovery(ctx, tx, lost.AccountID, tx.Now)
	if !errors.Is(err, factor.ErrNoRecovery) {
		return w, false, err
	}
	owner, err := account.Find(ctx, tx, lost.AccountID)
	if errors.Is(err, account.ErrNotFound) || err == nil && (!owner.Active || owner.Epoch != lost.epoch) {
		return nil, false, ticket.ErrRejected // the first factor may be another by now
	}
	if err != nil {
		return nil, false, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, false, err
	}
	src, token, ready := audit.FromContext(ctx), secret.NewToken(), tx.Now.Add(s.cfg.FactorDelay)
	w = &factor.Recovery{ID: id, AccountID: owner.ID, AskedAt: tx.Now, ReadyAt: ready, ExpiresAt: ready.Add(factorOpen), Device: src.Device, Address: src.Address}
	if err := create(ctx, tx, w, s.cancels.Sum(token)); err != nil {
		return nil, false, err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "recovery.factor_asked", AccountID: owner.ID}); err != nil {
		return nil, false, err
	}
	return w, true, s.announce(ctx, tx, owner, letter.Content{Link: letter.With(s.cancelPage, token), Expires: ready})
}

// announce tells every address that is known to be the owner's, former ones too: somebody else may have
// changed it just before.
func (s *Service) announce(ctx context.Context, tx *db.Tx, owner *account.Account, content letter.Content) error {
	if err := s.Letters.Write(ctx, tx, letter.RecoveryAsked, owner.ID, content); err != nil {
		return err
	}
	former, err := formerAddresses(ctx, tx, owner)
	if err != nil {
		return err
	}
	for _, address := range former {
		if err := s.Letters.WriteTo(ctx, tx, letter.RecoveryAsked, owner.ID, address, owner.Profile.Locale, content); err != nil {
			return err
		}
	}
	return nil
}

// Pending returns what an account waits for, or nil: nobody asked for the removal of its second factors.
// Whoever is signed in shall see it, and be able to cancel it.
func (s *Service) Pending(ctx context.Context, id account.ID) (*factor.Recovery, error) {
	w, err := factor.FindRecovery(ctx, s.DB, id, s.DB.Now())
	if errors.Is(err, factor.ErrNoRecovery) {
		return nil, nil
	}
	return w, err
}

// Cancel ends what the account of whoever is signed in waits for, or returns factor.ErrNoRecovery.
func (s *Service) Cancel(ctx context.Context, by session.Bearer) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := account.Lock(ctx, tx, by.AccountID, by.AccountID); err != nil {
			return err
		}
		w, err := factor.FindRecovery(ctx, tx, by.AccountID, tx.Now)
		if err != nil {
			return err
		}
		return cancel(ctx, tx, w, audit.Event{Kind: "recovery.factor_cancelled", SessionID: by.SessionID, Reason: "session"})
	})
}

// CancelByLink is Cancel for whoever holds the token that was mailed when it was asked for. Saying no
// twice comes to the same. It returns letter.ErrLink and ratelimit.ErrLimited.
func (s *Service) CancelByLink(ctx context.Context, token string, from netip.Addr) error {
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerAddress, Key: ratelimit.AddressKey(from)})
	if err != nil {
		return err
	}
	err = s.cancelByLink(ctx, token)
	if !errors.Is(err, letter.ErrLink) {
		taken.Refund()
	}
	return err
}

func (s *Service) cancelByLink(ctx context.Context, token string) error {
	found, err := findCancel(ctx, s.DB, s.cancels, token, s.DB.Now())
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := account.Lock(ctx, tx, found.AccountID, found.AccountID); err != nil {
			return err
		}
		l, err := findCancel(ctx, tx, s.cancels, token, tx.Now)
		switch {
		case err != nil:
			return err
		case l.done:
			return letter.ErrLink
		case l.cancelled:
			return nil
		}
		return cancel(ctx, tx, &l.Recovery, audit.Event{Kind: "recovery.factor_cancelled", Reason: "link"})
	})
}

func cancel(ctx context.Context, tx *db.Tx, w *factor.Recovery, why audit.Event) error {
	if err := factor.CancelRecovery(ctx, tx, w.ID); err != nil {
		return err
	}
	why.AccountID = w.AccountID
	return audit.Record(ctx, tx, why)
}
