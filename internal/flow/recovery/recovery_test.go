package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

const (
	oldPassword = "bright copper kettles"
	newPassword = "warm woollen mittens"
	lifetime    = 30 * time.Minute
	signInURL   = "https://app.example.com/sign-in"
)

// world is the flow behind a real edge, and an account that is signed in.
type world struct {
	*domaintest.World
	*domaintest.Client
	t       *testing.T
	flow    *recovery.Service
	hasher  *password.Hasher
	account *account.Account
	session session.Bearer
}

// oldHash is of oldPassword.
var oldHash = sync.OnceValues(func() (string, error) {
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		return "", err
	}
	return hasher.Hash(context.Background(), oldPassword)
})

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	eachWith(t, func(*recovery.Config) {}, fn)
}

func eachWith(t *testing.T, set func(*recovery.Config), fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		hasher, err := password.NewHasher(password.HasherConfig{Queue: 1000, Wait: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		cfg := recovery.Config{
			Lifetime:   lifetime,
			PerMailbox: ratelimit.Limit{Name: "mail.address", Burst: 5, Per: time.Hour},
			PerNetwork: ratelimit.Limit{Name: "mail.network", Burst: 1000, Per: time.Hour},
			PerAccount: ratelimit.Limit{Name: "signin.account", Burst: 10, Per: 15 * time.Minute}, PerStep: ratelimit.Limit{Name: "signin.step", Burst: 20, Per: time.Hour},
			PerAddress: ratelimit.Limit{Name: "recovery.address", Burst: 60, Per: 15 * time.Minute},
			SignInURL:  signInURL,
		}
		set(&cfg)
		s, err := recovery.New(cfg, recovery.Deps{DB: d.DB.DB, Keys: d.Keys, Hasher: hasher, Limiter: d.Limiter, Queue: d.Queue, Letters: d.Letters,
			UI: d.UI(recovery.Pages())})
		if err != nil {
			t.Fatal(err)
		}
		hash, err := oldHash()
		if err != nil {
			t.Fatal(err)
		}
		w := &world{World: d, t: t, flow: s, hasher: hasher, account: d.Account("Jo@example.com", hash)}
		w.session = d.Session(w.account.ID)
		w.Client = d.Serve(recovery.Routes(s), recovery.PageRoutes(s))
		fn(t, w)
	})
}

func (w *world) ask(email string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/password/reset/", `{"email":"`+email+`"}`)
}

// mails does what is due and returns what it sent.
func (w *world) mails() []mail.Message {
	w.t.Helper()
	w.Drain()
	return w.Mails.Take()
}

// link asks for a link and returns its token.
func (w *world) link() string {
	w.t.Helper()
	if a := w.ask("jo@example.com"); a.Status != http.StatusAccepted {
		w.t.Fatalf("answered %d %s", a.Status, a.Text)
	}
	mails := w.mails()
	if len(mails) != 1 {
		w.t.Fatalf("%d mails", len(mails))
	}
	return domaintest.Token(mails[0])
}

func (w *world) confirm(token, pass string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/password/reset/confirm/", `{"token":"`+token+`","new_password":"`+pass+`"}`)
}

func (w *world) opens(pass string) bool {
	w.t.Helper()
	var hash string
	w.Read(&hash, "SELECT hash FROM password_credential WHERE account_id = $1", w.account.ID)
	r, err := w.hasher.Verify(context.Background(), hash, pass)
	if err != nil {
		w.t.Fatal(err)
	}
	return r.OK
}

func refused(t *testing.T, a domaintest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("answered %d %s, want %d %s", a.Status, a.Code, status, code)
	}
}

func TestResetSetsThePasswordAndEndsEverySession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := w.link()
		token := w.link()
		w.Session(w.Account("someone.else@example.com", "").ID)
		a := w.confirm(token, newPassword)
		if a.Status != http.StatusOK || len(a.JSON) != 1 || a.JSON["detail"] == "" || len(a.Cookies) != 0 {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if !w.opens(newPassword) || w.opens(oldPassword) {
			t.Error("the password is not the new one alone")
		}
		if w.Stands(w.session) || w.Count("SELECT count(*) FROM session WHERE account_id = $1", w.account.ID) != 1 {
			t.Error("a session stands, or a new one was made")
		}
		for name, token := range map[string]string{"used": token, "older": other} {
			a := w.confirm(token, "another "+newPassword)
			if a.Status != http.StatusBadRequest || a.Code != "link_invalid" {
				t.Errorf("%s link: answered %d %s", name, a.Status, a.Code)
			}
		}
		if len(w.Audited("password.reset")) != 1 {
			t.Errorf("audited %d times", len(w.Audited("password.reset")))
		}
		mails := w.mails()
		if len(mails) != 1 || mails[0].To != "Jo@example.com" || !strings.Contains(mails[0].Subject, "was changed") {
			t.Errorf("mails: %v", mails)
		}
	})
}

