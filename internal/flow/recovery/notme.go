package recovery

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// purposeNotMe is what the rows and hashes of tokens are marked with that tell of a sign-in.
const purposeNotMe = "not_me"

// notMeLife is how long the owner of an account may take to read that somebody signed in to it.
const notMeLife = 7 * 24 * time.Hour

// IssueNotMe makes the token of a mail that tells of a sign-in, in the sign-in's transaction, and returns until
// when it is good. Whoever the mail goes to can end that session with it, and no more: it lets nobody in, so it
// stays good when the epoch or the address of the account moves on, as whoever signed in might make it do.
func (s *Service) IssueNotMe(ctx context.Context, tx *db.Tx, accountID account.ID, sessionID uuid.UUID, epoch int64) (token string, until time.Time, err error) {
	token, until = secret.NewToken(), tx.Now.Add(notMeLife)
	return token, until, issueNotMe(ctx, tx, accountID, sessionID, epoch, s.notMe.Sum(token), until)
}

// NotMe does what somebody wants who was told of a sign-in that was not theirs: that session ends, and
// every browser counts as a new one again. It returns whether that was done before, which is no mistake,
// letter.ErrLink and ratelimit.ErrLimited.
func (s *Service) NotMe(ctx context.Context, token string, from netip.Addr) (again bool, err error) {
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerAddress, Key: ratelimit.AddressKey(from)})
	if err != nil {
		return false, err
	}
	t, err := findNotMe(ctx, s.DB, s.notMe, token)
	if !errors.Is(err, letter.ErrLink) {
		taken.Refund()
	}
	if err != nil {
		return false, err
	}
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		first, err := useNotMe(ctx, tx, t.id)
		if again = !first; err != nil || again {
			return err
		}
		return disown(ctx, tx, t)
	})
	return again, err
}

func disown(ctx context.Context, tx *db.Tx, t *sighting) error {
	if _, _, err := session.End(ctx, tx, t.sessionID, session.EndedByOwner); err != nil {
		return err
	}
	if err := device.Forget(ctx, tx, t.accountID); err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Event{Kind: "session.disowned", AccountID: t.accountID, SessionID: t.sessionID, Reason: session.EndedByOwner})
}
