package web_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

const (
	origin = "https://id.example.com"
	mount  = "/api/auth"
	canary = "canary-5a17-do-not-echo"
)

var errMissing = fault.New(fault.Unauthenticated, "token_missing", "Send a token.")

// edge is an Edge with sample routes and what it logged.
type edge struct {
	*web.Edge
	t          *testing.T
	api, pages http.Handler
	log        *logBuffer
}

// newEdge serves the sample routes. change may alter the configuration.
func newEdge(t *testing.T, change func(*web.Config)) *edge {
	t.Helper()
	e := &edge{t: t, log: &logBuffer{}}
	u, err := ui.New(ui.Config{}, web.Pages(), sampleSet)
	if err != nil {
		t.Fatal(err)
	}
	cfg := web.Config{
		UI: u, PublicURL: origin, MountPath: mount, Origins: []string{"https://app.example.com"},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Authenticate: func(r *http.Request, _ web.Route) (context.Context, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return nil, errMissing
			}
			return r.Context(), nil
		},
		Logger: slog.New(slog.NewJSONHandler(e.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	if e.Edge, err = web.NewEdge(cfg); err != nil {
		t.Fatal(err)
	}
	e.api, e.pages = e.API("sample", "1", sample()), e.Site(samplePages(u))
	return e
}

type echoRequest struct {
	Body struct {
		Name  string         `json:"name" maxLength:"20"`
		Count int            `json:"count,omitempty"`
		Kind  string         `json:"kind,omitempty" enum:"one,two"`
		Free  map[string]any `json:"free,omitempty"`
	}
}

type optionalRequest struct {
	Body *struct {
		Name string `json:"name,omitempty"`
	}
}

type thingRequest struct {
	ID string `path:"id"`
}

type answer struct {
	Body struct {
		Said string `json:"said"`
	}
}

func say(text string) (*answer, error) {
	var a answer
	a.Body.Said = text
	return &a, nil
}

// sample is a route of each kind.
func sample() []web.Route {
	return []web.Route{
		web.Get("/.well-known/keys.json", web.Public, web.Raw(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })),
		web.Post("/echo/", web.Public, web.JSON(func(_ context.Context, in *echoRequest) (*answer, error) { return say(in.Body.Name) })).Says("Echo").Answers(http.StatusCreated),
		web.Post("/optional/", web.Public, web.JSON(func(_ context.Context, in *optionalRequest) (*answer, error) {
			if in.Body == nil {
				return say("no body")
			}
			return say(in.Body.Name)
		})),
		web.Get("/me/", web.SignedIn, web.JSON(func(context.Context, *struct{}) (*answer, error) { return say("me") })),
		web.Post("/me/", web.TokenHolder, web.JSON(func(_ context.Context, in *echoRequest) (*answer, error) { return say(in.Body.Name) })),
		web.Delete("/things/{id}/", web.Public, web.JSON(func(_ context.Context, in *thingRequest) (*answer, error) { return say(in.ID) })),
		web.Post("/raw/", web.Public, web.Raw(readRaw)),
		web.Get("/address/", web.Public, web.JSON(func(ctx context.Context, _ *struct{}) (*answer, error) {
			return say(web.FromContext(ctx).Address.String())
		})),
		web.Get("/origin/", web.Public, web.JSON(func(ctx context.Context, _ *struct{}) (*answer, error) {
			if err := web.FromContext(ctx).CheckOrigin(); err != nil {
				return nil, err
			}
			return say("own")
		})),
		web.Get("/cookie/", web.Public, web.JSON(func(ctx context.Context, _ *struct{}) (*answer, error) {
			v, _, err := web.FromContext(ctx).Cookie("sample")
			if err != nil {
				return nil, err
			}
			return say(v)
		})),
		web.Post("/cookie/", web.Public, web.JSON(func(ctx context.Context, _ *struct{}) (*answer, error) {
			return nil, web.FromContext(ctx).SetCookie("sample", "value", time.Hour)
		})),
		web.Delete("/cookie/", web.Public, web.JSON(func(ctx context.Context, _ *struct{}) (*answer, error) {
			return nil, web.FromContext(ctx).ClearCookie("sample")
		})),
		web.Get("/fail/{id}/", web.Public, web.JSON(func(_ context.Context, in *thingRequest) (*answer, error) { return nil, failures[in.ID] })),
		web.Get("/panic/", web.Public, web.Raw(func(http.ResponseWriter, *http.Request) { panic("the panic said " + canary) })),
		web.Get("/abort/", web.Public, web.Raw(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })),
	}
}

