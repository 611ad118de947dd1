package identifier_test

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

func TestAddressChangesWhenTheNewOneIsConfirmed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := w.Session(w.account.ID)
		if a := w.asks(w.me, " Jo@New.Example.com "); a.Status != http.StatusAccepted || len(a.JSON) != 1 || a.JSON["detail"] == "" {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		mails := w.mails()
		w.says(mails["Jo@example.com"], letter.EmailAsked)
		w.says(mails["Jo@New.Example.com"], letter.EmailConfirm)
		if len(mails) != 2 || domaintest.Token(mails["Jo@example.com"]) != "" || !strings.Contains(mails["Jo@New.Example.com"].Text, domaintest.Origin+"/account/email/confirm/?token=") {
			t.Errorf("mails %v", mails)
		}
		if w.email(w.account.ID) != "Jo@example.com" {
			t.Error("it changed before it was confirmed")
		}
		a := w.confirm(domaintest.Token(mails["Jo@New.Example.com"]))
		if a.Status != http.StatusOK || a.JSON["email"] != "Jo@New.Example.com" || w.email(w.account.ID) != "Jo@New.Example.com" {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		mails = w.mails()
		w.says(mails["Jo@example.com"], letter.EmailChanged)
		if len(mails) != 1 || !strings.Contains(mails["Jo@example.com"].Text, domaintest.Origin+"/account/email/undo/?token=") {
			t.Errorf("mails %v", mails)
		}
		if !w.Stands(w.me) || !w.Stands(other) {
			t.Error("a session ended")
		}
		for _, kind := range []string{"email.change_asked", "email.changed"} {
			if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = $1 AND account_id = $2", kind, w.account.ID); n != 1 {
				t.Errorf("%d events %s", n, kind)
			}
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE lower(detail || reason || actor) LIKE '%example.com%'"); n != 0 {
			t.Error("the audit names an address")
		}
	})
}

func TestAskingTellsNothingOfOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.Account("ann@example.com", "")
		w.Exec("INSERT INTO reserved_name (kind, name_key, account_id, until) VALUES ('email', 'kept@example.com', $1, $2)", ann.ID, w.Now().Add(time.Hour))
		mailed := map[string]string{"new@example.com": letter.EmailConfirm, "ANN@example.com": letter.EmailTaken, "kept@example.com": letter.EmailTaken}
		var texts []string
		var did [][]string
		for email, kind := range mailed {
			var a domaintest.Answer
			did = append(did, w.Statements(func() { a = w.asks(w.me, email) }))
			texts = append(texts, a.Text)
			if a.Status != http.StatusAccepted {
				t.Errorf("%s: answered %d", email, a.Status)
			}
			mails := w.mails()
			w.says(mails[email], kind)
			if got := domaintest.Token(mails[email]); (got != "") != (kind == letter.EmailConfirm) {
				t.Errorf("%s: the mail has the token %q", email, got)
			}
		}
		for i := range texts {
			if texts[i] != texts[0] || !slices.Equal(did[i], did[0]) {
				t.Errorf("the answers differ:\n%s\n%q\n%s\n%q", texts[0], did[0], texts[i], did[i])
			}
		}
		// Nor does what waits: the page shows it.
		links, err := w.service.Waiting(t.Context(), w.account.ID)
		if err != nil || len(links) != 3 {
			t.Fatalf("%v, %v", links, err)
		}
		for _, l := range links {
			if l.Expires.Sub(l.At) < identifier.ChangeLifetime || l.Expires.Sub(l.At) > identifier.ChangeLifetime+time.Minute {
				t.Errorf("%s waits for %v", l.Email, l.Expires.Sub(l.At))
			}
		}
	})
}

func TestAskingTakesAFreshProofAndAnAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, bad := range []string{"", "jo", "jo@localhost", "a@b@example.com"} {
			refused(t, w.asks(w.me, bad), http.StatusBadRequest, "email_invalid")
		}
		w.Clock.Advance(domaintest.Fresh + time.Minute)
		refused(t, w.asks(w.me, "new@example.com"), http.StatusUnauthorized, "proof_stale")
		refused(t, w.Call(http.MethodPost, "/me/email/", `{"email":"new@example.com"}`), http.StatusUnauthorized, "token_missing")
		if len(w.mails()) != 0 || w.Count("SELECT count(*) FROM one_time_token") != 0 {
			t.Error("something was done")
		}
	})
}

func TestWithASecondFactorItMustBeProven(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at) VALUES ($1, $2, '', $3, 0, 1, 1)`, uuid.Must(uuid.NewV7()), w.account.ID, []byte("x"))
		for _, a := range []domaintest.Answer{w.asks(w.me, "new@example.com"), w.renames(w.me, "jo")} {
			if refused(t, a, http.StatusUnauthorized, "proof_stale"); !strings.Contains(a.Text, `"aal2"`) || !strings.Contains(a.Text, `"totp"`) {
				t.Errorf("it does not say how to go on: %s", a.Text)
			}
		}
		if len(w.mails()) != 0 {
			t.Error("something was mailed")
		}
		w.Exec("UPDATE session SET aal = 2")
		if a := w.asks(w.me, "new@example.com"); a.Status != http.StatusAccepted {
			t.Errorf("answered %d %s", a.Status, a.Code)
		}
		if a := w.renames(w.me, "jo"); a.Status != http.StatusOK {
			t.Errorf("answered %d %s", a.Status, a.Code)
		}
	})
}

// The edge asked for the session; a sign-out after that still wins.
func TestASessionThatEndsMeanwhileAsksForNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE session SET ended_at = 1")
		if err := w.service.AskEmail(t.Context(), w.me, "new@example.com", netip.Addr{}); !errors.Is(err, session.ErrEnded) {
			t.Errorf("it came to %v", err)
		}
		if _, err := w.service.ChangeUsername(t.Context(), w.me, "jo"); !errors.Is(err, session.ErrEnded) {
			t.Errorf("it came to %v", err)
		}
		if len(w.mails()) != 0 {
			t.Error("something was mailed")
		}
	})
}

func TestLinkDiesWhenWhatItWouldChangeHasChanged(t *testing.T) {
	for name, change := range map[string]string{
		"signed out everywhere": "UPDATE account SET epoch = epoch + 1",
		"another address":       "UPDATE account SET email = 'x@example.com', email_key = 'x@example.com'",
		"disabled":              "UPDATE account SET active = FALSE",
		"erased":                "DELETE FROM account",
		"used":                  "UPDATE one_time_token SET used_at = 1",
		"the address was taken": "INSERT INTO account (id, subject, email, email_key, email_verified, active, staff, superuser, epoch, created_at) VALUES ('0197e6a0-0000-7000-8000-000000000001', 's', 'new@example.com', 'new@example.com', TRUE, TRUE, FALSE, FALSE, 0, 1)",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				token := w.link(w.me, "new@example.com")
				w.Exec(change)
				refused(t, w.confirm(token), http.StatusBadRequest, "link_invalid")
				if w.Count("SELECT count(*) FROM account WHERE id = $1 AND email = 'new@example.com'", w.account.ID) != 0 || len(w.Audited("email.changed")) != 0 || len(w.mails()) != 0 {
					t.Error("something changed")
				}
			})
		})
	}
}

func TestLinkIsGoodForAnHourFromWhenItIsMailed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Mails.Fail(errors.New("the mail server is away"))
		w.asks(w.me, "new@example.com")
		w.Drain()
		w.Clock.Advance(3 * time.Hour)
		w.Mails.Fail(nil)
		token := domaintest.Token(w.mails()["new@example.com"])
		w.Clock.Advance(identifier.ChangeLifetime - time.Minute)
		if _, err := w.service.Find(t.Context(), identifier.Change, token); err != nil {
			t.Errorf("a minute before the end: %v", err)
		}
		w.Clock.Advance(time.Minute)
		refused(t, w.confirm(token), http.StatusBadRequest, "link_invalid")
	})
}

func TestBadTokensAreRefusedAlike(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link(w.me, "new@example.com")
		for _, bad := range []string{strings.Repeat("A", 43), token[:42], token + "A", strings.ToUpper(token)} {
			refused(t, w.confirm(bad), http.StatusBadRequest, "link_invalid")
			refused(t, w.undo(bad), http.StatusBadRequest, "link_invalid")
		}
		refused(t, w.undo(token), http.StatusBadRequest, "link_invalid")
		w.Exec("UPDATE one_time_token SET purpose = 'reset'")
		refused(t, w.confirm(token), http.StatusBadRequest, "link_invalid")
		w.Exec("UPDATE one_time_token SET purpose = 'email_change'")
		if a := w.confirm(token); a.Status != http.StatusOK {
			t.Errorf("answered %d", a.Status)
		}
		refused(t, w.confirm(token), http.StatusBadRequest, "link_invalid")
		undo := domaintest.Token(w.mails()["Jo@example.com"])
		refused(t, w.confirm(undo), http.StatusBadRequest, "link_invalid")
	})
}

func TestLookingAtALinkUsesNothingUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link(w.me, "new@example.com")
		for range 20 {
			l, err := w.service.Find(t.Context(), identifier.Change, token)
			if err != nil || l.Email != "new@example.com" {
				t.Fatalf("%v, %v", l, err)
			}
		}
		if was, err := w.service.Used(t.Context(), identifier.Change, token); was || err != nil {
			t.Errorf("used: %v, %v", was, err)
		}
		w.confirm(token)
		if was, err := w.service.Used(t.Context(), identifier.Change, token); !was || err != nil {
			t.Errorf("used: %v, %v", was, err)
		}
	})
}

// What was mailed to the former address is no way in any more, even where the address comes back.
func TestWhatWasMailedBeforeDiesWithTheChange(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := w.link(w.me, "other@example.com")
		now, ann := w.Now(), w.Account("ann@example.com", "")
		for i, owner := range []uuid.UUID{w.account.ID, ann.ID} {
			w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at) VALUES ($1, 'reset', $2, 'k', 0, $3, $4, $5)`,
				uuid.Must(uuid.NewV7()), owner, []byte{byte(i)}, now, now.Add(time.Hour))
			for _, key := range []string{"k", ""} {
				w.Exec(`INSERT INTO ticket (id, purpose, token_hash, account_id, epoch, email_key, data, tries, created_at, expires_at) VALUES ($1, 'x', $2, $3, 0, $4, '', 0, $5, $6)`,
					uuid.Must(uuid.NewV7()), []byte(key+string(rune(i))), owner, key, now, now.Add(time.Hour))
			}
		}
		w.moves(w.me, "new@example.com")
		w.moves(w.me, "Jo@example.com")
		refused(t, w.confirm(other), http.StatusBadRequest, "link_invalid")
		for what, n := range map[string]int{
			"one_time_token WHERE purpose = 'reset' AND account_id = $1": 0, "ticket WHERE email_key = 'k' AND account_id = $1": 0, "ticket WHERE email_key = '' AND account_id = $1": 1,
		} {
			if got := w.Count("SELECT count(*) FROM "+what, w.account.ID); got != n {
				t.Errorf("%d of %s are left", got, what)
			}
		}
		if n := w.Count("SELECT (SELECT count(*) FROM one_time_token WHERE account_id = $1) + (SELECT count(*) FROM ticket WHERE account_id = $1)", ann.ID); n != 3 {
			t.Errorf("another has %d left", n)
		}
	})
}

