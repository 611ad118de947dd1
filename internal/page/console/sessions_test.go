package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place/placetest"
)

func TestSessionsSayWhereTheyAre(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE session SET address = '203.0.113.7' WHERE id = $1", w.theirs.SessionID)
		for _, known := range []bool{false, true} {
			if known {
				w.console.Places = placetest.Finder(t, map[string]place.Place{"203.0.113.0/24": {City: "Berlin", Country: "DE"}})
			}
			for _, at := range []string{"/console/sessions/", path(w.person, "")} {
				a := w.client.Page(at+"?lang=de", w.asStaff)
				if a.Status != http.StatusOK || !strings.Contains(a.Text, "203.0.113.7") || strings.Contains(a.Text, "Berlin · Deutschland") != known {
					t.Errorf("%s, known: %v: %d %s", at, known, a.Status, content(a))
				}
			}
		}
	})
}
