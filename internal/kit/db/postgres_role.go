package db

import (
	"context"
	"fmt"
)

// Unheld returns the role that this pool works as, where row-level security does not hold it: a superuser,
// or one with BYPASSRLS. It is empty where the policies hold, and on SQLite, which has none.
func (d *DB) Unheld(ctx context.Context) (role string, err error) {
	if d.Engine() != "postgres" {
		return "", nil
	}
	// Who became another role can go back, so who connected counts too.
	err = d.Row(ctx, `SELECT COALESCE(min(rolname), '') FROM pg_roles WHERE rolname IN (current_user, session_user) AND (rolsuper OR rolbypassrls)`, nil, &role)
	if err != nil {
		return "", fmt.Errorf("postgres: which role this is: %w", err)
	}
	return role, nil
}
