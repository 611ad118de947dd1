package signin_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place/placetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// listed returns what GET sessions/ says, by session.
func listed(t *testing.T, a domaintest.Answer) map[string]map[string]any {
	t.Helper()
	if a.Status != http.StatusOK {
		t.Fatalf("answered %d %s", a.Status, a.Text)
	}
	all := map[string]map[string]any{}
	for _, one := range a.JSON["sessions"].([]any) {
		row := one.(map[string]any)
		all[row["id"].(string)] = row
	}
	return all
}

func TestSessionsSayHowWhereAndWhichIsThisOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.flow.Places = placetest.Finder(t, map[string]place.Place{"203.0.113.0/24": {City: "Berlin", Region: "Berlin", Country: "DE"}})
		here, there, look := w.Session(w.account.ID), w.Session(w.account.ID), w.Session(w.account.ID)
		w.Exec("UPDATE session SET address = '203.0.113.7', device = 'Firefox on Linux', transport = 'page', amr = 'swk mfa', aal = 2 WHERE id = $1", here.SessionID)
		w.Exec("UPDATE session SET address = '192.0.2.7' WHERE id = $1", there.SessionID)
		w.Exec("UPDATE session SET address = '203.0.113.8', device = 'Chrome on Windows', transport = 'look' WHERE id = $1", look.SessionID)
		c := w.Serve(signin.Routes(w.flow), nil)
		all := listed(t, c.Call(http.MethodGet, "/sessions/", "", domaintest.Bearer(here)))
		row := all[here.SessionID.String()]
		where, _ := row["place"].(map[string]any)
		if len(all) != 3 || row["current"] != true || row["transport"] != "page" || row["device"] != "Firefox on Linux" || row["address"] != "203.0.113.7" || row["acr"] != "aal2" ||
			len(where) != 3 || where["city"] != "Berlin" || where["region"] != "Berlin" || where["country"] != "DE" {
			t.Errorf("%d sessions; this one: %v", len(all), row)
		}
		if row := all[there.SessionID.String()]; row["current"] != false || row["transport"] != "body" || row["place"] != nil {
			t.Errorf("the other: %v", row)
		}
		// From where staff look is not its owner's to know, not even roughly.
		if row := all[look.SessionID.String()]; row["transport"] != "look" || row["place"] != nil || row["address"] != "" || row["device"] != "" {
			t.Errorf("staff: %v", row)
		}
	})
}

func TestWithoutADatabaseNoPlaceIsSaid(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.Session(w.account.ID)
		w.Exec("UPDATE session SET address = '203.0.113.7'")
		c := w.Serve(signin.Routes(w.flow), nil)
		if row := listed(t, c.Call(http.MethodGet, "/sessions/", "", domaintest.Bearer(b)))[b.SessionID.String()]; row["place"] != nil {
			t.Errorf("it says %v", row["place"])
		}
	})
}

func TestEndingTheOthersKeepsTheOneThatAsks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine, there, elsewhere := w.Session(w.account.ID), w.Session(w.account.ID), w.Session(w.account.ID)
		stranger := w.Session(w.Account("ann@example.com", "").ID)
		c := w.Serve(signin.Routes(w.flow), nil)
		for _, want := range []float64{2, 0} {
			a := c.Call(http.MethodDelete, "/sessions/", "", domaintest.Bearer(mine))
			if a.Status != http.StatusOK || len(a.JSON) != 1 || a.JSON["ended"] != want {
				t.Errorf("answered %d %s, want %v", a.Status, a.Text, want)
			}
		}
		if !w.Stands(mine) || !w.Stands(stranger) || w.Stands(there) || w.Stands(elsewhere) {
			t.Error("the wrong ones stand")
		}
		if got := w.Audited("session.others_ended"); !slices.Equal(got, []string{"signed_out", "signed_out"}) {
			t.Errorf("audited %q", got)
		}
		if a := c.Call(http.MethodDelete, "/sessions/", ""); a.Status != http.StatusUnauthorized {
			t.Errorf("without a token: answered %d", a.Status)
		}
	})
}

// A session that ended while it asked may end no other.
func TestAnEndedSessionEndsNoOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine, there := w.Session(w.account.ID), w.Session(w.account.ID)
		w.Exec("UPDATE session SET ended_at = 1 WHERE id = $1", mine.SessionID)
		_, err := w.flow.EndOthers(t.Context(), mine)
		wants(t, err, session.ErrEnded)
		wants(t, w.flow.EndAll(t.Context(), mine), session.ErrEnded)
		if !w.Stands(there) || len(w.Audited("session.others_ended"))+len(w.Audited("session.all_ended")) != 0 {
			t.Error("something was done")
		}
	})
}

func TestEndingSessionsIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, end := range map[string]func(context.Context, session.Bearer) error{
			"others": func(ctx context.Context, b session.Bearer) error { _, err := w.flow.EndOthers(ctx, b); return err },
			"all":    w.flow.EndAll,
		} {
			mine, there := w.Session(w.account.ID), w.Session(w.account.ID)
			for n := 1; ; n++ {
				var err error
				if !w.FailAt(n, func() { err = end(t.Context(), mine) }) {
					break
				}
				if !errors.Is(err, domaintest.ErrBroken) || !w.Stands(mine) || !w.Stands(there) {
					t.Fatalf("%s, statement %d: %v", name, n, err)
				}
			}
			if w.Stands(there) || w.Stands(mine) != (name == "others") {
				t.Errorf("%s: the wrong ones stand", name)
			}
		}
	})
}

func TestForgettingDevicesMakesThemNew(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine, other := w.Session(w.account.ID), w.Account("ann@example.com", "").ID
		book := device.NewBook(w.Keys.Hasher)
		must(t, w.InTx(t.Context(), func(tx *db.Tx) error {
			for _, id := range []account.ID{w.account.ID, w.account.ID, w.account.ID, other} {
				if err := book.Note(t.Context(), tx, id, secret.NewToken()); err != nil {
					return err
				}
			}
			return nil
		}))
		remembered := func() int {
			n, err := w.flow.RememberedDevices(t.Context(), w.account.ID)
			must(t, err)
			return n
		}
		if n := remembered(); n != 3 {
			t.Errorf("%d are remembered", n)
		}
		must(t, w.flow.ForgetDevices(t.Context(), mine))
		if n := remembered(); n != 0 || w.Count("SELECT count(*) FROM device") != 1 || len(w.Audited("device.forgotten")) != 1 || !w.Stands(mine) {
			t.Errorf("%d are remembered", n)
		}
	})
}
