package gatehousetest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

func TestServerSignsInWhomItCreates(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	acc := srv.CreateAccount(t, func(n *gatehouse.NewAccount) { n.FullName, n.Password = "Ada Example", "password123" })
	session := srv.SignIn(t, acc)
	resp, err := srv.ClientOf(session).Get(srv.APIURL + "/me/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var me gatehouse.Account
	if err := json.NewDecoder(resp.Body).Decode(&me); err != nil {
		t.Fatal(err)
	}
	if me.ID != acc.ID || me.Email != acc.Email || me.FullName != "Ada Example" {
		t.Errorf("me/ is %+v, not the account created", me)
	}
	if id, err := srv.Verifier().Verify(t.Context(), session.Access); err != nil || id.Subject != acc.ID {
		t.Errorf("the verifier says %v for the server's own token", err)
	}
}

func TestServerServesHandlersBesideIt(t *testing.T) {
	srv := gatehousetest.NewTLS(t, nil)
	srv.Handle("GET /hello", srv.Gatehouse().Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := verifier.FromContext(r.Context())
		_, _ = fmt.Fprint(w, id.Subject)
	})))
	acc := srv.CreateAccount(t)
	for status, client := range map[int]*http.Client{http.StatusOK: srv.ClientOf(srv.SignIn(t, acc)), http.StatusUnauthorized: srv.Client} {
		resp, err := client.Get(srv.URL + "/hello")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("/hello answers %d, not %d", resp.StatusCode, status)
		}
	}
}

func TestServerCopiesItsConfig(t *testing.T) {
	cfg := gatehouse.Config{MountPath: "/id", Brand: gatehouse.Brand{Name: "Example Notes"}}
	srv := gatehousetest.New(t, &cfg)
	if cfg.PublicURL != "" || cfg.DatabaseURL != "" || cfg.Clock != nil || cfg.Dev {
		t.Error("New has changed the configuration it was given")
	}
	if srv.APIURL != srv.URL+"/id" || srv.Gatehouse().Issuer() != srv.APIURL {
		t.Errorf("the API is at %s", srv.APIURL)
	}
	to := gatehousetest.NewAddress()
	srv.MustCall(t, http.MethodPost, "/register/", gatehousetest.Session{}, map[string]string{"email": to, "password": "StrongPass123!", "full_name": "Test User"}, nil)
	if m := srv.Mailbox.Wait(t, to, "Confirm", "Example Notes"); !strings.HasPrefix(m.Link(), srv.URL+"/account/verify/") || !strings.HasSuffix(m.Link(), m.Token()) {
		t.Error("the mail does not lead to the server's own page")
	}
}

func TestClockExpiresTokensEverywhere(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	second := gatehousetest.New(t, &gatehouse.Config{Clock: srv.Clock})
	session := srv.SignIn(t, srv.CreateAccount(t))
	if _, err := srv.Verifier().Verify(t.Context(), session.Access); err != nil {
		t.Fatal(err)
	}
	second.Clock.Advance(t, 10*time.Minute)
	if _, err := srv.Verifier().Verify(t.Context(), session.Access); !errors.Is(err, verifier.ErrTokenInvalid) {
		t.Errorf("after its lifetime the verifier says %v of a token", err)
	}
}

// failing is a test that may fail without failing the one that watches it.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// watch returns what fn fails with, or "".
func watch(t *testing.T, fn func(t testing.TB)) string {
	f, done := &failing{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		fn(f)
	}()
	<-done
	return f.said
}