func readRaw(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name string `json:"name"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		web.Error(w, r, err)
		return
	}
	_, _ = io.WriteString(w, in.Name)
}

var sampleSet = ui.Set{Name: "sample", Files: fstest.MapFS{
	"pages/page.html": {Data: []byte(`{{/* version 1 */}}{{define "title"}}Sample{{end}}{{define "body"}}<p>{{.}}</p>{{end}}`)},
	"locales/en.json": {Data: []byte(`{"sample": {"none": "None"}}`)},
}}

func samplePages(u *ui.UI) []web.Route {
	page := func(text string) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, r *http.Request) error {
			return u.Write(w, r, ui.Page{Name: "sample/page", Data: text})
		}
	}
	return []web.Route{
		web.Get("/account/page/", web.Public, web.Page(page("a page"))),
		web.Post("/account/page/", web.Public, web.Form(func(w http.ResponseWriter, r *http.Request) error { return page(r.PostForm.Get("name"))(w, r) })),
		web.Get("/account/panic/", web.Public, web.Page(func(http.ResponseWriter, *http.Request) error { panic("the panic said " + canary) })),
	}
}

// logBuffer keeps what is logged. It is safe for concurrent use.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// reply is what came back.
type reply struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
	text    string
	problem web.Problem // where it is one
	said    string      // by a sample route
}

type option func(*http.Request)

func header(name string, values ...string) option {
	return func(r *http.Request) {
		if name == "Host" {
			r.Host = values[0]
			return
		}
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
}

func from(address string) option { return func(r *http.Request) { r.RemoteAddr = address } }

// call sends a request to the API; a body goes as JSON unless an option says otherwise.
func (e *edge) call(method, path, body string, options ...option) reply {
	e.t.Helper()
	r := httptest.NewRequest(http.MethodPost, origin+mount+path, strings.NewReader(body))
	r.Method = method // httptest takes CONNECT for a request to a proxy
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return send(e.t, e.api, r, options...)
}

// page sends a request to the pages.
func (e *edge) page(method, path, form string, options ...option) reply {
	e.t.Helper()
	r := httptest.NewRequest(method, origin+path, strings.NewReader(form))
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return send(e.t, e.pages, r, options...)
}

func send(t *testing.T, h http.Handler, r *http.Request, options ...option) reply {
	t.Helper()
	for _, o := range options {
		o(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	defer resp.Body.Close()
	a := reply{status: resp.StatusCode, header: resp.Header, cookies: resp.Cookies(), text: w.Body.String()}
	switch resp.Header.Get("Content-Type") {
	case "application/problem+json":
		if err := json.Unmarshal([]byte(a.text), &a.problem, json.RejectUnknownMembers(true)); err != nil {
			t.Errorf("the problem is not readable: %v", err)
		}
	case "application/json; charset=utf-8":
		var said struct {
			Said string `json:"said"`
		}
		if json.Unmarshal([]byte(a.text), &said) == nil {
			a.said = said.Said
		}
	}
	return a
}

// refuses checks that a is a whole problem document with this status and code, and echoes nothing.
func (a reply) refuses(t *testing.T, what string, status int, code string) {
	t.Helper()
	p := a.problem
	if a.status != status || p.Status != status || p.Code != code {
		t.Errorf("%s: answered %d, the body says %d %q, want %d %q", what, a.status, p.Status, p.Code, status, code)
		return
	}
	if p.Type != origin+mount+"/docs/errors#"+code || p.Title != http.StatusText(status) || p.Detail == "" || len(p.RequestID) != 36 {
		t.Errorf("%s: the problem is not whole: %+v", what, p)
	}
	if strings.Contains(a.text, canary) {
		t.Errorf("%s: the answer echoes what was sent", what)
	}
}
