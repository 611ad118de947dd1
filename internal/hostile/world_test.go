// Package hostile holds tests that treat the whole engine as an attacker would: every body,
// header, cookie, origin and token that an honest client would never send, on both databases.
package hostile

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

const (
	password = "Rather-Long-1-Secret" // of every account
	canary   = "canary-9d31-stays-here"
	stranger = "203.0.113.9:4711"
	proxy    = "10.0.0.1:4711"
	listed   = "https://app.example.com"
)

// world is an engine with its database, asked in process.
type world struct {
	*gatehousetest.Server
	t        *testing.T
	engine   string
	log      *logBuffer
	tables   *db.DB // a second connection that only looks
	url      string
	told     []answer          // every answer so far
	access   map[string]string // tokens that collect made, by who has them
	answered string            // a passkey's right answer to the challenge of the passkey step that collect began
}

// each runs fn on both databases. change may alter the configuration, whose limits are wide.
func each(t *testing.T, change func(*gatehouse.Config), fn func(t *testing.T, w *world)) {
	t.Helper()
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) { fn(t, open(t, engine, change)) })
	}
}

func open(t *testing.T, engine string, change func(*gatehouse.Config)) *world {
	t.Helper()
	w := &world{t: t, engine: engine, log: &logBuffer{}}
	w.url, _ = dbtest.URL(t, engine)
	wide := gatehouse.Limit{Tries: 100_000, Per: time.Hour}
	cfg := gatehouse.Config{
		DatabaseURL: w.url, AllowedOrigins: []string{listed}, TrustedProxies: []string{"10.0.0.0/8"},
		Limits:     gatehouse.Limits{SignInPerAccount: wide, SignInPerAddress: wide, MailPerAddress: wide, MailPerNetwork: wide, TenantsPerAccount: wide, InvitationsPerTenant: wide},
		Attributes: []gatehouse.Attribute{{Name: "team", Type: "string"}},
		Tenants:    gatehouse.Tenants{Permissions: []string{"notes.read", "notes.write"}, Attributes: []gatehouse.Attribute{{Name: "team", Type: "string", OneOf: []string{"blue"}}}},
		Logger:     slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	w.Server = gatehousetest.NewTLS(t, &cfg)
	var err error
	if w.tables, err = db.Open(t.Context(), db.Config{URL: w.url, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.tables.Close)
	return w
}

// silent turns background work off, so that nothing but requests changes the database.
func silent(c *gatehouse.Config) { c.NoWorkers = true }

// account makes an account that can sign in.
func (w *world) account(email string) gatehousetest.Account {
	w.t.Helper()
	return w.CreateAccount(w.t, func(n *gatehouse.NewAccount) { n.Email, n.Password = email, password })
}

// superuser makes an account that may do whatever the admin API and the console offer.
func (w *world) superuser(email string) gatehousetest.Account {
	w.t.Helper()
	return w.CreateAccount(w.t, func(n *gatehouse.NewAccount) { n.Email, n.Password, n.Superuser = email, password, true })
}

// option changes a request.
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

func bearer(token string) option { return header("Authorization", "Bearer "+token) }
func from(peer string) option    { return func(r *http.Request) { r.RemoteAddr = peer } }

func cookie(c *http.Cookie) option {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value}) }
}

// answer is what came back.
type answer struct {
	what    string
	status  int
	header  http.Header
	cookies []*http.Cookie
	text    string
	object  map[string]any // where the body is a JSON object
	code    string         // of a problem
}

func (a answer) member(name string) string {
	s, _ := a.object[name].(string)
	return s
}

// refreshCookie returns the refresh token that a sets, or nil.
func (a answer) refreshCookie() *http.Cookie {
	for _, c := range a.cookies {
		if c.Name == "__Host-gatehouse-refresh" {
			return c
		}
	}
	return nil
}

// call sends a request to the API; a body goes as JSON unless an option says otherwise.
func (w *world) call(method, path, body string, options ...option) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, w.APIURL+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return w.send(w.Gatehouse().Handler(), r, options)
}

// page sends a request to the pages, posted forms from an own page.
func (w *world) page(method, path string, form url.Values, options ...option) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, w.URL+path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", w.URL)
	}
	if strings.HasPrefix(path, "/console/") {
		return w.send(w.Gatehouse().Console(), r, options)
	}
	return w.send(w.Gatehouse().Pages(), r, options)
}

// setBody gives a request another body.
func setBody(r *http.Request, body string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
}

