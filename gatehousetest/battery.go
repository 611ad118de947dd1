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

// chapter is what the battery proves about one feature.
type chapter struct {
	feature Feature
	scenes  []scene
}

type scene struct {
	name  string
	prove func(*testing.T)
}

// contents is the table of contents of the battery.
func (b *battery) contents() []chapter {
	return []chapter{
		{Registration, []scene{
			{"answers 201 and the address", b.registers},
			{"says the same for a taken address and tells its owner", b.registersTaken},
			{"refuses weak passwords and malformed addresses", b.registersBadly},
			{"grants nothing that was not offered", b.registersAsAdmin},
		}},
		{Verification, []scene{
			{"stands before the first sign-in", b.verificationStandsBefore},
			{"survives whoever only looks at the link", b.verificationSurvivesLooks},
			{"works once", b.verifiesOnce},
			{"refuses tokens it never mailed", b.verifiesForged},
			{"mails the link again to whoever waits and to nobody else", b.resends},
			{"leaves nothing to a stranger who registered first", b.verifiesOwner},
			{"refuses links of yesterday", b.verifiesLate},
		}},
		{Login, []scene{
			{"answers tokens and the account", b.signsIn},
			{"does not care how the address is spelled", b.signsInUpperCase},
			{"says the same for a wrong password and a missing account", b.signsInWrongly},
			{"stops guessing and says for how long", b.stopsGuessing},
		}},
		{Issuance, []scene{
			{"signs tokens that the published keys verify", b.issues},
			{"publishes public keys and where they are", b.publishes},
			{"is refused by services the token is not for", b.issuesForOne},
			{"accepts no token that was tampered with", b.refusesTampered},
		}},
		{Profile, []scene{
			{"shows the account", b.showsAccount},
			{"changes the profile and nothing else", b.changesProfile},
		}},
		{Refresh, []scene{
			{"rotates", b.rotates},
			{"repeats its answer when it was lost", b.repeats},
			{"ends the session when an old token comes back", b.endsOnReplay},
			{"ends the session when a spent token comes back late", b.endsOnLateReplay},
			{"signs nobody out when fifty come at once", b.refreshesInParallel},
			{"refuses what is no refresh token", b.refreshesBadly},
			{"ends with the time it announced", b.refreshesLate},
		}},
		{Cookies, []scene{
			{"keep the refresh token from scripts after every rotation", b.rotatesCookie},
			{"are refused to foreign origins", b.refusesForeignOrigin},
			{"are left alone when the body names a token", b.prefersBody},
			{"are refused when there are two", b.refusesTwoCookies},
			{"cannot be turned into body tokens", b.refusesOtherTransport},
			{"are cleared by signing out", b.clearsCookie},
		}},
		{Logout, []scene{
			{"ends the session at once and can be repeated", b.signsOut},
			{"takes an access token as well", b.signsOutByBearer},
			{"is kind to bad tokens", b.signsOutBadly},
			{"ends every session when asked to", b.signsOutEverywhere},
		}},
		{Sessions, []scene{
			{"are listed and ended one by one", b.endsOther},
			{"of others cannot be ended", b.endsForeign},
		}},
		{TokenEndpoints, []scene{
			{"tell whether a token is good right now", b.verifiesTokens},
			{"revoke", b.revokes},
		}},
		{PasswordChange, []scene{
			{"wants the present password", b.changesPasswordBadly},
			{"ends all other sessions", b.changesPassword},
		}},
		{PasswordReset, []scene{
			{"says the same whether or not there is an account", b.asksForReset},
			{"works once and ends all sessions", b.resets},
			{"survives whoever only looks at the link, and a weak password", b.resetSurvives},
			{"dies when the owner signs in", b.resetDiesOnSignIn},
			{"refuses links of an hour ago", b.resetsLate},
		}},
		{Protection, []scene{
			{"asks everybody for a token", b.asksForToken},
			{"takes tokens from the one header only", b.takesOneHeader},
			{"covers your endpoint", b.coversProtected},
			{"keeps your endpoint for administrators", b.coversAdminOnly},
			{"ends when the access token expires", b.endsWithExpiry},
		}},
		{Refusals, []scene{
			{"of unknown paths and methods are problems", b.refusesUnknown},
			{"of hostile bodies are problems that echo nothing", b.refusesHostile},
		}},
	}
}

// battery is one run against one target.
type battery struct {
	target Target
	client *http.Client
	api    string // APIURL without a trailing slash
	origin string
	mails  *Mailbox // nil: there is none
	ahead  time.Duration
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

// account returns an account that can sign in.
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
