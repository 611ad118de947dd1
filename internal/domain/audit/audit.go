// Package audit writes down what happened to whom: append-only rows, written in the
// transaction of what they speak of. Rows hold no secrets and outlive their account.
// What becomes of the rows (export, delivery) is left to others.
package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Retention is how long events are kept before Sweep removes them.
const Retention = 400 * 24 * time.Hour

// Source is who asked for something and from where. It travels in the context, because
// every use case needs it and none decides by it.
type Source struct {
	Actor     string // "self", "cli", "system", or a staff member's account id
	Address   string // network address, as trusted proxies tell it
	Device    string // the caller's own claim
	RequestID string
}

type sourceKey struct{}

// NewContext returns a context that carries s.
func NewContext(ctx context.Context, s Source) context.Context {
	return context.WithValue(ctx, sourceKey{}, s)
}

// FromContext returns the source in ctx; without one, the system itself is at work.
func FromContext(ctx context.Context) Source {
	if s, ok := ctx.Value(sourceKey{}).(Source); ok {
		return s
	}
	return Source{Actor: "system"}
}

// Event is one thing that happened.
type Event struct {
	Kind      string // noun.verb, for example "session.created"
	AccountID uuid.UUID
	SessionID uuid.UUID
	// TenantID is the tenant that it happened in; uuid.Nil: in none. Its transaction is within the scope of
	// that tenant, and the tenant's members who may can read it.
	TenantID uuid.UUID
	Reason   string // why it was refused or ended; the true one
	Detail   map[string]string
}

const insert = `INSERT INTO audit_event (id, at, kind, account_id, session_id, actor, address, device, request_id, reason, detail, tenant_id)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

func values(ctx context.Context, now time.Time, e Event) ([]any, error) {
	detail := []byte("{}")
	if len(e.Detail) > 0 {
		var err error
		if detail, err = json.Marshal(e.Detail, json.Deterministic(true)); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	s := FromContext(ctx)
	return []any{id, now, e.Kind, nullable(e.AccountID), nullable(e.SessionID), s.Actor, s.Address, s.Device, s.RequestID, e.Reason, string(detail), nullable(e.TenantID)}, nil
}

func nullable(id uuid.UUID) uuid.NullUUID {
	return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil}
}

// Record writes e in tx.
func Record(ctx context.Context, tx *db.Tx, e Event) error {
	args, err := values(ctx, tx.Now, e)
	if err != nil {
		return err
	}
	if err := tx.Later(ctx, insert, args...); err != nil {
		return fmt.Errorf("audit: record %s: %w", e.Kind, err)
	}
	return nil
}

// RecordAlone writes e where it is all there is to write: a refused attempt.
func RecordAlone(ctx context.Context, d *db.DB, e Event) error {
	args, err := values(ctx, d.Now(), e)
	if err != nil {
		return err
	}
	in := db.Scope{}
	if e.TenantID != uuid.Nil {
		in = db.Tenant(e.TenantID)
	}
	if err := d.In(in).Once(ctx, insert, args); err != nil {
		return fmt.Errorf("audit: record %s: %w", e.Kind, err)
	}
	return nil
}

// Sweep removes at most limit events older than Retention and returns how many it removed.
func Sweep(ctx context.Context, d *db.DB, limit int) (n int64, err error) {
	err = d.In(db.All()).InTx(ctx, func(tx *db.Tx) error {
		n, err = tx.Exec(ctx, `DELETE FROM audit_event WHERE id IN (SELECT id FROM audit_event WHERE at < $1 ORDER BY at LIMIT $2)`, tx.Now.Add(-Retention), limit)
		return err
	})
	return n, err
}
