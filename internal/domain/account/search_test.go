package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// person is an account of a crowd, as far as searches go.
type person struct {
	id                                 uuid.UUID
	email, username, name              string
	joined                             time.Time
	active, verified, staff, superuser bool
}

// crowd makes n accounts: many made in the same millisecond, many with the same name, few with a
// special status.
func crowd(t *testing.T, d *dbtest.DB, n int) []person {
	t.Helper()
	all := make([]person, n)
	for i := range all {
		all[i] = person{
			id: uuid.Must(uuid.NewV7()), email: fmt.Sprintf("%c%05d@example.com", 'a'+rune(i%26), i), name: fmt.Sprintf("Ännie %02d", i%60),
			joined: time.UnixMilli(int64(1_700_000_000_000 + i/90)), active: i%100 != 3, verified: i%90 != 5, staff: i%300 == 7, superuser: i%5000 == 11,
		}
		if i%10 > 0 {
			all[i].name = fmt.Sprintf("Bo %05d", i%7000)
		}
		if i%2 == 0 {
			all[i].username = fmt.Sprintf("user%c%05d", 'a'+rune(i%20), i)
		}
	}
	for part := range slices.Chunk(all, 500) {
		insert(t, d, part)
	}
	return all
}

func insert(t *testing.T, d *dbtest.DB, part []person) {
	t.Helper()
	var accounts, profiles []string
	var of, about []any
	for i, p := range part {
		row := make([]string, 12)
		for j := range row {
			row[j] = fmt.Sprintf("$%d", i*12+j+1)
		}
		row[10] = fmt.Sprintf("CAST($%d AS BIGINT)", i*12+11)
		accounts = append(accounts, "("+strings.Join(row, ", ")+")")
		of = append(of, p.id, p.id.String(), p.email, p.email, p.verified, db.NullText(p.username), db.NullText(p.username), p.active, p.staff, p.superuser, 0, p.joined)
		profiles = append(profiles, fmt.Sprintf("($%d, $%d, $%d, '', '', '{}', 0)", i*3+1, i*3+2, i*3+3))
		about = append(about, p.id, p.name, NameKey(p.name))
	}
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO account (id, subject, email, email_key, email_verified, username, username_key, active, staff, superuser, epoch, created_at) VALUES `+strings.Join(accounts, ", "), of...)
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), `INSERT INTO profile (account_id, full_name, name_key, phone, locale, attributes, updated_at) VALUES `+strings.Join(profiles, ", "), about...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p person) has(s Status) bool {
	return map[Status]bool{All: true, Active: p.active, Disabled: !p.active, Unverified: !p.verified, StaffOnly: p.staff || p.superuser}[s]
}

// key is what a search by this goes by.
func (p person) key(by By) string {
	return map[By]string{ByEmail: p.email, ByUsername: p.username, ByName: NameKey(p.name)}[by]
}

// expected returns the ids that a query must find, in order.
func expected(all []person, q Query, folded string) (ids []uuid.UUID) {
	found := slices.DeleteFunc(slices.Clone(all), func(p person) bool {
		return !p.has(q.Status) || folded != "" && (p.key(q.By) == "" || !strings.HasPrefix(p.key(q.By), folded))
	})
	slices.SortFunc(found, func(a, b person) int {
		if folded == "" {
			return cmp.Or(b.joined.Compare(a.joined), slices.Compare(b.id[:], a.id[:]))
		}
		return cmp.Or(strings.Compare(a.key(q.By), b.key(q.By)), slices.Compare(a.id[:], b.id[:]))
	})
	for _, p := range found {
		ids = append(ids, p.id)
	}
	return ids
}

var (
	statuses = []Status{All, Active, Disabled, Unverified, StaffOnly}
	prefixes = []struct {
		by            By
		typed, folded string
	}{
		{ByEmail, "", ""}, {ByEmail, "C", "c"}, {ByEmail, " C00002@EXAMPLE", "c00002@example"}, {ByEmail, "nobody", "nobody"},
		{ByUsername, "USERC", "userc"}, {ByUsername, "userc00", "userc00"}, {ByName, "ÄNNIE", "ännie"}, {ByName, "a\u0308nnie 4", "ännie 4"},
	}
)

func TestPagesOfASearchLoseAndRepeatNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		all := crowd(t, d, 20_000)
		for _, p := range prefixes {
			for _, status := range statuses {
				q := Query{By: p.by, Prefix: p.typed, Status: status, Limit: 200}
				var got []uuid.UUID
				for {
					page, next, err := Search(t.Context(), d.DB, q)
					if err != nil {
						t.Fatal(err)
					}
					if len(page) > q.Limit || next != nil && len(page) != q.Limit {
						t.Fatalf("a page of %d", len(page))
					}
					for _, a := range page {
						got = append(got, a.ID)
					}
					if next == nil {
						break
					}
					q.After = *next
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
		n := 20_000 // PostgreSQL plans by statistics
		if d.Engine() == "sqlite" {
			n = 400
		}
		all := crowd(t, d, n)
		analyze(t, d)
		for _, p := range append(prefixes, struct {
			by            By
			typed, folded string
		}{ByID, all[7].id.String(), ""}) {
			for _, status := range statuses {
				for _, after := range []Place{{}, {Key: p.folded + "5", Joined: all[n/2].joined, ID: all[n/2].id}} {
					plan := explain(t, d, Query{By: p.by, Prefix: p.typed, Status: status, After: after, Limit: 50})
					for _, bad := range []string{"Seq Scan on account", "Seq Scan on profile", "SCAN a\n", "SCAN p\n", "FOR ORDER BY"} {
						if strings.Contains(plan, bad) && (p.by != ByID || bad != "FOR ORDER BY") { // two rows at most may be sorted
							t.Errorf("%s %q %s: %s\n%s", p.by, p.typed, status, bad, plan)
						}
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
	for _, table := range []string{"account", "profile", "session"} {
		if err := owner.Once(t.Context(), "ANALYZE "+table, nil); err != nil {
			t.Fatal(err)
		}
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
	err = d.Each(t.Context(), prefix+text, append(args, q.Limit), func(scan func(...any) error) error {
		var line string
		dest := []any{new(any), new(any), new(any), &line}
		err := scan(dest[4-columns:]...)
		plan.WriteString(line + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

func TestIDsAreFoundWhole(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		all := crowd(t, d, 300)
		find := func(typed string, s Status) (n int) {
			t.Helper()
			page, next, err := Search(t.Context(), d.DB, Query{By: ByID, Prefix: typed, Status: s, Limit: 50})
			if err != nil || next != nil {
				t.Fatal(err, next)
			}
			return len(page)
		}
		id := all[3].id.String()
		if find(id, All) != 1 || find(strings.ToUpper(id), All) != 1 || find(" "+id+"\n", Disabled) != 1 {
			t.Error("an id is not found")
		}
		if find(id, Active) != 0 || find(id[:35], All) != 0 || find("%", All) != 0 || find("nobody", All) != 0 {
			t.Error("found what was not asked for")
		}
	})
}

func TestSearchRefusesWhatCannotBeAsked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		for name, q := range map[string]Query{
			"an unknown column":    {By: "password", Prefix: "a", Status: All},
			"SQL as a column":      {By: "email_key; --", Prefix: "a", Status: All},
			"an unknown status":    {By: ByEmail, Status: "active OR TRUE"},
			"no status":            {By: ByEmail},
			"NUL":                  {By: ByEmail, Prefix: "a\x00", Status: All},
			"NUL in an id":         {By: ByID, Prefix: "a\x00", Status: All},
			"no UTF-8":             {By: ByName, Prefix: "\xff", Status: All},
			"no UTF-8 in an id":    {By: ByID, Prefix: "\xff", Status: All},
			"nothing sorts after":  {By: ByName, Prefix: "\U0010FFFF\U0010FFFF", Status: All},
			"a place out of reach": {By: ByEmail, Prefix: "b", Status: All, After: Place{Key: "a", ID: uuid.New()}},
			"a place in another's": {By: ByName, Prefix: "b", Status: All, After: Place{Key: "c", ID: uuid.New()}},
		} {
			q.Limit = 10
			if _, _, err := Search(t.Context(), d.DB, q); !errors.Is(err, ErrSearch) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, odd := range []string{"%", "_", "'", "\\", "a' OR '1'='1", "\U0010FFFF@", "\uD7FF", strings.Repeat("a", 5000), strings.Repeat("ﷺ", 3000)} {
			for _, by := range []By{ByEmail, ByUsername, ByName, ByID} {
				page, _, err := Search(t.Context(), d.DB, Query{By: by, Prefix: odd, Status: All, Limit: 10})
				if err != nil || len(page) != 0 {
					t.Errorf("%s %.20q: %d, %v", by, odd, len(page), err)
				}
			}
		}
	})
}

func TestEveryWriteOfANameKeepsItsKey(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		email, err := ParseEmail("jo@example.com")
		if err != nil {
			t.Fatal(err)
		}
		longest := strings.Repeat("ﷺ", maxFullName) // eighteen characters each, in NFKC
		var a *Account
		in := func(fn func(ctx context.Context, tx *db.Tx) error) {
			t.Helper()
			if err := d.InTx(t.Context(), func(tx *db.Tx) error { return fn(t.Context(), tx) }); err != nil {
				t.Fatal(err)
			}
		}
		found := func(prefix string) int {
			t.Helper()
			page, _, err := Search(t.Context(), d.DB, Query{By: ByName, Prefix: prefix, Status: All, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return len(page)
		}
		in(func(ctx context.Context, tx *db.Tx) (err error) {
			a, err = Create(ctx, tx, New{Email: email, Profile: Profile{FullName: "Ｊｏ Ärger"}})
			return err
		})
		if found("jo ä") != 1 || found("JO") != 1 || found("ärger") != 0 {
			t.Error("after Create")
		}
		in(func(ctx context.Context, tx *db.Tx) error {
			return SaveProfile(ctx, tx, a.ID, Profile{FullName: longest})
		})
		if found("jo") != 0 || found(longest) != 1 || found("ﷺ") != 1 {
			t.Error("after SaveProfile")
		}
	})
}

func FuzzRaisedSortsRightAfterThePrefix(f *testing.F) {
	f.Add("a", "b")
	f.Add("\uD7FF", "\uE000")
	f.Add("a\U0010FFFF", "")
	f.Fuzz(func(t *testing.T, prefix, rest string) {
		prefix, rest = strings.ToValidUTF8(prefix, "?"), strings.ToValidUTF8(rest, "?")
		end, ok := raised(prefix)
		if ok && (prefix+rest >= end || end <= prefix) {
			t.Errorf("%q lies outside of %q to %q", prefix+rest, prefix, end)
		}
	})
}
