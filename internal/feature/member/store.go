package member

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/cursor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// rower reads one row, within a scope or in a transaction.
type rower interface {
	Row(ctx context.Context, query string, args []any, dest ...any) error
}

const (
	columns = `a.id, a.subject, a.email, p.full_name, a.active, m.created_at, t.slug, ` + tenant.GrantColumns
	members = ` FROM membership m JOIN tenant t ON t.id = m.tenant_id JOIN account a ON a.id = m.account_id JOIN profile p ON p.account_id = a.id` + tenant.Joined
)

// dest returns where columns are scanned to; done must be called afterwards.
func (m *Member) dest(roles *role.Set, id tenant.ID) (dest []any, done func()) {
	var slug, as string
	var direct, own verifier.Permissions
	dest = []any{&m.AccountID, &m.Subject, &m.Email, &m.FullName, &m.Active, db.Time(&m.JoinedAt), &slug, &as, role.Stored(&direct), role.Stored(&own)}
	return dest, func() { m.Grant = roles.Grant(id, slug, as, own, direct) }
}

// find returns a member of a tenant with their attributes, or tenant.ErrMemberNotFound.
func find(ctx context.Context, r rower, deps Deps, id tenant.ID, subject string) (*Member, error) {
	if !isText(subject) {
		return nil, tenant.ErrMemberNotFound
	}
	var m Member
	dest, done := m.dest(deps.Roles, id)
	err := r.Row(ctx, `SELECT `+columns+`, m.attributes`+members+`WHERE m.tenant_id = $1 AND a.subject = $2`, []any{id, subject}, append(dest, account.StoredAttributes(&m.stored))...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, tenant.ErrMemberNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("member: find: %w", err)
	}
	done()
	if len(deps.Schema.Attributes()) > 0 {
		m.Attributes = deps.Schema.Shown(m.stored)
	}
	return &m, nil
}

// question is what a cursor of this list answers to.
func (q Query) question(id tenant.ID) cursor.Question {
	return cursor.Of("members", id.String(), q.Prefix, q.Role)
}

// statement returns the text and the arguments of a query for members, those who joined first in front.
// What it reads is bounded by the tenant, and comes sorted from an index.
func (q Query) statement(id tenant.ID) (string, []any, error) {
	after, err := q.question(id).Read(q.After)
	if err != nil {
		return "", nil, err
	}
	if after == nil {
		after = &cursor.Place{At: time.UnixMilli(0)}
	}
	args := []any{id, after.At.UnixMilli(), after.ID}
	where := `WHERE m.tenant_id = $1 AND (m.created_at, m.account_id) > ($2, $3)`
	if q.Role != "" {
		args = append(args, q.Role)
		where += fmt.Sprintf(" AND m.role = $%d", len(args))
	}
	if prefix := strings.TrimSpace(q.Prefix); prefix != "" {
		email, name := emailKey(prefix), account.NameKey(prefix)
		args = append(args, email, utf8.RuneCountInString(email), name, utf8.RuneCountInString(name))
		n := len(args)
		where += fmt.Sprintf(" AND (substr(a.email_key, 1, $%d) = $%d OR substr(p.name_key, 1, $%d) = $%d)", n-2, n-3, n, n-1)
	}
	args = append(args, q.Limit+1)
	return `SELECT ` + columns + members + where + fmt.Sprintf(` ORDER BY m.created_at, m.account_id LIMIT $%d`, len(args)), args, nil
}

// emailKey folds an address, or the beginning of one, as addresses are folded.
func emailKey(prefix string) string {
	if e, err := account.ParseEmail(prefix); err == nil {
		return e.Key
	}
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, prefix)
}

func list(ctx context.Context, d *db.DB, roles *role.Set, id tenant.ID, q Query) (*Page, error) {
	text, args, err := q.statement(id)
	if err != nil {
		return nil, err
	}
	page := &Page{Members: []Member{}}
	err = d.In(db.Tenant(id)).Each(ctx, text, args, func(scan func(...any) error) error {
		if n := len(page.Members); n == q.Limit {
			last := page.Members[n-1]
			page.Next = q.question(id).Write(cursor.Place{ID: last.AccountID, At: last.JoinedAt})
			return nil
		}
		var m Member
		dest, done := m.dest(roles, id)
		if err := scan(dest...); err != nil {
			return err
		}
		done()
		page.Members = append(page.Members, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("member: list: %w", err)
	}
	return page, nil
}

// standing is what a decision about somebody in a tenant rests on.
type standing struct {
	grant         role.Grant
	tenantActive  bool
	accountActive bool
	member        bool
}

// stand reads it in one statement, and returns tenant.ErrNotFound. Whoever has no account is no member.
func stand(ctx context.Context, d *db.DB, roles *role.Set, id tenant.ID, subject string) (*standing, error) {
	if !isText(subject) {
		subject = "" // nobody's
	}
	var s standing
	var slug, as string
	var direct, own verifier.Permissions
	var accountID uuid.NullUUID
	err := d.In(db.Tenant(id)).Row(ctx, `SELECT t.slug, t.active, m.account_id, COALESCE(a.active, FALSE), COALESCE(m.role, ''), m.permissions, r.permissions
		FROM tenant t LEFT JOIN account a ON a.subject = $2 LEFT JOIN membership m ON m.tenant_id = t.id AND m.account_id = a.id`+tenant.Joined+`WHERE t.id = $1`,
		[]any{id, subject}, &slug, &s.tenantActive, &accountID, &s.accountActive, &as, role.Stored(&direct), role.Stored(&own))
	if errors.Is(err, db.ErrNoRows) {
		return nil, tenant.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("member: stand: %w", err)
	}
	s.member = accountID.Valid
	s.grant = roles.Grant(id, slug, as, own, direct)
	return &s, nil
}
