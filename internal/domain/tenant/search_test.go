package tenant

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/cases"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// crowd makes n tenants, many in the same millisecond, few of them suspended.
func crowd(t *testing.T, d *dbtest.DB, n int) []*Tenant {
	t.Helper()
	all := make([]*Tenant, n)
	for i := range all {
		name := fmt.Sprintf("Bo %05d", i)
		if i%10 == 0 {
			name = fmt.Sprintf("Ännie %05d", i)
		}
		all[i] = &Tenant{ID: uuid.Must(uuid.NewV7()), Name: name, Slug: fmt.Sprintf("%c%05d", 'a'+rune(i%26), i),
			Active: i%100 != 3, CreatedAt: time.UnixMilli(int64(1_700_000_000_000 + i/90))}
	}
	err := d.In(db.All()).InTx(t.Context(), func(tx *db.Tx) error {
		for part := range slices.Chunk(all, 500) {
			var rows []string
			var args []any
			for i, one := range part {
				k := i * 6
				rows = append(rows, fmt.Sprintf("($%d, $%d, $%d, $%d, $%d, FALSE, 0, FALSE, FALSE, FALSE, '', '', '', 0, CAST($%d AS BIGINT))", k+1, k+2, k+3, k+4, k+5, k+6))
				args = append(args, one.ID, one.Slug, one.Name, key(one, NameColumn), one.Active, one.CreatedAt)
			}
			_, err := tx.Exec(t.Context(), `INSERT INTO tenant (id, slug, name, name_key, active, second_factor, max_age_ms, no_password, no_passkey, no_mail, email_domains, join_role, color, version, created_at) VALUES `+
				strings.Join(rows, ", "), args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// key is what a search goes by.
func key(t *Tenant, by Column) string {
	if by == SlugColumn {
		return t.Slug
	}
	return cases.Fold().String(t.Name)
}

// expected returns the ids that a query must find, in order.
func expected(all []*Tenant, q Query, folded string) (ids []uuid.UUID) {
	found := slices.DeleteFunc(slices.Clone(all), func(t *Tenant) bool {
		return q.Status == Active && !t.Active || q.Status == Suspended && t.Active || !strings.HasPrefix(key(t, q.By), folded)
	})
	slices.SortFunc(found, func(a, b *Tenant) int {
		if folded == "" {
			return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), slices.Compare(b.ID[:], a.ID[:]))
		}
		return strings.Compare(key(a, q.By), key(b, q.By))
	})
	for _, t := range found {
		ids = append(ids, t.ID)
	}
	return ids
}

var prefixes = []struct {
	by            Column
	typed, folded string
}{{NameColumn, "", ""}, {SlugColumn, " C", "c"}, {SlugColumn, "c000", "c000"}, {NameColumn, "ÄNNIE", "ännie"}, {NameColumn, "A\u0308nnie  001", "ännie 001"}, {NameColumn, "nobody", "nobody"}}

func TestPagesOfASearchLoseAndRepeatNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		all := crowd(t, d, 2000)
		for _, p := range prefixes {
			for _, status := range []Status{All, Active, Suspended} {
				q := Query{By: p.by, Prefix: p.typed, Status: status, Limit: 30}
				var got []uuid.UUID
				for {
					page, next, err := Search(t.Context(), d.DB, q)
					if err != nil {
						t.Fatal(err)
					}
					if len(page) > q.Limit || next != nil && len(page) != q.Limit {
						t.Fatalf("a page of %d", len(page))
					}
					for _, one := range page {
						got = append(got, one.ID)
					}
					if next == nil {
						break
					}
					q.After = next
				}
				if want := expected(all, q, p.folded); !slices.Equal(got, want) {
					t.Errorf("%s %q %s: found %d, want %d, or in another order", p.by, p.typed, status, len(got), len(want))
				}
			}
		}
	})
}

// What a search reads is bounded by an index, and comes sorted from it.
func TestAnIndexServesEverySearch(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		n := 10_000 // PostgreSQL plans by statistics
		if d.Engine() == "sqlite" {
			n = 400
		}
		all := crowd(t, d, n)
		analyze(t, d)
		for _, p := range prefixes {
			for _, status := range []Status{All, Active, Suspended} {
				for _, after := range []*Place{nil, {Key: p.folded + "5", Created: all[n/2].CreatedAt, ID: all[n/2].ID}} {
					plan := explain(t, d, Query{By: p.by, Prefix: p.typed, Status: status, After: after, Limit: 50})
					for _, bad := range []string{"Seq Scan", "SCAN t\n", "FOR ORDER BY", "Sort"} {
						// PostgreSQL may sort the few suspended ones that a prefix leaves.
						if strings.Contains(plan, bad) && (bad != "Sort" || status != Suspended) {
							t.Errorf("%s %q %s: %s\n%s", p.by, p.typed, status, bad, plan)
						}
					}
					if status == Suspended && !strings.Contains(plan, "tenant_suspended") {
						t.Errorf("%s %q: the few that are suspended are looked for among all\n%s", p.by, p.typed, plan)
					}
				}
			}
		}
	})
}

func analyze(t *testing.T, d *dbtest.DB) {
	t.Helper()
	if d.Engine() == "sqlite" {
		return // plans must not depend on statistics that nobody makes there
	}
	owner, err := db.Open(t.Context(), db.Config{URL: d.OwnerURL})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if err := owner.Once(t.Context(), "ANALYZE tenant", nil); err != nil {
		t.Fatal(err)
	}
}

func explain(t *testing.T, d *dbtest.DB, q Query) string {
	t.Helper()
	text, args, err := q.statement()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	prefix, columns := "EXPLAIN ", 1
	if d.Engine() == "sqlite" {
		prefix, columns = "EXPLAIN QUERY PLAN ", 4
	}
	err = d.In(db.All()).InTx(t.Context(), func(tx *db.Tx) error {
		return tx.Each(t.Context(), prefix+text, append(args, q.Limit), func(scan func(...any) error) error {
			var line string
			dest := []any{new(any), new(any), new(any), &line}
			err := scan(dest[4-columns:]...)
			plan.WriteString(line + "\n")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

func TestSearchRefusesWhatCannotBeAsked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		for name, q := range map[string]Query{
			"an unknown column":    {By: "color", Prefix: "a", Status: All},
			"SQL as a column":      {By: "slug; --", Prefix: "a", Status: All},
			"an unknown status":    {By: SlugColumn, Status: "active OR TRUE"},
			"no status":            {By: SlugColumn},
			"NUL":                  {By: SlugColumn, Prefix: "a\x00", Status: All},
			"no UTF-8":             {By: NameColumn, Prefix: "\xff", Status: All},
			"what is no character": {By: NameColumn, Prefix: "\U0010FFFF", Status: All},
			"what is too long":     {By: NameColumn, Prefix: strings.Repeat("a", 1025), Status: All},
			"a place in another's": {By: SlugColumn, Prefix: "b", Status: All, After: &Place{Key: "c", ID: uuid.New()}},
		} {
			q.Limit = 10
			if _, _, err := Search(t.Context(), d.DB, q); !errors.Is(err, ErrSearch) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, odd := range []string{"%", "_", "'", "\\", "a' OR '1'='1", "\uD7FF", strings.Repeat("ﷺ", 300)} {
			for by := range keys {
				if page, _, err := Search(t.Context(), d.DB, Query{By: by, Prefix: odd, Status: All, Limit: 10}); err != nil || len(page) != 0 {
					t.Errorf("%s %.20q: %d, %v", by, odd, len(page), err)
				}
			}
		}
	})
}
