package manage

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// findNamed returns every account that has name as its subject, address or user name.
func findNamed(ctx context.Context, d *db.DB, name string) ([]*account.Account, error) {
	// What cannot be an address or a user name leaves an empty key, which nobody has.
	email, _ := account.ParseEmail(name)
	username, _ := account.ParseUsername(name)
	var found []*account.Account
	err := d.Each(ctx, `SELECT `+account.Columns+` FROM account a JOIN profile p ON p.account_id = a.id
		WHERE a.subject = $1 OR a.email_key = $2 OR a.username_key = $3 ORDER BY a.id`,
		[]any{name, email.Key, username.Key}, func(scan func(...any) error) error {
			var a account.Account
			dest, done := a.Dest()
			if err := scan(dest...); err != nil {
				return err
			}
			found = append(found, &a)
			return done()
		})
	if err != nil {
		return nil, fmt.Errorf("manage: find: %w", err)
	}
	return found, nil
}
