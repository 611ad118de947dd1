package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

const notMePage = "/account/not-me/"

// sighted returns the token of a mail that tells of a session.
func (w *world) sighted(b session.Bearer) (token string) {
	w.t.Helper()
	var until time.Time
	err := w.InTx(context.Background(), func(tx *db.Tx) (err error) {
		token, until, err = w.flow.IssueNotMe(context.Background(), tx, b.AccountID, b.SessionID, w.account.Epoch)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if w.Count(`SELECT count(*) FROM one_time_token WHERE purpose = 'not_me' AND expires_at = $1`, until) == 0 {
		w.t.Errorf("none is good until %v", until)
	}
	return token
}

// known makes the account known to so many browsers.
func (w *world) known(id account.ID, n int) {
	w.t.Helper()
	book := device.NewBook(w.Keys.Hasher)
	err := w.InTx(context.Background(), func(tx *db.Tx) error {
		for range n {
			if err := book.Note(context.Background(), tx, id, secret.NewToken()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) devices(id account.ID) int {
	w.t.Helper()
	return w.Count("SELECT count(*) FROM device WHERE account_id = $1", id)
}

func (w *world) disown(token string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/not-me/", `{"token":"`+token+`"}`)
}

func TestDisowningEndsThatSessionAndForgetsTheBrowsers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine, other := w.Session(w.account.ID), w.Account("someone.else@example.com", "").ID
		stranger := w.Session(other)
		w.known(w.account.ID, 2)
		w.known(other, 1)
		token := w.sighted(w.session)
		var said []any
		for range 3 {
			a := w.disown(token)
			if a.Status != http.StatusOK || len(a.JSON) != 1 || len(a.Cookies) != 0 {
				t.Fatalf("answered %d %s", a.Status, a.Text)
			}
			said = append(said, a.JSON["detail"])
		}
		if said[0] == said[1] || said[1] != said[2] {
			t.Errorf("twice is not told from once: %q", said)
		}
		if w.Stands(w.session) || !w.Stands(mine) || !w.Stands(stranger) {
			t.Error("the wrong ones stand")
		}
		if w.devices(w.account.ID) != 0 || w.devices(other) != 1 {
			t.Errorf("%d browsers are known, of another %d", w.devices(w.account.ID), w.devices(other))
		}
		if got := w.Audited("session.disowned"); !slices.Equal(got, []string{session.EndedByOwner}) {
			t.Errorf("audited %q", got)
		}
		var reason, event string
		w.Read(&reason, "SELECT ended_reason FROM session WHERE id = $1", w.session.SessionID)
		w.Read(&event, "SELECT session_id FROM audit_event WHERE kind = 'session.disowned'")
		if reason != session.EndedByOwner || event != w.session.SessionID.String() {
			t.Errorf("ended for %q, the event is of %s", reason, event)
		}
		if !w.opens(oldPassword) || len(w.mails()) != 0 {
			t.Error("more was done than the mail can be good for")
		}
	})
}

// What whoever signed in may do to the account does not keep its owner from ending their session.
func TestDisowningIsGoodWhateverBecameOfTheAccount(t *testing.T) {
	for name, change := range map[string]string{
		"epoch":    "UPDATE account SET epoch = epoch + 1",
		"address":  "UPDATE account SET email = 'x@example.net', email_key = 'x@example.net'",
		"disabled": "UPDATE account SET active = FALSE",
		"password": "UPDATE password_credential SET changed_at = changed_at + 1",
		"ended":    "UPDATE session SET ended_at = 1, ended_reason = 'signed_out'",
		"swept":    "DELETE FROM session",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.known(w.account.ID, 1)
				token := w.sighted(w.session)
				w.Exec(change)
				w.Clock.Advance(7*24*time.Hour - time.Second)
				if a := w.Page(notMePage + "?token=" + token); a.Status != http.StatusOK || !strings.Contains(words(t, a), "This was not me") {
					t.Errorf("the page answered %d\n%s", a.Status, a.Text)
				}
				if a := w.disown(token); a.Status != http.StatusOK || w.Stands(w.session) || w.devices(w.account.ID) != 0 {
					t.Errorf("answered %d, %d browsers are known", a.Status, w.devices(w.account.ID))
				}
			})
		})
	}
}

