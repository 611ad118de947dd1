package domaintest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Client asks routes behind a real edge.
type Client struct {
	t          testing.TB
	origin     string
	api, pages http.Handler
}

// errNoToken is what the edge says to a request without a token of ours.
var errNoToken = fault.New(fault.Unauthenticated, "token_missing", "Send an access token.")

// Serve puts the edge in front of routes. A token is a session's id, as Bearer makes it.
func (w *World) Serve(api, pages []web.Route) *Client { return w.ServeAt(Origin, api, pages) }

// ServeAt is Serve for a server that the public knows as origin.
func (w *World) ServeAt(origin string, api, pages []web.Route) *Client {
	w.t.Helper()
	edge, err := web.NewEdge(web.Config{PublicURL: origin, MountPath: "/api/auth", Logger: slog.New(slog.DiscardHandler),
		Authenticate: w.authenticate, UI: w.UI(web.Pages()),
		Enrich: func(ctx context.Context, q *web.Request) context.Context {
			return audit.NewContext(ctx, audit.Source{Actor: "self", Address: q.Address.String(), Device: q.Device(), RequestID: q.ID})
		}})
	if err != nil {
		w.t.Fatal(err)
	}
	return &Client{t: w.t, origin: origin, api: edge.API("test", "1", api), pages: edge.Site(pages)}
}

// Fresh is how old a proof may be where a fresh one is asked for.
const Fresh = 5 * time.Minute

// visitHeader stands in for the page cookie, which flow/signin reads.
const visitHeader = "Test-Visit"

// As opens or posts a page as whoever's session it is; see World.Session.
func As(b session.Bearer) Option { return Header(visitHeader, b.SessionID.String()) }

// LookingAs is As with a member of staff looking on.
func LookingAs(b session.Bearer) Option {
	return func(r *http.Request) {
		As(b)(r)
		r.Header.Set("Test-Look", "yes")
	}
}

// admit is what flow/signin and the root do for pages, but for the cookie.
func (w *World) admit(r *http.Request, to web.Route) (context.Context, error) {
	v, err := w.visit(r)
	if err != nil {
		return nil, err
	}
	a, stale := to.Access, (to.Access == web.FreshPerson || to.Fresh) && !v.Proven(w.Now(), Fresh)
	switch looking := r.Header.Get("Test-Look") != ""; {
	case looking && (r.Method != http.MethodGet || a == web.FreshPerson || to.Fresh):
		return nil, session.ErrLookOnly
	case looking:
		v.Staff = &session.Onlooker{Email: "staff@example.com", Reason: "asked for help with the profile", Until: v.ExpiresAt}
	case a == web.Staff && !v.Account.Staff && !v.Account.Superuser, a == web.Superuser && !v.Account.Superuser:
		return nil, web.ErrDenied
	case stale:
		return nil, session.ErrStale
	case a == web.Staff && !w.StaffRoles.May(v.Account.StaffRole, v.Account.Superuser, to.Permission):
		return nil, role.ErrDenied.WithNext(fault.Next{Permission: to.Permission})
	}
	ctx := session.WithVisit(r.Context(), v)
	if a == web.Member {
		return w.admitMember(ctx, r, v, to)
	}
	return ctx, nil
}

// visit returns whose session the request names.
func (w *World) visit(r *http.Request) (*session.Visit, error) {
	id, err := uuid.Parse(r.Header.Get(visitHeader))
	if err != nil {
		return nil, session.ErrSignedOut
	}
	v := &session.Visit{SessionID: id, Account: &account.Account{}, LastSeen: w.Now()}
	var level, unused int64
	var amr string
	dest, done := v.Account.Dest()
	err = w.Row(r.Context(), "SELECT s.auth_time, s.amr, s.aal, s.expires_at, "+session.Unused+", "+account.Columns+" FROM session s JOIN account a ON a.id = s.account_id JOIN profile p ON p.account_id = a.id WHERE s.id = $1 AND "+session.Live,
		[]any{id, w.Now()}, append([]any{db.Time(&v.AuthTime), &amr, &level, db.Time(&v.ExpiresAt), &unused}, dest...)...)
	if err != nil || done() != nil {
		return nil, session.ErrSignedOut
	}
	v.Level, v.Methods, v.Unused = authn.AAL(level), strings.Fields(amr), time.Duration(unused)*time.Millisecond
	return v, nil
}

// admitMember is admit where the path names a tenant.
func (w *World) admitMember(ctx context.Context, r *http.Request, v *session.Visit, to web.Route) (context.Context, error) {
	m, err := tenant.Enter(ctx, w.DB.DB, w.Roles, v.Account.ID, r.PathValue("tenant"))
	if err != nil {
		return nil, err
	}
	p := m.Tenant.Policy
	switch admitted := p.Admits(v.Methods, v.Level, w.Now().Sub(v.AuthTime), v.Unused); {
	case admitted, v.Staff != nil:
	case p.Refuses(v.Methods):
		return nil, tenant.ErrPolicy
	default:
		held, err := factor.Of(ctx, w.DB.DB, v.Account.ID)
		if err == nil {
			err = session.ErrStale
		}
		if p.SecondFactor && !held.Strong() {
			err = tenant.ErrPolicy
		}
		return nil, err
	}
	if err := m.Allow(to.Permission); err != nil {
		return nil, err
	}
	return tenant.NewContext(ctx, m), nil
}

