package gatehousetest

import (
	"crypto/hmac"
	"crypto/sha1" // what apps that show codes understand (RFC 6238 section 1.2)
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// app is an app that shows codes, set up for an account.
type app struct {
	secret []byte
	codes  []string // the backup codes that came with it
}

// step is how long a code is shown (RFC 6238 section 4).
const step = 30 * time.Second

// code is what the app shows at a time (RFC 4226 section 5.3).
func (a *app) code(at time.Time) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(at.Unix()/int64(step/time.Second)))
	mac := hmac.New(sha1.New, a.secret)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[from:from+4])&0x7fffffff%1_000_000)
}

// begin begins to set up an app and returns it.
func (b *battery) begin(t *testing.T, s tokens) *app {
	t.Helper()
	a := b.post(t, "/2fa/setup/", members{}, bearerToken(s.Access))
	a.want(t, http.StatusOK)
	a.unstored(t)
	o := a.object(t)
	secret, _ := o["secret"].(string)
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil || len(key) < 20 {
		t.Fatalf("the secret is no base32 of 160 bits or more: %v", err)
	}
	uri, _ := o["otpauth_uri"].(string)
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != secret || u.Query().Get("issuer") == "" {
		t.Error("otpauth_uri does not say type, secret and issuer")
	}
	png, _ := o["qr_b64"].(string)
	if image, err := base64.StdEncoding.DecodeString(png); err != nil || !strings.HasPrefix(string(image), "\x89PNG") {
		t.Errorf("qr_b64 is no PNG in base64: %v", err)
	}
	return &app{secret: key}
}

// protect returns an account with an app, and the session that set it up. It needs the clock: a code
// works once.
func (b *battery) protect(t *testing.T) (Account, tokens, *app) {
	t.Helper()
	b.needsClock(t)
	acc := b.account(t)
	s := b.signIn(t, acc)
	phone := b.begin(t, s)
	a := b.post(t, "/2fa/enable/", members{"code": phone.code(b.now())}, bearerToken(s.Access))
	a.want(t, http.StatusOK)
	a.unstored(t)
	codes, _ := a.object(t)["backup_codes"].([]any)
	for _, c := range codes {
		text, _ := c.(string)
		phone.codes = append(phone.codes, text)
	}
	if len(phone.codes) < 8 {
		t.Fatalf("%s with %d backup codes", a, len(phone.codes))
	}
	b.advance(t, step)
	return acc, s, phone
}

// halfway signs in with a password alone and returns the ticket for the second step.
func (b *battery) halfway(t *testing.T, acc Account) string {
	t.Helper()
	a := b.login(t, acc.Email, acc.Password)
	a.refused(t, http.StatusForbidden, "mfa_required")
	o := a.object(t)
	token, _ := o["mfa_token"].(string)
	if methods, _ := o["methods"].([]any); token == "" || !slices.Contains(methods, any("totp")) {
		t.Fatalf("%s: mfa_token %t, methods %v", a, token != "", methods)
	}
	if o["access"] != nil || o["refresh"] != nil || len(a.cookies) != 0 {
		t.Fatalf("%s: there are tokens or cookies before the second step", a)
	}
	return token
}

func (b *battery) second(t testing.TB, ticket, method, code string) answer {
	t.Helper()
	return b.post(t, "/login/mfa/", members{"mfa_token": ticket, "method": method, "code": code})
}

func (b *battery) asksForCodes(t *testing.T) {
	acc, mine, phone := b.protect(t)
	b.mustStand(t, mine)
	ticket := b.halfway(t, acc)
	code := phone.code(b.now())
	got := b.second(t, ticket, "totp", code).tokens(t)
	b.mustStand(t, got)
	if c := b.read(t, got.Access); c.ACR != "aal2" || !slices.Contains(c.Methods, "otp") || !slices.Contains(c.Methods, "pwd") {
		t.Errorf("the token says acr %q, amr %q", c.ACR, c.Methods)
	}
	b.second(t, ticket, "totp", code).refused(t, http.StatusUnauthorized, "step_rejected")
	b.second(t, b.halfway(t, acc), "totp", code).refused(t, http.StatusUnauthorized, "proof_rejected")
	b.second(t, forged(), "totp", phone.code(b.now().Add(step))).refused(t, http.StatusUnauthorized, "step_rejected")
}

func (b *battery) bearsWrongCodes(t *testing.T) {
	acc, _, phone := b.protect(t)
	ticket := b.halfway(t, acc)
	for _, code := range []string{"", "12345", "1234567", " " + phone.code(b.now()), phone.code(b.now()) + "\n", "１２３４５６", phone.code(b.now().Add(-time.Hour))} {
		a := b.second(t, ticket, "totp", code)
		if a.status != http.StatusUnauthorized {
			t.Fatalf("%s with a code that is none", a)
		}
	}
	b.second(t, ticket, "totp", phone.code(b.now())).refused(t, http.StatusUnauthorized, "step_rejected")
}

