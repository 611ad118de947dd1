package stat_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/stat"
)

const kind = "session.created"

// toHour moves the clock to a time after a full hour.
func toHour(w *domaintest.World, after time.Duration) time.Time {
	next := w.Now().Truncate(time.Hour).Add(time.Hour)
	w.Clock.Advance(next.Add(after).Sub(w.Now()))
	return next
}

func happen(t *testing.T, w *domaintest.World, kind string, n int) {
	t.Helper()
	for range n {
		if err := audit.RecordAlone(t.Context(), w.DB.DB, audit.Event{Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
}

func collect(t *testing.T, w *domaintest.World) {
	t.Helper()
	if err := stat.Collect(t.Context(), w.DB.DB); err != nil {
		t.Fatal(err)
	}
}

// numbers returns a name's points as text: how many hours before now, and the number.
func numbers(t *testing.T, w *domaintest.World, name string) string {
	t.Helper()
	all, err := stat.Read(t.Context(), w.DB.DB, time.Unix(0, 0), name)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, p := range all[name] {
		words = append(words, fmt.Sprintf("%.0f:%d", w.Now().Truncate(time.Hour).Sub(p.Hour).Hours(), p.N))
	}
	return strings.Join(words, " ")
}

func TestEveryHourIsCountedUntilItIsFinal(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		collect(t, w)
		if n := w.Count("SELECT count(*) FROM stat_hour WHERE name LIKE 'event.%' OR name = 'final'"); n != 0 {
			t.Errorf("%d numbers of nothing", n)
		}
		toHour(w, 10*time.Minute)
		happen(t, w, kind, 3)
		happen(t, w, "signin.refused", 2)
		collect(t, w)
		collect(t, w)
		if got := numbers(t, w, stat.Event(kind)); got != "0:3" {
			t.Errorf("the hour that runs: %s", got)
		}
		happen(t, w, kind, 1)
		if now, err := stat.Current(t.Context(), w.DB.DB, kind, "nothing"); err != nil || now[kind] != 4 || len(now) != 1 {
			t.Errorf("live: %v, %v", now, err)
		}
		toHour(w, time.Minute)
		collect(t, w)
		if got := numbers(t, w, stat.Event(kind)); got != "1:4" {
			t.Errorf("the hour before: %s", got)
		}
		// An event of the former hour may be committed a moment after its end.
		w.Clock.Advance(10 * time.Second)
		if n := w.Count("SELECT count(*) FROM stat_hour WHERE name = 'final'"); n != 0 {
			t.Errorf("%d hours are final too early", n)
		}
		toHour(w, 20*time.Minute)
		collect(t, w)
		if n := w.Count("SELECT count(*) FROM stat_hour WHERE name = 'final'"); n != 2 {
			t.Errorf("%d hours are final", n)
		}
		if got := numbers(t, w, stat.Event("signin.refused")); got != "2:2" {
			t.Errorf("refusals: %s", got)
		}
	})
}

func TestFinalHoursAreLeftAlone(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		toHour(w, 0)
		happen(t, w, kind, 1)
		toHour(w, 10*time.Minute)
		collect(t, w)
		w.Exec("DELETE FROM audit_event")
		collect(t, w)
		toHour(w, 0)
		statements := w.Statements(func() { collect(t, w) })
		counted := 0
		for _, s := range statements {
			if strings.Contains(s, "FROM audit_event WHERE") {
				counted++
			}
		}
		if got := numbers(t, w, stat.Event(kind)); got != "2:1" || counted != 2 {
			t.Errorf("%s after %d counts", got, counted)
		}
	})
}

func TestTheFirstRunGoesBackThirtyDays(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		toHour(w, 0)
		happen(t, w, kind, 7)
		w.Clock.Advance(2 * 24 * time.Hour)
		happen(t, w, kind, 5)
		w.Clock.Advance(29 * 24 * time.Hour)
		collect(t, w)
		if got := numbers(t, w, stat.Event(kind)); got != "696:5" {
			t.Errorf("counted %s", got)
		}
	})
}

func TestInstancesThatCollectAtOnceAgree(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("jo@example.com", "")
		w.Session(a.ID)
		for range 5 {
			toHour(w, time.Minute)
			happen(t, w, kind, 2)
			happen(t, w, "signin.refused", 1)
		}
		var work sync.WaitGroup
		for range 6 {
			work.Go(func() {
				if err := stat.Collect(t.Context(), w.DB.DB); err != nil {
					t.Error(err)
				}
			})
		}
		work.Wait()
		if got := numbers(t, w, stat.Event(kind)); got != "4:2 3:2 2:2 1:2 0:2" {
			t.Errorf("counted %s", got)
		}
		if got := numbers(t, w, stat.Active); got != "0:1" {
			t.Errorf("active %s", got)
		}
	})
}

