package signin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

func (w *world) loginTo(name string) (*signin.SignedIn, error) {
	return w.flow.Login(w.t.Context(), signin.Attempt{Email: email, Password: pass, Transport: session.Body, Address: caller, Tenant: name})
}

// member makes a tenant that the world's account belongs to; somebody else owns it.
func (w *world) member(slug, as string) *tenant.Tenant {
	w.t.Helper()
	t := w.Tenant(slug, w.Account("owner-of-"+slug+"@example.com", "").ID)
	w.Join(t, w.account.ID, as)
	return t
}

func (w *world) change(t *tenant.Tenant, p tenant.Policy) {
	w.t.Helper()
	w.Within(t.ID, func(tx *db.Tx) error {
		return tenant.Change(w.t.Context(), tx, t, tenant.Settings{Name: t.Name, Slug: t.Slug, Policy: p})
	})
}

func (w *world) identity(access string) *verifier.Identity {
	w.t.Helper()
	id, err := w.verifier.Verify(w.t.Context(), access)
	must(w.t, err)
	return id
}

func TestSignInToATenantSaysWhichAndAsWhat(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.member("acme", "editor")
		for _, name := range []string{"acme", acme.ID.String()} {
			s, err := w.loginTo(name)
			must(t, err)
			for _, access := range []string{s.Tokens.Access, func() string { n, err := w.refresh(s.Tokens.Refresh); must(t, err); return n.Access }()} {
				id := w.identity(access)
				if id.TenantID != acme.ID.String() || claim(t, id, "tenant") != "acme" || id.Role != "editor" || !slices.Equal(id.Permissions, []string{"notes.*"}) {
					t.Errorf("the token says tenant %s, role %s, permissions %v", id.TenantID, id.Role, id.Permissions)
				}
			}
		}
	})
}

func TestTokensOfNoTenantNameNone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.member("acme", role.Admin)
		id := w.identity(w.signIn().Tokens.Access)
		for _, name := range []string{"tenant_id", "tenant", "role", "permissions", "permissions_elsewhere"} {
			if _, ok := id.Claim(name); ok {
				t.Errorf("a token of no tenant has the claim %s", name)
			}
		}
	})
}

// Foreign, suspended and missing tenants are refused alike, and only after a right password.
func TestSignInToAForeignTenantIsRefusedLikeToAMissingOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Tenant("foreign", w.Account("owner@example.com", "").ID)
		gone := w.member("gone", role.Member)
		w.Within(gone.ID, func(tx *db.Tx) error { return tenant.SetActive(t.Context(), tx, gone, false) })
		for _, name := range []string{"foreign", "gone", "missing", "x", "'--", strings.Repeat("a", 255)} {
			_, err := w.loginTo(name)
			wants(t, err, signin.ErrNotMember)
			_, err = w.flow.Login(t.Context(), signin.Attempt{Email: email, Password: "wrong wrong wrong", Transport: session.Body, Address: caller, Tenant: name})
			wants(t, err, signin.ErrCredentials)
		}
		if n := w.Count("SELECT count(*) FROM session WHERE account_id = $1", w.account.ID); n != 0 {
			t.Errorf("%d sessions were made", n)
		}
	})
}

func TestOneSessionHasTokensOfSeveralTenantsSideBySide(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, b := w.member("acme", role.Admin), w.member("beta", role.Member)
		w.Tenant("other", w.Account("owner@example.com", "").ID)
		s := w.signIn()
		by := w.by(s)
		for _, want := range []struct {
			of   *tenant.Tenant
			role string
		}{{a, role.Admin}, {b, role.Member}, {a, role.Admin}} {
			token, err := w.flow.TenantToken(t.Context(), by, want.of.Slug, "")
			must(t, err)
			id := w.identity(token.Access)
			if id.TenantID != want.of.ID.String() || id.Role != want.role || id.SessionID != by.SessionID.String() {
				t.Errorf("the token is of tenant %s as %s", id.TenantID, id.Role)
			}
		}
		_, err := w.flow.TenantToken(t.Context(), by, "other", "")
		wants(t, err, signin.ErrNotMember)
		_, err = w.flow.TenantToken(t.Context(), by, "acme", "https://nobody.example.com")
		wants(t, err, signin.ErrAudience)
		token, err := w.flow.TenantToken(t.Context(), by, "acme", "https://other.example.com")
		must(t, err)
		if aud := w.identity(token.Access).Audience; !slices.Equal(aud, []string{"https://other.example.com"}) {
			t.Errorf("the audience is %v", aud)
		}
		next, err := w.refresh(s.Tokens.Refresh)
		must(t, err)
		if id := w.identity(next.Access); id.TenantID != "" {
			t.Error("the refresh token of the session got pinned")
		}
	})
}

