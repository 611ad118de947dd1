package profile

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// How much of each kind an export holds, the newest first. LeftOut names what there was more of.
const (
	maxSessions = 1_000
	maxEvents   = 10_000
	maxLetters  = 1_000
	maxLinks    = 1_000
	maxOthers   = 100 // of each kind of what there is little of
)

// Export is all that is held about an account, without what would give access to it.
type Export struct {
	ExportedAt time.Time          `json:"exported_at"`
	Account    account.JSON       `json:"account"`
	EraseAt    *time.Time         `json:"erase_at"` // when the account is to be erased
	Password   exportPassword     `json:"password"`
	Factors    exportFactors      `json:"second_factors"`
	Sessions   []exportSession    `json:"sessions"`
	Devices    []exportDevice     `json:"devices"`
	Events     []exportEvent      `json:"events"`
	Letters    []exportLetter     `json:"letters"`
	Links      []exportLink       `json:"links"`
	Names      []exportName       `json:"kept_names"`
	Recoveries []exportRequest    `json:"factor_recoveries"`
	Tenants    []exportMembership `json:"tenants"`
	// LeftOut names the lists above that would have been longer.
	LeftOut []string `json:"left_out"`
}

type exportPassword struct {
	ChangedAt *time.Time `json:"changed_at"`
}

// exportFactors is what is known of second factors, without what they sign in with.
type exportFactors struct {
	TOTP        []exportFactor    `json:"totp"`
	Passkeys    []exportFactor    `json:"passkeys"`
	BackupCodes exportBackupCodes `json:"backup_codes"`
	MailedSince *time.Time        `json:"mailed_codes_since"` // null: none are mailed
	DueAt       *time.Time        `json:"due_at"`             // until when the account may go without one
}

type exportFactor struct {
	Name        string     `json:"name"`
	CreatedAt   time.Time  `json:"created_at"`
	ConfirmedAt *time.Time `json:"confirmed_at"` // null: it waits to be
	LastUsedAt  *time.Time `json:"last_used_at"`
}

type exportBackupCodes struct {
	CreatedAt *time.Time `json:"created_at"`
	Left      int        `json:"left"`
	Used      int        `json:"used"`
}

type exportSession struct {
	ID          string     `json:"id"`
	Client      string     `json:"client_id"`
	Transport   string     `json:"transport"`
	Audience    string     `json:"audience"`
	Methods     []string   `json:"amr"`
	ACR         string     `json:"acr"`
	AuthTime    time.Time  `json:"auth_time"`
	CreatedAt   time.Time  `json:"created_at"`
	LastSeen    time.Time  `json:"last_seen_at"`
	ExpiresAt   time.Time  `json:"expires_at"`
	EndedAt     *time.Time `json:"ended_at"`
	EndedReason string     `json:"ended_reason"`
	Device      string     `json:"device"`
	Address     string     `json:"address"`
}

// exportDevice is a browser that is known by a cookie.
type exportDevice struct {
	CreatedAt    time.Time  `json:"first_seen_at"`
	TrustedUntil *time.Time `json:"trusted_until"`
}

type exportEvent struct {
	At        time.Time         `json:"at"`
	Kind      string            `json:"kind"`
	SessionID *string           `json:"session_id"`
	Actor     string            `json:"actor"`
	Address   string            `json:"address"`
	Device    string            `json:"device"`
	Reason    string            `json:"reason"`
	Detail    map[string]string `json:"detail"`
}

type exportLetter struct {
	Kind     string    `json:"kind"`
	QueuedAt time.Time `json:"queued_at"`
	State    string    `json:"state"` // waiting, sent, failed
}

// exportLink is a mailed permission, such as to choose a new password. What it takes to use it was
// in the mail and nowhere else.
type exportLink struct {
	Purpose   string     `json:"purpose"`
	Email     string     `json:"email"` // that the account gets with it, where it is about one
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	UsedAt    *time.Time `json:"used_at"`
}

// exportName is an address or a user name that was given up and is kept for the account.
type exportName struct {
	Kind  string    `json:"kind"`
	Name  string    `json:"name"`
	Until time.Time `json:"until"`
}

