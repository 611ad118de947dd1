package gatehouse

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
)

// AccountSearch is what [Gatehouse.SearchAccounts] looks for. Empty members take their defaults.
type AccountSearch struct {
	By     string // email (default), username, name or id
	Prefix string // how it begins; an id is given whole
	Status string // all (default), active, disabled, unverified or staff
	After  string // what the page before returned as next
	Limit  int    // 1 to 200; 0 means 50
}

// SearchAccounts returns accounts, and what After takes for the next page, empty at the end: the
// newest first without a prefix, else in the order of what is looked at. Error codes:
// search_invalid, query_invalid.
func (g *Gatehouse) SearchAccounts(ctx context.Context, q AccountSearch) (accounts []*Account, next string, err error) {
	page, err := g.manage.Search(ctx, operator(nil), manage.Query(q))
	for _, a := range page.Items {
		accounts = append(accounts, show(a))
	}
	return accounts, page.Next, err
}

// SignOutAccount ends every session of the account with this id. Error code: account_not_found.
func (g *Gatehouse) SignOutAccount(ctx context.Context, id string) (*Account, error) {
	return shown(g.manage.SignOut(ctx, operator(nil), id))
}

// SendReset mails the owner of the account with this id a link to choose a new password. Error codes:
// account_not_found, account_inactive.
func (g *Gatehouse) SendReset(ctx context.Context, id string) (*Account, error) {
	return shown(g.manage.SendReset(ctx, operator(nil), id))
}

// UnlockAccount forgives the account with this id its failed sign-ins. Error code: account_not_found.
func (g *Gatehouse) UnlockAccount(ctx context.Context, id string) (*Account, error) {
	return shown(g.manage.Unlock(ctx, operator(nil), id))
}

// SetStaff says whether the account with this id is a member of staff. Who becomes one has the role
// operator; see [Gatehouse.SetStaffRole]. Who is not is no superuser either. Whoever's rank changes is
// signed out everywhere. Error codes: account_not_found, last_superuser.
func (g *Gatehouse) SetStaff(ctx context.Context, id string, staff bool, options ...AccountOption) (*Account, error) {
	return shown(g.manage.SetRank(ctx, operator(options), id, manage.Rank{Staff: &staff}))
}

// SetStaffRole makes the account with this id a member of staff who may do what the role allows: operator,
// support, auditor, or one of Config.Staff. Whoever's role changes is signed out everywhere. Error codes:
// account_not_found, staff_role_unknown.
func (g *Gatehouse) SetStaffRole(ctx context.Context, id, role string) (*Account, error) {
	staff := true
	return shown(g.manage.SetRank(ctx, operator(nil), id, manage.Rank{Staff: &staff, Role: &role}))
}

// SetSuperuser says whether the account with this id may do everything, which makes it staff. Who no
// longer may stays staff and is signed out everywhere. Error codes: account_not_found,
// last_superuser.
func (g *Gatehouse) SetSuperuser(ctx context.Context, id string, superuser bool, options ...AccountOption) (*Account, error) {
	return shown(g.manage.SetRank(ctx, operator(options), id, manage.Rank{Superuser: &superuser}))
}

// ResetFactors takes every second factor from an account whose owner lost them, signs it out everywhere
// and tells its owner by mail. The audit keeps the reason, 10 to 300 characters: by what else the owner
// was known to be the owner. Error codes: account_not_found, reason_required, factors_none.
func (g *Gatehouse) ResetFactors(ctx context.Context, id, reason string, options ...AccountOption) (*Account, error) {
	return shown(g.manage.ResetFactors(ctx, operator(options), id, reason))
}

// CancelRecovery keeps somebody from removing an account's second factors who says that they lost them.
// That nobody does is no mistake. Error code: account_not_found.
func (g *Gatehouse) CancelRecovery(ctx context.Context, id string, options ...AccountOption) (*Account, error) {
	return shown(g.manage.CancelRecovery(ctx, operator(options), id))
}

