package ui_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

const base = "/account/assets/"

// addresses returns what a page loads.
func addresses(t *testing.T, u *ui.UI) []string {
	t.Helper()
	text := write(t, u, get(t, "/?lang=en"), ui.Page{Name: "sample/page"}).Body.String()
	seen, found := map[string]bool{}, []string{}
	for _, m := range regexp.MustCompile(`(?:href|src)="(`+base+`[^"]*)"`).FindAllStringSubmatch(text, -1) {
		if !seen[m[1]] {
			found = append(found, m[1])
		}
		seen[m[1]] = true
	}
	return found
}

func fetch(t *testing.T, h http.Handler, method, target, etag string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAssetsAreKeptForGood(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", map[string]string{"page": ""}))
	h := u.Assets(base)
	found := addresses(t, u)
	if len(found) != 3 {
		t.Fatalf("a page loads %v", found)
	}
	types := []string{"text/css; charset=utf-8", "image/svg+xml", "text/javascript; charset=utf-8"}
	for i, target := range found {
		w := fetch(t, h, http.MethodGet, target, "")
		head := w.Header()
		if w.Code != http.StatusOK || head.Get("Content-Type") != types[i] || head.Get("Cache-Control") != "public, max-age=31536000, immutable" || head.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", target, w.Code, head)
		}
		if policy := head.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || !strings.HasSuffix(policy, "; sandbox") || strings.Contains(policy, "script-src") {
			t.Errorf("%s: %s", target, policy)
		}
		if w := fetch(t, h, http.MethodGet, target, head.Get("ETag")); head.Get("ETag") == "" || w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("%s with its own ETag: %d", target, w.Code)
		}
		if w := fetch(t, h, http.MethodGet, target+"/", ""); w.Code != http.StatusOK {
			t.Errorf("%s/: %d", target, w.Code)
		}
		if w := fetch(t, h, http.MethodHead, target, ""); w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d", target, w.Code)
		}
	}
	for _, target := range []string{base, base + "style.css", base + "../ui.go", base + "style.0000000000000000.css", "/elsewhere/x", strings.TrimPrefix(found[0], "/account")} {
		if w := fetch(t, h, http.MethodGet, target, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

func TestAPageOfAnotherBrandLoadsIt(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", map[string]string{"page": ""}))
	text := write(t, u, get(t, "/?lang=en"), ui.Page{Name: "sample/page", Brand: ui.Brand{Color: "#AA3300", Radius: 4, Font: "serif"}}).Body.String()
	m := regexp.MustCompile(`<link rel="stylesheet" href="[^"]*/style\.[^"]*">\s*<link rel="stylesheet" href="(` + base + `brand-aa3300-4-serif\.[0-9a-f]{16}\.css)">`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("it does not, or not after the style sheet:\n%s", text)
	}
	w := fetch(t, u.Assets(base), http.MethodGet, m[1], "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(w.Body.String(), ":root{--brand:#aa3300;") || !strings.Contains(w.Body.String(), `--radius:4px;--font:"Iowan`) {
		t.Errorf("answered %d\n%s", w.Code, w.Body.String())
	}
	for _, name := range []string{"brand-aa3300-4-serif.css", "brand-aa3300-4-serif.0000000000000000.css", strings.Replace(m[1], "aa3300", "aa3301", 1), strings.Replace(m[1], "-4-", "-5-", 1), strings.Replace(m[1], "-4-", "-04-", 1),
		strings.Replace(m[1], "-4-", "-25-", 1), strings.Replace(m[1], "serif", "comic", 1), strings.Replace(m[1], "serif", "", 1)} {
		if w := fetch(t, u.Assets(base), http.MethodGet, base+strings.TrimPrefix(name, base), ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if text := write(t, u, get(t, "/?lang=en"), ui.Page{Name: "sample/page"}).Body.String(); strings.Contains(text, "/brand-") {
		t.Error("a page of the service has another colour")
	}
	for _, bad := range []ui.Brand{{Color: "red"}, {Color: "#aa330"}, {Color: `#aa3300"`}, {Radius: -1}, {Radius: ui.MaxRadius + 1}, {Font: "comic"}, {Font: "../x"}} {
		if u.Write(httptest.NewRecorder(), get(t, "/"), ui.Page{Name: "sample/page", Brand: bad}) == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	for _, part := range []ui.Brand{{Color: "#aa3300"}, {Radius: 4}, {Font: "mono"}} {
		text := write(t, u, get(t, "/?lang=en"), ui.Page{Name: "sample/page", Brand: part}).Body.String()
		m := regexp.MustCompile(`href="(` + base + `brand-[^"]*)"`).FindStringSubmatch(text)
		if m == nil || fetch(t, u.Assets(base), http.MethodGet, m[1], "").Code != http.StatusOK {
			t.Errorf("%+v alone is not loaded: %v", part, m)
		}
	}
}

func TestAssetsChangeTheirNamesWithTheTheme(t *testing.T) {
	set := sample("", map[string]string{"page": ""})
	a, b := addresses(t, newUI(t, ui.Config{}, set)), addresses(t, newUI(t, ui.Config{Theme: ui.Theme{Brand: ui.Brand{Color: "#aa3300"}}}, set))
	if a[0] == b[0] || a[1] == b[1] || a[2] != b[2] {
		t.Errorf("%v %v", a, b)
	}
}

func TestLogoIsServedAsWhatItIs(t *testing.T) {
	png := "\x89PNG\r\n\x1a\nrest"
	u := newUI(t, ui.Config{Theme: ui.Theme{Logo: []byte(png)}}, sample("", map[string]string{"page": ""}))
	w := fetch(t, u.Assets(base), http.MethodGet, addresses(t, u)[1], "")
	if w.Header().Get("Content-Type") != "image/png" || w.Body.String() != png {
		t.Errorf("%v", w.Header())
	}
	own := `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	u = newUI(t, ui.Config{Theme: ui.Theme{Logo: []byte(own)}}, sample("", map[string]string{"page": ""}))
	w = fetch(t, u.Assets(base), http.MethodGet, addresses(t, u)[1], "")
	if policy := w.Header().Get("Content-Security-Policy"); policy != "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox" {
		t.Errorf("a drawing that is opened by itself may do %s", policy)
	}
}

func TestAFirstPageIsSmall(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", map[string]string{"page": ""}))
	sum := write(t, u, get(t, "/"), ui.Page{Name: "sample/page"}).Body.Len()
	for _, target := range addresses(t, u) {
		sum += fetch(t, u.Assets(base), http.MethodGet, target, "").Body.Len()
	}
	if sum > 45_000 {
		t.Errorf("an empty page weighs %d bytes", sum)
	}
}
