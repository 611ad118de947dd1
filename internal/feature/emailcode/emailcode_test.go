package emailcode_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/emailcode"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

const link = domaintest.Origin + "/account/sign-in/link/?token={token}"

var (
	perMailbox = ratelimit.Limit{Name: "mail.mailbox", Burst: 5, Per: time.Hour}
	perNetwork = ratelimit.Limit{Name: "mail.network", Burst: 50, Per: time.Hour}
	here       = netip.MustParseAddr("192.0.2.7")
)

type world struct {
	*domaintest.World
	*emailcode.Service
	t *testing.T
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		s, err := emailcode.New(emailcode.Config{PerMailbox: perMailbox, PerNetwork: perNetwork, Link: link},
			emailcode.Deps{DB: d.DB.DB, Limiter: d.Limiter, Queue: d.Queue, Letters: d.Letters, Tickets: ticket.NewBook(d.Keys.Hasher)})
		if err != nil {
			t.Fatal(err)
		}
		fn(t, &world{d, s, t})
	})
}

func (w *world) ask(email string) string {
	w.t.Helper()
	ctx := audit.NewContext(context.Background(), audit.Source{Actor: "self", Device: "Firefox, Linux", Address: here.String()})
	token, err := w.Ask(ctx, email, here, "where to")
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// mailed asks for a ticket and returns it with the code that was mailed.
func (w *world) mailed(email string) (token, code string) {
	w.t.Helper()
	token = w.ask(email)
	w.Drain()
	return token, codeIn(w.t, w.only())
}

func (w *world) only() mail.Message {
	w.t.Helper()
	sent := w.Mails.Take()
	if len(sent) != 1 {
		w.t.Fatalf("%d mails, want 1", len(sent))
	}
	return sent[0]
}

func codeIn(t *testing.T, m mail.Message) string {
	t.Helper()
	code := regexp.MustCompile(`(?m)^\s*([0-9]{8})\s*$`).FindStringSubmatch(m.Text)
	if code == nil {
		t.Fatalf("no code in the mail:\n%s", m.Text)
	}
	return code[1]
}

// not returns another code than this.
func not(code string) string {
	if code == "00000000" {
		return "00000001"
	}
	return "00000000"
}

func (w *world) refuses(token, code string, want error, what string) {
	w.t.Helper()
	if t, err := w.Redeem(context.Background(), token, code); !errors.Is(err, want) || t != nil {
		w.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if err := w.Clock.Advance(d); err != nil {
		w.t.Fatal(err)
	}
}

func TestMailedCodeAndTicketTogetherAreRedeemed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("Jo@example.com", "")
		token := w.ask(" jo@EXAMPLE.com ")
		w.Drain()
		m := w.only()
		code := codeIn(t, m)
		if m.To != "Jo@example.com" || !strings.Contains(m.Text, "Firefox, Linux") || !strings.Contains(m.Text, here.String()) {
			t.Errorf("to %s:\n%s", m.To, m.Text)
		}
		got, err := w.Redeem(t.Context(), token, code)
		if err != nil {
			t.Fatal(err)
		}
		if got.AccountID != a.ID || got.Epoch != a.Epoch || got.Data != "where to" || got.Purpose != emailcode.PurposeSignIn || got.Tries != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// Whoever opens the link, person or program, has the code and nothing to redeem it with.
func TestLinkHoldsTheCodeAndNotTheTicket(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("jo@example.com", "")
		token := w.ask("jo@example.com")
		w.Drain()
		m := w.only()
		code := codeIn(t, m)
		for _, part := range []string{m.Text, m.HTML, m.Subject} {
			if strings.Contains(part, token) || strings.Contains(part, url.QueryEscape(token)) {
				t.Error("the mail holds the ticket")
			}
		}
		if !strings.Contains(m.Text, strings.ReplaceAll(link, "{token}", code)) || domaintest.Token(m) != code {
			t.Errorf("the link does not hold the code:\n%s", m.Text)
		}
		for range 10 {
			w.refuses(code, code, ticket.ErrRejected, "the link alone")
		}
		if _, err := w.Redeem(t.Context(), token, code); err != nil {
			t.Errorf("after the link was opened ten times: %v", err)
		}
	})
}

