package role

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Stored returns a scanner that reads permissions into p: nil where there are none stored, as of a role
// that a tenant does not have; a role that holds none is empty.
func Stored(p *verifier.Permissions) interface{ Scan(src any) error } { return stored{p} }

type stored struct{ p *verifier.Permissions }

func (s stored) Scan(src any) error {
	if *s.p = nil; src == nil {
		return nil
	}
	var text string
	if err := db.Text(&text).Scan(src); err != nil {
		return err
	}
	*s.p = strings.Fields(text) // never nil
	return nil
}

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
