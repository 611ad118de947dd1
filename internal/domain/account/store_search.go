package account

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// conditions word the statuses as the partial indexes do.
var conditions = map[Status]string{
	All: "", Active: " AND a.active", Disabled: " AND NOT a.active", Unverified: " AND NOT a.email_verified", StaffOnly: " AND (a.staff OR a.superuser)",
}

// prefixed are the statements of a search by a prefix, without the condition: $1 and $2 are the
// prefix and its end, $3 and $4 the place to start after.
var prefixed = map[By]struct{ key, from, order string }{
	ByEmail: {"a.email_key", `FROM account a JOIN profile p ON p.account_id = a.id
		WHERE a.email_key >= $1 AND a.email_key < $2 AND (a.email_key, a.id) > ($3, $4)`, `a.email_key, a.id`},
	ByUsername: {"a.username_key", `FROM account a JOIN profile p ON p.account_id = a.id
		WHERE a.username_key >= $1 AND a.username_key < $2 AND (a.username_key, a.id) > ($3, $4)`, `a.username_key, a.id`},
	// CROSS keeps SQLite from beginning with the accounts.
	ByName: {"p.name_key", `FROM profile p CROSS JOIN account a
		WHERE a.id = p.account_id AND p.name_key >= $1 AND p.name_key < $2 AND (p.name_key, p.account_id) > ($3, $4)`, `p.name_key, p.account_id`},
}

// statement returns the text of a query and its arguments but the limit, which comes last. The
// first column is the key that the accounts are sorted by.
func (q Query) statement() (string, []any, error) {
	condition, known := conditions[q.Status]
	by, keyed := prefixed[q.By]
	if !known || !keyed && q.By != ByID {
		return "", nil, ErrSearch
	}
	switch {
	case strings.Trim(q.Prefix, " \t\r\n") == "":
		joined := int64(math.MaxInt64)
		id := uuid.Max
		if q.After.ID != uuid.Nil {
			joined, id = q.After.Joined.UnixMilli(), q.After.ID
		}
		return `SELECT '', ` + Columns + ` FROM account a JOIN profile p ON p.account_id = a.id
			WHERE (a.created_at, a.id) < ($1, $2)` + condition + ` ORDER BY a.created_at DESC, a.id DESC LIMIT $3`, []any{joined, id}, nil
	case q.By == ByID:
		id, subject, err := q.ids()
		return `SELECT '', ` + Columns + ` FROM account a JOIN profile p ON p.account_id = a.id
			WHERE (a.id = $1 OR a.subject = $2) AND a.id > $3` + condition + ` ORDER BY a.id LIMIT $4`, []any{id, subject, q.After.ID}, err
	}
	r, err := q.reachOf()
	if err != nil {
		return "", nil, err
	}
	after := q.After
	if after.ID == uuid.Nil {
		after.Key = r.from
	}
	if !strings.HasPrefix(after.Key, r.from) {
		return "", nil, ErrSearch.WithField("after", "invalid", "This place is of another search.")
	}
	return `SELECT ` + by.key + `, ` + Columns + ` ` + by.from + condition + ` ORDER BY ` + by.order + ` LIMIT $5`, []any{r.from, r.end, after.Key, after.ID}, nil
}

// Search returns at most q.Limit accounts and, if there are more, where the next page begins after.
// Each page is one range of an index, however many accounts there are. It returns ErrSearch.
func Search(ctx context.Context, d *db.DB, q Query) (page []*Account, next *Place, err error) {
	text, args, err := q.statement()
	if err != nil {
		return nil, nil, err
	}
	var last Place
	err = d.Each(ctx, text, append(args, q.Limit+1), func(scan func(...any) error) error {
		if len(page) == q.Limit {
			next = &last
			return nil
		}
		a, key := &Account{}, ""
		dest, done := a.Dest()
		if err := scan(append([]any{&key}, dest...)...); err != nil {
			return err
		}
		page, last = append(page, a), Place{Key: key, Joined: a.Joined, ID: a.ID}
		return done()
	})
	if err != nil {
		return nil, nil, fmt.Errorf("account: search: %w", err)
	}
	return page, next, nil
}

// Emails returns the addresses of those ids that are accounts, at most 500.
func Emails(ctx context.Context, d *db.DB, ids []ID) (map[ID]string, error) {
	emails := map[ID]string{}
	if len(ids) == 0 {
		return emails, nil
	}
	args := make([]any, len(ids))
	places := make([]string, len(ids))
	for i, id := range ids {
		args[i], places[i] = id, fmt.Sprintf("$%d", i+1)
	}
	err := d.Each(ctx, `SELECT id, email FROM account WHERE id IN (`+strings.Join(places, ", ")+`)`, args, func(scan func(...any) error) error {
		var id ID
		var email string
		err := scan(&id, &email)
		emails[id] = email
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("account: emails: %w", err)
	}
	return emails, nil
}
