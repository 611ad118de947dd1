package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// guarded checks what every answer carries.
func guarded(t *testing.T, what string, h http.Header, secure bool) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": map[bool]string{true: "max-age=31536000; includeSubDomains"}[secure],
	} {
		if got := h.Values(name); strings.Join(got, "|") != want {
			t.Errorf("%s: %s is %q, want %q", what, name, got, want)
		}
	}
	csp := h.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action '"} {
		if !strings.Contains(csp, part) {
			t.Errorf("%s: the policy lacks %s: %s", what, part, csp)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
		t.Errorf("%s: the policy is open: %s", what, csp)
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	for _, scheme := range []string{"https", "http"} {
		e := newEdge(t, func(c *web.Config) { c.PublicURL = scheme + "://id.example.com" })
		for what, a := range map[string]reply{
			"success": e.call(http.MethodGet, "/address/", ""), "created": e.call(http.MethodPost, "/echo/", `{"name":"a"}`), "400": e.call(http.MethodPost, "/echo/", "x"),
			"401": e.call(http.MethodGet, "/me/", ""), "403": e.call(http.MethodGet, "/fail/denied/", ""), "404": e.call(http.MethodGet, "/nothing/", ""),
			"405": e.call(http.MethodPut, "/me/", ""), "413": e.call(http.MethodPost, "/echo/", strings.Repeat(" ", web.MaxBody+1)),
			"415": e.call(http.MethodPost, "/echo/", "{}", header("Content-Type", "text/plain")), "421": e.call(http.MethodGet, "/me/", "", header("Host", "evil.example.net")),
			"429": e.call(http.MethodGet, "/fail/limited/", ""), "500": e.call(http.MethodGet, "/fail/bare/", ""), "503": e.call(http.MethodGet, "/fail/down/", ""),
			"panic": e.call(http.MethodGet, "/panic/", ""), "document": e.call(http.MethodGet, "/openapi.json", ""), "path": e.call(http.MethodGet, "/x//y", ""),
			"page": e.page(http.MethodGet, "/account/page/", ""), "page 404": e.page(http.MethodGet, "/account/nothing/", ""), "page panic": e.page(http.MethodGet, "/account/panic/", ""),
			"page 403": e.page(http.MethodPost, "/account/page/", "name=a", header("Origin", "null")), "HEAD": e.call(http.MethodHead, "/address/", ""),
		} {
			guarded(t, scheme+" "+what, a.header, scheme == "https")
			html := strings.HasPrefix(what, "page")
			if (a.header.Get("Cross-Origin-Opener-Policy") == "same-origin") != html {
				t.Errorf("%s: opener policy %q", what, a.header.Get("Cross-Origin-Opener-Policy"))
			}
			if kind := a.header.Get("Content-Type"); html != strings.HasPrefix(kind, "text/html") || a.text != "" && kind == "" {
				t.Errorf("%s: Content-Type %q", what, kind)
			}
			if a.header.Get("Server") != "" || a.header.Get("X-Powered-By") != "" {
				t.Errorf("%s: tells what it runs on", what)
			}
		}
	}
}

func TestFormsAreTakenFromFormsAlone(t *testing.T) {
	e := newEdge(t, nil)
	if a := e.page(http.MethodPost, "/account/page/", "name=Jo+%3Cb%3E", header("Origin", origin)); a.status != http.StatusOK || !strings.Contains(a.text, "Jo &lt;b&gt;") {
		t.Errorf("answered %d\n%s", a.status, a.text)
	}
	for name, c := range map[string]struct {
		form, kind string
		status     int
	}{
		"JSON": {"{}", "application/json", 415}, "text": {"name=a", "text/plain", 415}, "multipart": {"name=a", "multipart/form-data; boundary=x", 415}, "no type": {"name=a", "", 415},
		"a name twice": {"name=a&name=b", "application/x-www-form-urlencoded", 400}, "bad escape": {"name=%zz", "application/x-www-form-urlencoded", 400},
		"too large": {"name=" + strings.Repeat("x", web.MaxBody), "application/x-www-form-urlencoded", 413},
	} {
		if a := e.page(http.MethodPost, "/account/page/", c.form, header("Content-Type", c.kind), header("Origin", origin)); a.status != c.status {
			t.Errorf("%s: answered %d, want %d", name, a.status, c.status)
		}
	}
	if a := e.page(http.MethodPost, "/account/page/?name=query", "", header("Origin", origin)); strings.Contains(a.text, "<p>query") {
		t.Error("a value came from the address")
	}
}

func TestTheDocumentDescribesEachRoute(t *testing.T) {
	e := newEdge(t, nil)
	a := e.call(http.MethodGet, "/openapi.json", "")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Fatalf("answered %d", a.status)
	}
	for _, part := range []string{`"openapi": "3.1.0"`, `"/echo/"`, `"/things/{id}/"`, `"summary": "Echo"`, `"additionalProperties": false`, `"application/problem+json"`, `"bearer"`} {
		if !strings.Contains(a.text, part) {
			t.Errorf("lacks %s", part)
		}
	}
	if string(web.Describe("sample", "1", mount, sample())) != a.text {
		t.Error("what is served is not what Describe returns")
	}
}
