package gatehouse_test

import (
	"html"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

var rawKey = regexp.MustCompile(`\breference\.[a-z]+[.a-z_-]*`)

// The reference shows every real route in words, in every language, with the members of its bodies.
func TestReferenceShowsEveryRouteInWords(t *testing.T) {
	srv := quiet(t, nil)
	for _, l := range ui.Languages() {
		resp := request(srv.Gatehouse().Handler(), http.MethodGet, srv.APIURL+"/docs/?lang="+l.Tag, "")
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("answered %d, %v", resp.StatusCode, err)
		}
		page := html.UnescapeString(string(text))
		if raw := rawKey.FindAllString(page, -1); raw != nil {
			t.Errorf("%s: it shows the keys %v", l.Tag, raw)
		}
		for _, r := range gatehouse.APIRoutes(srv.Gatehouse()) {
			if !strings.HasPrefix(r.Path, "/docs/") && !strings.Contains(page, r.Method+" "+r.Path+"<") {
				t.Errorf("%s: %s %s is missing", l.Tag, r.Method, r.Path)
			}
		}
		for _, complaint := range uitest.Complaints(string(text)) {
			t.Errorf("%s: %s", l.Tag, complaint)
		}
	}
}

// What every client reads first of the answer to signing in.
func TestReferenceShowsTheTokensOfSigningIn(t *testing.T) {
	srv := quiet(t, nil)
	resp := request(srv.Gatehouse().Handler(), http.MethodGet, srv.APIURL+"/docs/", "")
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "POST /login/<")
	row, _, _ := strings.Cut(after, "</tr>")
	for _, member := range []string{"password", "access", "refresh", "token_type", "expires_in", "user.email"} {
		if !strings.Contains(row, "<code>"+member+"</code>") {
			t.Errorf("POST login/ does not show %s", member)
		}
	}
}