func (b *battery) keepsFactors(t *testing.T) {
	acc, _, phone := b.protect(t)
	s := b.second(t, b.halfway(t, acc), "totp", phone.code(b.now())).tokens(t)
	b.begin(t, s)
	b.call(t, http.MethodGet, "/2fa/setup/", bearerToken(s.Access)).refused(t, http.StatusMethodNotAllowed, "method_not_allowed")
	b.advance(t, step)
	b.second(t, b.halfway(t, acc), "totp", phone.code(b.now())).tokens(t)
	b.post(t, "/2fa/disable/", members{}, bearerToken(s.Access)).want(t, http.StatusOK)
	b.signIn(t, acc)
}

// Whoever reads somebody's mail has a new password by it, and no more.
func (b *battery) asksForCodesAfterReset(t *testing.T) {
	acc, _, phone := b.protect(t)
	m := b.askReset(t, acc)
	acc.Password = newPassword()
	a := b.confirmReset(t, m, acc.Password)
	a.want(t, http.StatusOK)
	if o := a.object(t); o["access"] != nil || o["refresh"] != nil || len(a.cookies) != 0 {
		t.Errorf("%s: the reset signs in", a)
	}
	got := b.second(t, b.halfway(t, acc), "totp", phone.code(b.now())).tokens(t)
	b.mustStand(t, got)
}

func (b *battery) spendsBackupCodes(t *testing.T) {
	acc, _, phone := b.protect(t)
	s := b.second(t, b.halfway(t, acc), "backup_code", phone.codes[0]).tokens(t)
	b.second(t, b.halfway(t, acc), "backup_code", phone.codes[0]).refused(t, http.StatusUnauthorized, "proof_rejected")
	left := b.call(t, http.MethodGet, "/2fa/backup-codes/", bearerToken(s.Access))
	left.want(t, http.StatusOK)
	if n, _ := left.object(t)["left"].(float64); int(n) != len(phone.codes)-1 {
		t.Errorf("%s with %v codes left of %d", left, n, len(phone.codes))
	}
	left.quiet(t, phone.codes...)
	fresh := b.post(t, "/2fa/backup-codes/", members{}, bearerToken(s.Access))
	fresh.want(t, http.StatusOK)
	codes, _ := fresh.object(t)["backup_codes"].([]any)
	if len(codes) != len(phone.codes) {
		t.Fatalf("%s with %d codes", fresh, len(codes))
	}
	b.second(t, b.halfway(t, acc), "backup_code", phone.codes[1]).refused(t, http.StatusUnauthorized, "proof_rejected")
	code, _ := codes[0].(string)
	b.second(t, b.halfway(t, acc), "backup_code", code).tokens(t)
}

// stale waits until a session's proof is old, and proves that it says so.
func (b *battery) stale(t *testing.T, s tokens) tokens {
	t.Helper()
	b.advance(t, 6*time.Minute)
	s = b.mustStand(t, s)
	a := b.post(t, "/2fa/setup/", members{}, bearerToken(s.Access))
	a.refused(t, http.StatusUnauthorized, "proof_stale")
	if c := a.header.Get("WWW-Authenticate"); !strings.Contains(c, "insufficient_user_authentication") || !strings.Contains(c, "max_age=") {
		t.Errorf("%s: WWW-Authenticate is %q, which does not ask for a newer proof (RFC 9470)", a, c)
	}
	return s
}

func (b *battery) stepsUp(t *testing.T) {
	b.needsClock(t)
	acc := b.account(t)
	s := b.stale(t, b.signIn(t, acc))
	b.post(t, "/reauth/", members{"method": "password", "password": newPassword()}, bearerToken(s.Access)).refused(t, http.StatusForbidden, "password_rejected")
	a := b.post(t, "/reauth/", members{"method": "password", "password": acc.Password}, bearerToken(s.Access))
	a.want(t, http.StatusOK)
	fresh, _ := a.object(t)["access"].(string)
	if before, after := b.read(t, s.Access), b.read(t, fresh); before.AuthTime >= after.AuthTime || before.SessionID != after.SessionID {
		t.Errorf("auth_time was %d and is %d", before.AuthTime, after.AuthTime)
	}
	b.begin(t, s)
	b.mustStand(t, s)
}

func (b *battery) stepsUpStrongly(t *testing.T) {
	acc, _, phone := b.protect(t)
	s := b.stale(t, b.second(t, b.halfway(t, acc), "totp", phone.code(b.now())).tokens(t))
	b.post(t, "/reauth/", members{"method": "password", "password": acc.Password}, bearerToken(s.Access)).refused(t, http.StatusBadRequest, "method_unavailable")
	b.post(t, "/2fa/disable/", members{}, bearerToken(s.Access)).refused(t, http.StatusUnauthorized, "proof_stale")
	b.post(t, "/reauth/", members{"method": "totp", "code": "000000"}, bearerToken(s.Access)).refused(t, http.StatusForbidden, "code_rejected")
	b.post(t, "/reauth/", members{"method": "totp", "code": phone.code(b.now())}, bearerToken(s.Access)).want(t, http.StatusOK)
	b.post(t, "/2fa/disable/", members{}, bearerToken(s.Access)).want(t, http.StatusOK)
	b.signIn(t, acc)
}