// Whoever is shown a token of one tenant gets into no other by it.
func TestATokenOfOneTenantOpensNoOther(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.member("acme", role.Admin)
		w.member("beta", role.Admin)
		by := w.by(w.signIn())
		by.TenantID = acme.ID.String()
		_, err := w.flow.TenantToken(t.Context(), by, "beta", "")
		wants(t, err, signin.ErrBound)
		_, err = w.flow.TenantToken(t.Context(), by, "missing", "")
		wants(t, err, signin.ErrNotMember)
		for _, name := range []string{"acme", acme.ID.String()} {
			_, err = w.flow.TenantToken(t.Context(), by, name, "")
			must(t, err)
		}
	})
}

// A proof that was looked at is used up, also where the way led to a tenant that lets nobody in.
func TestAProofForAForeignTenantIsSpent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key := w.app()
		_, err := w.loginTo("missing")
		wants(t, err, signin.ErrMFA)
		f, _ := fault.From(err)
		proof := signin.Proof{Method: "totp", Code: w.code(key)}
		_, err = w.flow.Second(t.Context(), f.Next.Ticket, proof, signin.Browser{}, false)
		wants(t, err, signin.ErrNotMember)
		_, err = w.login(pass)
		wants(t, err, signin.ErrMFA)
		f, _ = fault.From(err)
		_, err = w.flow.Second(t.Context(), f.Next.Ticket, proof, signin.Browser{}, false)
		wants(t, err, signin.ErrStep)
	})
}

func (w *world) by(s *signin.SignedIn) session.Bearer {
	w.t.Helper()
	b, err := w.bearer(s.Tokens.Access)
	must(w.t, err)
	b, err = session.Check(w.t.Context(), w.DB.DB, b.SessionID, b.Subject, w.Now())
	must(w.t, err)
	return b
}

// Whoever was removed, demoted or suspended is seen at the next refresh. Nothing is rotated then: the same
// token is good again if they come back.
func TestAPinnedRefreshSeesEachChangeOfTheMembership(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.member("acme", role.Admin)
		s, err := w.loginTo("acme")
		must(t, err)
		token := s.Tokens.Refresh

		w.Within(acme.ID, func(tx *db.Tx) error { return tenant.SetRole(t.Context(), tx, acme, w.account.ID, role.Member) })
		next, err := w.refresh(token)
		must(t, err)
		if id := w.identity(next.Access); id.Role != role.Member || id.Permissions.Has(role.ManageMembers) {
			t.Errorf("still %s, with %v", id.Role, id.Permissions)
		}
		token = next.Refresh

		for what, change := range map[string][2]func(tx *db.Tx) error{
			"removed": {
				func(tx *db.Tx) error { return tenant.Remove(t.Context(), tx, acme, w.account.ID) },
				func(tx *db.Tx) error { return tenant.Join(t.Context(), tx, acme, w.account.ID, role.Member) },
			},
			"suspended": {
				func(tx *db.Tx) error { return tenant.SetActive(t.Context(), tx, acme, false) },
				func(tx *db.Tx) error { return tenant.SetActive(t.Context(), tx, acme, true) },
			},
		} {
			w.Within(acme.ID, change[0])
			for range 2 {
				if _, err := w.refresh(token); !errors.Is(err, signin.ErrNotMember) {
					t.Errorf("%s: got %v", what, err)
				}
			}
			w.Within(acme.ID, change[1])
			next, err := w.refresh(token)
			must(t, err)
			token = next.Refresh
		}
		if len(w.Audited("session.reuse_detected")) != 0 {
			t.Error("an honest client was taken for a thief")
		}
	})
}

func TestPinnedRefreshIsOneStatement(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.member("acme", "editor")
		s, err := w.loginTo("acme")
		must(t, err)
		if got := w.Statements(func() { _, err = w.refresh(s.Tokens.Refresh) }); len(got) != 1 || err != nil {
			t.Errorf("%d statements, %v: %q", len(got), err, got)
		}
	})
}

func TestAPinnedTokenRotatesRepeatsAndEndsLikeAnyOther(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.member("acme", "editor")
		s, err := w.loginTo("acme")
		must(t, err)
		successors := make([]string, 40)
		var wg sync.WaitGroup
		for i := range successors {
			wg.Go(func() {
				next, err := w.refresh(s.Tokens.Refresh)
				if err != nil {
					t.Error(err)
					return
				}
				successors[i] = next.Refresh
			})
		}
		wg.Wait()
		if len(slices.Compact(slices.Clone(successors))) != 1 {
			t.Fatal("two successors of one token")
		}
		_, err = w.flow.Refresh(t.Context(), successors[0], session.Cookie)
		wants(t, err, session.ErrRefused) // a stranger
		_, err = w.refresh(successors[0])
		wants(t, err, session.ErrRefused)
		if got := w.Audited("session.reuse_detected"); !slices.Equal(got, []string{"stranger"}) {
			t.Errorf("audit says %v", got)
		}

		s, err = w.loginTo("acme")
		must(t, err)
		_, err = w.refresh(s.Tokens.Refresh)
		must(t, err)
		w.advance(31 * time.Second)
		_, err = w.refresh(s.Tokens.Refresh)
		wants(t, err, session.ErrRefused) // stale
	})
}