func TestDisowningRefusesOtherTokens(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		reset := w.link()
		erased := w.Account("gone@example.com", "")
		ofErased := w.sighted(w.Session(erased.ID))
		w.Exec("DELETE FROM account WHERE id = $1", erased.ID)
		old := w.sighted(w.session)
		w.Clock.Advance(7 * 24 * time.Hour)
		token := w.sighted(w.session)
		for name, bad := range map[string]string{"reset": reset, "erased": ofErased, "old": old, "none": secret.NewToken(), "cut": token[:len(token)-1], "longer": token + "A"} {
			refused(t, w.disown(bad), http.StatusBadRequest, "link_invalid")
			for how, a := range map[string]domaintest.Answer{"opened": w.Page(notMePage + "?token=" + bad), "sent": w.Submit(notMePage, url.Values{"token": {bad}})} {
				if a.Status != http.StatusBadRequest || !strings.Contains(a.Text, "no longer good") || strings.Contains(a.Text, bad) || !leadsTo(t, a, forgot) || !leadsTo(t, a, signInURL) {
					t.Errorf("%s, %s: answered %d\n%s", name, how, a.Status, a.Text)
				}
			}
		}
		refused(t, w.confirm(token, newPassword), http.StatusBadRequest, "link_invalid")
		if !w.opens(oldPassword) || len(w.Audited("session.disowned")) != 0 {
			t.Error("something was done")
		}
	})
}

func TestDisowningIsDoneOnceByMany(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.sighted(w.session)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if a := w.disown(token); a.Status != http.StatusOK {
					t.Errorf("answered %d %s", a.Status, a.Text)
				}
			})
		}
		all.Wait()
		if n := len(w.Audited("session.disowned")); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func TestDisowningIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.known(w.account.ID, 1)
		token := w.sighted(w.session)
		for n := 1; ; n++ {
			var a domaintest.Answer
			if !w.FailAt(n, func() { a = w.disown(token) }) {
				break
			}
			if a.Status < 500 || !w.Stands(w.session) || w.devices(w.account.ID) != 1 || len(w.Audited("session.disowned")) != 0 {
				t.Fatalf("statement %d: answered %d", n, a.Status)
			}
		}
		if w.Stands(w.session) || w.devices(w.account.ID) != 0 {
			t.Error("nothing was done in the end")
		}
	})
}

func TestGuessesAtMailedTokensAreLimited(t *testing.T) {
	few := ratelimit.Limit{Name: "recovery.address", Burst: 3, Per: 15 * time.Minute}
	eachWith(t, func(c *recovery.Config) { c.PerAddress = few }, func(t *testing.T, w *world) {
		token := w.sighted(w.session)
		for range 5 { // whoever holds one is no guesser
			if a := w.disown(token); a.Status != http.StatusOK {
				t.Fatalf("answered %d", a.Status)
			}
		}
		for range 3 {
			refused(t, w.disown(secret.NewToken()), http.StatusBadRequest, "link_invalid")
		}
		refused(t, w.disown(token), http.StatusTooManyRequests, "rate_limited")
	})
}

func TestPageShowsTheSignInAndUsesNothingUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE session SET device = 'Firefox on Linux', address = '192.0.2.7' WHERE id = $1", w.session.SessionID)
		token := w.sighted(w.session)
		for range 20 { // mail scanners
			a := w.Page(notMePage + "?token=" + token)
			forms, inputs := elements(t, a, "form"), elements(t, a, "input")
			if a.Status != http.StatusOK || len(forms) != 1 || forms[0]["action"] != notMePage || forms[0]["method"] != "post" || len(inputs) != 1 || inputs[0]["value"] != token {
				t.Fatalf("answered %d, forms %v, inputs %v", a.Status, forms, inputs)
			}
			for _, want := range []string{"Firefox on Linux", "192.0.2.7", w.Now().UTC().Format("2006")} {
				if !strings.Contains(words(t, a), want) {
					t.Fatalf("%q is missing:\n%s", want, words(t, a))
				}
			}
			if strings.Contains(a.Text, "Jo@example.com") || strings.Contains(words(t, a), "has ended by now") {
				t.Fatalf("it says too much:\n%s", words(t, a))
			}
		}
		if !w.Stands(w.session) {
			t.Error("looking ended it")
		}
		w.Exec("UPDATE session SET ended_at = 1 WHERE id = $1", w.session.SessionID)
		if a := w.Page(notMePage + "?token=" + token); !strings.Contains(words(t, a), "has ended by now") {
			t.Errorf("that it ended is not said:\n%s", words(t, a))
		}
	})
}

