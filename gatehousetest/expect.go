package gatehousetest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// want proves that a request succeeded as documented.
func (a answer) want(t testing.TB, status int) {
	t.Helper()
	if a.status != status {
		t.Fatalf("%s, not %d", a, status)
	}
}

// refused proves that a request was refused with a problem of a code (RFC 9457).
func (a answer) refused(t testing.TB, status int, code string) {
	t.Helper()
	if a.status != status || a.problem.Code != code {
		t.Fatalf("%s, not %d with code %s", a, status, code)
	}
	a.isProblem(t)
	if a.problem.RequestID == "" {
		t.Errorf("%s: the problem has no request_id", a)
	}
}

// isProblem proves that a refusal has the form that all of them have.
func (a answer) isProblem(t testing.TB) {
	t.Helper()
	p := a.problem
	if a.status < 400 || a.status >= 500 || p.Status != a.status || p.Code == "" || p.Detail == "" || !strings.HasSuffix(p.Type, "/docs/errors#"+p.Code) {
		t.Fatalf("%s: this is no refusal with a problem document of status %d, type %q", a, p.Status, p.Type)
	}
	for status, name := range map[int]string{http.StatusUnauthorized: "WWW-Authenticate", http.StatusMethodNotAllowed: "Allow", http.StatusTooManyRequests: "Retry-After"} {
		if a.status == status && a.header.Get(name) == "" {
			t.Errorf("%s: the header %s is missing", a, name)
		}
	}
	a.unstored(t)
}

// unstored proves that no cache keeps the answer.
func (a answer) unstored(t testing.TB) {
	t.Helper()
	if !strings.Contains(a.header.Get("Cache-Control"), "no-store") {
		t.Errorf("%s: Cache-Control is %q, so it may be stored", a, a.header.Get("Cache-Control"))
	}
}

// hasExactly proves which members a JSON object has.
func hasExactly(t testing.TB, what string, o map[string]any, members ...string) {
	t.Helper()
	slices.Sort(members)
	if got := slices.Sorted(maps.Keys(o)); !slices.Equal(got, members) {
		t.Errorf("%s has the members %q, not %q", what, got, members)
	}
}

// names lists the headers of an answer.
func names(h http.Header) string { return strings.Join(slices.Sorted(maps.Keys(h)), " ") }

// quiet proves that an answer holds none of the texts, which are secrets.
func (a answer) quiet(t testing.TB, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(string(a.body), s) {
			t.Errorf("%s answers %d and echoes what it was sent", a.what, a.status)
		}
		for name, values := range a.header {
			if strings.Contains(strings.Join(values, " "), s) {
				t.Errorf("%s answers %d and echoes what it was sent in the header %s", a.what, a.status, name)
			}
		}
	}
}
