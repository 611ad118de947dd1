package gatehouse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// RequirePage lets a browser through to h when it is signed in on the account pages and all conditions
// hold: [Gatehouse.Require] for pages of your own, by the cookie and never by a token. Serve
// [Gatehouse.Pages] from the same origin, which is Config.PublicURL; the cookie goes nowhere else.
//
// Who is not signed in is led to the sign-in page and back to the path that they asked for. A form that they
// post is not lost: the answer holds it, ready to be sent again. A script, by Sec-Fetch-Mode or an Accept
// without text/html, gets a problem instead.
//
// The handler reads who is calling with [verifier.FromContext]: Issuer, Subject, SessionID, AMR, ACR,
// AAL, AuthTime and ExpiresAt are set; claims, scope and audience are a token's, and [verifier.Scope] and
// [verifier.Audience] an error here. A session has no tenant either: [verifier.Tenant] looks the
// membership up, asks the tenant's policy, and fills in TenantID, Tenant, Role and Permissions; write it
// before [verifier.Role] and [verifier.Permission], which are errors without it.
// [verifier.FreshWithin] and [verifier.AAL] lead to the page that asks for another proof.
//
// GET and HEAD are what a link from elsewhere may ask for, so let them change nothing. All else, and a
// WebSocket, must come from a page of this origin by what the browser says of it (Origin,
// Sec-Fetch-Site); what says nothing is refused. A member of staff who looks at somebody's account pages
// sees none of these. What h answers is not to be stored, framed, or read by other sites, unless h replaces the
// headers Cache-Control, X-Frame-Options or Cross-Origin-Resource-Policy.
//
// Each request costs one statement, one more for a tenant, and counts as use of the session.
// It panics, where the service is put together, when h or a condition is nil.
func (g *Gatehouse) RequirePage(h http.Handler, conditions ...verifier.Condition) http.Handler {
	if h == nil || slices.ContainsFunc(conditions, func(c verifier.Condition) bool { return c == nil }) {
		panic("gatehouse: RequirePage: the handler or a condition is nil")
	}
	conditions = g.noticed(conditions)
	return g.edge.Guard(h, func(r *http.Request) (*http.Request, error) {
		ctx, err := g.admit(r, web.Route{Access: web.Person})
		if err != nil {
			return nil, err
		}
		v := session.VisitFromContext(ctx)
		if v.Staff != nil { // the handler can't know, and even looking may tell its owner something
			return nil, session.ErrLookOnly
		}
		id := g.identity(v)
		allowed, err := g.verifier.Decide(r.WithContext(ctx), id, func(ctx context.Context, name string) error {
			m, err := g.enter(ctx, v, name)
			if err != nil {
				return err
			}
			id.TenantID, id.Tenant, id.Role, id.Permissions = m.Tenant.ID.String(), m.Tenant.Slug, m.Grant.Role, m.Grant.Permissions()
			return nil
		}, conditions...)
		if err != nil {
			return nil, g.pageRefusal(ctx, v, err)
		}
		return allowed, nil
	})
}

// identity is a page's visitor as handlers know callers.
func (g *Gatehouse) identity(v *session.Visit) *verifier.Identity {
	return &verifier.Identity{
		Issuer: g.Issuer(), Subject: v.Account.Subject, SessionID: v.SessionID.String(),
		AMR: v.Methods, ACR: v.Level.ACR(), AAL: int(v.Level), AuthTime: v.AuthTime, ExpiresAt: v.ExpiresAt,
	}
}

// pageRefusal gives a condition's refusal the form that pages answer.
func (g *Gatehouse) pageRefusal(ctx context.Context, v *session.Visit, err error) error {
	var e *verifier.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case verifier.ErrUnavailable.Code: // what no refusal of the verifier is, among it what enter returned
		if f, ok := fault.From(err); ok {
			return f
		}
	case verifier.ErrFreshProofRequired.Code:
		return session.ErrStale.Wrap(err)
	case verifier.ErrAALRequired.Code:
		// Another proof is enough only for who has a stronger one than they gave.
		held, err := factor.Of(ctx, g.db, v.Account.ID)
		if err != nil {
			return err
		}
		if v.Level < authn.AAL2 && held.Strong() {
			return session.ErrStale
		}
		return fault.New(fault.Forbidden, e.Code, e.Detail)
	case verifier.ErrScopeRequired.Code, verifier.ErrAudienceRequired.Code:
		return fmt.Errorf("RequirePage: Scope and Audience are about tokens, and no page has one: %w", err)
	}
	return fault.New(kindOf(e.Status), e.Code, e.Detail).WithRetry(e.Retry).WithNext(fault.Next{Permission: e.Permission}).Wrap(err)
}

// kindOf returns what a status means.
func kindOf(status int) fault.Kind {
	switch {
	case status == http.StatusUnauthorized:
		return fault.Unauthenticated
	case status == http.StatusForbidden:
		return fault.Forbidden
	case status == http.StatusNotFound:
		return fault.NotFound
	case status == http.StatusConflict:
		return fault.Conflict
	case status == http.StatusGone:
		return fault.Gone
	case status == http.StatusTooManyRequests:
		return fault.RateLimited
	case status >= http.StatusInternalServerError:
		return fault.Unavailable
	default:
		return fault.Invalid
	}
}
