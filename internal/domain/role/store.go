package role

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Declaration is a permission that was declared while running.
type Declaration struct {
	Name        string
	Description string
	CreatedAt   time.Time
}

// Declare makes a permission one that roles can hold, or gives it another description.
func Declare(ctx context.Context, tx *db.Tx, d Declaration) error {
	_, err := tx.Exec(ctx, `INSERT INTO declared_permission (name, description, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET description = excluded.description`, d.Name, d.Description, tx.Now)
	if err != nil {
		return fmt.Errorf("role: declare: %w", err)
	}
	return nil
}

// Withdraw ends a declaration and reports whether there was one. Roles that hold the permission keep it,
// and nobody can give it any more.
func Withdraw(ctx context.Context, tx *db.Tx, name string) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM declared_permission WHERE name = $1`, name)
	if err != nil {
		return false, fmt.Errorf("role: withdraw: %w", err)
	}
	return n > 0, nil
}

// Declarations returns the permissions that were declared while running, by name, at most 1,000.
func Declarations(ctx context.Context, d *db.DB) ([]Declaration, error) {
	var all []Declaration
	err := d.Each(ctx, `SELECT name, description, created_at FROM declared_permission ORDER BY name LIMIT 1000`, nil, func(scan func(...any) error) error {
		var one Declaration
		err := scan(&one.Name, &one.Description, db.Time(&one.CreatedAt))
		all = append(all, one)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("role: declarations: %w", err)
	}
	return all, nil
}
