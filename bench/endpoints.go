package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// most is how many statements an endpoint may need, where that is laid down.
var most = map[string]int{"POST login/": 4, "POST token/refresh/": 1, "GET me/": 1, "POST passkeys/login/finish/": 5}

// benchEndpoints counts what each endpoint asks of PostgreSQL. A walk through all of them is
// repeated, and the least counts: background work shares the connections.
func benchEndpoints(ctx context.Context, l *lab) ([]row, error) {
	walks := 9
	if l.quick {
		walks = 2
	}
	if err := l.createDatabase(ctx, "endpoints"); err != nil {
		return nil, err
	}
	dir := filepath.Join(l.dir, "wire")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	behind := l.cluster.URL(dbtest.Owner, "endpoints")
	w, err := listenWire(dir, behind[strings.Index(behind, "host=")+len("host="):])
	if err != nil {
		return nil, err
	}
	defer w.close()
	binary, err := l.build()
	if err != nil {
		return nil, err
	}
	s, err := l.startDev(ctx, binary, filepath.Join(l.dir, "endpoints"), "GATEHOUSE_DATABASE_URL=postgres://"+dbtest.Owner+"@/endpoints?host="+dir)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	counts := &counted{least: map[string]traffic{}}
	for i := range walks + 1 {
		if i == 1 {
			clear(counts.least) // the first walk prepared the statements
		}
		v := visitor{ctx: ctx, base: "http://" + s.address, wire: w, counts: counts}
		if err := v.walk(fmt.Sprintf("visitor%d@example.com", i)); err != nil {
			return nil, err
		}
	}
	return counts.rows(walks), nil
}

// counted holds the least traffic of each endpoint, in the order of the walk.
type counted struct {
	order []string
	least map[string]traffic
}

func (c *counted) add(name string, t traffic) {
	old, known := c.least[name]
	if !known {
		c.least[name] = t
		return
	}
	c.least[name] = traffic{min(old.statements, t.statements), min(old.roundTrips, t.roundTrips)}
}

func (c *counted) rows(walks int) []row {
	var rows []row
	for _, name := range c.order {
		t := c.least[name]
		r := row{
			path: name, ours: plural(t.statements, "statement"), result: plural(t.roundTrips, "round trip"),
			rounds: fmt.Sprintf("least of %d", walks),
		}
		if bound, ok := most[name]; ok {
			r.gate, r.missed = "at most "+plural(bound, "statement"), t.statements > bound
		}
		rows = append(rows, r)
	}
	return rows
}

// visitor is one person who goes through everything.
type visitor struct {
	ctx    context.Context
	base   string
	wire   *wire
	counts *counted
	err    error
	tokens struct{ Access, Refresh string }
}

// settle is how long a walk lets background work end that an earlier step has caused.
const settle = 20 * time.Millisecond

// call counts one request. After a failure it does nothing.
func (v *visitor) call(method, path, body string) []byte {
	if v.err != nil {
		return nil
	}
	time.Sleep(settle)
	name := method + " " + endpoint.ReplaceAllString(path, "{id}")
	before := v.wire.read()
	answer := v.send(method, mount+"/"+path, body)
	v.counts.add(name, v.wire.read().since(before))
	if !slices.Contains(v.counts.order, name) {
		v.counts.order = append(v.counts.order, name)
	}
	return answer
}

// endpoint matches an id within a path.
var endpoint = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

