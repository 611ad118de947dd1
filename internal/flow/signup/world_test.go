package signup_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signup"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// world is the flow behind a real edge.
type world struct {
	*domaintest.World
	*domaintest.Client
	t      *testing.T
	hasher *password.Hasher
	flow   *signup.Service
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	eachWith(t, func(*signup.Config) {}, fn)
}

func eachWith(t *testing.T, set func(*signup.Config), fn func(t *testing.T, w *world)) {
	eachAsking(t, []account.Attribute{{Name: "team", Type: "string"}}, set, fn)
}

// eachAsking is eachWith where other attributes are declared.
func eachAsking(t *testing.T, attributes []account.Attribute, set func(*signup.Config), fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		hasher, err := password.NewHasher(password.HasherConfig{Queue: 1000, Wait: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		schema, err := account.NewSchema(attributes)
		if err != nil {
			t.Fatal(err)
		}
		cfg := signup.Config{
			Lifetime:   24 * time.Hour,
			PerMailbox: ratelimit.Limit{Name: "mail.address", Burst: 5, Per: time.Hour},
			PerNetwork: ratelimit.Limit{Name: "mail.network", Burst: 1000, Per: time.Hour},
			PerLink:    ratelimit.Limit{Name: "signup.link", Burst: 3, Per: time.Hour},
			SignInURL:  signInURL,
		}
		set(&cfg)
		w := &world{World: d, t: t, hasher: hasher}
		w.flow, err = signup.New(cfg, signup.Deps{DB: d.DB.DB, Keys: d.Keys, Hasher: hasher, Policy: password.Policy{}, Schema: schema,
			Attributes: attributes, Limiter: d.Limiter, Queue: d.Queue, Letters: d.Letters, UI: d.UI(signup.Pages())})
		if err != nil {
			t.Fatal(err)
		}
		w.Client = d.Serve(signup.Routes(w.flow), signup.PageRoutes(w.flow))
		fn(t, w)
	})
}

const (
	pass      = "warm woollen mittens"
	signInURL = "https://app.example.com/sign-in"
)

// body is a registration.
func body(email, pass, more string) string {
	return `{"email":"` + email + `","password":"` + pass + `","full_name":"Jo Doe"` + more + `}`
}

// register registers and returns the token that is mailed.
func (w *world) register(email, pass, more string, options ...domaintest.Option) (token string) {
	w.t.Helper()
	if a := w.Call(http.MethodPost, "/register/", body(email, pass, more), options...); a.Status != http.StatusCreated {
		w.t.Fatalf("register answered %d %s", a.Status, a.Text)
	}
	return domaintest.Token(w.mail())
}

// mail does what is due and returns the one mail that it sent.
func (w *world) mail() mail.Message {
	w.t.Helper()
	w.Drain()
	mails := w.Mails.Take()
	if len(mails) != 1 {
		w.t.Fatalf("%d mails: %v", len(mails), mails)
	}
	return mails[0]
}

func (w *world) verify(token string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/email/verify/", `{"token":"`+token+`"}`)
}

// opens reports whether a password is that of the account.
func (w *world) opens(email, pass string) bool {
	w.t.Helper()
	var hash string
	w.Read(&hash, "SELECT c.hash FROM password_credential c JOIN account a ON a.id = c.account_id WHERE a.email_key = $1", strings.ToLower(email))
	r, err := w.hasher.Verify(w.t.Context(), hash, pass)
	if err != nil {
		w.t.Fatal(err)
	}
	return r.OK
}

func (w *world) accounts() int { return w.Count("SELECT count(*) FROM account") }
func (w *world) waiting() int  { return w.Count("SELECT count(*) FROM registration") }

// whole fails when there is half an account.
func (w *world) whole() {
	w.t.Helper()
	n := w.accounts()
	if p, c, e := w.Count("SELECT count(*) FROM profile"), w.Count("SELECT count(*) FROM password_credential"), len(w.Audited("account.created")); p != n || c != n || e != n {
		w.t.Errorf("%d accounts, %d profiles, %d passwords, %d audited", n, p, c, e)
	}
}

func refused(t *testing.T, a domaintest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("answered %d %s, want %d %s", a.Status, a.Code, status, code)
	}
}
