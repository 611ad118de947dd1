package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Columns lists a tenant as Dest reads it, for statements that name it t.
const Columns = `t.id, t.slug, t.name, t.active, t.second_factor, t.max_age_ms, t.no_password, t.no_passkey, t.no_mail, t.email_domains, t.join_role, t.color, t.created_at, t.max_idle_ms, t.radius, t.font`

// Dest returns where Columns are scanned to; done must be called afterwards.
func (t *Tenant) Dest() (dest []any, done func()) {
	var age, idle int64
	var domains string
	p := &t.Policy
	dest = []any{&t.ID, &t.Slug, &t.Name, &t.Active, &p.SecondFactor, &age, &p.NoPassword, &p.NoPasskey, &p.NoMail, &domains, &p.JoinRole, &t.Color, db.Time(&t.CreatedAt), &idle, &t.Radius, &t.Font}
	return dest, func() {
		p.MaxAge, p.MaxIdle, p.EmailDomains = time.Duration(age)*time.Millisecond, time.Duration(idle)*time.Millisecond, strings.Fields(domains)
	}
}

func one(row func(dest []any) error) (*Tenant, error) {
	var t Tenant
	dest, done := t.Dest()
	err := row(dest)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("tenant: find: %w", err)
	}
	done()
	return &t, nil
}

// Create makes a tenant; tx enters its scope. settings are as Check returned them. It returns
// ErrSlugTaken and ErrNameTaken, and nothing is then written.
func Create(ctx context.Context, tx *db.Tx, settings Settings) (*Tenant, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("tenant: create: %w", err)
	}
	tx.Enter(db.Tenant(id))
	t := &Tenant{ID: id, Slug: settings.Slug, Name: settings.Name, Active: true, Brand: settings.Brand, Policy: settings.Policy, CreatedAt: tx.Now}
	if err := keepSlug(ctx, tx, id, settings.Slug); err != nil {
		return nil, err
	}
	_, key, err := ParseName(settings.Name)
	if err != nil {
		return nil, err
	}
	p := settings.Policy
	n, err := tx.Exec(ctx, `INSERT INTO tenant (id, slug, name, name_key, active, second_factor, max_age_ms, no_password, no_passkey, no_mail, email_domains, join_role, color, version, created_at, max_idle_ms, radius, font, name_look)
		VALUES ($1, $2, $3, $4, TRUE, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING`,
		id, t.Slug, t.Name, key, p.SecondFactor, p.MaxAge.Milliseconds(), p.NoPassword, p.NoPasskey, p.NoMail, strings.Join(p.EmailDomains, " "), p.JoinRole, t.Color, tx.Now,
		p.MaxIdle.Milliseconds(), t.Radius, t.Font, look(key))
	if err != nil {
		return nil, fmt.Errorf("tenant: create: %w", err)
	}
	if n == 0 {
		return nil, ErrNameTaken
	}
	return t, nil
}

// keepSlug gives slug, and all that look like it, to a tenant for good, or returns ErrSlugTaken. One that it
// had before is still its own.
func keepSlug(ctx context.Context, tx *db.Tx, id ID, slug string) error {
	n, err := tx.Exec(ctx, `INSERT INTO tenant_slug (look, slug, tenant_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, look(slug), slug, id)
	if err != nil {
		return fmt.Errorf("tenant: keep slug: %w", err)
	}
	if n > 0 {
		return nil
	}
	var own bool
	if err := tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM tenant_slug WHERE look = $1 AND tenant_id = $2)`, []any{look(slug), id}, &own); err != nil {
		return fmt.Errorf("tenant: keep slug: %w", err)
	}
	if !own {
		return ErrSlugTaken
	}
	return nil
}

// Lock makes tx the only one that changes a tenant until it ends, and returns the tenant as it is. It
// is the first statement of every such change. It returns ErrNotFound.
func Lock(ctx context.Context, tx *db.Tx, id ID) (*Tenant, error) {
	return one(func(dest []any) error {
		return tx.Row(ctx, `UPDATE tenant AS t SET version = version + 1 WHERE t.id = $1 RETURNING `+returned, []any{id}, dest...)
	})
}