// Whoever began to count earlier and writes later must not take back what was counted since.
func TestALateWriterTakesNothingBack(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		toHour(w, 0)
		happen(t, w, kind, 2)
		w.Exec("INSERT INTO stat_hour (name, hour, n) VALUES ($1, $2, 9)", stat.Event(kind), w.Now().Truncate(time.Hour))
		collect(t, w)
		if got := numbers(t, w, stat.Event(kind)); got != "0:9" {
			t.Errorf("counted %s", got)
		}
	})
}

func TestAccountsAndSessionsAreMeasuredOnceAnHour(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		toHour(w, time.Minute)
		var ids []uuid.UUID
		for i := range 6 {
			ids = append(ids, w.Account(fmt.Sprintf("p%d@example.com", i), "").ID)
		}
		old := w.Session(ids[0])
		w.Session(ids[1])
		w.Clock.Advance(25 * time.Hour)
		w.Exec("UPDATE session SET rotated_at = $2 WHERE id = $1", old.SessionID, w.Now()) // a refresh
		w.Session(ids[2])
		w.Session(ids[2])
		ended := w.Session(ids[3])
		w.Exec("UPDATE session SET ended_at = $2 WHERE id = $1", ended.SessionID, w.Now())
		w.Session(ids[4])
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", ids[4])
		look := w.Session(ids[5])
		w.Exec("UPDATE session SET transport = 'look' WHERE id = $1", look.SessionID)
		collect(t, w)
		for name, want := range map[string]string{stat.Accounts: "0:6", stat.Active: "0:4", stat.Sessions: "0:4"} {
			if got := numbers(t, w, name); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		w.Account("late@example.com", "")
		collect(t, w)
		if got := numbers(t, w, stat.Accounts); got != "0:6" {
			t.Errorf("measured twice: %s", got)
		}
		toHour(w, 0)
		collect(t, w)
		if got := numbers(t, w, stat.Accounts); got != "1:6 0:7" {
			t.Errorf("an hour later: %s", got)
		}
	})
}

func TestManySessionsAreCountedInSteps(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		const perAccount, people = 700, 33 // 23,100 sessions: three steps, none of which ends between accounts by chance
		for i := range people {
			a := w.Account(fmt.Sprintf("p%d@example.com", i), "")
			var rows []string
			args := []any{a.ID, w.Now(), w.Now().Add(time.Hour)}
			for j := range perAccount {
				rows = append(rows, fmt.Sprintf("($%d, $1, 0, 'first-party', 'body', '', '', 'pwd', 1, $2, 0, $2, 0, 604800000, $3, $2, '', '')", j+4))
				args = append(args, uuid.Must(uuid.NewV7()))
			}
			w.Exec(`INSERT INTO session (id, account_id, epoch, client_id, transport, jkt, audience, amr, aal, auth_time, counter, rotated_at, repeats, idle_ms, expires_at, created_at, device, address) VALUES `+strings.Join(rows, ", "), args...)
		}
		collect(t, w)
		if got, live := numbers(t, w, stat.Active), numbers(t, w, stat.Sessions); got != "0:33" || live != "0:23100" {
			t.Errorf("active %s, live %s", got, live)
		}
	})
}

func TestSweepRemovesNumbersAfterFourHundredDays(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		collect(t, w)
		w.Clock.Advance(399 * 24 * time.Hour)
		collect(t, w)
		if n, err := stat.Sweep(t.Context(), w.DB.DB, 500); n != 0 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		w.Clock.Advance(2 * 24 * time.Hour)
		if n, err := stat.Sweep(t.Context(), w.DB.DB, 2); n != 2 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		if n, err := stat.Sweep(t.Context(), w.DB.DB, 500); n != 1 || err != nil {
			t.Errorf("swept %d more, %v", n, err)
		}
	})
}

func TestNowCountsWhileThereIsLittle(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("jo@example.com", "")
		w.Session(a.ID)
		w.Exec("UPDATE session SET ended_at = $1 WHERE id = $2", w.Now(), w.Session(a.ID).SessionID)
		got, ok, err := stat.Now(t.Context(), w.DB.DB)
		if want := (stat.Levels{Accounts: 1, Active: 1, Sessions: 1}); err != nil || !ok || got != want {
			t.Errorf("%+v, %t, %v, want %+v", got, ok, err, want)
		}
		for i := range 1001 {
			w.Exec(`INSERT INTO account (id, subject, email, email_key, email_verified, active, staff, superuser, epoch, created_at)
				VALUES ($1, $2, $2, $2, TRUE, TRUE, FALSE, FALSE, 0, $3)`, uuid.Must(uuid.NewV7()), fmt.Sprintf("more%d@example.com", i), w.Now())
		}
		if _, ok, err := stat.Now(t.Context(), w.DB.DB); ok || err != nil {
			t.Errorf("of many: %t, %v", ok, err)
		}
	})
}
