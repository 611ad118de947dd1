package isolation

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

const (
	password = "Rather-Long-1-Secret" // of every account
	shared   = "both.example.com"     // a domain that several tenants say is theirs
	invited  = "invited@example.com"  // an address that several tenants have invited
)

// world is an engine that is asked in process.
type world struct {
	*gatehousetest.Server
	t   *testing.T
	url string // of the database
}

// each runs fn on both databases.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) { fn(t, open(t, engine, nil)) })
	}
}

func open(t *testing.T, engine string, change func(*gatehouse.Config)) *world {
	t.Helper()
	w := &world{t: t}
	w.url, _ = dbtest.URL(t, engine)
	wide := gatehouse.Limit{Tries: 100_000, Per: time.Hour}
	cfg := gatehouse.Config{
		DatabaseURL: w.url, Logger: slog.New(slog.DiscardHandler),
		Tenants: gatehouse.Tenants{Create: "anyone", Permissions: []string{"notes.read", "notes.write"}, Attributes: []gatehouse.Attribute{{Name: "job_title", Type: "string"}}},
		Limits: gatehouse.Limits{SignInPerAccount: wide, SignInPerAddress: wide, ConfirmPerAccount: wide, MailPerAddress: wide, MailPerNetwork: wide,
			TenantsPerAccount: wide, InvitationsPerTenant: wide},
	}
	if change != nil {
		change(&cfg)
	}
	w.Server = gatehousetest.NewTLS(t, &cfg)
	return w
}

// person makes an account that can sign in.
func (w *world) person(email string) gatehousetest.Account {
	w.t.Helper()
	return w.CreateAccount(w.t, func(n *gatehouse.NewAccount) { n.Email, n.Password, n.FullName = email, password, "Jo Doe" })
}

// superuser is person, and may do whatever staff can.
func (w *world) superuser(email string) gatehousetest.Account {
	w.t.Helper()
	return w.CreateAccount(w.t, func(n *gatehouse.NewAccount) { n.Email, n.Password, n.Superuser = email, password, true })
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	object map[string]any // where the body is a JSON object
}

func (a answer) code() string { return a.member("code") }

func (a answer) member(name string) string {
	s, _ := a.object[name].(string)
	return s
}

// first returns a member of the first object of a list.
func (a answer) first(list, name string) string {
	all, _ := a.object[list].([]any)
	if len(all) == 0 {
		return ""
	}
	one, _ := all[0].(map[string]any)
	s, _ := one[name].(string)
	return s
}

type option func(*http.Request)

func bearer(token string) option {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func cookie(c *http.Cookie) option {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value}) }
}

// call asks the API; body goes as JSON unless nil.
func (w *world) call(method, path string, body any, options ...option) answer {
	w.t.Helper()
	text := []byte{}
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			w.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, w.APIURL+path, strings.NewReader(string(text)))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return w.send(w.Gatehouse().Handler(), r, options)
}

// page asks for a page, or posts a form from an own one.
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

func (w *world) send(h http.Handler, r *http.Request, options []option) answer {
	w.t.Helper()
	for _, o := range options {
		o(r)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	a := answer{status: rec.Code, header: rec.Header(), text: rec.Body.String()}
	if strings.Contains(a.header.Get("Content-Type"), "json") && strings.HasPrefix(a.text, "{") {
		if err := json.Unmarshal([]byte(a.text), &a.object); err != nil {
			w.t.Errorf("%s %s: the answer is no JSON", r.Method, r.URL.Path)
		}
	}
	if a.status >= 500 {
		w.t.Errorf("%s %s answered %d %s", r.Method, r.URL.Path, a.status, a.text)
	}
	return a
}

// must is call for what is to succeed, or with a refusal that is expected: want is its code.
func (w *world) must(want, method, path string, body any, token string) answer {
	w.t.Helper()
	var options []option
	if token != "" {
		options = append(options, bearer(token))
	}
	a := w.call(method, path, body, options...)
	if a.code() != want || (a.status >= 400) != (want != "") {
		w.t.Fatalf("%s %s answered %d %s, want %q", method, path, a.status, a.text, want)
	}
	return a
}

// signIn returns an access token for no tenant.
func (w *world) signIn(who gatehousetest.Account) string {
	w.t.Helper()
	return w.must("", http.MethodPost, "/login/", map[string]any{"email": who.Email, "password": password}, "").member("access")
}

// enter returns an access token for a tenant, of a session that has others.
func (w *world) enter(who gatehousetest.Account, tenant string) string {
	w.t.Helper()
	return w.must("", http.MethodPost, "/tenants/"+tenant+"/token/", nil, w.signIn(who)).member("access")
}

// visit returns the cookie of a page session.
func (w *world) visit(who gatehousetest.Account) *http.Cookie {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, w.URL+"/account/sign-in/", strings.NewReader(url.Values{"name": {who.Email}, "password": {password}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", w.URL)
	rec := httptest.NewRecorder()
	w.Gatehouse().Pages().ServeHTTP(rec, r)
	all := rec.Result().Cookies()
	i := slices.IndexFunc(all, func(c *http.Cookie) bool { return c.Name == "__Host-gatehouse-session" && c.Value != "" })
	if rec.Code != http.StatusSeeOther || i < 0 {
		w.t.Fatalf("signing in to the pages answered %d", rec.Code)
	}
	return all[i]
}

var tokenForm = regexp.MustCompile(`giv_[A-Za-z0-9_-]+`)

// token returns that of the next invitation that is mailed to an address.
func (w *world) token(to string) string {
	w.t.Helper()
	found := tokenForm.FindString(w.Mailbox.Wait(w.t, to).Text)
	if found == "" {
		w.t.Fatalf("no invitation was mailed to %s", to)
	}
	return found
}

// organisation is a tenant with something of every kind.
type organisation struct {
	id                   uuid.UUID
	slug                 string
	owner, admin, editor gatehousetest.Account
	invitation           string // the id of the one to invited
}

// organise makes an organisation. All have a role "editor", a domain and an invitation of the same names.
func (w *world) organise(slug string) *organisation {
	w.t.Helper()
	o := &organisation{slug: slug, owner: w.person("owner@" + slug + ".example.com"), admin: w.person("admin@" + slug + ".example.com"), editor: w.person("editor@" + slug + ".example.com")}
	made := w.must("", http.MethodPost, "/tenants/", map[string]any{"name": "Organisation " + slug, "slug": slug}, w.signIn(o.owner))
	o.id = uuid.MustParse(made.member("id"))
	token := w.enter(o.owner, slug)
	at := "/tenants/" + slug + "/"
	w.must("", http.MethodPost, at+"roles/", map[string]any{"name": "editor", "permissions": []string{"notes.write", "tenant.read"}}, token)
	w.must("", http.MethodPost, at+"domains/", map[string]any{"domain": shared}, token)
	w.must("", http.MethodPost, at+"domains/", map[string]any{"domain": slug + ".example.com"}, token)
	for who, as := range map[gatehousetest.Account]string{o.admin: "admin", o.editor: "editor"} {
		if _, err := w.Gatehouse().AddMember(w.t.Context(), slug, who.ID, as); err != nil {
			w.t.Fatal(err)
		}
	}
	o.invitation = w.must("", http.MethodPost, at+"invitations/", map[string]any{"email": invited, "role": "editor"}, token).member("id")
	return o
}
