package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

var start = time.UnixMilli(1_700_000_000_000).UTC()

// flood writes n events: several in one millisecond, of four kinds and many accounts.
func flood(t *testing.T, d *dbtest.DB, n int) []Entry {
	t.Helper()
	accounts := []uuid.UUID{uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Nil}
	kinds := []string{"session.created", "session.created", "session.created", "session.ended", "signin.refused"}
	all := make([]Entry, n)
	for i := range all {
		all[i] = Entry{ID: uuid.Must(uuid.NewV7()), At: start.Add(time.Duration(i/7) * time.Millisecond), Kind: kinds[i%5], AccountID: accounts[i%3],
			Source: Source{Actor: []string{"self", "cli"}[i%2], Address: fmt.Sprintf("192.0.2.%d", i%250)}}
		if i%5000 == 17 {
			all[i].Kind, all[i].Source.Actor = "key.created", "rare"
		}
	}
	for part := range slices.Chunk(all, 1000) {
		var rows []string
		var args []any
		for i, e := range part {
			rows = append(rows, fmt.Sprintf("($%d, $%d, $%d, $%d, $%d, $%d, '', '', '', '{}')", i*6+1, i*6+2, i*6+3, i*6+4, i*6+5, i*6+6))
			args = append(args, e.ID, e.At, e.Kind, nullable(e.AccountID), e.Source.Actor, e.Source.Address)
		}
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO audit_event (id, at, kind, account_id, actor, address, device, request_id, reason, detail) VALUES `+strings.Join(rows, ", "), args...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func (f Filter) matches(e Entry) bool {
	return (f.Account == uuid.Nil || e.AccountID == f.Account) && strings.HasPrefix(e.Kind, f.Kind) && (f.Actor == "" || e.Source.Actor == f.Actor) &&
		(f.Address == "" || e.Source.Address == f.Address) && (f.Since.IsZero() || !e.At.Before(f.Since)) && (f.Until.IsZero() || e.At.Before(f.Until))
}

func TestPagesOfEventsLoseAndRepeatNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		all := flood(t, d, 21_000)
		for name, f := range map[string]Filter{
			"all": {}, "a kind": {Kind: "signin.refused"}, "kinds": {Kind: "session."}, "an account": {Account: all[0].AccountID},
			"an account's kinds": {Account: all[0].AccountID, Kind: "session."}, "an actor": {Actor: "cli"}, "a rare actor": {Actor: "rare"}, "an address": {Address: "192.0.2.7"},
			"an actor of kinds": {Actor: "cli", Kind: "s"}, "a rare kind": {Kind: "key"}, "no kind": {Kind: "x"}, "since": {Since: start.Add(2 * time.Second)},
			"until": {Until: start.Add(2 * time.Second)}, "a span": {Kind: "session.e", Since: start.Add(time.Second), Until: start.Add(2 * time.Second)}, "nothing": {Actor: "nobody"},
		} {
			f.Limit = 700
			var got []uuid.UUID
			pages := 0
			for ; ; pages++ {
				page, next, err := List(t.Context(), d.DB, f)
				if err != nil || len(page) > f.Limit {
					t.Fatalf("%s: %d, %v", name, len(page), err)
				}
				for _, e := range page {
					got = append(got, e.ID)
				}
				if next == nil {
					break
				}
				if f.After != nil && f.After.compare(*next) >= 0 {
					t.Fatalf("%s: page %d leads nowhere", name, pages)
				}
				f.After = next
			}
			found := slices.DeleteFunc(slices.Clone(all), func(e Entry) bool { return !f.matches(e) })
			slices.SortFunc(found, func(a, b Entry) int { return cmp.Or(b.At.Compare(a.At), slices.Compare(b.ID[:], a.ID[:])) })
			want := make([]uuid.UUID, len(found))
			for i, e := range found {
				want[i] = e.ID
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: listed %d, want %d, or in another order", name, len(got), len(want))
			}
		}
	})
}

// However rare what is looked for, a page looks at a bounded number of events.
func TestAPageIsBoundedWhereNoIndexKnowsTheFilter(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		flood(t, d, 41_000)
		f := Filter{Actor: "nobody", Limit: 50}
		pages := 0
		for next := (&Place{}); next != nil; pages++ {
			var page []Entry
			var err error
			if page, next, err = List(t.Context(), d.DB, f); err != nil || len(page) != 0 {
				t.Fatal(len(page), err)
			}
			f.After = next
		}
		if pages != 3 {
			t.Errorf("%d pages of at most 20,000 of 41,000 events", pages)
		}
	})
}

func TestAnIndexServesEveryList(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		all := flood(t, d, 5_000)
		if d.Engine() == "postgres" {
			owner, err := db.Open(t.Context(), db.Config{URL: d.OwnerURL})
			if err != nil {
				t.Fatal(err)
			}
			defer owner.Close()
			if err := owner.Once(t.Context(), "ANALYZE audit_event", nil); err != nil {
				t.Fatal(err)
			}
		}
		after := Place{At: all[3_000].At, ID: all[3_000].ID}
		for name, f := range map[string]Filter{
			"all": {}, "after": {After: &after}, "account": {Account: all[0].AccountID}, "account after": {Account: all[0].AccountID, After: &after}, "since": {Since: start.Add(time.Second)},
			"kind": {Kind: "signin.refused"}, "kind after": {Kind: "signin.refused", After: &after},
		} {
			where, args := f.indexed(f.Kind)
			plan := explain(t, d, `SELECT e.at, e.id FROM audit_event e WHERE `+where+` ORDER BY e.at DESC, e.id DESC LIMIT 50`, args)
			if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN e\n") || !strings.Contains(plan, "audit_event_") {
				t.Errorf("%s:\n%s", name, plan)
			}
		}
	})
}

func explain(t *testing.T, d *dbtest.DB, query string, args []any) string {
	t.Helper()
	prefix, columns := "EXPLAIN ", 1
	if d.Engine() == "sqlite" {
		prefix, columns = "EXPLAIN QUERY PLAN ", 4
	}
	var plan strings.Builder
	err := d.Each(t.Context(), prefix+query, args, func(scan func(...any) error) error {
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

func TestKindsAreAllThatThereAre(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		if kinds, err := Kinds(t.Context(), d.DB); err != nil || len(kinds) != 0 {
			t.Errorf("of none: %v, %v", kinds, err)
		}
		flood(t, d, 100)
		if kinds, err := Kinds(t.Context(), d.DB); err != nil || strings.Join(kinds, " ") != "key.created session.created session.ended signin.refused" {
			t.Errorf("%v, %v", kinds, err)
		}
	})
}

func TestAnEntryIsWhatWasRecorded(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		source := Source{Actor: "self", Address: "192.0.2.1", Device: "Firefox on Linux", RequestID: "r1"}
		e := Event{Kind: "session.created", AccountID: uuid.New(), SessionID: uuid.New(), Reason: "why", Detail: map[string]string{"amr": "pwd"}}
		if err := RecordAlone(NewContext(context.Background(), source), d.DB, e); err != nil {
			t.Fatal(err)
		}
		page, next, err := List(t.Context(), d.DB, Filter{Limit: 10})
		if err != nil || next != nil || len(page) != 1 {
			t.Fatal(page, next, err)
		}
		got := page[0]
		if got.Kind != e.Kind || got.AccountID != e.AccountID || got.SessionID != e.SessionID || got.Source != source || got.Reason != "why" || got.Detail["amr"] != "pwd" || got.Email != "" || got.At.IsZero() || got.At.After(d.Now()) {
			t.Errorf("%+v", got)
		}
	})
}
