package stat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// firstOpen returns the first hour whose events may not all be counted.
func firstOpen(ctx context.Context, d *db.DB, current time.Time) (time.Time, error) {
	var last, first time.Time
	err := d.In(db.All()).Row(ctx, `SELECT (SELECT max(hour) FROM stat_hour WHERE name = $1), (SELECT min(at) FROM audit_event)`, []any{final}, db.Time(&last), db.Time(&first))
	if err != nil {
		return last, fmt.Errorf("stat: %w", err)
	}
	switch earliest := current.Add(-back); {
	case !last.IsZero() && !last.Before(earliest):
		return last.Add(time.Hour), nil
	case first.IsZero():
		return current, nil
	case first.Before(earliest):
		return earliest, nil
	default:
		return first.Truncate(time.Hour), nil
	}
}

// count writes down how many events of each kind an hour has. Sorted, so that instances that do the
// same lock rows in the same order; and a larger number stays, because it was counted later.
func count(ctx context.Context, d *db.DB, hour time.Time, isFinal bool) error {
	err := d.In(db.All()).InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO stat_hour (name, hour, n)
			SELECT CAST($1 AS TEXT) || kind, CAST($2 AS BIGINT), count(*) FROM audit_event WHERE at >= $2 AND at < $3 GROUP BY kind ORDER BY kind
			ON CONFLICT (name, hour) DO UPDATE SET n = excluded.n WHERE stat_hour.n < excluded.n`, events, hour, hour.Add(time.Hour))
		if err != nil || !isFinal {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO stat_hour (name, hour, n) VALUES ($1, $2, 1) ON CONFLICT DO NOTHING`, final, hour)
		return err
	})
	if err != nil {
		return fmt.Errorf("stat: count events: %w", err)
	}
	return nil
}

func measured(ctx context.Context, d *db.DB, hour time.Time) (bool, error) {
	err := d.Row(ctx, `SELECT n FROM stat_hour WHERE name = $1 AND hour = $2`, []any{Accounts, hour}, new(int64))
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("stat: %w", err)
	}
	return true, nil
}

// fewRows reports whether neither accounts nor sessions are more than a page can count.
func fewRows(ctx context.Context, d *db.DB) (bool, error) {
	var accounts, sessions int64
	err := d.Row(ctx, `SELECT (SELECT count(*) FROM (SELECT 1 FROM account LIMIT $1) a), (SELECT count(*) FROM (SELECT 1 FROM session LIMIT $1) s)`, []any{little + 1}, &accounts, &sessions)
	if err != nil {
		return false, fmt.Errorf("stat: %w", err)
	}
	return accounts <= little && sessions <= little, nil
}

func countAccounts(ctx context.Context, d *db.DB) (n int64, err error) {
	if err := d.Row(ctx, `SELECT count(*) FROM account`, nil, &n); err != nil {
		return 0, fmt.Errorf("stat: count accounts: %w", err)
	}
	return n, nil
}

// stepEnd returns the account with whose sessions a step from the account given on ends, read in an
// index alone, and whether there may be more after it.
func stepEnd(ctx context.Context, d *db.DB, from uuid.UUID) (to uuid.UUID, more bool, err error) {
	err = d.Row(ctx, `SELECT account_id FROM session WHERE account_id > $1 ORDER BY account_id LIMIT 1 OFFSET $2`, []any{from, step - 1}, &to)
	if errors.Is(err, db.ErrNoRows) {
		return uuid.Max, false, nil
	}
	if err != nil {
		return to, false, fmt.Errorf("stat: %w", err)
	}
	return to, true, nil
}

// countSessions counts, among the accounts after from up to and including to, those that were
// active and the sessions that stand. When a session was refreshed is in no index, so its rows are
// read, but only those of one short range of one.
func countSessions(ctx context.Context, d *db.DB, from, to uuid.UUID) (active, live int64, err error) {
	now := d.Now()
	err = d.Row(ctx, `SELECT count(DISTINCT CASE WHEN s.rotated_at >= $4 THEN s.account_id END), count(CASE WHEN `+session.Live+` THEN 1 END)
		FROM session s JOIN account a ON a.id = s.account_id
		WHERE s.account_id > $1 AND s.account_id <= $3 AND a.id > $1 AND a.id <= $3 AND s.transport <> $5`,
		[]any{from, now, to, now.Add(-24 * time.Hour), session.Look}, &active, &live)
	if err != nil {
		return 0, 0, fmt.Errorf("stat: count sessions: %w", err)
	}
	return active, live, nil
}

// write writes down numbers, unless another instance was quicker.
func write(ctx context.Context, d *db.DB, hour time.Time, numbers map[string]int64) error {
	err := d.InTx(ctx, func(tx *db.Tx) error {
		for _, name := range slices.Sorted(maps.Keys(numbers)) {
			if _, err := tx.Exec(ctx, `INSERT INTO stat_hour (name, hour, n) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, name, hour, numbers[name]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("stat: write: %w", err)
	}
	return nil
}

// places returns $from, $from+1 and so on for names, with their values.
func places(names []string, from int) (text string, args []any) {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = fmt.Sprintf("$%d", from+i)
		args = append(args, name)
	}
	return strings.Join(all, ", "), args
}

// Read returns the numbers of these names since a time, the oldest first. An hour without a
// point has none: of events, there were none.
func Read(ctx context.Context, d *db.DB, since time.Time, names ...string) (map[string][]Point, error) {
	points := map[string][]Point{}
	if len(names) == 0 {
		return points, nil
	}
	in, args := places(names, 2)
	err := d.Each(ctx, `SELECT name, hour, n FROM stat_hour WHERE hour >= $1 AND name IN (`+in+`) ORDER BY name, hour`, append([]any{since}, args...),
		func(scan func(...any) error) error {
			var name string
			var p Point
			err := scan(&name, db.Time(&p.Hour), &p.N)
			points[name] = append(points[name], p)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("stat: read: %w", err)
	}
	return points, nil
}

// Current counts the events of these kinds in the hour that runs, right now.
func Current(ctx context.Context, d *db.DB, kinds ...string) (map[string]int64, error) {
	counts := map[string]int64{}
	if len(kinds) == 0 {
		return counts, nil
	}
	in, args := places(kinds, 2)
	err := d.In(db.All()).Each(ctx, `SELECT kind, count(*) FROM audit_event WHERE at >= $1 AND kind IN (`+in+`) GROUP BY kind`, append([]any{d.Now().Truncate(time.Hour)}, args...),
		func(scan func(...any) error) error {
			var kind string
			var n int64
			err := scan(&kind, &n)
			counts[kind] = n
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("stat: current: %w", err)
	}
	return counts, nil
}

// Sweep removes at most limit numbers older than Retention and returns how many it removed.
func Sweep(ctx context.Context, d *db.DB, limit int) (n int64, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		n, err = tx.Exec(ctx, `DELETE FROM stat_hour WHERE (name, hour) IN (SELECT name, hour FROM stat_hour WHERE hour < $1 ORDER BY hour LIMIT $2)`, tx.Now.Add(-Retention), limit)
		return err
	})
	return n, err
}
