package enrol_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	otp "github.com/pquerna/otp/totp"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/backupcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/emailcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

const email = "jo@example.com"

var perAccount = ratelimit.Limit{Name: "enrol.account", Burst: 3, Per: time.Hour}

// world is somebody with a password who is signed in here and there.
type world struct {
	*domaintest.World
	*domaintest.Client
	t        *testing.T
	flow     *enrol.Service
	account  *account.Account
	here     session.Bearer
	there    session.Bearer
	required atomic.Bool // policy asks for a second factor
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		w := &world{World: d, t: t}
		w.flow = w.service()
		w.Client = d.Serve(enrol.Routes(w.flow), nil)
		w.account = d.Account(email, "$argon2id$of-nobody")
		w.here, w.there = d.Session(w.account.ID), d.Session(w.account.ID)
		fn(t, w)
	})
}

func (w *world) service() *enrol.Service {
	w.t.Helper()
	tickets := ticket.NewBook(w.Keys.Hasher)
	apps, err := totp.New(totp.Config{Issuer: "Example"}, totp.Deps{DB: w.DB.DB, Sealer: w.Keys.Sealer()})
	must(w.t, err)
	mails, err := emailcode.New(emailcode.Config{Link: domaintest.Origin + "/?token={token}",
		PerMailbox: ratelimit.Limit{Name: "mail.address", Burst: 5, Per: time.Hour}, PerNetwork: ratelimit.Limit{Name: "mail.network", Burst: 5, Per: time.Hour}},
		emailcode.Deps{DB: w.DB.DB, Limiter: w.Limiter, Queue: w.Queue, Letters: w.Letters, Tickets: tickets})
	must(w.t, err)
	passkeys, err := passkey.New(passkey.Config{RPID: "id.example.com", Name: "Example", Origins: []string{domaintest.Origin}}, passkey.Deps{DB: w.DB.DB, Tickets: tickets})
	must(w.t, err)
	s, err := enrol.New(enrol.Config{PerAccount: perAccount}, enrol.Deps{DB: w.DB.DB, TOTP: apps, EmailCodes: mails, Passkeys: passkeys,
		BackupCodes: backupcode.New(backupcode.Deps{Hasher: w.Keys.Hasher("backup code")}), Letters: w.Letters, Limiter: w.Limiter,
		Required: func(*account.Account) bool { return w.required.Load() }})
	must(w.t, err)
	return s
}

func must(t testing.TB, err error) {
	if err != nil {
		t.Helper()
		t.Fatal(err)
	}
}

func wants(t testing.TB, err, target error) {
	if !errors.Is(err, target) {
		t.Helper()
		t.Errorf("it returned %v, not %v", err, target)
	}
}

// call asks the API as who is signed in here.
func (w *world) call(method, path, body string) domaintest.Answer {
	w.t.Helper()
	return w.Call(method, path, body, domaintest.Bearer(w.here))
}

// gets is call for what must be answered with a status.
func (w *world) gets(status int, method, path, body string) map[string]any {
	w.t.Helper()
	a := w.call(method, path, body)
	if a.Status != status {
		w.t.Fatalf("%s %s: answered %d\n%s", method, path, a.Status, a.Text)
	}
	return a.JSON
}

// refuses reports an answer without this status and code.
func refuses(t *testing.T, a domaintest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("answered %d %s, not %d %s\n%s", a.Status, a.Code, status, code, a.Text)
	}
}

// code is what an app shows now.
func (w *world) code(secret string) string {
	w.t.Helper()
	code, err := otp.GenerateCode(secret, w.Now())
	must(w.t, err)
	return code
}

// app adds one and returns it with new backup codes, if there are.
func (w *world) app(by session.Bearer, name string) (*totp.Device, []string) {
	w.t.Helper()
	setup, err := w.flow.StartApp(w.t.Context(), by, name)
	must(w.t, err)
	app, codes, err := w.flow.ConfirmApp(w.t.Context(), by, w.code(setup.Secret.Reveal()))
	must(w.t, err)
	return app, codes
}

// passkey adds one.
func (w *world) passkey(by session.Bearer, name string) (*passkey.Passkey, []string) {
	w.t.Helper()
	c, err := w.flow.StartPasskey(w.t.Context(), by)
	must(w.t, err)
	k, codes, err := w.flow.FinishPasskey(w.t.Context(), by, c.Ticket, passkeytest.NewAuthenticator(domaintest.Origin).Create(c.Options), name)
	must(w.t, err)
	return k, codes
}

// held is what the account has.
func (w *world) held() factor.Held {
	w.t.Helper()
	h, err := factor.Of(context.Background(), w.DB.DB, w.account.ID)
	must(w.t, err)
	return h
}

// proven is what a session says of itself.
func (w *world) proven(b session.Bearer) (methods string, level int) {
	w.t.Helper()
	w.Read(&methods, "SELECT amr FROM session WHERE id = $1", b.SessionID)
	w.Read(&level, "SELECT aal FROM session WHERE id = $1", b.SessionID)
	return methods, level
}

// told returns the mails since the last call, which all went to the owner.
func (w *world) told() []mail.Message {
	w.t.Helper()
	w.Drain()
	all := w.Mails.Take()
	for _, m := range all {
		if m.To != email {
			w.t.Errorf("a mail went to %s", m.To)
		}
	}
	return all
}

// says reports mails that are not as many as texts, or one of which lacks its text.
func says(t *testing.T, mails []mail.Message, texts ...string) {
	t.Helper()
	if len(mails) != len(texts) {
		t.Fatalf("%d mails, not %d", len(mails), len(texts))
	}
	for _, text := range texts {
		if !slices.ContainsFunc(mails, func(m mail.Message) bool { return strings.Contains(m.Text, text) }) {
			t.Errorf("no mail says %q", text)
		}
	}
}

// advance moves the clock.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	must(w.t, w.Clock.Advance(d))
}

// spends reports whether a backup code is good. It is then used.
func (w *world) spends(code string) bool {
	w.t.Helper()
	err := w.InTx(w.t.Context(), func(tx *db.Tx) error {
		_, err := w.flow.BackupCodes.Spend(w.t.Context(), tx, w.account.ID, code)
		return err
	})
	if err != nil && !errors.Is(err, factor.ErrCode) {
		w.t.Fatal(err)
	}
	return err == nil
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}

// strings of a JSON array.
func texts(v any) (all []string) {
	list, _ := v.([]any)
	for _, one := range list {
		text, _ := one.(string)
		all = append(all, text)
	}
	return all
}

const (
	get    = http.MethodGet
	post   = http.MethodPost
	patch  = http.MethodPatch
	remove = http.MethodDelete
)