func TestAskSaysAndDoesTheSameForEveryAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("known@example.com", "")
		var asked [2][]string
		var tokens [2]string
		for i, email := range []string{"known@example.com", "nobody@example.com"} {
			asked[i] = w.Statements(func() { tokens[i] = w.ask(email) })
		}
		if !slices.Equal(asked[0], asked[1]) || len(asked[0]) != 3 {
			t.Errorf("%d statements for one and %d for the other:\n%s\n\n%s", len(asked[0]), len(asked[1]), strings.Join(asked[0], "\n"), strings.Join(asked[1], "\n"))
		}
		if len(tokens[0]) != len(tokens[1]) || tokens[0] == tokens[1] {
			t.Error("the tickets differ in form")
		}
		var said [2][]string
		for i, token := range tokens {
			for range ticket.MaxTries + 1 {
				_, err := w.Redeem(t.Context(), token, "00000000")
				said[i] = append(said[i], fmt.Sprint(err))
			}
			w.Drain()
		}
		if !slices.Equal(said[0], said[1]) {
			t.Errorf("a wrong code is refused as %q and as %q", said[0], said[1])
		}
	})
}

// The same once the job has found out whose ticket it is.
func TestWrongCodeIsRefusedTheSameForEveryAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("known@example.com", "")
		var said [2][]string
		for i, email := range []string{"known@example.com", "nobody@example.com"} {
			token := w.ask(email)
			w.Drain()
			code := "00000000"
			if sent := w.Mails.Take(); len(sent) > 0 {
				code = not(codeIn(t, sent[0]))
			}
			for range ticket.MaxTries + 1 {
				asked := w.Statements(func() {
					_, err := w.Redeem(t.Context(), token, code)
					said[i] = append(said[i], fmt.Sprint(err))
				})
				if len(asked) != 1 {
					t.Errorf("%d statements", len(asked))
				}
			}
		}
		if !slices.Equal(said[0], said[1]) {
			t.Errorf("a wrong code is refused as %q and as %q", said[0], said[1])
		}
	})
}

func TestNobodyElseGetsMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		unverified, disabled := w.Account("unverified@example.com", ""), w.Account("disabled@example.com", "")
		w.Exec("UPDATE account SET email_verified = FALSE WHERE id = $1", unverified.ID)
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", disabled.ID)
		for _, email := range []string{"unverified@example.com", "disabled@example.com", "nobody@example.com"} {
			w.ask(email)
			w.Drain()
			if sent := w.Mails.Take(); len(sent) != 0 {
				t.Errorf("%s gets mail", email)
			}
		}
		if n := w.Count("SELECT count(*) FROM ticket WHERE account_id IS NOT NULL"); n != 0 {
			t.Errorf("%d tickets have an account", n)
		}
	})
}

func TestAskRefusesWhatIsNoAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		asked := w.Statements(func() {
			if _, err := w.Ask(t.Context(), "jo", here, ""); !errors.Is(err, account.ErrEmail) {
				t.Error(err)
			}
		})
		if len(asked) != 0 {
			t.Errorf("%d statements", len(asked))
		}
	})
}

func TestCodeIsGoodForItsOwnTicketAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("jo@example.com", "")
		w.Account("al@example.com", "")
		mine, code := w.mailed("jo@example.com")
		again, other := w.mailed("jo@example.com")
		theirs, _ := w.mailed("al@example.com")
		if code != other {
			w.refuses(again, code, factor.ErrCode, "the code of another ticket")
		}
		w.refuses(theirs, code, factor.ErrCode, "the code of another account")
		if _, err := w.Redeem(t.Context(), mine, code); err != nil {
			t.Errorf("a later ticket ends an earlier one: %v", err)
		}
	})
}

// Nobody knows the code of such a ticket; should they, it opens nothing.
func TestCodeOfATicketWithoutAnAccountIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		unbound := &ticket.Ticket{Purpose: emailcode.PurposeSignIn, EmailKey: "nobody@example.com"}
		code, token := w.Tickets.Code(unbound), ""
		err := w.InTx(t.Context(), func(tx *db.Tx) (err error) {
			token, err = w.Tickets.Issue(t.Context(), tx, unbound, emailcode.Lifetime)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		w.refuses(token, code, factor.ErrCode, "the right code")
	})
}

func TestCodeIsExactlyEightDigits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("jo@example.com", "")
		for _, spoil := range []func(string) string{
			func(s string) string { return s[:7] }, func(s string) string { return s + "0" }, func(s string) string { return " " + s }, func(s string) string { return s + "\n" },
			func(s string) string { return strings.Map(func(r rune) rune { return r - '0' + '０' }, s) },
		} {
			token, code := w.mailed("jo@example.com")
			w.refuses(token, spoil(code), factor.ErrCode, "another spelling")
		}
	})
}