func (w *world) send(h http.Handler, r *http.Request, options []option) answer {
	w.t.Helper()
	for _, o := range options {
		o(r)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	resp := rec.Result()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{what: r.Method + " " + r.URL.Path, status: resp.StatusCode, header: resp.Header, cookies: resp.Cookies(), text: string(text)}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") && !strings.HasPrefix(a.text, "[") {
		if err := json.Unmarshal(text, &a.object); err != nil {
			w.t.Errorf("%s: the answer is no JSON", a.what)
		}
		a.code = a.member("code")
	}
	w.told = append(w.told, a)
	return a
}

// refused checks that a is a whole problem document (RFC 9457) that says nothing of what was sent.
func (w *world) refused(a answer, what string, status int, code string) {
	w.t.Helper()
	if a.status != status || a.code != code {
		w.t.Errorf("%s: %s answered %d %q, want %d %q", what, a.what, a.status, a.code, status, code)
	}
	w.problem(a, what)
}

// problem checks the form of a refusal, whatever its code.
func (w *world) problem(a answer, what string) {
	w.t.Helper()
	if a.status < 400 || a.status >= 500 {
		w.t.Errorf("%s: %s answered %d", what, a.what, a.status)
		return
	}
	status, _ := a.object["status"].(float64)
	whole := a.header.Get("Content-Type") == "application/problem+json" && int(status) == a.status && a.code != "" && a.member("detail") != "" &&
		a.member("type") == w.APIURL+"/docs/errors#"+a.code && len(a.member("request_id")) == 36
	if !whole {
		w.t.Errorf("%s: %s answers with no whole problem: %s", what, a.what, a.text)
	}
	if strings.Contains(a.text, canary) {
		w.t.Errorf("%s: %s echoes what was sent", what, a.what)
	}
}

// pair is what signing in gave, by whatever transport.
type pair struct {
	access, refresh string
	cookie          *http.Cookie
}

func (w *world) signIn(email, transport string, options ...option) pair {
	w.t.Helper()
	a := w.call(http.MethodPost, "/login/", fmt.Sprintf(`{"email":%q,"password":%q,"transport":%q}`, email, password, transport), options...)
	if a.status != http.StatusOK {
		w.t.Fatalf("login answered %d %s", a.status, a.code)
	}
	return pair{access: a.member("access"), refresh: a.member("refresh"), cookie: a.refreshCookie()}
}

// signedIn reports whether the session of an access token stands.
func (w *world) signedIn(access string) bool {
	w.t.Helper()
	return w.call(http.MethodGet, "/me/", "", bearer(access)).status == http.StatusOK
}

// dump returns every value of every row, by table, as the database holds it.
func (w *world) dump() map[string][]byte {
	w.t.Helper()
	names := w.names(map[string]string{
		"sqlite":   "SELECT name FROM sqlite_master WHERE type = 'table' AND $1 = $1 ORDER BY name",
		"postgres": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'gatehouse' AND $1 = $1 ORDER BY table_name",
	}, "")
	all := map[string][]byte{}
	for _, table := range names {
		columns := w.names(map[string]string{
			"sqlite":   "SELECT 'CAST(' || name || ' AS BLOB)' FROM pragma_table_info($1)",
			"postgres": "SELECT CASE data_type WHEN 'bytea' THEN column_name ELSE 'convert_to(CAST(' || column_name || ' AS TEXT), ''UTF8'')' END FROM information_schema.columns WHERE table_schema = 'gatehouse' AND table_name = $1 ORDER BY ordinal_position",
		}, table)
		values := make([][]byte, len(columns))
		dest := make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		err := w.tables.In(db.All()).Each(w.t.Context(), "SELECT "+strings.Join(columns, ", ")+" FROM "+table+" ORDER BY 1", nil, func(scan func(...any) error) error {
			if err := scan(dest...); err != nil {
				return err
			}
			for _, v := range values {
				all[table] = append(append(all[table], v...), '|')
			}
			all[table] = append(all[table], '\n')
			return nil
		})
		if err != nil {
			w.t.Fatalf("%s: %v", table, err)
		}
	}
	if len(all["account"]) == 0 || len(all["key_material"]) == 0 {
		w.t.Fatal("the dump is empty: it proves nothing")
	}
	return all
}

func (w *world) names(query map[string]string, arg string) (all []string) {
	w.t.Helper()
	err := w.tables.Each(w.t.Context(), query[w.engine], []any{arg}, func(scan func(...any) error) error {
		var s string
		err := scan(&s)
		all = append(all, s)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// digest changes when anything in the database does, tables left out aside.
func (w *world) digest(leftOut ...string) string {
	w.t.Helper()
	all := w.dump()
	for _, table := range leftOut {
		delete(all, table)
	}
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, all)))
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
