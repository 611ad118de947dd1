package gatehouse_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// errBroken is what a statement fails with. Nobody outside may read it.
var errBroken = errors.New(`near "SELECT": disk I/O error at /srv/gatehouse.db`)

const faultPassword = "Rather-Long-1-Secret"

// deed is a request that changes or tells something.
type deed struct {
	name, method, path string
	body               string // JSON, or a form where path is a page's
	bearer             string
	least              int // statements it takes at least
}

// stage is a server without background work, and the deeds that can be done there.
type stage struct {
	*gatehousetest.Server
	t       *testing.T
	db      *db.DB
	log     *bytes.Buffer
	deeds   []deed
	secrets []string
}

// newStage makes mailed tokens with a server that sends mail, and leaves them to one that does not.
func newStage(t *testing.T, engine string) *stage {
	t.Helper()
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	cfg := gatehouse.Config{SecretKey: base64.StdEncoding.EncodeToString(key[:]), Logger: slog.New(slog.DiscardHandler)}
	cfg.DatabaseURL, _ = dbtest.URL(t, engine)
	wide := gatehouse.Limit{Tries: 100_000, Per: time.Hour}
	cfg.Limits = gatehouse.Limits{SignInPerAccount: wide, SignInPerAddress: wide, MailPerAddress: wide, MailPerNetwork: wide}

	sender := gatehousetest.NewTLS(t, &cfg)
	for _, email := range []string{"jo@example.com", "reset@example.com", "form@example.com", "change@example.com", "out@example.com"} {
		sender.CreateAccount(t, func(n *gatehouse.NewAccount) { n.Email, n.Password = email, faultPassword })
	}
	mailed := func(path string, in map[string]string) string {
		sender.MustCall(t, http.MethodPost, path, gatehousetest.Session{}, in, nil)
		return sender.Mailbox.Wait(t, in["email"]).Token()
	}
	m := letters{}
	m.verify = mailed("/register/", map[string]string{"email": "new@example.com", "password": faultPassword, "full_name": "", "username": "newcomer"})
	m.verifyForm = mailed("/register/", map[string]string{"email": "newer@example.com", "password": faultPassword, "full_name": ""})
	m.reset, m.resetForm = mailed("/password/reset/", map[string]string{"email": "reset@example.com"}), mailed("/password/reset/", map[string]string{"email": "form@example.com"})
	if err := sender.Close(); err != nil {
		t.Fatal(err)
	}

	s := &stage{t: t, log: &bytes.Buffer{}}
	cfg.NoWorkers, cfg.Logger = true, slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Server = gatehousetest.NewTLS(t, &cfg)
	s.db = gatehouse.Database(s.Gatehouse())
	s.rehearse(m)
	return s
}

// letters are tokens that were mailed: for the API and for the pages.
type letters struct{ verify, verifyForm, reset, resetForm string }