// returned is Columns for RETURNING: SQLite does not know the alias there.
const returned = `id, slug, name, active, second_factor, max_age_ms, no_password, no_passkey, no_mail, email_domains, join_role, color, created_at, max_idle_ms, radius, font`

// Find returns a tenant within its scope, or ErrNotFound.
func Find(ctx context.Context, d *db.DB, id ID) (*Tenant, error) {
	return one(func(dest []any) error {
		return d.In(db.Tenant(id)).Row(ctx, `SELECT `+Columns+` FROM tenant t WHERE t.id = $1`, []any{id}, dest...)
	})
}

// FindByName returns the tenant that a path or a host name means: by its slug, or by its id. It asks
// beyond any scope, so what it returns says nothing of who may come in. It returns ErrNotFound.
func FindByName(ctx context.Context, d *db.DB, name string) (*Tenant, error) {
	column, key, ok := named(name)
	if !ok {
		return nil, ErrNotFound
	}
	return one(func(dest []any) error {
		return d.In(db.All()).Row(ctx, `SELECT `+Columns+` FROM tenant t WHERE `+column+` = $1`, []any{key}, dest...)
	})
}

// named returns how a tenant t is found by what a path or a host calls it: by its id, in its one spelling,
// or by its slug. ok is false for what is neither.
func named(name string) (column string, key any, ok bool) {
	if id, err := uuid.Parse(name); err == nil && id.String() == name {
		return "t.id", id, true
	}
	return "t.slug", name, slugForm.MatchString(name)
}

// Change writes settings, as Check returned them, to a locked tenant. A name that stays is not compared
// again: one from before there were looks may have another's. It returns ErrSlugTaken and ErrNameTaken.
func Change(ctx context.Context, tx *db.Tx, t *Tenant, s Settings) error {
	if s.Slug != t.Slug {
		if err := keepSlug(ctx, tx, t.ID, s.Slug); err != nil {
			return err
		}
	}
	_, key, err := ParseName(s.Name)
	if err != nil {
		return err
	}
	p := s.Policy
	_, err = tx.Exec(ctx, `UPDATE tenant SET slug = $2, name = $3, name_key = $4, second_factor = $5, max_age_ms = $6, no_password = $7, no_passkey = $8, no_mail = $9, email_domains = $10, join_role = $11, color = $12,
		max_idle_ms = $13, radius = $14, font = $15, name_look = CASE WHEN name_key = $4 THEN name_look ELSE $16 END WHERE id = $1`, t.ID, s.Slug, s.Name, key, p.SecondFactor, p.MaxAge.Milliseconds(), p.NoPassword, p.NoPasskey, p.NoMail, strings.Join(p.EmailDomains, " "), p.JoinRole, s.Color,
		p.MaxIdle.Milliseconds(), s.Radius, s.Font, look(key))
	if tx.Unique(err) {
		return ErrNameTaken
	}
	if err != nil {
		return fmt.Errorf("tenant: change: %w", err)
	}
	t.Slug, t.Name, t.Brand, t.Policy = s.Slug, s.Name, s.Brand, s.Policy
	return nil
}

// SetActive suspends a locked tenant, or lets it be used again.
func SetActive(ctx context.Context, tx *db.Tx, t *Tenant, active bool) error {
	if _, err := tx.Exec(ctx, `UPDATE tenant SET active = $2 WHERE id = $1`, t.ID, active); err != nil {
		return fmt.Errorf("tenant: set active: %w", err)
	}
	t.Active = active
	return nil
}

// Delete removes a locked tenant with its memberships, roles, domains and invitations. Accounts stay, and
// its slugs are nobody's from then on.
func Delete(ctx context.Context, tx *db.Tx, id ID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM tenant WHERE id = $1`, id); err != nil {
		return fmt.Errorf("tenant: delete: %w", err)
	}
	return nil
}
