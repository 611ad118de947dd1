package gatehouse

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Require lets a request through to h when it carries a good access token of this Gatehouse and all
// conditions hold. It asks no database, so a token outlives its session by at most its own
// lifetime; add [Gatehouse.Live] where that is too long. The handler reads who is calling
// with [verifier.FromContext].
func (g *Gatehouse) Require(h http.Handler, conditions ...verifier.Condition) http.Handler {
	return g.verifier.Require(h, g.noticed(conditions)...)
}

// noticed returns conditions that say once in the log when they ask for a permission that there is not:
// nobody but owners would ever have it, and a slip of the pen would look like a missing role.
func (g *Gatehouse) noticed(conditions []verifier.Condition) []verifier.Condition {
	out := slices.Clone(conditions)
	for i, holds := range conditions {
		if holds == nil {
			continue // for Require to refuse
		}
		out[i] = func(r *http.Request, id *verifier.Identity) error {
			err := holds(r, id)
			if refused := (*verifier.Error)(nil); errors.As(err, &refused) && refused != nil && refused.Permission != "" {
				g.notice(r.Context(), refused.Permission)
			}
			return err
		}
	}
	return out
}

func (g *Gatehouse) notice(ctx context.Context, permission string) {
	if slices.Contains(g.roles.Declared(), permission) {
		return
	}
	if _, asked := g.undeclared.LoadOrStore(permission, true); asked {
		return
	}
	all, err := g.Permissions(ctx)
	if err != nil {
		g.undeclared.Delete(permission) // the next refusal asks again
		return
	}
	if !slices.ContainsFunc(all, func(p Permission) bool { return p.Name == permission }) {
		g.cfg.Logger.WarnContext(ctx, "a condition asks for a permission that nobody declared, so only owners have it (Config.Tenants.Permissions)", "permission", permission)
	}
}

// Live is a condition that asks the database whether the token's session still stands: signed
// out, disabled or a changed password is refused at once. So is a token of a tenant whose holder was
// removed from it, or has another role or other permissions by now: a refresh brings a token that knows.
// It costs one statement.
func (g *Gatehouse) Live() verifier.Condition {
	return func(r *http.Request, id *verifier.Identity) error {
		b, err := bearerOf(id)
		if err != nil {
			return verifier.ErrTokenInvalid
		}
		if id.TenantID != "" {
			err = g.liveMember(r.Context(), b, id)
		} else {
			_, err = session.Check(r.Context(), g.db, b.SessionID, b.Subject, g.db.Now())
		}
		if f, ok := fault.From(err); ok && f.Kind == fault.Unauthenticated {
			return verifier.ErrTokenInvalid.Wrap(err)
		}
		return err
	}
}

// liveMember asks whether a token of a tenant says what is so now.
func (g *Gatehouse) liveMember(ctx context.Context, b session.Bearer, id *verifier.Identity) error {
	tenantID, err := uuid.Parse(id.TenantID)
	if err != nil {
		return session.ErrEnded
	}
	_, m, err := session.CheckMember(ctx, g.db, g.roles, b.SessionID, b.Subject, tenantID, g.db.Now())
	if errors.Is(err, tenant.ErrNotMember) {
		return verifier.ErrTenantRequired.Wrap(err)
	}
	if err != nil {
		return err
	}
	// What was too much for the token was looked up, and is remembered as long as the token is good.
	told, err := verifier.PermissionsFromContext(ctx)
	if err != nil {
		return err
	}
	if m.Grant.Role != id.Role || !slices.Equal(m.Grant.Permissions(), told) {
		return session.ErrEnded
	}
	return nil
}

// publicKeys is the verifier's form of one published key set.
type publicKeys struct {
	from *keyring.Published
	set  *verifier.KeySet
}

// keySet returns the published keys for the verifier: the same pointer while nothing changes, so
// that what it remembers of tokens stays good.
func (g *Gatehouse) keySet() *verifier.KeySet {
	now := g.keys.Published()
	if p := g.public.Load(); p != nil && p.from == now {
		return p.set
	}
	keys := make([]verifier.Key, len(now.Keys))
	for i, k := range now.Keys {
		keys[i] = verifier.Key{ID: k.ID, Algorithm: string(k.Algorithm), Public: k.Key}
	}
	set, err := verifier.NewKeySet(keys...)
	if err != nil {
		g.cfg.Logger.Error("published keys are unusable", "error", err)
		return nil
	}
	g.public.Store(&publicKeys{from: now, set: set})
	return set
}

func bearerOf(id *verifier.Identity) (session.Bearer, error) {
	sid, err := uuid.Parse(id.SessionID)
	return session.Bearer{SessionID: sid, Subject: id.Subject, TenantID: id.TenantID}, err
}

// bearer checks a token that came in a body.
func (g *Gatehouse) bearer(token string) (session.Bearer, error) {
	id, err := g.verifier.Verify(context.Background(), token)
	if err != nil {
		return session.Bearer{}, err
	}
	return bearerOf(id)
}

