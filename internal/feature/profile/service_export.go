package profile

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// How much of each kind an export holds, the newest first. LeftOut names what there was more of.
const (
	maxSessions = 1_000
	maxEvents   = 10_000
	maxLetters  = 1_000
	maxLinks    = 1_000
)

// Export is all that is held about an account, without what would give access to it.
type Export struct {
	ExportedAt time.Time       `json:"exported_at"`
	Account    account.JSON    `json:"account"`
	Password   exportPassword  `json:"password"`
	Sessions   []exportSession `json:"sessions"`
	Events     []exportEvent   `json:"events"`
	Letters    []exportLetter  `json:"letters"`
	Links      []exportLink    `json:"links"`
	// LeftOut names the lists above that would have been longer.
	LeftOut []string `json:"left_out"`
}

type exportPassword struct {
	ChangedAt *time.Time `json:"changed_at"`
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
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	UsedAt    *time.Time `json:"used_at"`
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
	e := &Export{ExportedAt: s.DB.Now(), Account: o.account.JSON(), Password: exportPassword{moment(o.passwordChanged)}, LeftOut: []string{}}
	if e.Sessions, err = sessionsOf(ctx, s.DB, by.AccountID); err != nil {
		return nil, err
	}
	if e.Events, err = eventsOf(ctx, s.DB, by.AccountID); err != nil {
		return nil, err
	}
	if e.Letters, err = lettersTo(ctx, s.DB, o); err != nil {
		return nil, err
	}
	if e.Links, err = linksOf(ctx, s.DB, by.AccountID); err != nil {
		return nil, err
	}
	e.Sessions = shorten(e, "sessions", e.Sessions, maxSessions)
	e.Events = shorten(e, "events", e.Events, maxEvents)
	e.Letters = shorten(e, "letters", e.Letters, maxLetters)
	e.Links = shorten(e, "links", e.Links, maxLinks)
	return e, nil
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