func TestHelpersFailWithCodeAndWithoutSecrets(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	acc := srv.CreateAccount(t)
	session := srv.SignIn(t, acc)
	for want, fn := range map[string]func(t testing.TB){
		"credentials_rejected": func(t testing.TB) {
			srv.SignIn(t, gatehousetest.Account{Email: acc.Email, Password: "canary-" + acc.Password})
		},
		"account_exists": func(t testing.TB) {
			srv.CreateAccount(t, func(n *gatehouse.NewAccount) { n.Email, n.Password = acc.Email, "canary-"+acc.Password })
		},
		"token_invalid": func(t testing.TB) {
			srv.MustCall(t, http.MethodGet, "/me/", gatehousetest.Session{Access: "canary-" + session.Access}, nil, nil)
		},
		"fields_invalid": func(t testing.TB) {
			srv.MustCall(t, http.MethodPost, "/login/", session, map[string]any{"email": 1, "password": "canary"}, nil)
		},
		"not what was expected": func(t testing.TB) { srv.MustCall(t, http.MethodGet, "/me/", session, nil, new([]string)) },
	} {
		got := watch(t, fn)
		if !strings.Contains(got, want) {
			t.Errorf("the failure is %q, which does not say %s", got, want)
		}
		for _, secret := range []string{"canary", acc.Password, session.Access, session.Refresh} {
			if strings.Contains(got, secret) {
				t.Errorf("the failure %s tells a secret", want)
			}
		}
	}
}

func TestNothingPrintsSecrets(t *testing.T) {
	acc := gatehousetest.Account{ID: "1", Email: "jo@example.com", Password: "canary"}
	session := gatehousetest.Session{Access: "canary", Refresh: "canary"}
	var out bytes.Buffer
	_, _ = fmt.Fprintf(&out, "%v %+v %#v %s %v %+v %#v %s %v %v", acc, acc, acc, acc, session, session, session, session, &acc, []any{acc, session})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "account", acc, "session", session)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "account", acc, "session", session)
	if strings.Contains(out.String(), "canary") {
		t.Errorf("printed: %s", &out)
	}
}

func TestServerLeavesNoGoroutine(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		srv := gatehousetest.New(t, nil)
		srv.SignIn(t, srv.CreateAccount(t))
		if left := engineGoroutines(); left == "" {
			t.Error("a running server shows no goroutine: this test looks for the wrong thing")
		}
	})
	deadline := time.Now().Add(10 * time.Second)
	for left := engineGoroutines(); left != ""; left = engineGoroutines() {
		if time.Now().After(deadline) {
			t.Fatalf("still running after the test's end:\n%s", left)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// engineGoroutines returns the stacks of goroutines that a server started.
func engineGoroutines() string {
	all := make([]byte, 4<<20)
	all = all[:runtime.Stack(all, true)]
	var left []string
	for stack := range strings.SplitSeq(string(all), "\n\n") {
		if strings.Contains(stack, "created by github.com/gatehouse-auth/gatehouse/internal/") || strings.Contains(stack, "created by github.com/gatehouse-auth/gatehouse.") ||
			strings.Contains(stack, "created by net/http") || strings.Contains(stack, "created by database/sql") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

func TestServerCanBeClosedEarlyAndTwice(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	session := srv.SignIn(t, srv.CreateAccount(t))
	if _, err := srv.Verifier().Verify(t.Context(), session.Access); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := srv.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if resp, err := srv.Client.Get(srv.APIURL + "/.well-known/jwks.json"); err == nil {
		_ = resp.Body.Close()
		t.Error("a closed server answers")
	}
	if _, err := srv.Verifier().Verify(t.Context(), session.Access); err != nil {
		t.Errorf("without the server, services can no longer verify: %v", err)
	}
}

func TestServersShareOneDatabaseInSchemasOfTheirOwn(t *testing.T) {
	_, owner := dbtest.EmptyURL(t, "postgres")
	schemas := func() (n int) {
		d, err := db.Open(t.Context(), db.Config{URL: owner, MaxConns: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Row(t.Context(), `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'gatehouse\_test\_%'`, nil, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	t.Run("servers", func(t *testing.T) {
		t.Setenv("GATEHOUSE_TEST_DATABASE_URL", owner)
		one, other := gatehousetest.New(t, nil), gatehousetest.New(t, nil)
		acc := one.CreateAccount(t)
		one.SignIn(t, acc)
		if _, err := other.Gatehouse().FindAccount(t.Context(), acc.Email); gatehouse.ErrorCode(err) != "account_not_found" {
			t.Error("one server finds the other's account")
		}
		if n := schemas(); n != 2 {
			t.Errorf("there are %d schemas for two servers", n)
		}
	})
	if n := schemas(); n != 0 {
		t.Errorf("%d schemas are left behind", n)
	}
}
