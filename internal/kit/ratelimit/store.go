package ratelimit

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

const (
	maxBuckets  = 8   // buckets of one call; one prepared statement for each number of them
	refundBatch = 64  // rows that get credits back in one statement
	sweepBatch  = 500 // rows deleted in one transaction
)

// most is the highest tat at which the bucket has room for one more try.
func (it item) most(now int64) int64 { return now + it.size - it.interval }

// takeSQL is GCRA for each of n buckets. tat is when a bucket will be empty. A try moves
// it to max(tat - credit, now) + interval, which is max(tat + delta, now + interval) with
// delta = interval - credit, unless that is further ahead than the bucket is large. Four
// parameters a bucket: key, now + interval, most + credit, delta. A bucket without a row in the
// answer refused.
func takeSQL(n int) string {
	var values, most, delta strings.Builder
	for i := range n {
		p := 4 * i
		fmt.Fprintf(&values, ", ($%d, $%d)", p+1, p+2)
		fmt.Fprintf(&most, " WHEN $%d THEN CAST($%d AS BIGINT)", p+1, p+3)
		fmt.Fprintf(&delta, " WHEN $%d THEN CAST($%d AS BIGINT)", p+1, p+4)
	}
	moved := "rate_limit.tat + CASE rate_limit.k" + delta.String() + " END"
	return "INSERT INTO rate_limit (k, tat) VALUES " + values.String()[2:] +
		" ON CONFLICT (k) DO UPDATE SET tat = CASE WHEN " + moved + " > excluded.tat THEN " + moved + " ELSE excluded.tat END" +
		" WHERE rate_limit.tat <= CASE rate_limit.k" + most.String() + " END" +
		" RETURNING k, tat"
}

var takeStatements = func() (all [maxBuckets + 1]string) {
	for n := range all[1:] {
		all[n+1] = takeSQL(n + 1)
	}
	return all
}()

// row is one bucket as stored.
type row struct {
	key string
	tat int64
}

func scanRow(scan func(dest ...any) error) (row, error) {
	var r row
	err := scan(&r.key, &r.tat)
	return r, err
}

// count tries every item in one statement and tells who counted it from who refused.
func (l *Limiter) count(ctx context.Context, items []item, now int64) (counted, refused []item, err error) {
	args := make([]any, 0, 4*len(items))
	for _, it := range items {
		args = append(args, it.key, now+it.interval, it.most(now)+it.credit, it.interval-it.credit)
	}
	rows, err := db.OnceAll(ctx, l.db, takeStatements[len(items)], args, scanRow)
	if err != nil {
		return nil, nil, err
	}
	tats := make(map[string]int64, len(rows))
	for _, r := range rows {
		tats[r.key] = r.tat
	}
	for _, it := range items {
		tat, ok := tats[it.key]
		if !ok {
			refused = append(refused, it)
			continue
		}
		it.tat = tat
		counted = append(counted, it)
	}
	return counted, refused, nil
}

// read returns the tat of each item that has a row.
func (l *Limiter) read(ctx context.Context, items []item) (map[string]int64, error) {
	args := make([]any, len(items))
	for i, it := range items {
		args[i] = it.key
	}
	tats := map[string]int64{}
	err := l.db.Each(ctx, "SELECT k, tat FROM rate_limit WHERE k IN ("+placeholders(len(items), 1)+")", args, func(scan func(dest ...any) error) error {
		r, err := scanRow(scan)
		tats[r.key] = r.tat
		return err
	})
	return tats, err
}

// placeholders returns n of them, beginning with $1 and step apart.
func placeholders(n, step int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, ", $%d", i*step+1)
	}
	return list.String()[2:]
}

// refundStatement takes credits off up to refundBatch rows. Two parameters each: key, credit.
var refundStatement = func() string {
	var amounts strings.Builder
	for i := range refundBatch {
		fmt.Fprintf(&amounts, " WHEN $%d THEN CAST($%d AS BIGINT)", 2*i+1, 2*i+2)
	}
	return "UPDATE rate_limit SET tat = tat - CASE k" + amounts.String() + " END WHERE k IN (" + placeholders(refundBatch, 2) + ")"
}()

// refund takes the credits of up to refundBatch keys off their rows. A short list is
// filled up with its last key, whose first mention counts, so that there is one text to prepare.
func (l *Limiter) refund(ctx context.Context, keys []string, amounts []int64) error {
	args := make([]any, 0, 2*refundBatch)
	for i := range refundBatch {
		i = min(i, len(keys)-1)
		args = append(args, keys[i], amounts[i])
	}
	return l.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, refundStatement, args...)
		return err
	})
}

// Sweep deletes the buckets that are empty, in small batches.
func (l *Limiter) Sweep(ctx context.Context) error {
	for {
		var n int64
		err := l.db.InTx(ctx, func(tx *db.Tx) (err error) {
			n, err = tx.Exec(ctx, `DELETE FROM rate_limit WHERE k IN (SELECT k FROM rate_limit WHERE tat <= $1 LIMIT $2) AND tat <= $1`,
				tx.Now.UnixNano(), sweepBatch)
			return err
		})
		if err != nil {
			return fmt.Errorf("ratelimit: sweep: %w", err)
		}
		if n < sweepBatch {
			return nil
		}
	}
}