// exportRequest is a wish to be rid of lost second factors.
type exportRequest struct {
	CreatedAt   time.Time  `json:"created_at"`
	ReadyAt     time.Time  `json:"ready_at"`
	CancelledAt *time.Time `json:"cancelled_at"`
	DoneAt      *time.Time `json:"done_at"`
	Device      string     `json:"device"`
	Address     string     `json:"address"`
}

// exportMembership is a tenant that the account belongs to.
type exportMembership struct {
	ID          string         `json:"id"`
	Slug        string         `json:"slug"`
	Name        string         `json:"name"`
	Role        string         `json:"role"`
	Permissions []string       `json:"permissions"` // besides those of the role
	JoinedAt    time.Time      `json:"joined_at"`
	Attributes  map[string]any `json:"attributes"` // also those that are declared no more
}

// Export gathers what is held about whoever is signed in. It is audited, and as often as it is
// asked for it is counted; it returns session.ErrEnded and ratelimit.ErrLimited.
func (s *Service) Export(ctx context.Context, by session.Bearer) (*Export, error) {
	o, err := findOwner(ctx, s.DB, by)
	if err != nil {
		return nil, err
	}
	if _, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerExport, Key: by.AccountID.String()}); err != nil {
		return nil, err
	}
	// Before the data is handed out: there is no copy without its event.
	if err := audit.RecordAlone(ctx, s.DB, audit.Event{Kind: "account.exported", AccountID: by.AccountID, SessionID: by.SessionID}); err != nil {
		return nil, err
	}
	e := &Export{ExportedAt: s.DB.Now(), Account: o.account.JSON(), Password: exportPassword{moment(o.passwordChanged)}, EraseAt: moment(o.eraseAt), LeftOut: []string{}}
	if err := s.gather(ctx, e, o); err != nil {
		return nil, err
	}
	return e, nil
}

// gather reads every list, and of each one row more than it may have, within the account's own scope:
// what happened to it in tenants is its own too.
func (s *Service) gather(ctx context.Context, e *Export, o *owner) error {
	id := o.account.ID
	own := s.DB.In(db.Member(id))
	for _, read := range []func() error{
		func() (err error) { e.Factors, err = factorsOf(ctx, own, id); return err },
		func() (err error) { e.Sessions, err = sessionsOf(ctx, own, id); return err },
		func() (err error) { e.Devices, err = devicesOf(ctx, own, id); return err },
		func() (err error) { e.Events, err = eventsOf(ctx, own, id); return err },
		func() (err error) { e.Letters, err = lettersTo(ctx, own, o); return err },
		func() (err error) { e.Links, err = linksOf(ctx, own, id); return err },
		func() (err error) { e.Names, err = namesOf(ctx, own, id); return err },
		func() (err error) { e.Recoveries, err = recoveriesOf(ctx, own, id); return err },
		func() (err error) { e.Tenants, err = tenantsOf(ctx, s.DB, id); return err },
	} {
		if err := read(); err != nil {
			return err
		}
	}
	e.Factors.TOTP = shorten(e, "totp", e.Factors.TOTP, maxOthers)
	e.Factors.Passkeys = shorten(e, "passkeys", e.Factors.Passkeys, maxOthers)
	e.Sessions = shorten(e, "sessions", e.Sessions, maxSessions)
	e.Devices = shorten(e, "devices", e.Devices, maxOthers)
	e.Events = shorten(e, "events", e.Events, maxEvents)
	e.Letters = shorten(e, "letters", e.Letters, maxLetters)
	e.Links = shorten(e, "links", e.Links, maxLinks)
	e.Names = shorten(e, "kept_names", e.Names, maxOthers)
	e.Recoveries = shorten(e, "factor_recoveries", e.Recoveries, maxOthers)
	return nil
}

// shorten cuts a list that was read with one row more than it may have.
func shorten[T any](e *Export, name string, list []T, most int) []T {
	if len(list) <= most {
		return list
	}
	e.LeftOut = append(e.LeftOut, name)
	return list[:most]
}

// moment returns nil for never.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
