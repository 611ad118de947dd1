package signin_test

import (
	"errors"
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
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin/signintest"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

const (
	issuer = signintest.Issuer
	pass   = "warm woollen mittens"
	email  = "jo@example.com"
)

var caller = netip.MustParseAddr("192.0.2.1")

// world is the flow with one account that can sign in.
type world struct {
	*domaintest.World
	t        *testing.T
	hasher   *password.Hasher
	deps     signin.Deps
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
		cfg := signintest.Config()
		set(&cfg)
		w.deps = signintest.Deps(t, d, w.hasher, d.UI(signin.Pages()))
		w.deps.Verify = w.bearer
		w.flow, err = signin.New(cfg, w.deps)
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
