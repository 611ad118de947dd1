package gatehousetest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// battery is one run against one target.
type battery struct {
	target Target
	client *http.Client
	api    string // APIURL without a trailing slash
	origin string
	mails  *Mailbox // nil: there is none
	ahead  time.Duration
	common Account // see visitor
}

func newBattery(t *testing.T, target Target) *battery {
	t.Helper()
	u, err := url.Parse(target.APIURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		t.Fatal("gatehousetest: Target.APIURL must be an address such as https://id.example.com/api/auth")
	}
	b := &battery{target: target, client: &http.Client{}, api: strings.TrimSuffix(target.APIURL, "/"), origin: u.Scheme + "://" + u.Host}
	if target.Client != nil {
		*b.client = *target.Client
	}
	b.client.Jar, b.client.Timeout = nil, requestTimeout
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if b.target.Audience == "" {
		b.target.Audience = b.origin
	}
	switch {
	case target.Mailbox != nil:
		b.mails = newMailbox(target.Mailbox)
	case target.MailboxURL != "":
		b.mails = newMailbox(func(t testing.TB, to string) []Mail { return fetchMails(t, b.client, target.MailboxURL, to) })
	}
	if target.ClockURL != "" {
		b.readClock(t, b.call(t, http.MethodGet, target.ClockURL))
	}
	return b
}

// call sends a request to a path of the API, or to an address elsewhere.
func (b *battery) call(t testing.TB, method, path string, options ...option) answer {
	t.Helper()
	return call(t, b.client, method, b.address(path), options...)
}

func (b *battery) address(path string) string {
	if strings.HasPrefix(path, "/") {
		return b.api + path
	}
	return path
}

// members are those of a request's body.
type members map[string]any

func (b *battery) post(t testing.TB, path string, body members, options ...option) answer {
	t.Helper()
	return b.call(t, http.MethodPost, path, append([]option{jsonBody(t, body)}, options...)...)
}

// mailbox returns where mails are read, or skips the test.
func (b *battery) mailbox(t *testing.T) *Mailbox {
	t.Helper()
	if b.mails == nil {
		t.Skip("the target gives no way to read mail: set Mailbox or MailboxURL")
	}
	return b.mails
}

// advance moves the target's clock, or skips the test.
func (b *battery) advance(t *testing.T, d time.Duration) {
	t.Helper()
	b.needsClock(t)
	b.readClock(t, b.post(t, b.target.ClockURL, members{"advance": d.String()}))
}

func (b *battery) needsClock(t *testing.T) {
	t.Helper()
	if b.target.ClockURL == "" {
		t.Skip("the target's clock cannot be moved: set ClockURL")
	}
}

func (b *battery) readClock(t testing.TB, a answer) {
	t.Helper()
	var now struct {
		Now time.Time `json:"now"`
	}
	if a.status != http.StatusOK {
		t.Fatalf("gatehousetest: clock: %s", a)
	}
	a.decode(t, &now)
	b.ahead = time.Until(now.Now)
}

// now is the target's time.
func (b *battery) now() time.Time { return time.Now().Add(b.ahead) }

// newAddress returns a mail address that nobody else has.
func (b *battery) newAddress() string {
	local, domain, _ := strings.Cut(NewAddress(), "@")
	if b.target.MailDomain != "" {
		domain = b.target.MailDomain
	}
	return local + "@" + domain
}

// register registers an address.
func (b *battery) register(t testing.TB, email, password string) answer {
	t.Helper()
	body := members{"email": email, "password": password, "full_name": "Test User"}
	for name, value := range b.target.Members {
		body[name] = value
	}
	return b.post(t, "/register/", body)
}

// pending registers a new address and returns the mail with its link, not yet followed.
func (b *battery) pending(t *testing.T) (Account, Mail) {
	t.Helper()
	mails := b.mailbox(t)
	acc := Account{Email: b.newAddress(), Password: newPassword()}
	b.register(t, acc.Email, acc.Password).want(t, http.StatusCreated)
	m := mails.Wait(t, acc.Email)
	if m.Token() == "" {
		t.Fatalf("the mail %q holds no link with a token", m.Subject)
	}
	return acc, m
}