func TestFormerAddressIsKeptForAWhile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.Session(w.Account("ann@example.com", "").ID)
		early := w.link(ann, "free@example.com")
		w.moves(w.me, "free@example.com")
		w.moves(w.me, "new@example.com")
		refused(t, w.confirm(early), http.StatusBadRequest, "link_invalid")
		w.asks(ann, "jo@example.com")
		w.says(w.mails()["jo@example.com"], letter.EmailTaken)
		w.moves(w.me, "Jo@example.com") // its former owner may
		w.moves(w.me, "new@example.com")
		w.Clock.Advance(identifier.UndoLifetime)
		w.Exec("UPDATE session SET rotated_at = $1, auth_time = $1", w.Now())
		w.moves(ann, "jo@example.com")
	})
}

func TestChangesAreCounted(t *testing.T) {
	eachWith(t, func(c *identifier.Config) { c.PerMailbox.Burst, c.EmailsPerAccount.Burst = 2, 3 }, func(t *testing.T, w *world) {
		other := w.Session(w.Account("ann@example.com", "").ID)
		for range 2 {
			w.asks(w.me, "new@example.com")
		}
		refused(t, w.asks(w.me, "NEW@example.com"), http.StatusTooManyRequests, "rate_limited")
		w.asks(w.me, "new2@example.com")
		refused(t, w.asks(w.me, "new3@example.com"), http.StatusTooManyRequests, "rate_limited")
		if a := w.asks(other, "new3@example.com"); a.Status != http.StatusAccepted {
			t.Errorf("another's: answered %d", a.Status)
		}
	})
	eachWith(t, func(c *identifier.Config) { c.PerNetwork.Burst = 1 }, func(t *testing.T, w *world) {
		w.asks(w.me, "new@example.com")
		refused(t, w.asks(w.me, "new2@example.com"), http.StatusTooManyRequests, "rate_limited")
	})
}