// Rows 59 and 60 of SECURITY.md: the mail goes to the address on record, never to the one typed.
func TestLinkGoesToTheAddressOnRecord(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Call(http.MethodPost, "/password/reset/", `{"email":"jO@EXAMPLE.com"}`, domaintest.Header("X-Forwarded-Host", "evil.example.net"),
			domaintest.Header("User-Agent", "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"))
		mails := w.mails()
		if len(mails) != 1 || mails[0].To != "Jo@example.com" {
			t.Fatalf("mails: %v", mails)
		}
		for _, want := range []string{domaintest.Origin + "/account/reset/?token=", "Firefox on Windows", "works once"} {
			if !strings.Contains(mails[0].Text, want) {
				t.Errorf("the mail lacks %q:\n%s", want, mails[0].Text)
			}
		}
		w.Account("mike@example.com", "x")
		w.ask("mi\u212ae@example.com") // the Kelvin sign
		if mails := w.mails(); len(mails) != 0 {
			t.Errorf("a look-alike of an address was mailed: %v", mails)
		}
		refused(t, w.Call(http.MethodPost, "/password/reset/", `{"email":["jo@example.com","eve@example.com"]}`), http.StatusBadRequest, "fields_invalid")
		refused(t, w.ask("jo@example.com,eve@example.com"), http.StatusBadRequest, "email_invalid")
	})
}

func TestRequestIsTheSameForEveryAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("disabled@example.com", "x")
		w.Exec("UPDATE account SET active = FALSE WHERE email_key = 'disabled@example.com'")
		w.Account("no-password@example.com", "")
		var first domaintest.Answer
		want := w.Statements(func() { first = w.ask("jo@example.com") })
		if first.Status != http.StatusAccepted || len(want) != 2 {
			t.Errorf("answered %d after %q", first.Status, want)
		}
		w.mails()
		for _, email := range []string{"nobody@example.com", "disabled@example.com", "no-password@example.com"} {
			var a domaintest.Answer
			got := w.Statements(func() { a = w.ask(email) })
			if a.Status != first.Status || a.Text != first.Text || !slices.Equal(got, want) {
				t.Errorf("%s: answered %d %s after %q", email, a.Status, a.Text, got)
			}
		}
		if mails := w.mails(); len(mails) != 0 || w.Count("SELECT count(*) FROM one_time_token") != 1 {
			t.Errorf("mails: %v", mails)
		}
	})
}

func TestFirstPasswordByMailIsASetting(t *testing.T) {
	eachWith(t, func(c *recovery.Config) { c.WithoutPassword = true }, func(t *testing.T, w *world) {
		w.Exec("DELETE FROM password_credential")
		if a := w.confirm(w.link(), newPassword); a.Status != http.StatusOK || !w.opens(newPassword) {
			t.Errorf("answered %d", a.Status)
		}
	})
}

func TestRequestsAreLimited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, email := range []string{"jo@example.com", "nobody@example.com"} {
			for range 5 {
				if a := w.ask(email); a.Status != http.StatusAccepted {
					t.Fatalf("answered %d", a.Status)
				}
			}
			a := w.ask(email)
			refused(t, a, http.StatusTooManyRequests, "rate_limited")
			if a.Header.Get("Retry-After") == "" {
				t.Error("it does not say when to come back")
			}
		}
	})
}

// Requirement 72: a link dies when anything happens that it was not asked for.
func TestLinkDiesWhenItIsOvertaken(t *testing.T) {
	for name, sql := range map[string]string{
		"password changed": "UPDATE account SET epoch = epoch + 1",
		"address changed":  "UPDATE account SET email = 'new@example.com', email_key = 'new@example.com'",
		"disabled":         "UPDATE account SET active = FALSE",
		"signed in":        "sign in",
		"used":             "UPDATE one_time_token SET used_at = 1",
		"erased":           "DELETE FROM account",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				token := w.link()
				w.Clock.Advance(time.Second)
				if sql == "sign in" {
					w.Session(w.account.ID)
				} else {
					w.Exec(sql)
				}
				refused(t, w.confirm(token, newPassword), http.StatusBadRequest, "link_invalid")
				if a := w.Page("/account/reset/?token=" + token); a.Status != http.StatusBadRequest {
					t.Errorf("page answered %d", a.Status)
				}
				if name != "erased" && !w.opens(oldPassword) {
					t.Error("the password was changed")
				}
			})
		})
	}
}

