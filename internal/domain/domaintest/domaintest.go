// Package domaintest is what the tests of features and flows stand on: a real database of
// each engine with real keys, queue, limiter and letters, the edge in front, and mails caught
// in memory.
package domaintest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Origin is the public origin of the edge that Serve puts in front.
const Origin = "https://id.example.com"

// World is everything below features and flows.
type World struct {
	*dbtest.DB
	Keys    *keyring.Keyring
	Queue   *jobs.Queue // not started: Drain does what is due
	Limiter *ratelimit.Limiter
	Letters *letter.Post
	Mails   *Mails
	// Roles are those of all tenants: besides the built-in ones editor, with notes.*. The application
	// declares notes.read and notes.write.
	Roles      *role.Set
	StaffRoles *role.Staff // the built-in ones

	t testing.TB
}

// Each runs fn as a subtest on each database.
func Each(t *testing.T, fn func(t *testing.T, w *World)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) { fn(t, New(t, d)) })
}

// New builds a world on d.
func New(t testing.TB, d *dbtest.DB) *World {
	t.Helper()
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	kek, err := secret.NewKEK(base64.StdEncoding.EncodeToString(raw))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	keys, err := keyring.Open(t.Context(), d.DB, secret.KEKRing{Current: kek}, keyring.Config{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	templates, err := mail.NewTemplates(mail.Builtin(), letter.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{DB: d, Keys: keys, Limiter: ratelimit.New(d.DB, log), Mails: &Mails{}, t: t}
	if w.Roles, err = role.NewSet([]string{"notes.read", "notes.write"}, []role.Role{{Name: "editor", Permissions: verifier.Permissions{"notes.*"}}}); err != nil {
		t.Fatal(err)
	}
	if w.StaffRoles, err = role.NewStaff(nil); err != nil {
		t.Fatal(err)
	}
	w.Queue = jobs.New(jobs.Config{DB: d.DB, Sealer: keys.Sealer(), Logger: log})
	w.Letters = letter.New(d.DB, w.Queue, w.Mails, templates, mail.Brand{Name: "Example", URL: "https://example.com"}, letter.Links{
		Verify: Origin + "/account/verify/?token={token}", Reset: Origin + "/account/reset/?token={token}", Recover: Origin + "/",
	})
	return w
}

// Drain does all jobs that are due.
func (w *World) Drain() {
	w.t.Helper()
	if err := w.Queue.Drain(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// Account makes a verified, active account. hash is its password's; empty: it has none.
func (w *World) Account(email, hash string) *account.Account {
	w.t.Helper()
	e, err := account.ParseEmail(email)
	if err != nil {
		w.t.Fatal(err)
	}
	var a *account.Account
	err = w.InTx(context.Background(), func(tx *db.Tx) (err error) {
		a, err = account.Create(context.Background(), tx, account.New{Email: e, Verified: true, Active: true, Profile: account.Profile{FullName: "Jo Doe"}})
		if err != nil || hash == "" {
			return err
		}
		_, err = tx.Exec(context.Background(), "INSERT INTO password_credential (account_id, hash, changed_at) VALUES ($1, $2, $3)", a.ID, hash, tx.Now)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// Session makes a session of an account and returns who holds its access token. It writes the
// row itself: what a session takes is the business of flow/signin.
func (w *World) Session(id account.ID) session.Bearer {
	w.t.Helper()
	b := session.Bearer{SessionID: uuid.Must(uuid.NewV7()), AccountID: id}
	now := w.Now()
	w.Exec(`INSERT INTO session (id, account_id, epoch, client_id, transport, jkt, audience, amr, aal, auth_time, counter, rotated_at, repeats, idle_ms, expires_at, created_at, device, address)
		SELECT $1, id, epoch, 'first-party', 'body', '', '', 'pwd', 1, CAST($3 AS BIGINT), 0, CAST($3 AS BIGINT), 0, 604800000, CAST($4 AS BIGINT), CAST($3 AS BIGINT), '', '' FROM account WHERE id = $2`,
		b.SessionID, id, now, now.Add(30*24*time.Hour))
	w.Read(&b.Subject, "SELECT subject FROM account WHERE id = $1", id)
	return b
}

// Stands reports whether a session does.
func (w *World) Stands(b session.Bearer) bool {
	w.t.Helper()
	_, err := session.Check(context.Background(), w.DB.DB, b.SessionID, b.Subject, w.Now())
	if err != nil && !errors.Is(err, session.ErrEnded) {
		w.t.Fatal(err)
	}
	return err == nil
}

// Exec runs a statement, which may be about any tenant.
func (w *World) Exec(query string, args ...any) {
	w.t.Helper()
	err := w.In(db.All()).InTx(context.Background(), func(tx *db.Tx) error {
		_, err := tx.Exec(context.Background(), query, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Read runs a query that gives one value into dest; it may be about any tenant.
func (w *World) Read(dest any, query string, args ...any) {
	w.t.Helper()
	if err := w.In(db.All()).Row(context.Background(), query, args, dest); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}

// Count returns what a query counts.
func (w *World) Count(query string, args ...any) (n int) {
	w.t.Helper()
	w.Read(&n, query, args...)
	return n
}

// Audited returns the reasons of all audit events of a kind, the oldest first.
func (w *World) Audited(kind string) []string {
	w.t.Helper()
	reasons := []string{}
	err := w.DB.In(db.All()).Each(context.Background(), "SELECT reason FROM audit_event WHERE kind = $1 ORDER BY id", []any{kind}, func(scan func(...any) error) error {
		var r string
		err := scan(&r)
		reasons = append(reasons, r)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return reasons
}

// Statements returns the texts of the statements that fn causes.
func (w *World) Statements(fn func()) []string {
	var mu sync.Mutex
	var all []string
	w.Inspect(func(query string) error {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, query)
		return nil
	})
	defer w.Inspect(nil)
	fn()
	return all
}

// ErrBroken is what a statement made to fail returns.
var ErrBroken = errors.New("the statement was made to fail")

// FailAt makes the n-th statement of fn fail, from 1, and reports whether there was one.
func (w *World) FailAt(n int, fn func()) (reached bool) {
	var mu sync.Mutex
	w.Inspect(func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if n--; n == 0 {
			reached = true
			return ErrBroken
		}
		return nil
	})
	defer w.Inspect(nil)
	fn()
	return reached
}

// Mails catches mails. It is safe for concurrent use.
type Mails struct {
	mu   sync.Mutex
	sent []mail.Message
	fail error
}

// Send keeps m.
func (c *Mails) Send(_ context.Context, m mail.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	c.sent = append(c.sent, m)
	return nil
}

// Fail makes every further Send return err, until it is nil.
func (c *Mails) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = err
}

// Take returns the mails since the last call.
func (c *Mails) Take() []mail.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.sent)
	c.sent = nil
	return all
}

// Token returns the token of the link in m, or "".
func Token(m mail.Message) string {
	_, rest, _ := strings.Cut(m.Text, "token=")
	token, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(token)
}
