package identifier_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// world is the feature behind a real edge, and an account that is signed in.
type world struct {
	*domaintest.World
	*domaintest.Client
	t       *testing.T
	service *identifier.Service
	account *account.Account
	me      session.Bearer
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	eachWith(t, func(*identifier.Config) {}, fn)
}

func eachWith(t *testing.T, set func(*identifier.Config), fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		cfg := identifier.Config{
			ChangeLink: domaintest.Origin + "/account/email/confirm/?token={token}", UndoLink: domaintest.Origin + "/account/email/undo/?token={token}",
			PerMailbox:          ratelimit.Limit{Name: "mail.address", Burst: 5, Per: time.Hour},
			PerNetwork:          ratelimit.Limit{Name: "mail.network", Burst: 1000, Per: time.Hour},
			PerAddress:          ratelimit.Limit{Name: "signin.address", Burst: 60, Per: 15 * time.Minute},
			EmailsPerAccount:    ratelimit.Limit{Name: "email.change", Burst: 5, Per: 24 * time.Hour},
			UsernamesPerAccount: ratelimit.Limit{Name: "username.change", Burst: 2, Per: 30 * 24 * time.Hour},
		}
		set(&cfg)
		schema, err := account.NewSchema([]account.Attribute{{Name: "team", Type: "string"}})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{World: d, t: t}
		w.service, err = identifier.New(cfg, identifier.Deps{DB: d.DB.DB, Keys: d.Keys, Schema: schema, Limiter: d.Limiter, Queue: d.Queue, Letters: d.Letters})
		if err != nil {
			t.Fatal(err)
		}
		w.account = d.Account("Jo@example.com", "x")
		w.me = d.Session(w.account.ID)
		w.Client = d.Serve(identifier.Routes(w.service), nil)
		fn(t, w)
	})
}

// asks sends POST me/email/.
func (w *world) asks(by session.Bearer, email string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/me/email/", `{"email":"`+email+`"}`, domaintest.Bearer(by))
}

// mails does what is due and returns what it sent, by recipient.
func (w *world) mails() map[string]mail.Message {
	w.t.Helper()
	w.Drain()
	all := map[string]mail.Message{}
	for _, m := range w.Mails.Take() {
		if _, twice := all[m.To]; twice {
			w.t.Errorf("two mails to %s", m.To)
		}
		all[m.To] = m
	}
	return all
}

// link asks for a change and returns the token that is mailed.
func (w *world) link(by session.Bearer, email string) string {
	w.t.Helper()
	if a := w.asks(by, email); a.Status != http.StatusAccepted {
		w.t.Fatalf("ask answered %d %s", a.Status, a.Text)
	}
	return domaintest.Token(w.mails()[email])
}

func (w *world) confirm(token string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/me/email/confirm/", `{"token":"`+token+`"}`)
}

func (w *world) undo(token string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/me/email/undo/", `{"token":"`+token+`"}`)
}

// moves changes the address and returns the token that undoes it.
func (w *world) moves(by session.Bearer, email string) string {
	w.t.Helper()
	former := w.email(by.AccountID)
	if a := w.confirm(w.link(by, email)); a.Status != http.StatusOK {
		w.t.Fatalf("confirm answered %d %s", a.Status, a.Text)
	}
	if got := w.email(by.AccountID); got != email {
		w.t.Fatalf("the address is %s", got)
	}
	return domaintest.Token(w.mails()[former])
}

// email returns the address of an account, which must be verified and have the right key.
func (w *world) email(id account.ID) (typed string) {
	w.t.Helper()
	var key string
	var verified bool
	if err := w.Row(context.Background(), "SELECT email, email_key, email_verified FROM account WHERE id = $1", []any{id}, &typed, &key, &verified); err != nil {
		w.t.Fatal(err)
	}
	if e, err := account.ParseEmail(typed); err != nil || e.Key != key || !verified {
		w.t.Errorf("%s has the key %s, verified %v", typed, key, verified)
	}
	return typed
}

func refused(t *testing.T, a domaintest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("answered %d %s, want %d %s", a.Status, a.Code, status, code)
	}
}

// says fails unless a mail is of this kind.
func (w *world) says(m mail.Message, kind string) {
	w.t.Helper()
	want, _, _, err := w.Letters.Preview(kind, "")
	if err != nil || m.Subject != want {
		w.t.Errorf("the mail to %q is %q, want %q (%v)", m.To, m.Subject, want, err)
	}
}