func (v *visitor) send(method, path, body string) []byte {
	r, err := http.NewRequestWithContext(v.ctx, method, v.base+path, strings.NewReader(body))
	if err != nil {
		v.err = err
		return nil
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	if v.tokens.Access != "" {
		r.Header.Set("Authorization", "Bearer "+v.tokens.Access)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		v.err = err
		return nil
	}
	defer answer.Body.Close() //nolint:errcheck // it is read whole
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	v.err = err
	return text
}

// walk goes through every endpoint that a person without privileges meets.
func (v *visitor) walk(email string) error {
	const first, second, third = "a password of seven words at least", "another password, longer than before", "yet another password, forgotten later"
	v.call("GET", ".well-known/jwks.json", "")
	v.call("POST", "register/", object("email", email, "password", first, "full_name", "A Person"))
	v.call("POST", "email/verify/resend/", object("email", email))
	v.call("POST", "email/verify/", object("token", v.mailed(email, "verify")))
	v.signIn(email, first)
	v.keep(v.call("POST", "token/refresh/", object("refresh", v.tokens.Refresh)))
	v.call("POST", "token/verify/", object("token", v.tokens.Access))
	v.call("GET", "me/", "")
	v.call("PATCH", "me/", object("full_name", "Another Person"))
	v.call("GET", "sessions/", "")
	v.call("DELETE", "sessions/"+v.otherSession(email, first)+"/", "")
	v.factors(email, first)
	v.call("POST", "password/change/", object("old_password", first, "new_password", second))
	v.call("POST", "password/reset/", object("email", email))
	v.call("POST", "password/reset/confirm/", object("token", v.mailed(email, "reset"), "new_password", third))
	v.signIn(email, third)
	v.call("POST", "token/revoke/", object("token", v.tokens.Refresh))
	v.signIn(email, third)
	v.call("POST", "logout/", object("refresh", v.tokens.Refresh))
	v.signIn(email, third)
	v.call("POST", "logout/all/", object("refresh", v.tokens.Refresh))
	return v.err
}

// factors goes through what can be proven besides a password, and leaves the account as it was.
func (v *visitor) factors(email, password string) {
	var setup struct{ Secret string }
	v.read(v.call("POST", "2fa/setup/", object("name", "Phone")), &setup)
	v.call("POST", "2fa/enable/", object("code", v.code(setup.Secret)))
	v.call("POST", "reauth/", object("method", "totp", "code", v.code(setup.Secret)))
	v.call("GET", "2fa/", "")
	var fresh struct {
		Codes []string `json:"backup_codes"`
	}
	v.read(v.call("POST", "2fa/backup-codes/", "{}"), &fresh)
	v.keep(v.call("POST", "login/mfa/", object("mfa_token", v.halfway(email, password), "method", "totp", "code", v.code(setup.Secret))))
	if v.err == nil {
		v.keep(v.call("POST", "login/mfa/", object("mfa_token", v.halfway(email, password), "method", "backup_code", "code", fresh.Codes[0])))
	}
	key := passkeytest.NewAuthenticator(strings.Replace(v.base, "127.0.0.1", "localhost", 1))
	begun := v.ceremony("passkeys/register/begin/", "{}")
	v.call("POST", "passkeys/register/finish/", v.answer(begun, key.Create, "name", "Key"))
	v.call("GET", "passkeys/", "")
	begun = v.ceremony("passkeys/login/begin/", "{}")
	v.keep(v.call("POST", "passkeys/login/finish/", v.answer(begun, key.Get)))
	v.call("POST", "2fa/disable/", "{}")
	for _, id := range v.passkeys() {
		v.call("DELETE", "passkeys/"+id+"/", "")
	}
	var asked struct{ Ticket string }
	v.read(v.call("POST", "magic-link/", object("email", email)), &asked)
	v.keep(v.call("POST", "magic-link/verify/", object("ticket", asked.Ticket, "code", v.mailed(email, "sign-in/link"))))
}

// code is what an app shows, 30 seconds after it was last asked: a code works once.
func (v *visitor) code(secret string) string {
	var now struct{ Now time.Time }
	v.read(v.send("POST", "/dev/clock/", object("advance", "30s")), &now)
	if v.err != nil {
		return ""
	}
	code, err := totp.GenerateCode(secret, now.Now)
	v.err = err
	return code
}

// halfway signs in with a password alone and returns the ticket for the next step.
func (v *visitor) halfway(email, password string) string {
	if v.err != nil {
		return ""
	}
	v.tokens.Access = ""
	r, err := http.Post(v.base+mount+"/login/", "application/json", strings.NewReader(object("email", email, "password", password)))
	if err != nil {
		v.err = err
		return ""
	}
	defer r.Body.Close() //nolint:errcheck // it is read whole
	var refusal struct {
		Token string `json:"mfa_token"`
	}
	v.err = json.NewDecoder(r.Body).Decode(&refusal)
	return refusal.Token
}

// challenge is how a passkey's ceremony begins.
type challenge struct {
	Ticket  string          `json:"ticket"`
	Options json.RawMessage `json:"publicKey"`
}

func (v *visitor) ceremony(path, body string) (c challenge) {
	v.read(v.call("POST", path, body), &c)
	return c
}

// answer is the body that ends a ceremony.
func (v *visitor) answer(c challenge, by func([]byte, ...func(*passkeytest.Answer)) []byte, more ...string) string {
	if v.err != nil {
		return ""
	}
	body := map[string]any{"ticket": c.Ticket, "credential": json.RawMessage(by(c.Options))}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i]] = more[i+1]
	}
	text, err := json.Marshal(body)
	v.err = err
	return string(text)
}

func (v *visitor) passkeys() (ids []string) {
	var list struct {
		Passkeys []struct{ ID string }
	}
	v.read(v.call("GET", "passkeys/", ""), &list)
	for _, p := range list.Passkeys {
		ids = append(ids, p.ID)
	}
	return ids
}

// read takes an answer apart.
func (v *visitor) read(answer []byte, into any) {
	if v.err == nil {
		v.err = json.Unmarshal(answer, into)
	}
}

func (v *visitor) signIn(email, password string) {
	v.tokens.Access = ""
	v.keep(v.call("POST", "login/", object("email", email, "password", password)))
}

// keep takes the tokens out of an answer.
func (v *visitor) keep(answer []byte) {
	if v.err == nil {
		v.err = json.Unmarshal(answer, &v.tokens)
	}
}

// otherSession signs in once more and returns that session's id.
func (v *visitor) otherSession(email, password string) string {
	mine := v.tokens
	v.signIn(email, password)
	v.tokens = mine
	var list struct {
		Sessions []struct {
			ID      string
			Current bool
		}
	}
	if text := v.send("GET", mount+"/sessions/", ""); v.err == nil {
		v.err = json.Unmarshal(text, &list)
	}
	for _, s := range list.Sessions {
		if !s.Current {
			return s.ID
		}
	}
	return ""
}

// mailed waits for a mail whose link holds what, and returns the token in it.
func (v *visitor) mailed(to, what string) string {
	link := regexp.MustCompile(`/account/` + what + `/\?token=(\S+)`)
	for deadline := time.Now().Add(10 * time.Second); v.err == nil && time.Now().Before(deadline); time.Sleep(settle) {
		var mails []struct{ Text string }
		text := v.send("GET", "/dev/mailbox/?to="+url.QueryEscape(to), "")
		if v.err == nil {
			v.err = json.Unmarshal(text, &mails)
		}
		for _, m := range mails {
			if found := link.FindStringSubmatch(m.Text); found != nil {
				return found[1]
			}
		}
	}
	if v.err == nil {
		v.err = errors.New("no mail came to " + what)
	}
	return ""
}

// object writes names and values as a JSON object.
func object(pairs ...string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings only: it can't fail
	}
	return string(text)
}