// rehearse signs in whoever is needed and writes down what can be done.
func (s *stage) rehearse(m letters) {
	s.t.Helper()
	in := func(email string) gatehousetest.Session {
		return s.SignIn(s.t, gatehousetest.Account{Email: email, Password: faultPassword})
	}
	jo, other, gone, change, all, revoked := in("jo@example.com"), in("jo@example.com"), in("jo@example.com"), in("change@example.com"), in("out@example.com"), in("jo@example.com")
	stale := in("jo@example.com").Refresh
	current := s.sessionOf(other)
	s.MustCall(s.t, http.MethodPost, "/token/refresh/", gatehousetest.Session{}, map[string]string{"refresh": stale}, nil)
	s.Clock.Advance(s.t, time.Minute) // so that a second use of stale is a thief's
	s.secrets = []string{faultPassword, m.verify, m.verifyForm, m.reset, m.resetForm, jo.Access, jo.Refresh, gone.Refresh, change.Access, all.Refresh, revoked.Access, stale}

	login := func(email, pass, rest string) string {
		return fmt.Sprintf(`{"email":%q,"password":%q%s}`, email, pass, rest)
	}
	s.deeds = []deed{
		{name: "register", method: "POST", path: "/register/", body: login("free@example.com", faultPassword, `,"full_name":"Free"`), least: 3},
		{name: "verify", method: "POST", path: "/email/verify/", body: `{"token":"` + m.verify + `"}`, least: 6},
		{name: "resend", method: "POST", path: "/email/verify/resend/", body: `{"email":"free@example.com"}`, least: 2},
		{name: "login", method: "POST", path: "/login/", body: login("jo@example.com", faultPassword, ""), least: 4},
		{name: "login refused", method: "POST", path: "/login/", body: login("jo@example.com", "not "+faultPassword, ""), least: 3},
		{name: "login of nobody", method: "POST", path: "/login/", body: login("nobody@example.com", faultPassword, ""), least: 3},
		{name: "refresh", method: "POST", path: "/token/refresh/", body: `{"refresh":"` + jo.Refresh + `"}`, least: 1},
		{name: "reuse", method: "POST", path: "/token/refresh/", body: `{"refresh":"` + stale + `"}`, least: 4},
		{name: "token verify", method: "POST", path: "/token/verify/", body: `{"token":"` + jo.Access + `"}`, least: 1},
		{name: "me", method: "GET", path: "/me/", bearer: jo.Access, least: 1},
		{name: "profile", method: "PATCH", path: "/me/", body: `{"full_name":"Changed"}`, bearer: jo.Access, least: 4},
		{name: "sessions", method: "GET", path: "/sessions/", bearer: jo.Access, least: 2},
		{name: "end a session", method: "DELETE", path: "/sessions/" + current + "/", bearer: jo.Access, least: 3},
		{name: "logout", method: "POST", path: "/logout/", body: `{"refresh":"` + gone.Refresh + `"}`, least: 2},
		{name: "revoke", method: "POST", path: "/token/revoke/", body: `{"token":"` + revoked.Access + `"}`, least: 2},
		{name: "logout everywhere", method: "POST", path: "/logout/all/", body: `{"refresh":"` + all.Refresh + `"}`, least: 2},
		{name: "change refused", method: "POST", path: "/password/change/", body: fmt.Sprintf(`{"old_password":"not %s","new_password":"Another-Long-2-Secret"}`, faultPassword), bearer: change.Access, least: 4},
		{name: "change", method: "POST", path: "/password/change/", body: fmt.Sprintf(`{"old_password":%q,"new_password":"Another-Long-2-Secret"}`, faultPassword), bearer: change.Access, least: 6},
		{name: "ask for a reset", method: "POST", path: "/password/reset/", body: `{"email":"jo@example.com"}`, least: 2},
		{name: "reset", method: "POST", path: "/password/reset/confirm/", body: `{"token":"` + m.reset + `","new_password":"Another-Long-2-Secret"}`, least: 6},
		{name: "verify page", method: "GET", path: "/account/verify/?token=" + m.verifyForm, least: 1},
		{name: "verify form", method: "POST", path: "/account/verify/", body: url.Values{"token": {m.verifyForm}, "password": {faultPassword}}.Encode(), least: 6},
		{name: "forgot form", method: "POST", path: "/account/forgot/", body: "email=jo%40example.com", least: 2},
		{name: "reset page", method: "GET", path: "/account/reset/?token=" + m.resetForm, least: 1},
		{name: "reset form", method: "POST", path: "/account/reset/", body: url.Values{"token": {m.resetForm}, "new_password": {"Another-Long-2-Secret"}}.Encode(), least: 6},
	}
}

// sessionOf returns the id of a session.
func (s *stage) sessionOf(by gatehousetest.Session) (id string) {
	s.t.Helper()
	var all struct {
		Sessions []struct {
			ID      string `json:"id"`
			Current bool   `json:"current"`
		} `json:"sessions"`
	}
	s.MustCall(s.t, http.MethodGet, "/sessions/", by, nil, &all)
	for _, one := range all.Sessions {
		if one.Current {
			id = one.ID
		}
	}
	return id
}

func (s *stage) do(d deed) (*http.Response, string) {
	s.t.Helper()
	h, address, kind := s.Gatehouse().Handler(), s.APIURL+d.path, "application/json"
	if strings.HasPrefix(d.path, "/account/") {
		h, address, kind = s.Gatehouse().Pages(), s.URL+d.path, "application/x-www-form-urlencoded"
	}
	headers := []string{"Origin", s.URL}
	if d.body != "" {
		headers = append(headers, "Content-Type", kind)
	}
	if d.bearer != "" {
		headers = append(headers, "Authorization", "Bearer "+d.bearer)
	}
	resp := request(h, d.method, address, d.body, headers...)
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(text)
}

// statements runs fn and returns the texts of what the database was asked. The failing-th, from 1,
// fails with why; 0 lets all pass.
func (s *stage) statements(failing int, why error, fn func()) (all []string) {
	var mu sync.Mutex
	s.db.Inspect(func(query string) error {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(query, "FROM key_material") {
			return nil // known keys are read again now and then, by whatever request comes along
		}
		if all = append(all, query); len(all) == failing {
			return why
		}
		return nil
	})
	defer s.db.Inspect(nil)
	fn()
	mu.Lock()
	defer mu.Unlock()
	return all
}

