package ui_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

func TestPlacesAreNamedInTheLanguageOfThePage(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", map[string]string{"page": `<p>[{{place .}}]</p>`}))
	berlin := place.Place{City: "Berlin", Region: "Berlin", Country: "DE"}
	for _, c := range []struct {
		lang  string
		place place.Place
		want  string
	}{
		{"en", berlin, "Berlin · Germany"}, {"de", berlin, "Berlin · Deutschland"}, {"ja", berlin, "Berlin · ドイツ"}, {"ar", berlin, "Berlin · ألمانيا"},
		{"fr", place.Place{City: "Fresno", Region: "California", Country: "US"}, "Fresno · California · États-Unis"},
		{"zh", place.Place{Country: "CN"}, "中国"}, {"en", place.Place{City: "Berlin"}, "Berlin"},
		{"en", place.Place{Country: "QQ"}, "QQ"}, {"en", place.Place{Country: "<b>"}, "&lt;b&gt;"}, {"en", place.Place{}, ""},
	} {
		w := write(t, u, get(t, "/?lang="+c.lang), ui.Page{Status: http.StatusOK, Name: "sample/page", Data: c.place})
		if !strings.Contains(w.Body.String(), "<p>["+c.want+"]</p>") {
			_, shown, _ := strings.Cut(w.Body.String(), "<p>[")
			shown, _, _ = strings.Cut(shown, "]</p>")
			t.Errorf("%s: %+v is %q, want %q", c.lang, c.place, shown, c.want)
		}
	}
}
