package console_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/stat"
)

func (w *world) happen(kind string, n int) {
	w.t.Helper()
	for range n {
		w.must(audit.RecordAlone(w.t.Context(), w.DB.DB, audit.Event{Kind: kind}))
	}
}

func (w *world) collect() {
	w.t.Helper()
	w.must(stat.Collect(w.t.Context(), w.DB.DB))
}

func TestAFreshServerSaysThatNothingIsCountedYet(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.client.Page("/console/", w.asStaff)
		w.shows(a, 200, "Nothing has happened yet", "0 days", "0 failed for good")
		w.hides(a, `class="note`)
	})
}

func TestTheOverviewShowsWhatHasHappened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.happen("session.created", 3)
		w.happen("account.created", 7)
		w.Clock.Advance(25 * time.Hour)
		w.happen("session.created", 4)
		w.happen("signin.refused", 5)
		w.asStaff = w.as(w.staff)
		w.collect()
		a := w.client.Page("/console/", w.asStaff)
		// Of sign-ins 4 in the last day and 7 in the last week, in drawing and table.
		w.shows(a, 200, `aria-label="Sign-ins in the last 24 hours: Sign-ins 4, Refused sign-ins 5"`, `aria-label="Sign-ins in the last 7 days: Sign-ins 7, Refused sign-ins 5"`,
			`aria-label="New accounts in the last 7 days: New accounts 7"`, "<strong>3</strong>", "<strong>7</strong>", "1 day<")
	})
}

func TestTheHourThatRunsIsCountedAsOfNow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.happen("session.created", 2)
		w.shows(w.client.Page("/console/", w.asStaff), 200, "24 hours: Sign-ins 2, Refused")
		w.collect()
		w.happen("session.created", 1)
		w.shows(w.client.Page("/console/", w.asStaff), 200, "24 hours: Sign-ins 3, Refused", "7 days: Sign-ins 3, Refused")
		w.Exec("UPDATE stat_hour SET n = 20000 WHERE name = 'event.session.created'")
		a := w.client.Page("/console/", w.asStaff)
		w.shows(a, 200, "24 hours: Sign-ins 20,000, Refused")
	})
}

func TestWhatNeedsAttentionStandsFirst(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.skew = -90 * time.Second
		w.Exec("INSERT INTO job (id, kind, recipient, payload, attempt, run_at, leased_until, created_at, dead_at, last_error) VALUES ($1, 'letter', 'x', NULL, 9, $2, 0, $2, $2, 'no')", uuid.Must(uuid.NewV7()), w.Now())
		w.Clock.Advance(91 * 24 * time.Hour)
		w.asStaff = w.as(w.staff)
		a := w.client.Page("/console/", w.asStaff)
		w.shows(a, 200, "off by 90 seconds", "1 mail failed for good", "/console/mails/?state=dead", "used for 91 days", "/console/keys/")
		w.skew = 2 * time.Second
		w.shows(w.client.Page("/console/", w.asStaff), 200, `class="note warn"`, "off by 2 seconds")
	})
}
