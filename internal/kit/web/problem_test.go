package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// failures are what the sample route /fail/{id}/ returns.
var failures = map[string]error{
	"invalid":  fault.New(fault.Invalid, "sample_invalid", "Wrong.").WithField("a", "b", "c"),
	"unauth":   fault.New(fault.Unauthenticated, "sample_unauth", "Who?"),
	"token":    fault.New(fault.Unauthenticated, "token_invalid", "Bad token."),
	"denied":   fault.New(fault.Forbidden, "sample_denied", "No."),
	"missing":  fault.New(fault.NotFound, "sample_missing", "Nothing."),
	"conflict": fault.New(fault.Conflict, "sample_conflict", "Clash."),
	"gone":     fault.New(fault.Gone, "sample_gone", "Gone."),
	"limited":  web.ErrLimited.WithRetry(90*time.Second + time.Millisecond),
	"busy":     fault.New(fault.Unavailable, "sample_busy", "Later.").WithRetry(time.Second),
	"down":     fault.New(fault.Unavailable, "unavailable", "Later.").Wrap(errors.New(`SELECT * FROM account WHERE password = '` + canary + `' at /srv/gatehouse.db`)),
	"wrapped":  fmt.Errorf("sample: %s: %w", canary, fault.New(fault.Conflict, "sample_conflict", "Clash.")),
	"bare":     errors.New("open /srv/gatehouse.db: " + canary),
	"large":    fmt.Errorf("sample: %w", &http.MaxBytesError{Limit: 1}),
	"internal": fault.New(fault.Internal, "internal", "Sorry."),

	"jo@example.com": errors.New("down"),
}

func TestEveryKindOfFailureHasItsStatus(t *testing.T) {
	e := newEdge(t, nil)
	for id, want := range map[string]struct {
		status int
		code   string
	}{
		"invalid": {400, "sample_invalid"}, "unauth": {401, "sample_unauth"}, "token": {401, "token_invalid"}, "denied": {403, "sample_denied"},
		"missing": {404, "sample_missing"}, "conflict": {409, "sample_conflict"}, "gone": {410, "sample_gone"}, "limited": {429, "rate_limited"},
		"busy": {503, "sample_busy"}, "down": {503, "unavailable"}, "wrapped": {409, "sample_conflict"}, "bare": {500, "internal"},
		"large": {413, "body_too_large"}, "internal": {500, "internal"},
	} {
		a := e.call(http.MethodGet, "/fail/"+id+"/", "")
		a.refuses(t, id, want.status, want.code)
		if (a.header.Get("WWW-Authenticate") != "") != (want.status == http.StatusUnauthorized) {
			t.Errorf("%s: WWW-Authenticate is %q", id, a.header.Get("WWW-Authenticate"))
		}
		for _, told := range []string{"SELECT", "/srv", "goroutine", ".go:"} {
			if strings.Contains(a.text, told) {
				t.Errorf("%s: tells %q", id, told)
			}
		}
		logged := strings.Count(e.log.String(), a.problem.RequestID)
		if want := map[bool]int{true: 1}[want.status >= 500]; logged != want {
			t.Errorf("%s: %d log events, want %d", id, logged, want)
		}
	}
	if got := e.call(http.MethodGet, "/fail/token/", "").header.Get("WWW-Authenticate"); got != `Bearer error="invalid_token"` {
		t.Errorf("challenge for a bad token: %q", got)
	}
	if got := e.call(http.MethodGet, "/fail/invalid/", "").problem.Errors; len(got) != 1 || got[0] != (fault.Field{Field: "a", Code: "b", Detail: "c"}) {
		t.Errorf("fields: %v", got)
	}
	for id, want := range map[string]string{"limited": "91", "busy": "1", "down": ""} {
		if got := e.call(http.MethodGet, "/fail/"+id+"/", "").header.Get("Retry-After"); got != want {
			t.Errorf("%s: Retry-After %q, want %q", id, got, want)
		}
	}
}