// state returns what requests change for good. A session's count of repeats is none of it.
func (s *stage) state() (rows []string) {
	s.t.Helper()
	for _, query := range []string{
		"SELECT id, active, epoch, email_verified FROM account", "SELECT account_id, full_name, updated_at FROM profile", "SELECT account_id, hash FROM password_credential", "SELECT id FROM registration",
		"SELECT id, used_at FROM one_time_token", "SELECT id, counter, epoch, ended_at FROM session", "SELECT id FROM job", "SELECT id FROM audit_event",
	} {
		err := s.db.Each(s.t.Context(), query+" ORDER BY 1", nil, func(scan func(...any) error) error {
			dest := make([]any, strings.Count(query, ",")+1)
			for i := range dest {
				dest[i] = new(any)
			}
			err := scan(dest...)
			line := query[strings.LastIndex(query, " ")+1:]
			for _, v := range dest {
				line += fmt.Sprint(" ", *(v.(*any)))
			}
			rows = append(rows, line)
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return rows
}

// Whatever statement of whatever request fails, and however: the caller gets a refusal that tells
// nothing, nothing is half done, and the same request does it all once the database is back.
func TestAFailingStatementIsARefusalAndLeavesNothing(t *testing.T) {
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			s := newStage(t, engine)
			for _, d := range s.deeds {
				s.breaks(d)
			}
			for _, secret := range s.secrets {
				if bytes.Contains(s.log.Bytes(), []byte(secret)) {
					t.Error("a secret is in the log")
				}
			}
			if bytes.Contains(s.log.Bytes(), []byte("@")) || bytes.Contains(s.log.Bytes(), []byte("%40")) {
				t.Error("an address is in the log")
			}
			if !bytes.Contains(s.log.Bytes(), []byte("disk I/O error")) {
				t.Error("the operator does not learn what failed")
			}
		})
	}
}

// breaks does d with its first statement failing, then with its second, until none is left to fail.
func (s *stage) breaks(d deed) {
	s.t.Helper()
	before := s.state()
	for n := 1; ; n++ {
		for _, why := range []error{errBroken, db.ErrUnavailable.Wrap(errBroken)} {
			var resp *http.Response
			var text string
			asked := len(s.statements(n, why, func() { resp, text = s.do(d) }))
			if asked < n {
				if resp.StatusCode >= 500 || n-1 < d.least {
					s.t.Errorf("%s: answered %d after %d statements, want no failure and at least %d", d.name, resp.StatusCode, n-1, d.least)
				}
				return
			}
			want := map[bool]int{true: http.StatusInternalServerError, false: http.StatusServiceUnavailable}[why == errBroken] //nolint:errorlint // it is that one
			if resp.StatusCode != want {
				s.t.Errorf("%s, statement %d fails with %v: answered %d", d.name, n, why, resp.StatusCode)
			}
			for _, told := range []string{"SELECT", "disk", "/srv", "sql", ".go", "goroutine"} {
				if strings.Contains(text, told) {
					s.t.Errorf("%s, statement %d: the answer tells %q", d.name, n, told)
				}
			}
			if len(resp.Cookies()) != 0 {
				s.t.Errorf("%s, statement %d: a refusal sets a cookie", d.name, n)
			}
			if after := s.state(); !slices.Equal(before, after) {
				s.t.Errorf("%s, statement %d of %d: something is half done", d.name, n, asked)
				before = after
			}
		}
	}
}

// What is asked of the database tells nobody apart either: the same statements in the same order.
func TestTheSameStatementsWhoeverIsMeant(t *testing.T) {
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			s := newStage(t, engine)
			for _, c := range []struct{ path, body string }{
				{"/login/", `{"email":"%s@example.com","password":"not the password"}`}, {"/register/", `{"email":"%s@example.com","password":"Another-Long-2-Secret","full_name":""}`},
				{"/password/reset/", `{"email":"%s@example.com"}`}, {"/email/verify/resend/", `{"email":"%s@example.com"}`},
			} {
				of := func(name string) []string {
					return s.statements(0, nil, func() { s.do(deed{method: http.MethodPost, path: c.path, body: fmt.Sprintf(c.body, name)}) })
				}
				nobody, somebody := of("nobody"), of("jo")
				if !slices.Equal(nobody, somebody) || len(nobody) < 2 {
					t.Errorf("%s: for nobody\n%s\nfor somebody\n%s", c.path, strings.Join(nobody, "\n"), strings.Join(somebody, "\n"))
				}
			}
		})
	}
}