// The page leads to a new password by the mailbox alone: an old mail is not enough to take the account.
func TestPageLeadsToANewPasswordByMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.sighted(w.session)
		next := notMePage + "?token=" + url.QueryEscape(token)
		for range 2 {
			a := w.leads(w.Submit(notMePage, url.Values{"token": {token}}), next)
			forms, inputs := elements(t, a, "form"), elements(t, a, "input")
			if a.Status != http.StatusOK || !strings.Contains(words(t, a), "You told us on") || len(forms) != 1 || forms[0]["action"] != forgot ||
				len(inputs) != 1 || inputs[0]["name"] != "email" || inputs[0]["value"] != "Jo@example.com" || inputs[0]["type"] != "hidden" {
				t.Fatalf("answered %d, forms %v, inputs %v\n%s", a.Status, forms, inputs, words(t, a))
			}
		}
		w.leads(w.Submit(forgot, url.Values{"email": {"Jo@example.com"}}), asked)
		sent := w.mails()
		if len(sent) != 1 || sent[0].To != "Jo@example.com" {
			t.Fatalf("mails %v", sent)
		}
		if a := w.confirm(domaintest.Token(sent[0]), newPassword); a.Status != http.StatusOK || !w.opens(newPassword) {
			t.Errorf("answered %d", a.Status)
		}
	})
}

// Whoever held the former mailbox is not told the new address, nor can have a mail sent to it.
func TestPageKeepsAnAddressThatTheMailDidNotGoTo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.sighted(w.session)
		w.Exec("UPDATE account SET email = 'new@example.net', email_key = 'new@example.net'")
		w.Submit(notMePage, url.Values{"token": {token}})
		a := w.Page(notMePage + "?token=" + token)
		if a.Status != http.StatusOK || strings.Contains(a.Text, "new@example.net") || len(elements(t, a, "form")) != 0 || !strings.Contains(words(t, a), "another address") {
			t.Errorf("answered %d\n%s", a.Status, words(t, a))
		}
	})
}

func TestPageOffersNoPasswordWhereThereCanBeNone(t *testing.T) {
	for _, may := range []bool{false, true} {
		eachWith(t, func(c *recovery.Config) { c.WithoutPassword = may }, func(t *testing.T, w *world) {
			w.Exec("DELETE FROM password_credential")
			token := w.sighted(w.session)
			w.Submit(notMePage, url.Values{"token": {token}})
			if forms := elements(t, w.Page(notMePage+"?token="+token), "form"); (len(forms) == 1) != may {
				t.Errorf("may be without: %v, forms %v", may, forms)
			}
		})
	}
}

func TestForeignPagesDisownNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.sighted(w.session)
		a := w.Submit(notMePage, url.Values{"token": {token}}, domaintest.Header("Origin", "https://evil.example.com"), domaintest.Header("Sec-Fetch-Site", "cross-site"))
		if a.Status != http.StatusForbidden || !w.Stands(w.session) {
			t.Errorf("answered %d", a.Status)
		}
	})
}

func TestIssueNotMeNeedsAnAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		err := w.InTx(t.Context(), func(tx *db.Tx) error {
			_, _, err := w.flow.IssueNotMe(t.Context(), tx, uuid.New(), w.session.SessionID, 0)
			return err
		})
		if !errors.Is(err, account.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

// No token is stored as it is, nor does a failure show one.
func TestMailedTokensAreKeptAsHashes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.sighted(w.session)
		var kept, data string
		w.Read(&data, "SELECT data FROM one_time_token WHERE purpose = 'not_me'")
		var hash []byte
		w.Read(&hash, "SELECT token_hash FROM one_time_token WHERE purpose = 'not_me'")
		if kept = string(hash); strings.Contains(kept, token) || data != w.session.SessionID.String() {
			t.Errorf("it keeps %q and %q", kept, data)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.flow.NotMe(ctx, token, netip.MustParseAddr("192.0.2.7")); err == nil || strings.Contains(fmt.Sprint(err), token) {
			t.Errorf("got %v", err)
		}
	})
}