func TestTicketDies(t *testing.T) {
	type ways = map[string]func(w *world, a *account.Account, token, code string)
	in := func(w *world, fn func(ctx context.Context, tx *db.Tx) error) {
		w.t.Helper()
		if err := w.InTx(context.Background(), func(tx *db.Tx) error { return fn(context.Background(), tx) }); err != nil {
			w.t.Fatal(err)
		}
	}
	for name, kill := range (ways{
		"after five tries": func(w *world, _ *account.Account, token, code string) {
			for range ticket.MaxTries {
				w.refuses(token, not(code), factor.ErrCode, "a wrong code")
			}
		},
		"after ten minutes": func(w *world, _ *account.Account, _, _ string) { w.pass(emailcode.Lifetime) },
		"when it was used": func(w *world, _ *account.Account, token, code string) {
			got, err := w.Redeem(context.Background(), token, code)
			if err != nil {
				w.t.Fatal(err)
			}
			in(w, func(ctx context.Context, tx *db.Tx) error { return w.Tickets.Use(ctx, tx, got) })
		},
		"when all sessions of its account end": func(w *world, a *account.Account, _, _ string) {
			in(w, func(ctx context.Context, tx *db.Tx) error { _, err := account.EndSessions(ctx, tx, a.ID); return err })
		},
		"when its account is disabled": func(w *world, a *account.Account, _, _ string) {
			in(w, func(ctx context.Context, tx *db.Tx) error { return account.SetActive(ctx, tx, a.ID, false) })
		},
		"with its account": func(w *world, a *account.Account, _, _ string) {
			in(w, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, "DELETE FROM account WHERE id = $1", a.ID)
				return err
			})
		},
	}) {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				a := w.Account("jo@example.com", "")
				token, code := w.mailed("jo@example.com")
				kill(w, a, token, code)
				w.refuses(token, code, ticket.ErrRejected, name)
			})
		})
	}
}

func TestTicketIsGoodUntilItsLastMoment(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("jo@example.com", "")
		token, code := w.mailed("jo@example.com")
		for range ticket.MaxTries - 1 {
			w.refuses(token, not(code), factor.ErrCode, "a wrong code")
		}
		w.pass(emailcode.Lifetime - time.Minute)
		if _, err := w.Redeem(t.Context(), token, code); err != nil {
			t.Errorf("the fifth try, in the ninth minute: %v", err)
		}
	})
}

// Who guesses at the same moment as many times as possible has no more tries than one after another.
func TestTriesAtOnceAreCounted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("jo@example.com", "")
		token, code := w.mailed("jo@example.com")
		var wrong, dead atomic.Int64
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				switch _, err := w.Redeem(context.Background(), token, not(code)); {
				case errors.Is(err, factor.ErrCode):
					wrong.Add(1)
				case errors.Is(err, ticket.ErrRejected):
					dead.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if wrong.Load() != ticket.MaxTries || dead.Load() != 64-ticket.MaxTries {
			t.Errorf("%d were compared, %d not", wrong.Load(), dead.Load())
		}
	})
}

func TestLimitsCountBeforeAnythingElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("jo@example.com", "")
		for _, email := range []string{"jo@example.com", "nobody@example.com"} {
			for range perMailbox.Burst {
				w.ask(email)
			}
			before := w.Count("SELECT count(*) FROM ticket")
			if token, err := w.Ask(t.Context(), strings.ToUpper(email), netip.MustParseAddr("198.51.100.1"), ""); !errors.Is(err, ratelimit.ErrLimited) || token != "" {
				t.Errorf("one more for %s: %v", email, err)
			}
			if w.Count("SELECT count(*) FROM ticket") != before {
				t.Error("a ticket was issued all the same")
			}
		}
		for i := range perNetwork.Burst - 2*perMailbox.Burst {
			w.ask(fmt.Sprintf("somebody%d@example.com", i))
		}
		if _, err := w.Ask(t.Context(), "another@example.com", here, ""); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("one more from the network: %v", err)
		}
		if _, err := w.Ask(t.Context(), "another@example.com", netip.MustParseAddr("198.51.100.1"), ""); err != nil {
			t.Errorf("from elsewhere: %v", err)
		}
	})
}