// visitor returns the account of all scenes that change nothing about it but its sessions.
func (b *battery) visitor(t *testing.T) Account {
	t.Helper()
	if b.common.Email == "" {
		b.common = b.account(t)
	}
	return b.common
}

// account returns a new account that can sign in.
func (b *battery) account(t *testing.T) Account {
	t.Helper()
	if b.target.NewAccount != nil {
		return b.target.NewAccount(t)
	}
	acc, m := b.pending(t)
	b.post(t, "/email/verify/", members{"token": m.Token()}).want(t, http.StatusOK)
	return acc
}

// login tries to sign in.
func (b *battery) login(t testing.TB, email, password string, options ...option) answer {
	t.Helper()
	return b.post(t, "/login/", members{"email": email, "password": password}, options...)
}

// tokens is the answer to a sign-in or a refresh.
type tokens struct {
	Access           string         `json:"access"`
	Refresh          string         `json:"refresh"`
	TokenType        string         `json:"token_type"`
	ExpiresIn        int64          `json:"expires_in"`
	RefreshExpiresIn int64          `json:"refresh_expires_in"`
	User             map[string]any `json:"user"`
}

// tokens reads the answer to a sign-in or a refresh that must have succeeded.
func (a answer) tokens(t testing.TB) tokens {
	t.Helper()
	a.want(t, http.StatusOK)
	var out tokens
	a.decode(t, &out)
	if out.Access == "" || out.TokenType != "Bearer" || out.ExpiresIn < 1 || out.ExpiresIn > 15*60 || out.RefreshExpiresIn < 1 {
		t.Fatalf("%s: access token %t, token_type %q, expires_in %d, refresh_expires_in %d", a, out.Access != "", out.TokenType, out.ExpiresIn, out.RefreshExpiresIn)
	}
	a.unstored(t)
	return out
}

// signIn signs in for a program: both tokens come in the body.
func (b *battery) signIn(t testing.TB, acc Account) tokens {
	t.Helper()
	got := b.login(t, acc.Email, acc.Password).tokens(t)
	if got.Refresh == "" {
		t.Fatal("signing in gives no refresh token in the body")
	}
	return got
}

// refresh exchanges a refresh token.
func (b *battery) refresh(t testing.TB, token string) answer {
	t.Helper()
	return b.post(t, "/token/refresh/", members{"refresh": token})
}

// mustBeOver proves that a session is, for its refresh token and its access token.
func (b *battery) mustBeOver(t testing.TB, s tokens) {
	t.Helper()
	b.call(t, http.MethodGet, "/me/", bearerToken(s.Access)).refused(t, http.StatusUnauthorized, "token_invalid")
	b.refresh(t, s.Refresh).refused(t, http.StatusUnauthorized, "refresh_rejected")
}

// mustStand proves that a session does, and returns its new tokens.
func (b *battery) mustStand(t testing.TB, s tokens) tokens {
	t.Helper()
	b.call(t, http.MethodGet, "/me/", bearerToken(s.Access)).want(t, http.StatusOK)
	return b.refresh(t, s.Refresh).tokens(t)
}

// same proves that two answers cannot be told apart, but for members that differ by nature.
func same(t testing.TB, one, other answer, except ...string) {
	t.Helper()
	if one.status != other.status {
		t.Fatalf("%s, but before that: %s", other, one)
	}
	if a, b := names(one.header), names(other.header); a != b {
		t.Errorf("%s tells cases apart by its headers: %s and %s", one.what, a, b)
	}
	a, b := one.object(t), other.object(t)
	for _, name := range except {
		delete(a, name)
		delete(b, name)
	}
	if text(a) != text(b) {
		t.Errorf("%s tells cases apart by its body, beyond %q", one.what, except)
	}
}

func text(o map[string]any) string {
	out, _ := json.Marshal(o) // it came from JSON
	return string(out)
}

// forged returns a token that was never made, of the same form.
func forged() string { return rand.Text() + rand.Text()[:17] }
