package hostile

import (
	"crypto/hmac"
	"crypto/sha1" // what apps that show codes understand (RFC 6238 section 1.2)
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
)

// step is how long an app shows a code (RFC 6238 section 4).
const step = 30 * time.Second

// app is an app that shows codes, as an account has it.
type app struct {
	w           *world
	secret, uri string
	key         []byte
	device      map[string]any
	codes       []string // backup codes that came with it
}

// app sets one up for whoever is signed in, and goes on to the next code.
func (w *world) app(access string) *app {
	w.t.Helper()
	a := w.beginApp(access)
	done := w.must(w.call(http.MethodPost, "/2fa/enable/", text(map[string]string{"code": a.code()}), bearer(access)), http.StatusOK)
	a.device, _ = done.object["device"].(map[string]any)
	a.codes = done.list("backup_codes")
	w.Clock.Advance(w.t, step)
	return a
}

// beginApp begins to set one up.
func (w *world) beginApp(access string) *app {
	w.t.Helper()
	begun := w.must(w.call(http.MethodPost, "/2fa/setup/", `{"name":"App"}`, bearer(access)), http.StatusOK)
	a := &app{w: w, secret: begun.member("secret"), uri: begun.member("otpauth_uri")}
	var err error
	if a.key, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(a.secret); err != nil || len(a.key) < 20 {
		w.t.Fatalf("the secret is no base32 of 160 bits: %v", err)
	}
	return a
}

// code is what the app shows now (RFC 4226 section 5.3).
func (a *app) code() string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(a.w.Clock.Now().Unix()/int64(step/time.Second)))
	mac := hmac.New(sha1.New, a.key)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[from:from+4])&0x7fffffff%1_000_000)
}

// next is what the app shows at its next step: no code before is good twice.
func (a *app) next() string {
	a.w.t.Helper()
	a.w.Clock.Advance(a.w.t, step)
	return a.code()
}

// wrong is a code that it does not show for a while.
func (a *app) wrong() string {
	now := a.code()
	return string('0'+(now[0]-'0'+5)%10) + now[1:]
}

// authenticator is a passkey's, as an account has it.
type authenticator struct {
	*passkeytest.Authenticator
	ticket string // of its registration
	saved  map[string]any
	codes  []string // backup codes that came with it
}

// passkey registers one for whoever is signed in.
func (w *world) passkey(access string) *authenticator {
	w.t.Helper()
	begun := w.must(w.call(http.MethodPost, "/passkeys/register/begin/", "", bearer(access)), http.StatusOK)
	a := &authenticator{Authenticator: passkeytest.NewAuthenticator(w.URL), ticket: begun.member("ticket")}
	answer := a.Create([]byte(text(begun.object["publicKey"])))
	done := w.must(w.call(http.MethodPost, "/passkeys/register/finish/", `{"ticket":"`+a.ticket+`","credential":`+string(answer)+`}`, bearer(access)), http.StatusOK)
	a.saved, _ = done.object["passkey"].(map[string]any)
	a.codes = done.list("backup_codes")
	return a
}

// must fails the test unless a has the status.
func (w *world) must(a answer, status int) answer {
	w.t.Helper()
	if a.status != status {
		w.t.Fatalf("%s answered %d %s, want %d", a.what, a.status, a.code, status)
	}
	return a
}

// list returns a list of texts in a.
func (a answer) list(name string) (all []string) {
	values, _ := a.object[name].([]any)
	for _, v := range values {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}