func TestLinkIsGoodForHalfAnHour(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		left := func(token string) time.Duration {
			var at time.Time
			w.Read(db.Time(&at), "SELECT expires_at FROM one_time_token WHERE token_hash = $1", w.Keys.Hasher("reset").Sum(token))
			return at.Sub(w.Now())
		}
		token := w.link()
		if l := left(token); l > lifetime || l < lifetime-time.Minute {
			t.Errorf("good for %v", l)
		}
		w.Clock.Advance(left(token))
		refused(t, w.confirm(token, newPassword), http.StatusBadRequest, "link_invalid")
		token = w.link()
		w.Clock.Advance(left(token) - time.Minute)
		if a := w.confirm(token, newPassword); a.Status != http.StatusOK {
			t.Errorf("a minute before the end: %d %s", a.Status, a.Code)
		}
	})
}

func TestBadTokensAreRefusedAlikeBeforeAnythingIsHashed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link()
		hashed := w.hasher.Stats()
		for name, bad := range map[string]string{"unknown": strings.Repeat("A", 43), "prefix": token[:42], "longer": token + "A", "padded": token + "="} {
			a := w.confirm(bad, newPassword)
			if a.Status != http.StatusBadRequest || a.Code != "link_invalid" {
				t.Errorf("%s: answered %d %s", name, a.Status, a.Code)
			}
		}
		w.Exec("UPDATE one_time_token SET token_hash = $1", w.Keys.Hasher("registration").Sum("of another purpose"))
		refused(t, w.confirm("of another purpose", newPassword), http.StatusBadRequest, "link_invalid")
		w.Exec("UPDATE one_time_token SET token_hash = $1, purpose = 'email'", w.Keys.Hasher("reset").Sum("for another purpose"))
		refused(t, w.confirm("for another purpose", newPassword), http.StatusBadRequest, "link_invalid")
		if after := w.hasher.Stats(); after != hashed {
			t.Errorf("hashed: %+v, before %+v", after, hashed)
		}
	})
}

func TestBadTokensAreLimited(t *testing.T) {
	eachWith(t, func(c *recovery.Config) { c.PerAddress.Burst = 2 }, func(t *testing.T, w *world) {
		token := w.link()
		for range 3 { // an honest try is not counted
			refused(t, w.confirm(token, "short"), http.StatusBadRequest, "password_refused")
		}
		for range 2 {
			refused(t, w.confirm("guess", newPassword), http.StatusBadRequest, "link_invalid")
		}
		refused(t, w.confirm(token, newPassword), http.StatusTooManyRequests, "rate_limited")
		w.Clock.Advance(15 * time.Minute)
		if a := w.confirm(token, newPassword); a.Status != http.StatusOK {
			t.Errorf("later: answered %d", a.Status)
		}
	})
}

func TestRefusedPasswordLeavesTheLinkGood(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link()
		for _, bad := range []string{"short", "jo@example.com", "password1"} {
			a := w.confirm(token, bad)
			refused(t, a, http.StatusBadRequest, "password_refused")
			if !strings.Contains(a.Text, `"field":"new_password"`) {
				t.Errorf("the member is not named: %s", a.Text)
			}
		}
		if a := w.confirm(token, newPassword); a.Status != http.StatusOK {
			t.Errorf("answered %d", a.Status)
		}
	})
}

// 50 parallel confirmations, of one link and of two links of one account: one wins.
func TestOneOfManyParallelConfirmationsWins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		links := []string{w.link(), w.link()}
		var mu sync.Mutex
		var won []string
		answers := map[string]int{}
		var work sync.WaitGroup
		for i := range 50 {
			work.Go(func() {
				pass := fmt.Sprintf("%s %d", newPassword, i)
				a := w.confirm(links[i%2], pass)
				mu.Lock()
				defer mu.Unlock()
				answers[fmt.Sprint(a.Status, a.Code)]++
				if a.Status == http.StatusOK {
					won = append(won, pass)
				}
			})
		}
		work.Wait()
		if len(won) != 1 || answers["400link_invalid"] != 49 {
			t.Fatalf("answers: %v", answers)
		}
		if !w.opens(won[0]) {
			t.Error("the password is not the winner's")
		}
		if len(w.Audited("password.reset")) != 1 || len(w.mails()) != 1 {
			t.Error("told more than once")
		}
	})
}

func TestConfirmIsWholeOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link()
		jobs := w.Count("SELECT count(*) FROM job")
		for n := 1; ; n++ {
			var a domaintest.Answer
			if !w.FailAt(n, func() { a = w.confirm(token, newPassword) }) {
				if a.Status != http.StatusOK || n < 8 {
					t.Fatalf("after %d statements: %d %s", n-1, a.Status, a.Text)
				}
				return
			}
			if a.Status < 500 {
				t.Errorf("statement %d: answered %d", n, a.Status)
			}
			if !w.opens(oldPassword) || !w.Stands(w.session) || w.Count("SELECT count(*) FROM job") != jobs || len(w.Audited("password.reset")) != 0 {
				t.Fatalf("statement %d: half a reset", n)
			}
		}
	})
}

func TestRequestIsWholeOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for n := 1; w.FailAt(n, func() {
			if a := w.ask("jo@example.com"); a.Status < 500 && n < 3 {
				t.Errorf("statement %d: answered %d", n, a.Status)
			}
		}); n++ {
			if w.Count("SELECT count(*) FROM job") != 0 {
				t.Errorf("statement %d: a job of a failed request", n)
			}
		}
		if len(w.mails()) != 1 {
			t.Error("the request that went through sent no mail")
		}
	})
}

func TestJobThatIsTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ask("jo@example.com")
		w.Mails.Fail(errors.New("connection refused"))
		w.Drain()
		w.Mails.Fail(nil)
		// The link is good from when it is mailed, and there is one.
		w.Clock.Advance(lifetime + time.Minute)
		mails := w.mails()
		if len(mails) != 1 || w.Count("SELECT count(*) FROM one_time_token") != 1 {
			t.Fatalf("mails: %v", mails)
		}
		w.Clock.Advance(lifetime - time.Minute)
		if a := w.confirm(domaintest.Token(mails[0]), newPassword); a.Status != http.StatusOK {
			t.Errorf("answered %d %s", a.Status, a.Code)
		}
	})
}

func TestJobThatIsTriedAgainRevivesNoOvertakenLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ask("jo@example.com")
		w.Mails.Fail(errors.New("connection refused"))
		w.Drain()
		w.Mails.Fail(nil)
		w.Exec("UPDATE account SET epoch = epoch + 1")
		w.Clock.Advance(time.Minute)
		if mails := w.mails(); len(mails) != 0 {
			t.Errorf("a dead link was mailed: %v", mails)
		}
	})
}

func TestSigningInBeforeTheMailGoesOutKillsTheLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ask("jo@example.com")
		w.Clock.Advance(time.Second)
		w.Session(w.account.ID)
		if mails := w.mails(); len(mails) != 0 {
			t.Errorf("mails: %v", mails)
		}
	})
}

func TestSweepRemovesOldTokensInBatches(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 3 {
			w.link()
		}
		w.Clock.Advance(25 * time.Hour)
		w.link()
		for _, want := range []int64{2, 1, 0} {
			if n, err := recovery.Sweep(t.Context(), w.DB.DB, 2); err != nil || n != want {
				t.Errorf("removed %d, %v; want %d", n, err, want)
			}
		}
	})
}

func TestAResetForgivesFailedSignIns(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		passwords := ratelimit.Bucket{Limit: ratelimit.Limit{Name: "signin.account", Burst: 10, Per: 15 * time.Minute}, Key: w.account.ID.String()}
		steps := ratelimit.Bucket{Limit: ratelimit.Limit{Name: "signin.step", Burst: 20, Per: time.Hour}, Key: w.account.ID.String()}
		for _, b := range []ratelimit.Bucket{passwords, steps} {
			for range b.Limit.Burst {
				if _, err := w.Limiter.Take(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
		}
		if a := w.Call("POST", "/password/reset/confirm/", fmt.Sprintf(`{"token": %q, "new_password": %q}`, w.link(), newPassword)); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Text)
		}
		if _, err := w.Limiter.Take(t.Context(), passwords, steps); err != nil {
			t.Errorf("after the reset the owner is still kept out: %v", err)
		}
	})
}

func TestChangingThePasswordBeforeTheMailGoesOutKillsTheLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ask("jo@example.com")
		if err := w.Clock.Advance(time.Second); err != nil {
			t.Fatal(err)
		}
		w.Exec("UPDATE password_credential SET changed_at = $2 WHERE account_id = $1", w.account.ID, w.Now())
		if mails := w.mails(); len(mails) != 0 {
			t.Errorf("mails: %v", mails)
		}
	})
}

func TestAResetProvesTheMailbox(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET email_verified = FALSE WHERE id = $1", w.account.ID)
		token := w.link()
		if w.Count("SELECT count(*) FROM account WHERE email_verified") != 0 {
			t.Fatal("asking for a link proved something")
		}
		if a := w.Call("POST", "/password/reset/confirm/", fmt.Sprintf(`{"token": %q, "new_password": %q}`, token, newPassword)); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Text)
		}
		if w.Count("SELECT count(*) FROM account WHERE email_verified") != 1 {
			t.Error("the address is still unverified")
		}
	})
}
