package signin

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// refreshCookie carries the refresh token of browsers; over https its name gets the prefix __Host-.
const refreshCookie = "gatehouse-refresh"

// Routes returns what this flow answers.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Post("/login/", web.Public, web.JSON(s.handleLogin)).Says("Sign in with a password"),
		web.Post("/login/mfa/", web.Public, web.JSON(s.handleStep)).Says("Take the next step of a sign-in"),
		web.Post("/login/mfa/email/", web.Public, web.JSON(s.handleMailStep)).Says("Have a code mailed for the next step").Answers(http.StatusAccepted),
		web.Post("/login/mfa/passkey/", web.Public, web.JSON(s.handleChallengeStep)).Says("Begin the next step by passkey"),
		web.Post("/login/mfa/setup/", web.Public, web.JSON(s.handleSetupStep)).Says("The app to set up, where policy asks for one"),
		web.Post("/passkeys/login/begin/", web.Public, web.JSON(s.handleBeginPasskey)).Says("Begin a sign-in with a passkey"),
		web.Post("/passkeys/login/finish/", web.Public, web.JSON(s.handleFinishPasskey)).Says("Sign in with a passkey"),
		web.Post("/magic-link/", web.Public, web.JSON(s.handleAskLink)).Says("Have a code and a link mailed to sign in with").Answers(http.StatusAccepted),
		web.Post("/magic-link/verify/", web.Public, web.JSON(s.handleLink)).Says("Sign in with a mailed code"),
		web.Post("/reauth/", web.SignedIn, web.JSON(s.handleReauth)).Says("Prove once more that it is you"),
		web.Post("/reauth/email/", web.SignedIn, web.JSON(s.handleMailReauth)).Says("Have a code mailed to prove yourself with").Answers(http.StatusAccepted),
		web.Post("/reauth/passkey/", web.SignedIn, web.JSON(s.handleChallengeReauth)).Says("Begin to prove yourself by passkey"),
		web.Post("/token/refresh/", web.Public, web.JSON(s.handleRefresh)).Says("Exchange a refresh token for new tokens"),
		web.Post("/token/verify/", web.Public, web.JSON(s.handleVerify)).Says("Ask whether a token is good right now"),
		web.Post("/token/revoke/", web.Public, web.Raw(s.handleRevoke)).Says("Revoke a token (RFC 7009)"),
		web.Post("/logout/", web.Public, web.JSON(s.handleLogout)).Says("Sign out: end the session of the token sent"),
		web.Post("/logout/all/", web.Public, web.JSON(s.handleLogoutAll)).Says("Sign out everywhere"),
		web.Post("/tenants/{tenant}/token/", web.SignedIn, web.JSON(s.handleTenantToken)).Says("An access token for one of the organisations that the account belongs to"),
		web.Get("/sessions/", web.SignedIn, web.JSON(s.handleSessions)).Says("List where the account is signed in"),
		web.Delete("/sessions/", web.FreshToken, web.JSON(s.handleEndOthers)).Says("End all sessions but the one that asks"),
		web.Delete("/sessions/{id}/", web.SignedIn, web.JSON(s.handleEndSession)).Says("End one session").Answers(http.StatusNoContent),
	}
}

type loginRequest struct {
	Body struct {
		Email     string `json:"email,omitempty" maxLength:"1024" doc:"The address, or username"`
		Username  string `json:"username,omitempty" maxLength:"1024"`
		Password  string `json:"password" maxLength:"65536"`
		Tenant    string `json:"tenant,omitempty" maxLength:"255" doc:"Short name or id of the organisation that the tokens are to be for"`
		Audience  string `json:"audience,omitempty" maxLength:"255" doc:"For which service the access token shall be; the first configured if missing"`
		Transport string `json:"transport,omitempty" enum:"body,cookie" doc:"How the refresh token travels: body, or cookie for browsers"`
	}
}

// TokenBody is a pair of tokens as it is answered. It is exported because answers embed it, and the API
// document shows no member of what is embedded and not exported.
type TokenBody struct {
	Access           string `json:"access" doc:"Access token (RFC 9068), good for expires_in seconds"`
	Refresh          string `json:"refresh,omitempty" doc:"Refresh token, good once; missing when it travels as a cookie"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in" doc:"Seconds"`
	RefreshExpiresIn int64  `json:"refresh_expires_in" doc:"Seconds, if it is not used before"`
}

type tokenResponse struct{ Body TokenBody }

type loginResponse struct {
	Body struct {
		TokenBody
		User    account.JSON `json:"user"`
		Tenant  *tenantJSON  `json:"tenant,omitempty" doc:"The organisation that the tokens are for, where one was asked for"`
		EnrolBy *time.Time   `json:"enrol_by,omitzero" doc:"Until when the account must have a second factor; missing where it need not, or has one"`
	}
}

func (s *Service) handleLogin(ctx context.Context, in *loginRequest) (*loginResponse, error) {
	q, b := web.FromContext(ctx), in.Body
	if b.Transport == session.Cookie {
		if err := q.CheckOrigin(); err != nil {
			return nil, err
		}
	}
	browser, err := s.client(q)
	if err != nil {
		return nil, err
	}
	b.Transport = cmp.Or(b.Transport, session.Body)
	return answer(q)(s.Login(ctx, Attempt{Email: b.Email, Username: b.Username, Password: b.Password, Audience: b.Audience, Tenant: b.Tenant, Transport: b.Transport, Address: q.Address, Browser: browser}))
}