func TestMailThatFailedIsSentAgainWithTheSameCode(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("jo@example.com", "")
		token := w.ask("jo@example.com")
		w.Mails.Fail(errors.New("not now"))
		w.Drain()
		w.Mails.Fail(nil)
		w.pass(time.Minute)
		w.Drain()
		first := w.only()
		if _, err := w.Redeem(t.Context(), token, codeIn(t, first)); err != nil {
			t.Error(err)
		}
	})
}

func TestMailThatIsTooLateIsNotSent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("jo@example.com", "")
		w.ask("jo@example.com")
		w.pass(emailcode.Lifetime)
		w.Drain()
		if sent := w.Mails.Take(); len(sent) != 0 {
			t.Error("a code was mailed that is not good")
		}
	})
}

// The address may change hands between two attempts to mail.
func TestTicketStaysWithTheAccountItWasBoundTo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		token := w.ask("jo@example.com")
		w.Mails.Fail(errors.New("not now"))
		w.Drain()
		w.Mails.Fail(nil)
		w.Exec("UPDATE account SET email = 'old@example.com', email_key = 'old@example.com' WHERE id = $1", a.ID)
		heir := w.Account("jo@example.com", "")
		w.pass(time.Minute)
		w.Drain()
		if sent := w.Mails.Take(); len(sent) != 0 {
			t.Errorf("%s gets the code of another account's ticket", sent[0].To)
		}
		if n := w.Count("SELECT count(*) FROM ticket WHERE account_id = $1", heir.ID); n != 0 || token == "" {
			t.Error("the ticket went to the other account")
		}
	})
}

// SQLite does one transaction after another; on PostgreSQL the change comes between two statements.
func TestAddressThatChangesWhileItIsLookedUpGetsNoCode(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if w.Engine() != "postgres" {
			return
		}
		a := w.Account("jo@example.com", "")
		w.ask("jo@example.com")
		var changed atomic.Bool
		w.Inspect(func(query string) error {
			if strings.HasPrefix(query, "UPDATE account SET epoch") && !changed.Swap(true) {
				w.Exec("UPDATE account SET email = 'new@example.com', email_key = 'new@example.com' WHERE id = $1", a.ID)
				w.Exec("DELETE FROM ticket WHERE account_id = $1", a.ID)
			}
			return nil
		})
		w.Drain()
		w.Inspect(nil)
		if !changed.Load() {
			t.Fatal("the address did not change")
		}
		if sent, bound := w.Mails.Take(), w.Count("SELECT count(*) FROM ticket WHERE account_id IS NOT NULL"); len(sent) != 0 || bound != 0 {
			t.Errorf("%d mails, %d tickets", len(sent), bound)
		}
	})
}

func TestFailureLeavesNothingHalfDone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("jo@example.com", "")
		var token string
		for n := 1; ; n++ {
			var err error
			if !w.FailAt(n, func() { token, err = w.Ask(t.Context(), "jo@example.com", here, "") }) {
				if n != 4 || err != nil {
					t.Fatalf("%d statements, %v", n-1, err)
				}
				break
			}
			left := w.Count("SELECT count(*) FROM ticket") + w.Count("SELECT count(*) FROM job WHERE kind = 'emailcode.signin'")
			if !errors.Is(err, domaintest.ErrBroken) || token != "" || left != 0 {
				t.Fatalf("statement %d: %v, %d rows", n, err, left)
			}
			w.Exec("DELETE FROM rate_limit")
		}
	})
}

// At whatever statement the job fails, the next attempt mails the code that is good.
func TestMailArrivesAfterAnyFailure(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("jo@example.com", "")
		for n := 1; ; n++ {
			w.Exec("DELETE FROM rate_limit")
			token := w.ask("jo@example.com")
			reached := w.FailAt(n, func() { _ = w.Queue.Drain(context.Background()) })
			w.pass(3 * time.Minute) // longer than a lease
			w.Drain()
			sent := w.Mails.Take()
			if len(sent) == 0 {
				t.Fatalf("no mail after statement %d failed", n)
			}
			for _, m := range sent {
				if codeIn(t, m) != codeIn(t, sent[0]) || m.ID != sent[0].ID {
					t.Errorf("after statement %d failed two different mails are sent", n)
				}
			}
			if _, err := w.Redeem(t.Context(), token, codeIn(t, sent[0])); err != nil {
				t.Errorf("after statement %d failed: %v", n, err)
			}
			if !reached {
				if n < 5 {
					t.Errorf("only %d statements failed", n-1)
				}
				return
			}
		}
	})
}