func (w *World) authenticate(r *http.Request, to web.Route) (context.Context, error) {
	a := to.Access
	if a >= web.Person {
		return w.admit(r, to)
	}
	token, within, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "@")
	id, err := uuid.Parse(token)
	if err != nil {
		return nil, errNoToken
	}
	b := session.Bearer{SessionID: id}
	if err := w.Row(r.Context(), "SELECT a.subject FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = $1", []any{id}, &b.Subject); err != nil {
		return nil, session.ErrEnded
	}
	if a == web.MemberToken {
		return w.authenticateMember(r, b, within, to)
	}
	if a != web.TokenHolder { // its route asks itself
		b, err = session.Check(r.Context(), w.DB.DB, b.SessionID, b.Subject, w.Now())
		b.TenantID = within
	}
	switch {
	case err != nil:
	case (a == web.StaffToken || a == web.SuperuserToken) && !b.Superuser && (a == web.SuperuserToken || !b.Staff):
		err = web.ErrDenied
	case a == web.StaffToken && !w.StaffRoles.May(b.StaffRole, b.Superuser, to.Permission):
		err = role.ErrDenied.WithNext(fault.Next{Permission: to.Permission})
	case (a == web.FreshToken || a == web.SuperuserToken || to.Fresh) && !b.Proven(w.Now(), Fresh):
		err = errStale
	}
	if err != nil {
		return nil, err
	}
	return session.NewContext(r.Context(), b), nil
}

// errStale is what the edge says to a token whose session was proven too long ago.
var errStale = session.ErrStale.WithNext(fault.Next{MaxAge: Fresh})

// authenticateMember is authenticate where the path names a tenant; within is that of the token.
func (w *World) authenticateMember(r *http.Request, b session.Bearer, within string, to web.Route) (context.Context, error) {
	id, err := uuid.Parse(within)
	if err != nil {
		return nil, tenant.ErrNotMember
	}
	b, m, err := session.CheckMember(r.Context(), w.DB.DB, w.Roles, b.SessionID, b.Subject, id, w.Now())
	if err != nil {
		return nil, err
	}
	if named := r.PathValue("tenant"); named != m.Tenant.Slug && named != m.Tenant.ID.String() {
		return nil, tenant.ErrNotMember
	}
	if err := m.Allow(to.Permission); err != nil {
		return nil, err
	}
	if to.Fresh && !b.Proven(w.Now(), Fresh) {
		return nil, errStale
	}
	return tenant.NewContext(session.NewContext(r.Context(), b), m), nil
}

// UI renders pages of these sets.
func (w *World) UI(sets ...ui.Set) *ui.UI {
	w.t.Helper()
	u, err := ui.New(ui.Config{Product: "Example", Secure: true}, sets...)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// Option changes a request before it is sent.
type Option func(*http.Request)

// Header sets a header, Host included.
func Header(name, value string) Option {
	return func(r *http.Request) {
		if name == "Host" {
			r.Host = value
			return
		}
		r.Header.Set(name, value)
	}
}

// Bearer sends the token of a session.
func Bearer(b session.Bearer) Option { return Header("Authorization", "Bearer "+b.SessionID.String()) }

// BearerIn sends the token of a session for a tenant.
func BearerIn(b session.Bearer, id tenant.ID) Option {
	return Header("Authorization", "Bearer "+b.SessionID.String()+"@"+id.String())
}

// Cookie sends a cookie.
func Cookie(c *http.Cookie) Option {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value}) }
}

// OwnPage makes it a request of a browser that shows a page of Origin.
func OwnPage() Option {
	return func(r *http.Request) {
		r.Header.Set("Origin", Origin)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
}

// Answer is what came back.
type Answer struct {
	Status  int
	Header  http.Header
	Cookies []*http.Cookie
	Text    string
	// JSON is the body where it is a JSON object.
	JSON map[string]any
	// Code is that of a problem document.
	Code string
}

// Call sends a JSON body to the API.
func (c *Client) Call(method, path, body string, options ...Option) Answer {
	c.t.Helper()
	r := httptest.NewRequest(method, c.origin+"/api/auth"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.send(c.api, r, options)
}

// Page opens a page.
func (c *Client) Page(path string, options ...Option) Answer {
	c.t.Helper()
	return c.send(c.pages, httptest.NewRequest(http.MethodGet, c.origin+path, nil), options)
}

// Submit posts a form to a page.
func (c *Client) Submit(path string, form url.Values, options ...Option) Answer {
	c.t.Helper()
	r := httptest.NewRequest(http.MethodPost, c.origin+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// A page with Referrer-Policy no-referrer posts like this.
	return c.send(c.pages, r, append([]Option{OwnPage(), Header("Origin", "null")}, options...))
}

func (c *Client) send(h http.Handler, r *http.Request, options []Option) Answer {
	c.t.Helper()
	for _, o := range options {
		o(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Error(err)
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Cookies: resp.Cookies(), Text: string(text)}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(text, &a.JSON); err != nil {
			c.t.Errorf("the answer is no JSON object: %v", err)
		}
		a.Code, _ = a.JSON["code"].(string)
	}
	return a
}