func TestBadTokensAreCounted(t *testing.T) {
	eachWith(t, func(c *identifier.Config) { c.PerAddress.Burst = 2 }, func(t *testing.T, w *world) {
		token := w.link(w.me, "new@example.com")
		refused(t, w.confirm("guess"), http.StatusBadRequest, "link_invalid")
		refused(t, w.undo("guess"), http.StatusBadRequest, "link_invalid")
		refused(t, w.confirm(token), http.StatusTooManyRequests, "rate_limited")
		w.Clock.Advance(15 * time.Minute)
		for range 3 { // good ones are not
			if a := w.confirm(token); a.Status != http.StatusOK {
				t.Errorf("answered %d %s", a.Status, a.Code)
			}
			w.Exec("UPDATE session SET auth_time = $1", w.Now())
			token = w.link(w.me, "new"+token[:5]+"@example.com")
		}
	})
}

func TestNewRefusesWhatIsMissing(t *testing.T) {
	good := ratelimit.Limit{Name: "x", Burst: 1, Per: time.Hour}
	whole := identifier.Config{ChangeLink: "{token}", UndoLink: "{token}", PerMailbox: good, PerNetwork: good, PerAddress: good, EmailsPerAccount: good, UsernamesPerAccount: good}
	for name, spoil := range map[string]func(*identifier.Config){
		"change link": func(c *identifier.Config) { c.ChangeLink = "https://id.example.com/" }, "undo link": func(c *identifier.Config) { c.UndoLink = "" },
		"mailbox": func(c *identifier.Config) { c.PerMailbox = ratelimit.Limit{} }, "network": func(c *identifier.Config) { c.PerNetwork = ratelimit.Limit{} },
		"address": func(c *identifier.Config) { c.PerAddress = ratelimit.Limit{} }, "emails": func(c *identifier.Config) { c.EmailsPerAccount = ratelimit.Limit{} },
		"usernames": func(c *identifier.Config) { c.UsernamesPerAccount = ratelimit.Limit{} },
	} {
		cfg := whole
		spoil(&cfg)
		if _, err := identifier.New(cfg, identifier.Deps{}); err == nil {
			t.Errorf("%s: it is not missed", name)
		}
	}
}
