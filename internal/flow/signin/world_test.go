package signin_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

const (
	issuer = domaintest.Origin + "/api/auth"
	pass   = "warm woollen mittens"
	email  = "jo@example.com"
)

var caller = netip.MustParseAddr("192.0.2.1")

// world is the flow with one account that can sign in.
type world struct {
	*domaintest.World
	t        *testing.T
	hasher   *password.Hasher
	flow     *signin.Service
	account  *account.Account
	verifier *verifier.Verifier
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	eachWith(t, func(*signin.Config) {}, fn)
}

func eachWith(t *testing.T, set func(*signin.Config), fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		w := &world{World: d, t: t}
		var err error
		w.hasher, err = password.NewHasher(password.HasherConfig{Queue: 1000, Wait: time.Minute})
		must(t, err)
		hash, err := w.hasher.Hash(t.Context(), pass)
		must(t, err)
		w.account = w.Account(email, hash)
		published := d.Keys.Published()
		keys, err := verifier.NewKeySet(verifier.Key{ID: published.Keys[0].ID, Algorithm: string(published.Keys[0].Algorithm), Public: published.Keys[0].Key})
		must(t, err)
		w.verifier, err = verifier.New(issuer, domaintest.Origin, verifier.WithAudiences("https://other.example.com"),
			verifier.WithClock(d.Now), verifier.WithKeySet(func() *verifier.KeySet { return keys }))
		must(t, err)
		cfg := signin.Config{
			Issuer: issuer, Audiences: []string{domaintest.Origin, "https://other.example.com"}, AccessLife: 10 * time.Minute, Identifier: signin.ByEither,
			Session:    session.Limits{Idle: 7 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour, Window: 30 * time.Second},
			PerAccount: ratelimit.Limit{Name: "signin.account", Burst: 10, Per: 15 * time.Minute},
			PerAddress: ratelimit.Limit{Name: "signin.address", Burst: 50, Per: 15 * time.Minute},
			PerConfirm: ratelimit.Limit{Name: "page.confirm", Burst: 5, Per: 15 * time.Minute},
			Pages: session.PageLimits{Idle: 12 * time.Hour, Absolute: 24 * time.Hour, RememberedIdle: 7 * 24 * time.Hour, RememberedAbsolute: 30 * 24 * time.Hour,
				StaffProof: 12 * time.Hour, Fresh: 5 * time.Minute, Look: 15 * time.Minute},
			SignUp: true,
		}
		set(&cfg)
		passwords, err := password.New(password.Config{PerAccount: cfg.PerAccount}, password.Deps{DB: d.DB.DB, Hasher: w.hasher, Limiter: d.Limiter, Letters: d.Letters})
		must(t, err)
		w.flow, err = signin.New(cfg, signin.Deps{DB: d.DB.DB, Keys: d.Keys, Hasher: w.hasher, Limiter: d.Limiter, Letters: d.Letters, Password: passwords, UI: d.UI(signin.Pages()),
			Logger: slog.New(slog.DiscardHandler), Verify: w.bearer})
		must(t, err)
		fn(t, w)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) bearer(token string) (session.Bearer, error) {
	id, err := w.verifier.Verify(w.t.Context(), token)
	if err != nil {
		return session.Bearer{}, err
	}
	sid, err := uuid.Parse(id.SessionID)
	return session.Bearer{SessionID: sid, Subject: id.Subject}, err
}

func (w *world) login(pass string) (*signin.SignedIn, error) {
	return w.flow.Login(w.t.Context(), signin.Attempt{Email: email, Password: pass, Transport: session.Body, Address: caller})
}

func (w *world) signIn() *signin.SignedIn {
	w.t.Helper()
	s, err := w.login(pass)
	must(w.t, err)
	return s
}

func (w *world) refresh(token string) (*signin.Tokens, error) {
	return w.flow.Refresh(w.t.Context(), token, session.Body)
}

func (w *world) advance(d time.Duration) {
	w.t.Helper()
	must(w.t, w.Clock.Advance(d))
}

// wants fails unless err is target.
func wants(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got %v, want %v", err, target)
	}
}

func claim(t *testing.T, id *verifier.Identity, name string) (v any) {
	t.Helper()
	raw, ok := id.Claim(name)
	if !ok {
		t.Fatalf("claim %s is missing", name)
	}
	must(t, json.Unmarshal(raw, &v))
	return v
}
