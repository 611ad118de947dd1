package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatehouse-auth/gatehouse"
)

// note is one row. Of its author this service knows the subject of their tokens and nothing else.
type note struct {
	ID        string    `json:"id"`
	Author    string    `json:"author"`
	Body      string    `json:"body"`
	CreatedAt time.Time `json:"created_at"`
}

const columns = `id::text, author, body, created_at`

type store struct{ pool *pgxpool.Pool }

// Each statement names its tenant, so that the index serves it. One that forgot would still see no other's
// rows: row-level security holds it to the tenant of the token.
func (s *store) within(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return gatehouse.WithTenant(ctx, s.pool, fn) // gatehouse
}

// list returns the newest notes, at most 100.
func (s *store) list(ctx context.Context, tenantID string) (all []note, err error) {
	err = s.within(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+columns+` FROM note WHERE tenant_id = $1 ORDER BY created_at DESC, id LIMIT 100`, tenantID)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[note])
		return err
	})
	return all, err
}

func (s *store) add(ctx context.Context, tenantID, author, body string) (made note, err error) {
	err = s.within(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `INSERT INTO note (tenant_id, author, body) VALUES ($1, $2, $3) RETURNING `+columns, tenantID, author, body)
		if err != nil {
			return err
		}
		made, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[note])
		return err
	})
	return made, err
}

func (s *store) deleteAll(ctx context.Context, tenantID string) error {
	return s.within(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM note WHERE tenant_id = $1`, tenantID)
		return err
	})
}