func TestAPanicIsToldToTheLogAlone(t *testing.T) {
	e := newEdge(t, nil)
	a := e.call(http.MethodGet, "/panic/", "")
	a.refuses(t, "a panic", http.StatusInternalServerError, "internal")
	log := e.log.String()
	if strings.Count(strings.TrimSpace(log), "\n") != 0 || !strings.Contains(log, a.problem.RequestID) || !strings.Contains(log, "setup_test.go") || strings.Contains(log, canary) {
		t.Errorf("want one log event with the request's id and the stack, without what the panic said, got:\n%s", log)
	}
	p := e.page(http.MethodGet, "/account/panic/", "")
	if p.status != http.StatusInternalServerError || !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") || strings.Contains(p.text, canary) || strings.Contains(p.text, ".go:") {
		t.Errorf("a page that panics: answered %d\n%s", p.status, p.text)
	}
	if a := e.call(http.MethodGet, "/me/", "", header("Authorization", "Bearer good")); a.said != "me" {
		t.Errorf("afterwards: answered %d", a.status)
	}
}

// A path can hold what names a person; the route says as much to whoever looks for the fault.
func TestAFailureIsLoggedByItsRoute(t *testing.T) {
	e := newEdge(t, nil)
	e.call(http.MethodGet, "/fail/jo@example.com/?to=jo@example.com", "").refuses(t, "a failure", http.StatusInternalServerError, "internal")
	if log := e.log.String(); strings.Contains(log, "jo@") || !strings.Contains(log, `"route":"/fail/{id}/"`) {
		t.Errorf("logged %s", log)
	}
}

func TestAnAbortedAnswerStaysAborted(t *testing.T) {
	e := newEdge(t, nil)
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			t.Errorf("got %v", p)
		}
		if e.log.String() != "" {
			t.Errorf("logged %s", e.log)
		}
	}()
	e.api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, origin+mount+"/abort/", nil))
}

func TestRequestIDsAreOursAndNeverTheSame(t *testing.T) {
	e := newEdge(t, nil)
	seen := map[string]bool{}
	for range 20 {
		id := e.call(http.MethodGet, "/fail/bare/", "", header("X-Request-Id", canary)).problem.RequestID
		if seen[id] || id == canary {
			t.Errorf("request id %s again", id)
		}
		seen[id] = true
	}
}

func TestErrorPagesEscapeAndTellTheCode(t *testing.T) {
	e := newEdge(t, nil)
	a := e.page(http.MethodGet, "/account/<script>/", "")
	if a.status != http.StatusNotFound || strings.Contains(a.text, "<script>") || !strings.Contains(a.text, "not_found") {
		t.Errorf("answered %d\n%s", a.status, a.text)
	}
}

func TestProblemsSpeakTheLanguageAskedFor(t *testing.T) {
	e := newEdge(t, nil)
	english := e.call(http.MethodGet, "/nothing/", "")
	for lang, want := range map[string]string{"": "en", "de-AT, en;q=0.5": "de", "ar": "ar", "xx": "en", "zh-CN": "zh"} {
		a := e.call(http.MethodGet, "/nothing/", "", header("Accept-Language", lang))
		if a.header.Get("Content-Language") != want || (a.problem.Detail == english.problem.Detail) != (want == "en") || a.problem.Code != "not_found" {
			t.Errorf("%q: %s, %s", lang, a.header.Get("Content-Language"), a.problem.Detail)
		}
	}
	short := e.call(http.MethodPost, "/echo/", `{}`, header("Accept-Language", "de"))
	if len(short.problem.Errors) == 0 || strings.Contains(short.problem.Errors[0].Detail, "required") {
		t.Errorf("%+v", short.problem.Errors)
	}
}

// A shell's prompt begins on a line of its own.
func TestAnswersEndTheirLine(t *testing.T) {
	e := newEdge(t, nil)
	for _, a := range []reply{e.call(http.MethodGet, "/address/", ""), e.call(http.MethodGet, "/nothing/", ""), e.call(http.MethodPost, "/echo/", "not json")} {
		if !strings.HasSuffix(a.text, "}\n") || strings.Count(a.text, "\n") != 1 {
			t.Errorf("answered %d with %q", a.status, a.text)
		}
	}
}
