package browser

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
)

// Where second factors are looked after, and asked for.
const (
	addApp     = "/account/security/app/add/"
	addPasskey = "/account/security/passkeys/add/"
	secondStep = "/account/sign-in/second/"
)

// code returns what an app shows next: none that was shown before, for a code is good once.
func (s *server) code(t testing.TB, key string) string {
	t.Helper()
	s.advance(t, "30s")
	var clock struct{ Now time.Time }
	if err := json.NewDecoder(s.call(t, http.MethodGet, "/dev/clock/", "", "").Body).Decode(&clock); err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(key, " ", ""), clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// asks sends JSON to the API with an access token, and reads the answer into
// answer, which may be nil.
func (s *server) asks(t testing.TB, access, path string, body, answer any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp := s.call(t, http.MethodPost, mountPath+path, "application/json", string(text), "Authorization", "Bearer "+access)
	if resp.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s answered %d", path, resp.StatusCode)
	}
	if answer == nil {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		t.Fatal(err)
	}
}

// newAppAccount makes an account with an app and returns the app's key and backup codes.
func newAppAccount(t testing.TB) (p person, key string, codes []string) {
	t.Helper()
	p = newAccount(t)
	access := signsIn(t, p, http.StatusOK)
	var setup struct{ Secret string }
	site.asks(t, access, "/2fa/setup/", map[string]string{"name": "Phone"}, &setup)
	var made struct {
		Codes []string `json:"backup_codes"`
	}
	site.asks(t, access, "/2fa/enable/", map[string]string{"code": site.code(t, setup.Secret)}, &made)
	return p, setup.Secret, made.Codes
}

// newAppPerson is newAppAccount for who has lost the app.
func newAppPerson(t testing.TB) person {
	t.Helper()
	p, _, _ := newAppAccount(t)
	return p
}

// loses has somebody ask for the removal of what they lost, and returns where the mail leads that tells
// them: to where it can be stopped.
func (b *tab) loses(p person) string {
	b.t.Helper()
	b.begins(p)
	b.send(`main a[href="/account/recover-factor/"]`, http.StatusOK)
	return mailed(b.t, p.email, func() { b.send(mainButton, http.StatusOK) }).link(b.t)
}

// newGuardedAccount makes an account with an app, of which it returns the key, backup codes, and a passkey
// that nobody here has.
func newGuardedAccount(t testing.TB) (p person, key string) {
	t.Helper()
	p = newAccount(t)
	access := signsIn(t, p, http.StatusOK)
	var begun struct {
		Ticket    string
		PublicKey json.RawMessage
	}
	site.asks(t, access, "/passkeys/register/begin/", struct{}{}, &begun)
	answer := passkeytest.NewAuthenticator(site.URL).Create(begun.PublicKey)
	site.asks(t, access, "/passkeys/register/finish/", map[string]any{"ticket": begun.Ticket, "credential": json.RawMessage(answer), "name": "Laptop"}, nil)
	var setup struct{ Secret string }
	site.asks(t, access, "/2fa/setup/", map[string]string{"name": "Phone"}, &setup)
	site.asks(t, access, "/2fa/enable/", map[string]string{"code": site.code(t, setup.Secret)}, nil)
	return p, setup.Secret
}

// newMailedAccount makes an account whose second step is a mailed code.
func newMailedAccount(t testing.TB) person {
	t.Helper()
	p := newAccount(t)
	site.asks(t, signsIn(t, p, http.StatusOK), "/2fa/email/", struct{}{}, nil)
	return p
}

// begins takes the first step of a sign-in that needs another.
func (b *tab) begins(p person) {
	b.t.Helper()
	b.visit(firstPage)
	b.attempt(p, http.StatusOK)
	b.at(secondStep)
	if b.cookies()[sessionCookie] != nil {
		b.t.Error("half a sign-in made a session")
	}
}

var keyPattern = regexp.MustCompile(`\b[A-Z2-7]{4}( [A-Z2-7]{1,4}){3,}\b`)

func TestAppIsAddedAndAskedFor(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.signIn(p)
	b.visit(addApp)
	b.enter("name", "Phone")
	b.send(mainButton, http.StatusOK)
	key := keyPattern.FindString(b.text())
	if drawn := b.query("svg.qr").do("function() { return this.getBoundingClientRect().width }"); key == "" || drawn.(float64) < 150 {
		t.Fatalf("there is no key to type, or no picture to scan: %v wide", drawn)
	}
	b.enter("code", "000000")
	b.send(mainButton, http.StatusForbidden)
	b.enter("code", site.code(t, key))
	mailed(t, p.email, func() { b.send(mainButton, http.StatusOK) })
	kept := strings.Fields(b.query("pre code").property("innerText"))
	if len(kept) != 10 {
		t.Fatalf("%d backup codes are shown, want 10", len(kept))
	}

	b.send(signOutButton, http.StatusOK)
	b.begins(p)
	b.enter("code", "000000")
	b.send(mainButton, http.StatusUnauthorized)
	if b.query(`[name="code"]`).property("value") != "" {
		t.Error("a code is kept")
	}
	b.enter("code", site.code(t, key))
	b.send(mainButton, http.StatusOK)
	b.at("/account/")
	b.shows(p.email)

	b.send(signOutButton, http.StatusOK)
	b.begins(p)
	b.follow("A backup code")
	b.enter("code", strings.ToUpper(kept[4]))
	mailed(t, p.email, func() { b.send(mainButton, http.StatusOK) })
	b.at("/account/")
	b.send(signOutButton, http.StatusOK)
	b.begins(p)
	b.follow("A backup code")
	b.enter("code", kept[4])
	b.send(mainButton, http.StatusUnauthorized)
	b.follow("Sign in as somebody else")
	b.at(firstPage)
}

func TestSecondStepIsNotTakenToAnotherBrowserAndNotForLater(t *testing.T) {
	p, key, _ := newAppAccount(t)
	b, other := open(t), open(t)
	b.begins(p)
	other.visit(secondStep)
	other.at(firstPage)
	other.shows("Sign in again.")
	site.advance(t, "6m")
	b.enter("code", site.code(t, key))
	b.send(mainButton, http.StatusOK)
	b.at(firstPage)
	b.refused("/account/")
}

func TestSecondStepNeedsNoScript(t *testing.T) {
	p, key, _ := newAppAccount(t)
	b := open(t)
	b.withoutScript()
	b.refused("/account/profile/")
	b.attempt(p, http.StatusOK)
	b.at(secondStep)
	b.enter("code", site.code(t, key))
	b.send(mainButton, http.StatusOK)
	b.at("/account/profile/")
}

// Whoever has an app is asked for its code before something that cannot be undone, not for the password.
func TestOldProofIsRenewedByTheApp(t *testing.T) {
	p, key, _ := newAppAccount(t)
	b := open(t)
	b.begins(p)
	b.enter("code", site.code(t, key))
	b.send(mainButton, http.StatusOK)
	site.advance(t, "6m")
	b.visit(addPasskey)
	b.at("/account/confirm/")
	if b.query("main").do(`function() { return this.querySelector("[type=password]") === null }`) != true {
		t.Error("the page asks for the password")
	}
	before := b.cookies()[sessionCookie].Value
	b.enter("code", site.code(t, key))
	b.send(mainButton, http.StatusOK)
	b.at(addPasskey)
	refusedCookie(t, before)
}
