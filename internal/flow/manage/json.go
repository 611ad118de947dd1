package manage

import (
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// SessionJSON is a session as the API and the command line show it.
type SessionJSON struct {
	ID        string     `json:"id"`
	Account   string     `json:"account" doc:"The account's id"`
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
	Live      bool       `json:"live" doc:"Whether it stands"`
	EndedAt   *time.Time `json:"ended_at" doc:"null unless this one was ended"`
	Reason    string     `json:"ended_reason"`
}

// SessionOf returns a session as JSON.
func SessionOf(r session.Row) SessionJSON {
	return SessionJSON{ID: r.ID.String(), Account: r.Subject, Email: r.Email, Client: r.Client.ID, Transport: r.Client.Transport, Methods: r.Methods, ACR: r.Level.ACR(),
		Device: r.Device, Address: r.Address, CreatedAt: r.CreatedAt, LastSeen: r.LastSeen, ExpiresAt: r.ExpiresAt, Live: r.Live, EndedAt: optional(r.EndedAt), Reason: r.EndedReason}
}

// EventJSON is an audit event as the API and the command line show it.
type EventJSON struct {
	ID         string            `json:"id"`
	At         time.Time         `json:"at"`
	Kind       string            `json:"kind"`
	Account    string            `json:"account" doc:"The account's id; empty when it is gone, or the event concerns nobody"`
	Email      string            `json:"email"`
	AccountID  string            `json:"account_id" doc:"The account's inner id, which stays when the account is gone"`
	SessionID  string            `json:"session_id"`
	TenantID   string            `json:"tenant_id" doc:"Of the tenant that it happened in; empty: in none"`
	Actor      string            `json:"actor" doc:"self, cli, system or the inner id of a member of staff"`
	ActorEmail string            `json:"actor_email"`
	Address    string            `json:"address"`
	Device     string            `json:"device"`
	RequestID  string            `json:"request_id"`
	Reason     string            `json:"reason"`
	Detail     map[string]string `json:"detail"`
}

// JSON returns the event as JSON.
func (e Event) JSON() EventJSON {
	return EventJSON{ID: e.ID.String(), At: e.At, Kind: e.Kind, Account: e.Subject, Email: e.Email, AccountID: idText(e.AccountID), SessionID: idText(e.SessionID), TenantID: idText(e.TenantID),
		Actor: e.Source.Actor, ActorEmail: e.ActorEmail, Address: e.Source.Address, Device: e.Source.Device, RequestID: e.Source.RequestID, Reason: e.Reason, Detail: e.Detail}
}

// MailJSON is a mail of the queue as the API and the command line show it.
type MailJSON struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`
	Recipient  string     `json:"recipient" doc:"An address"`
	State      string     `json:"state" enum:"waiting,running,dead,done"`
	Attempts   int        `json:"attempts"`
	EnqueuedAt time.Time  `json:"enqueued_at"`
	NextRun    *time.Time `json:"next_run_at" doc:"null when it is done or dead"`
	EndedAt    *time.Time `json:"ended_at" doc:"null unless it is done or dead"`
	Error      string     `json:"error" doc:"Of the last attempt"`
}

// JSON returns the mail as JSON.
func (m Mail) JSON() MailJSON {
	j := MailJSON{ID: m.ID.String(), Kind: m.Kind, Recipient: m.Email, State: string(m.State), Attempts: m.Attempts, EnqueuedAt: m.EnqueuedAt, EndedAt: optional(m.EndedAt), Error: m.Error}
	if m.EndedAt.IsZero() {
		j.NextRun = optional(m.RunAt)
	}
	return j
}

// OutcomeJSON is what happened to one account of many.
type OutcomeJSON struct {
	ID     string `json:"id"`
	Done   bool   `json:"done"`
	Code   string `json:"code" doc:"Why not; empty when it was done"`
	Detail string `json:"detail"`
}

// JSON returns the outcome as JSON. What is no fault is told nobody.
func (o Outcome) JSON() OutcomeJSON {
	j := OutcomeJSON{ID: o.Subject, Done: o.Err == nil}
	if f, ok := fault.From(o.Err); ok {
		j.Code, j.Detail = f.Code, f.Detail
	} else if o.Err != nil {
		j.Code = "internal"
	}
	return j
}

// FactorsJSON is by what the owner of an account can prove themselves.
type FactorsJSON struct {
	Password    bool          `json:"password"`
	EmailCode   bool          `json:"email_code" doc:"Whether a mailed code is the second step"`
	BackupCodes int           `json:"backup_codes" doc:"How many are left"`
	Named       []NamedJSON   `json:"named" doc:"Apps and passkeys, the oldest first"`
	Recovery    *RecoveryJSON `json:"recovery" doc:"What somebody waits for who lost them; null: nobody does"`
}

// NamedJSON is an app or a passkey.
type NamedJSON struct {
	Method     string     `json:"method" enum:"totp,passkey"`
	Name       string     `json:"name" doc:"In the owner's words"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"null: never"`
}

// RecoveryJSON is a removal of lost second factors that is waited for.
type RecoveryJSON struct {
	AskedAt   time.Time `json:"asked_at"`
	ReadyAt   time.Time `json:"ready_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Device    string    `json:"device"`
	Address   string    `json:"address"`
}

// JSON returns the factors as JSON.
func (f Factors) JSON() FactorsJSON {
	j := FactorsJSON{Password: f.Password, EmailCode: f.Email, BackupCodes: f.BackupCodes, Named: listed(f.Named, func(n factor.Named) NamedJSON {
		return NamedJSON{n.Method, n.Name, n.CreatedAt, optional(n.LastUsedAt)}
	})}
	if w := f.Recovery; w != nil {
		j.Recovery = &RecoveryJSON{w.AskedAt, w.ReadyAt, w.ExpiresAt, w.Device, w.Address}
	}
	return j
}

// DetailJSON is everything about a person.
type DetailJSON struct {
	Account  account.JSON  `json:"account"`
	Factors  FactorsJSON   `json:"factors"`
	Sessions []SessionJSON `json:"sessions,omitzero" doc:"The newest 50, those that are over among them; left out for who lacks sessions.read"`
	Events   []EventJSON   `json:"events,omitzero" doc:"The newest 50; left out for who lacks audit.read"`
	Mails    []MailJSON    `json:"mails,omitzero" doc:"The newest 50; never what they say; left out for who lacks mails.read"`
}

// JSON returns it as JSON.
func (d *Detail) JSON() DetailJSON {
	j := DetailJSON{Account: d.Account.JSON(), Factors: d.Factors.JSON()}
	if d.Sessions != nil {
		j.Sessions = listed(d.Sessions, SessionOf)
	}
	if d.Events != nil {
		j.Events = listed(d.Events, Event.JSON)
	}
	if d.Mails != nil {
		j.Mails = listed(d.Mails, Mail.JSON)
	}
	return j
}

// listed is never null in JSON.
func listed[T, J any](all []T, fn func(T) J) []J {
	out := make([]J, len(all))
	for i, one := range all {
		out[i] = fn(one)
	}
	return out
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}