// Session is a sign-in on one client, as the admin API shows it.
type Session struct {
	ID        string     `json:"id"` // the claim sid
	Account   string     `json:"account"`
	Email     string     `json:"email"`
	Client    string     `json:"client_id"`
	Transport string     `json:"transport"`
	Methods   []string   `json:"amr"`
	ACR       string     `json:"acr"`
	Device    string     `json:"device"`
	Address   string     `json:"address"`
	CreatedAt time.Time  `json:"created_at"`
	LastSeen  time.Time  `json:"last_seen_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	Live      bool       `json:"live"`
	EndedAt   *time.Time `json:"ended_at"` // nil unless this one was ended
	Reason    string     `json:"ended_reason"`
}

// SessionSearch is what [Gatehouse.Sessions] looks for.
type SessionSearch struct {
	Account string // id; empty: of all accounts
	After   string // what the page before returned as next
	Limit   int    // 1 to 200; 0 means 50
}

// Sessions returns sessions, the newest first, those that are over among them until they are swept,
// and what After takes for the next page. Error codes: account_not_found, query_invalid.
func (g *Gatehouse) Sessions(ctx context.Context, q SessionSearch) (sessions []Session, next string, err error) {
	page, err := g.manage.Sessions(ctx, operator(nil), manage.SessionQuery(q))
	for _, r := range page.Items {
		sessions = append(sessions, Session(manage.SessionOf(r)))
	}
	return sessions, page.Next, err
}

// EndSession ends one session. Error code: session_not_found.
func (g *Gatehouse) EndSession(ctx context.Context, id string) error {
	sid, err := uuid.Parse(id)
	if err != nil {
		return session.ErrNotFound
	}
	return g.manage.EndSession(ctx, operator(nil), sid)
}

// Mail is a mail in the queue, without what it says.
type Mail struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`
	Recipient  string     `json:"recipient"`
	State      string     `json:"state"` // waiting, running, dead or done
	Attempts   int        `json:"attempts"`
	EnqueuedAt time.Time  `json:"enqueued_at"`
	NextRun    *time.Time `json:"next_run_at"` // nil when it is done or dead
	EndedAt    *time.Time `json:"ended_at"`    // nil unless it is
	Error      string     `json:"error"`       // of the last attempt
}

// MailSearch is what [Gatehouse.Mails] looks for.
type MailSearch struct {
	State string // waiting, running, dead or done; empty: all
	After string // what the page before returned as next
	Limit int    // 1 to 200; 0 means 50
}

// Mails returns the mail queue and what After takes for the next page: what waits or runs in the order
// of its turn, all else the newest first. Error codes: job_state_invalid, query_invalid.
func (g *Gatehouse) Mails(ctx context.Context, q MailSearch) (mails []Mail, next string, err error) {
	page, err := g.manage.Mails(ctx, operator(nil), manage.MailQuery(q))
	for _, m := range page.Items {
		mails = append(mails, Mail(m.JSON()))
	}
	return mails, page.Next, err
}

// RetryMail gives a dead letter all its attempts again, from now. Error code: job_not_found.
func (g *Gatehouse) RetryMail(ctx context.Context, id string) error {
	return onMail(ctx, id, g.manage.RetryMail)
}

// DiscardMail deletes a dead letter. Error code: job_not_found.
func (g *Gatehouse) DiscardMail(ctx context.Context, id string) error {
	return onMail(ctx, id, g.manage.DiscardMail)
}

func onMail(ctx context.Context, id string, deed func(context.Context, manage.Actor, uuid.UUID) error) error {
	mail, err := uuid.Parse(id)
	if err != nil {
		return jobs.ErrNotFound
	}
	return deed(ctx, operator(nil), mail)
}

// AuditEvent is one thing that happened; see docs/audit.md.
type AuditEvent struct {
	ID         string            `json:"id"`
	At         time.Time         `json:"at"`
	Kind       string            `json:"kind"`
	Account    string            `json:"account"` // empty when it is gone
	Email      string            `json:"email"`
	AccountID  string            `json:"account_id"` // the inner id, which stays
	SessionID  string            `json:"session_id"`
	TenantID   string            `json:"tenant_id"` // empty: it happened in none
	Actor      string            `json:"actor"`     // self, cli, system or the inner id of a member of staff
	ActorEmail string            `json:"actor_email"`
	Address    string            `json:"address"`
	Device     string            `json:"device"`
	RequestID  string            `json:"request_id"`
	Reason     string            `json:"reason"`
	Detail     map[string]string `json:"detail"`
}

// AuditSearch is what [Gatehouse.AuditEvents] looks for. Empty members pick nothing out.
type AuditSearch struct {
	Account string // id, or the inner id of an account that is gone
	Tenant  string // slug, or the id, of a tenant that is gone too
	Kind    string // the kind or how it begins, such as session.
	Actor   string // self, cli, system, or an account by address, id or user name
	Address string // network address
	Since   time.Time
	Until   time.Time // not included
	After   string    // what the page before returned as next
	Limit   int       // 1 to 200; 0 means 50
}

// AuditEvents returns audit events, the newest first, and what After takes for the next page. A page
// may be short, even empty, and not be the last. Error codes: account_not_found, tenant_not_found,
// query_invalid.
func (g *Gatehouse) AuditEvents(ctx context.Context, q AuditSearch) (events []AuditEvent, next string, err error) {
	page, err := g.manage.Audit(ctx, operator(nil), manage.AuditQuery(q))
	for _, e := range page.Items {
		events = append(events, AuditEvent(e.JSON()))
	}
	return events, page.Next, err
}

// ExportAudit writes audit events to w as CSV (RFC 4180), the newest first, at most 100,000 with a
// last row that says so. No cell is a formula to a spreadsheet. q's After and Limit are ignored.
func (g *Gatehouse) ExportAudit(ctx context.Context, q AuditSearch, w io.Writer) error {
	return g.manage.ExportAudit(ctx, operator(nil), manage.AuditQuery(q), w)
}