// authenticate is what the levels of web.Access mean.
func (g *Gatehouse) authenticate(r *http.Request, to web.Route) (context.Context, error) {
	level := to.Access
	if level >= web.Person {
		return g.admit(r, to)
	}
	checked, err := g.verifier.Check(r)
	if err != nil {
		return nil, asFault(err)
	}
	id, _ := verifier.FromContext(checked.Context())
	b, err := bearerOf(id)
	if err != nil {
		return nil, session.ErrEnded
	}
	ctx := checked.Context()
	if level == web.TokenHolder { // the route's own statement asks
		return session.NewContext(ctx, b), nil
	}
	if level == web.MemberToken {
		return g.authenticateMember(ctx, r, id, to)
	}
	within := b.TenantID
	if b, err = session.Check(ctx, g.db, b.SessionID, b.Subject, g.db.Now()); err != nil {
		return nil, err
	}
	b.TenantID = within
	fresh := b.Proven(g.db.Now(), g.cfg.PageSessions.Fresh)
	switch {
	case level == web.StaffToken && !b.Staff && !b.Superuser, level == web.SuperuserToken && !b.Superuser:
		return nil, web.ErrDenied
	case level == web.StaffToken && !g.staff.May(b.StaffRole, b.Superuser, to.Permission):
		return nil, role.ErrDenied.WithNext(fault.Next{Permission: to.Permission})
	case (level == web.SuperuserToken || level == web.FreshToken || to.Fresh) && !fresh:
		return nil, session.ErrStale.WithNext(fault.Next{MaxAge: g.cfg.PageSessions.Fresh})
	case level == web.StaffToken || level == web.SuperuserToken:
		ctx = acting(ctx, b.AccountID)
	}
	return session.NewContext(ctx, b), nil
}

// authenticateMember is authenticate where the path names a tenant: the token's tenant must be that one,
// then its holder must still belong to it, then they need the permission. What is refused before that is
// refused alike, whether there is such a tenant or not.
func (g *Gatehouse) authenticateMember(ctx context.Context, r *http.Request, id *verifier.Identity, to web.Route) (context.Context, error) {
	tenantID, err := uuid.Parse(id.TenantID)
	if err != nil {
		return nil, tenant.ErrNotMember
	}
	b, err := bearerOf(id)
	if err != nil {
		return nil, session.ErrEnded
	}
	b, m, err := session.CheckMember(ctx, g.db, g.roles, b.SessionID, b.Subject, tenantID, g.db.Now())
	if err != nil {
		return nil, err
	}
	if named := r.PathValue("tenant"); named != m.Tenant.Slug && named != m.Tenant.ID.String() {
		return nil, tenant.ErrNotMember
	}
	if err := m.Allow(to.Permission); err != nil {
		return nil, err
	}
	if to.Fresh && !b.Proven(g.db.Now(), g.cfg.PageSessions.Fresh) {
		return nil, session.ErrStale.WithNext(fault.Next{MaxAge: g.cfg.PageSessions.Fresh})
	}
	return tenant.NewContext(session.NewContext(ctx, b), m), nil
}

// admitMember is authenticateMember for pages.
func (g *Gatehouse) admitMember(ctx context.Context, r *http.Request, v *session.Visit, to web.Route) (context.Context, error) {
	m, err := g.enter(ctx, v, r.PathValue("tenant"))
	if err == nil {
		err = m.Allow(to.Permission)
	}
	if err != nil {
		return nil, err
	}
	return tenant.NewContext(ctx, m), nil
}

// enter lets a page session into the tenant of this name, as its policy demands.
func (g *Gatehouse) enter(ctx context.Context, v *session.Visit, name string) (*tenant.Membership, error) {
	m, err := tenant.Enter(ctx, g.db, g.roles, v.Account.ID, name)
	if err != nil {
		return nil, err
	}
	p := m.Tenant.Policy
	switch admitted := p.Admits(v.Methods, v.Level, g.db.Now().Sub(v.AuthTime), v.Unused); {
	case admitted, v.Staff != nil: // staff who look on prove themselves to the service
	case p.Refuses(v.Methods):
		return nil, tenant.ErrPolicy
	default:
		// Another proof is enough only for who has one that is.
		held, err := factor.Of(ctx, g.db, v.Account.ID)
		if err == nil {
			err = session.ErrStale
		}
		if p.SecondFactor && !held.Strong() {
			err = tenant.ErrPolicy
		}
		return nil, err
	}
	return m, nil
}

// admit is authenticate for pages: by cookie, never by token.
func (g *Gatehouse) admit(r *http.Request, to web.Route) (context.Context, error) {
	level := to.Access
	v, err := g.signin.Admit(r, to)
	if err != nil {
		return nil, err
	}
	if level == web.Staff && !g.staff.May(v.Account.StaffRole, v.Account.Superuser, to.Permission) {
		return nil, role.ErrDenied.WithNext(fault.Next{Permission: to.Permission})
	}
	ctx := session.WithVisit(r.Context(), v)
	if level == web.Member {
		if ctx, err = g.admitMember(ctx, r, v, to); err != nil {
			return nil, err
		}
	}
	switch {
	case level == web.Staff || level == web.Superuser:
		ctx = acting(ctx, v.Account.ID)
	case v.Staff != nil:
		ctx = acting(ctx, v.Staff.ID)
	}
	// Staff who look at another's pages read them as their owner does.
	if v.Account.Profile.Locale != "" {
		ctx = ui.WithLanguage(ctx, v.Account.Profile.Locale)
	}
	return ctx, nil
}

// acting names a member of staff as who does what follows.
func acting(ctx context.Context, staff uuid.UUID) context.Context {
	src := audit.FromContext(ctx)
	src.Actor = staff.String()
	return audit.NewContext(ctx, src)
}

// enrich tells the audit who asks and from where.
func enrich(ctx context.Context, q *web.Request) context.Context {
	return audit.NewContext(ctx, audit.Source{Actor: "self", Address: q.Address.String(), Device: q.Device(), RequestID: q.ID})
}