func TestATenantsPolicyIsAskedAtEachOfItsTokens(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.member("acme", role.Member)
		s, err := w.loginTo("acme")
		must(t, err)
		by := w.by(s)
		for what, c := range map[string]struct {
			policy tenant.Policy
			wait   time.Duration
			next   fault.Next
		}{
			"a second factor": {tenant.Policy{SecondFactor: true}, 0, fault.Next{Level: "aal2"}},
			"a recent proof":  {tenant.Policy{MaxAge: time.Hour}, time.Hour, fault.Next{MaxAge: time.Hour}},
			"no passwords":    {tenant.Policy{NoPassword: true}, 0, fault.Next{Methods: []string{"email_code", "passkey"}}},
		} {
			w.change(acme, c.policy)
			w.advance(c.wait)
			_, err := w.flow.TenantToken(t.Context(), by, "acme", "")
			wants(t, err, tenant.ErrPolicy)
			f, _ := fault.From(err)
			if f.Next.Level != c.next.Level || f.Next.MaxAge != c.next.MaxAge || !slices.Equal(f.Next.Methods, c.next.Methods) {
				t.Errorf("%s: how to go on is %+v", what, f.Next)
			}
			_, err = w.refresh(s.Tokens.Refresh)
			wants(t, err, signin.ErrNotMember)
			w.change(acme, tenant.Policy{})
		}
		_, err = w.refresh(s.Tokens.Refresh)
		must(t, err)
	})
}

// A tenant that wants a second factor gets one on the way in, where the service itself wants none.
func TestATenantThatWantsASecondFactorHasItSetUpAtSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.member("acme", role.Member)
		w.change(acme, tenant.Policy{SecondFactor: true})
		_, err := w.loginTo("acme")
		wants(t, err, signin.ErrEnrol)
		f, _ := fault.From(err)
		step, err := w.flow.Step(t.Context(), f.Next.Ticket)
		must(t, err)
		s, err := w.flow.Second(t.Context(), f.Next.Ticket, signin.Proof{Method: "totp", Code: w.code(step.Setup.Secret.Reveal())}, signin.Browser{}, false)
		must(t, err)
		if id := w.identity(s.Tokens.Access); id.TenantID != acme.ID.String() || id.AAL != 2 {
			t.Errorf("tenant %q at level %d", id.TenantID, id.AAL)
		}
		if _, err := w.login(pass); !errors.Is(err, signin.ErrMFA) {
			t.Errorf("without the tenant: %v", err)
		}
	})
}

func TestManyPermissionsAreLookedUpElsewhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.member("acme", role.Member)
		var direct []string
		for c := range 60 {
			direct = append(direct, "somethings.verb-number-"+string(rune('a'+c%26))+string(rune('a'+c/26)))
		}
		w.Within(acme.ID, func(tx *db.Tx) error { return tenant.SetPermissions(t.Context(), tx, acme, w.account.ID, direct) })
		s, err := w.loginTo("acme")
		must(t, err)
		id := w.identity(s.Tokens.Access)
		if len(id.Permissions) != 0 || claim(t, id, "permissions_elsewhere") != true || len(s.Tokens.Access) > 2000 {
			t.Errorf("a token of %d bytes with %d permissions", len(s.Tokens.Access), len(id.Permissions))
		}
	})
}

// Incident: claims of a hook that replaced registered ones.
func TestClaimsOfOnesOwnCannotTakeTheNameOfOthers(t *testing.T) {
	own := map[string]any{"plan": "gold"}
	var hookErr error
	var about signin.About
	set := func(c *signin.Config) {
		c.Claims = func(_ context.Context, a signin.About) (map[string]any, error) {
			about = a
			return own, hookErr
		}
	}
	eachWith(t, set, func(t *testing.T, w *world) {
		own, hookErr = map[string]any{"plan": "gold", "seats": 3}, nil
		acme := w.member("acme", "editor")
		s, err := w.loginTo("acme")
		must(t, err)
		id := w.identity(s.Tokens.Access)
		if claim(t, id, "plan") != "gold" || about != (signin.About{Subject: w.account.Subject, Audience: id.Audience[0], TenantID: acme.ID.String(), Role: "editor"}) {
			t.Errorf("asked about %+v", about)
		}
		for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "client_id", "user_id", "tenant_id", "tenant", "role", "permissions", "permissions_elsewhere", "amr", "acr", "auth_time", "scope", "cnf", "act", "token_type", "email_verified", ""} {
			own = map[string]any{name: "x"}
			if _, err := w.login(pass); err == nil {
				t.Errorf("a hook gave the claim %q", name)
			}
		}
		own = map[string]any{"big": strings.Repeat("x", 3000)}
		if _, err := w.login(pass); err == nil {
			t.Error("a hook filled the token")
		}
		own, hookErr = nil, errors.New("down")
		if _, err := w.login(pass); err == nil {
			t.Error("a failing hook was passed over")
		}
	})
}
