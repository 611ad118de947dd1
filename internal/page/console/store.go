package console

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// findAll returns those accounts of the subjects that there are, in the order of their addresses.
func findAll(ctx context.Context, d *db.DB, subjects []string) ([]*account.Account, error) {
	args, marks := make([]any, len(subjects)), make([]string, len(subjects))
	for i, s := range subjects {
		args[i], marks[i] = s, fmt.Sprintf("$%d", i+1)
	}
	var found []*account.Account
	err := d.Each(ctx, `SELECT `+account.Columns+` FROM account a JOIN profile p ON p.account_id = a.id
		WHERE a.subject IN (`+strings.Join(marks, ", ")+`) ORDER BY a.email_key`, args, func(scan func(...any) error) error {
		a := &account.Account{}
		dest, done := a.Dest()
		if err := scan(dest...); err != nil {
			return err
		}
		found = append(found, a)
		return done()
	})
	if err != nil {
		return nil, fmt.Errorf("console: find accounts: %w", err)
	}
	return found, nil
}