// answer tells whoever signed in so.
func answer(q *web.Request) func(*SignedIn, error) (*loginResponse, error) {
	return func(done *SignedIn, err error) (*loginResponse, error) {
		if err != nil {
			return nil, err
		}
		var out loginResponse
		out.Body.User = done.Account.JSON()
		if !done.EnrolBy.IsZero() {
			out.Body.EnrolBy = &done.EnrolBy
		}
		out.Body.Tenant = tenantOf(done.Tenant)
		if err := introduce(q, done.browser); err != nil {
			return nil, err
		}
		out.Body.TokenBody, err = deliver(q, &done.Tokens)
		return &out, err
	}
}

// deviceCookie is what a browser is known by; over https its name gets the prefix __Host-.
const deviceCookie = "gatehouse-device"

// client returns what a client of the API is known by: a browser's own token where a page of ours asks,
// and nothing otherwise.
func (s *Service) client(q *web.Request) (Browser, error) {
	if !q.FromOwnPage() {
		return Browser{}, nil
	}
	return s.browser(q)
}

// browser returns what the browser that asks is known by, or a token for it if it has none.
func (s *Service) browser(q *web.Request) (Browser, error) {
	token, _, err := q.Cookie(deviceCookie)
	if err != nil {
		return Browser{}, err
	}
	if !secret.IsToken(token) {
		return Browser{Token: secret.NewToken(), New: true}, nil
	}
	return Browser{Token: token}, nil
}

// introduce gives a browser its token that has signed somebody in for the first time, or a new one.
func introduce(q *web.Request, b Browser) error {
	if !b.New && b.next == "" {
		return nil
	}
	return q.SetCookie(deviceCookie, cmp.Or(b.next, b.Token), device.CookieLife)
}

// deliver sends tokens the way the session was opened.
func deliver(q *web.Request, t *Tokens) (TokenBody, error) {
	b := TokenBody{Access: t.Access, TokenType: "Bearer", ExpiresIn: seconds(t.AccessExpires), RefreshExpiresIn: seconds(t.RefreshExpires)}
	if t.Transport == session.Cookie {
		return b, q.SetCookie(refreshCookie, t.Refresh, t.RefreshExpires)
	}
	b.Refresh = t.Refresh
	return b, nil
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

type refreshRequest struct {
	Body *struct {
		Refresh *string `json:"refresh,omitempty" maxLength:"16384" doc:"Left out, the cookie is read"`
	}
}

// token returns the refresh token sent and how it travelled: the body's if there is one, else the cookie's.
func (in *refreshRequest) token(q *web.Request) (token, transport string, err error) {
	if in.Body != nil && in.Body.Refresh != nil {
		return *in.Body.Refresh, session.Body, nil
	}
	token, _, err = q.Cookie(refreshCookie)
	return token, session.Cookie, err
}

func (s *Service) handleRefresh(ctx context.Context, in *refreshRequest) (*tokenResponse, error) {
	q := web.FromContext(ctx)
	token, transport, err := in.token(q)
	if err != nil {
		return nil, err
	}
	t, err := s.Refresh(ctx, token, transport)
	if err != nil {
		return nil, err
	}
	b, err := deliver(q, t)
	return &tokenResponse{b}, err
}

type detailResponse struct {
	Body struct {
		Detail string `json:"detail"`
	}
}

func detail(text string) *detailResponse {
	var out detailResponse
	out.Body.Detail = text
	return &out
}

func (s *Service) handleLogout(ctx context.Context, in *refreshRequest) (*detailResponse, error) {
	return signOut(ctx, in, s.Logout)
}

func (s *Service) handleLogoutAll(ctx context.Context, in *refreshRequest) (*detailResponse, error) {
	return signOut(ctx, in, s.LogoutAll)
}

// signOut ends every session that the request shows a token of: the refresh token in its body or
// else its cookie, and its bearer. No token that is no good may keep another's session alive.
// The cookie is cleared whatever it held; a foreign page cannot reach it.
func signOut(ctx context.Context, in *refreshRequest, end func(context.Context, string) error) (*detailResponse, error) {
	q := web.FromContext(ctx)
	token, transport, err := in.token(q)
	bearer, hasBearer := q.Bearer()
	if err != nil && !hasBearer {
		return nil, err
	}
	for _, t := range []string{token, bearer} {
		if t == "" {
			continue
		}
		if err := end(ctx, t); err != nil {
			return nil, err
		}
	}
	if transport == session.Cookie && token != "" {
		if err := q.ClearCookie(refreshCookie); err != nil {
			return nil, err
		}
	}
	return detail("You are signed out."), nil
}

type verifyRequest struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"16384"`
	}
}

type emptyResponse struct{ Body struct{} }

func (s *Service) handleVerify(ctx context.Context, in *verifyRequest) (*emptyResponse, error) {
	if err := s.Check(ctx, in.Body.Token); err != nil {
		return nil, err
	}
	return &emptyResponse{}, nil
}
