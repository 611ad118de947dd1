package tenant

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// conditions word the statuses as the partial indexes do.
var conditions = map[Status]string{All: "", Active: " AND t.active", Suspended: " AND NOT t.active"}

// keys are the columns that searches go by. Both are unique.
var keys = map[Column]string{NameColumn: "t.name_key", SlugColumn: "t.slug"}

// statement returns the text of a query and its arguments but the limit, which comes last. The first
// column is the key that the tenants are sorted by.
func (q Query) statement() (string, []any, error) {
	condition, known := conditions[q.Status]
	key, keyed := keys[q.By]
	if !known || !keyed {
		return "", nil, ErrSearch
	}
	prefix, err := q.fold()
	if err != nil {
		return "", nil, err
	}
	if prefix == "" {
		after := Place{Created: time.UnixMilli(1 << 53), ID: uuid.Max}
		if q.After != nil {
			after = *q.After
		}
		return `SELECT '', ` + Columns + ` FROM tenant t WHERE (t.created_at, t.id) < ($1, $2)` + condition + ` ORDER BY t.created_at DESC, t.id DESC LIMIT $3`,
			[]any{after.Created, after.ID}, nil
	}
	after := ""
	if q.After != nil {
		after = q.After.Key
	}
	if after != "" && !strings.HasPrefix(after, prefix) {
		return "", nil, ErrSearch.WithField("after", "invalid", "This place is of another search.")
	}
	return `SELECT ` + key + `, ` + Columns + ` FROM tenant t WHERE ` + key + ` >= $1 AND ` + key + ` < $2 AND ` + key + ` > $3` + condition + ` ORDER BY ` + key + ` LIMIT $4`,
		[]any{prefix, prefix + beyond, after}, nil
}

// Search returns at most q.Limit tenants of the service and, if there are more, where the next page
// begins after. Each page is one range of an index, however many tenants there are. It is for staff: it
// asks beyond any tenant's scope. It returns ErrSearch.
func Search(ctx context.Context, d *db.DB, q Query) (page []*Tenant, next *Place, err error) {
	text, args, err := q.statement()
	if err != nil {
		return nil, nil, err
	}
	var end Place
	err = d.In(db.All()).Each(ctx, text, append(args, q.Limit+1), func(scan func(...any) error) error {
		if len(page) == q.Limit {
			next = &end
			return nil
		}
		t, key := &Tenant{}, ""
		dest, done := t.Dest()
		if err := scan(append([]any{&key}, dest...)...); err != nil {
			return err
		}
		done()
		page, end = append(page, t), Place{Key: key, Created: t.CreatedAt, ID: t.ID}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("tenant: search: %w", err)
	}
	return page, next, nil
}