// second issues a ticket as flow/signin does for a second step.
func (w *world) second(a *account.Account) (token string, found *ticket.Ticket) {
	w.t.Helper()
	ctx := context.Background()
	err := w.InTx(ctx, func(tx *db.Tx) (err error) {
		token, err = w.Tickets.Issue(ctx, tx, &ticket.Ticket{Purpose: "step", AccountID: a.ID, Epoch: a.Epoch}, 5*time.Minute)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if found, err = w.Tickets.Find(ctx, w.DB.DB, "step", token); err != nil {
		w.t.Fatal(err)
	}
	return token, found
}

func TestSecondStepIsMailed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		token, step := w.second(a)
		var codes []string
		for range 2 {
			if err := w.Send(t.Context(), step); err != nil {
				t.Fatal(err)
			}
			w.Drain()
			m := w.only()
			if m.To != "jo@example.com" || strings.Contains(m.Text, token) {
				t.Errorf("to %s:\n%s", m.To, m.Text)
			}
			codes = append(codes, codeIn(t, m))
		}
		got, err := w.Tickets.Try(t.Context(), w.DB.DB, "step", token)
		if err != nil {
			t.Fatal(err)
		}
		if codes[0] != codes[1] && w.Tickets.IsCode(got, codes[0]) || !w.Tickets.IsCode(got, codes[1]) {
			t.Error("not the newest code is the right one")
		}
		w.refuses(token, codes[1], ticket.ErrRejected, "a second step as the way in")
	})
}

func TestSendRefusesTicketsThatDoNotStand(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		if err := w.Send(t.Context(), &ticket.Ticket{ID: uuid.New()}); !errors.Is(err, ticket.ErrRejected) {
			t.Errorf("one without an account: %v", err)
		}
		_, step := w.second(a)
		w.Exec("UPDATE account SET epoch = epoch + 1 WHERE id = $1", a.ID)
		if err := w.Send(t.Context(), step); !errors.Is(err, ticket.ErrRejected) {
			t.Errorf("one that was overtaken: %v", err)
		}
		w.Drain()
		if sent := w.Mails.Take(); len(sent) != 0 {
			t.Error("a code was mailed all the same")
		}
	})
}

func TestSecondStepsAreLimitedByAccountAndNotByStrangers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, other := w.Account("jo@example.com", ""), w.Account("al@example.com", "")
		for range perMailbox.Burst { // anybody can do that
			w.ask("jo@example.com")
		}
		_, step := w.second(a)
		for range perMailbox.Burst {
			if err := w.Send(t.Context(), step); err != nil {
				t.Fatal(err)
			}
		}
		_, another := w.second(a)
		if err := w.Send(t.Context(), another); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("one more, with another ticket: %v", err)
		}
		_, theirs := w.second(other)
		if err := w.Send(t.Context(), theirs); err != nil {
			t.Errorf("another account: %v", err)
		}
	})
}

func TestMailedCodesAreSwitchedOnAndOff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, ctx := w.Account("jo@example.com", ""), t.Context()
		enable := func(id uuid.UUID) error {
			return w.InTx(ctx, func(tx *db.Tx) error { return w.Enable(ctx, tx, id) })
		}
		disable := func() (was bool) {
			if err := w.InTx(ctx, func(tx *db.Tx) (err error) { was, err = w.Disable(ctx, tx, a.ID); return err }); err != nil {
				t.Fatal(err)
			}
			return was
		}
		on := func() bool {
			held, err := factor.Of(ctx, w.DB.DB, a.ID)
			if err != nil {
				t.Fatal(err)
			}
			return held.Email
		}
		if on() || disable() {
			t.Error("on before it was switched on")
		}
		for range 2 {
			if err := enable(a.ID); err != nil || !on() {
				t.Fatalf("not on, %v", err)
			}
		}
		if !disable() || on() || disable() {
			t.Error("not switched off once")
		}
		if err := enable(uuid.New()); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("for nobody: %v", err)
		}
	})
}

func TestNewSaysAllThatIsWrong(t *testing.T) {
	_, err := emailcode.New(emailcode.Config{Link: "/account/?token={token}"}, emailcode.Deps{})
	if err == nil || strings.Count(err.Error(), "emailcode:") != 3 {
		t.Error(err)
	}
	for _, bad := range []string{"", "https://id.example.com/", "{token}", "mailto:{token}"} {
		if _, err := emailcode.New(emailcode.Config{PerMailbox: perMailbox, PerNetwork: perNetwork, Link: bad}, emailcode.Deps{}); err == nil {
			t.Errorf("%q is taken for a link", bad)
		}
	}
}
