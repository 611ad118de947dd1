package signup_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signup"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

func TestVerifyRefusesEveryBadTokenAlike(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "")
		for name, bad := range map[string]string{
			"unknown": strings.Repeat("A", 43), "prefix": token[:42], "longer": token + "A", "other case": strings.ToUpper(token), "padded": token + "=", "blank": " " + token,
		} {
			a := w.verify(bad)
			if a.Status != http.StatusBadRequest || a.Code != "link_invalid" {
				t.Errorf("%s: answered %d %s", name, a.Status, a.Code)
			}
		}
		if a := w.verify(token); a.Status != http.StatusOK {
			t.Fatalf("the good one: answered %d %s", a.Status, a.Text)
		}
		refused(t, w.verify(token), http.StatusBadRequest, "link_invalid")
		w.whole()
	})
}

func TestLinkIsGoodUntilItExpires(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var token string
		left := func() time.Duration { // until the newest registration is over
			var at time.Time
			w.Read(db.Time(&at), "SELECT max(expires_at) FROM registration")
			return at.Sub(w.Now())
		}
		token = w.register("late@example.com", pass, "")
		w.Clock.Advance(left())
		refused(t, w.verify(token), http.StatusBadRequest, "link_invalid")
		if a := w.Page("/account/verify/?token=" + token); a.Status != http.StatusBadRequest {
			t.Errorf("page of an expired link: %d", a.Status)
		}
		token = w.register("in-time@example.com", pass, "")
		w.Clock.Advance(left() - time.Minute)
		if a := w.verify(token); a.Status != http.StatusOK {
			t.Errorf("a minute before the end: %d", a.Status)
		}
	})
}

// Rows 18, 63 and 64 of SECURITY.md: a token is good for what it was made for.
func TestTokenOfAnotherPurposeIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("jo@example.com", pass, "")
		for _, purpose := range []string{"reset", "registration browser"} {
			w.Exec("UPDATE registration SET token_hash = $1", w.Keys.Hasher(purpose).Sum("the-token"))
			refused(t, w.verify("the-token"), http.StatusBadRequest, "link_invalid")
		}
		w.Exec("UPDATE registration SET token_hash = $1", w.Keys.Hasher("registration").Sum("the-token"))
		if a := w.verify("the-token"); a.Status != http.StatusOK {
			t.Errorf("of its own purpose: answered %d", a.Status)
		}
	})
}

func TestLookingAtALinkUsesNothingUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "")
		for range 20 {
			if a := w.Page("/account/verify/?token=" + token); a.Status != http.StatusOK {
				t.Fatalf("page answered %d", a.Status)
			}
		}
		if a := w.verify(token); a.Status != http.StatusOK {
			t.Errorf("answered %d", a.Status)
		}
	})
}

func TestSquatterKeepsNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.register("jo@example.com", "squatter before", "")
		own := w.register("jo@example.com", pass, "")
		after := w.register("jo@example.com", "squatter after", "")
		if a := w.verify(own); a.Status != http.StatusOK {
			t.Fatalf("answered %d", a.Status)
		}
		for _, token := range []string{before, after} {
			refused(t, w.verify(token), http.StatusBadRequest, "link_invalid")
		}
		if w.waiting() != 0 {
			t.Error("a squatter's registration still waits")
		}
		if !w.opens("jo@example.com", pass) || w.opens("jo@example.com", "squatter before") || w.opens("jo@example.com", "squatter after") {
			t.Error("the password is not the owner's")
		}
		// One that is made later can't be redeemed even by its own token.
		w.Call(http.MethodPost, "/register/", body("jo@example.com", "squatter later", ""))
		w.Exec("UPDATE registration SET token_hash = $1", w.Keys.Hasher("registration").Sum("stolen"))
		refused(t, w.verify("stolen"), http.StatusBadRequest, "link_invalid")
		if w.opens("jo@example.com", "squatter later") {
			t.Error("a later registration changed the password")
		}
		w.whole()
	})
}

func TestUsernameIsClaimedWhenTheAddressIsProven(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.register("jo@example.com", pass, `,"username":"jo"`)
		second := w.register("other@example.com", pass, `,"username":"JO"`) // not told that it waits for someone
		if a := w.verify(second); a.Status != http.StatusOK {
			t.Fatalf("answered %d", a.Status)
		}
		refused(t, w.verify(first), http.StatusConflict, "username_taken")
		refused(t, w.Call(http.MethodPost, "/email/verify/", `{"token":"`+first+`","username":"two words"}`), http.StatusBadRequest, "username_invalid")
		if w.waiting() != 1 {
			t.Error("the registration was used up")
		}
		if a := w.Call(http.MethodPost, "/email/verify/", `{"token":"`+first+`","username":"jo2"}`); a.Status != http.StatusOK {
			t.Errorf("with another name: answered %d %s", a.Status, a.Text)
		}
		if w.Count("SELECT count(*) FROM account WHERE email_key = 'jo@example.com' AND username_key = 'jo2'") != 1 {
			t.Error("the other name was not taken")
		}
		w.whole()
	})
}

func TestTakenUsernamesCannotBeProbedWithOneLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if a := w.verify(w.register("taken@example.com", pass, `,"username":"taken"`)); a.Status != http.StatusOK {
			t.Fatalf("answered %d", a.Status)
		}
		token := w.register("jo@example.com", pass, "")
		try := `{"token":"` + token + `","username":"taken"}`
		for range 3 {
			refused(t, w.Call(http.MethodPost, "/email/verify/", try), http.StatusConflict, "username_taken")
		}
		refused(t, w.Call(http.MethodPost, "/email/verify/", try), http.StatusTooManyRequests, "rate_limited")
	})
}

func TestParallelRegistrationsOfOneAddressLeaveOneAccount(t *testing.T) {
	const n = 100
	each2 := func(fn func(i int)) {
		var work sync.WaitGroup
		for i := range n {
			work.Go(func() { fn(i) })
		}
		work.Wait()
	}
	eachWith(t, func(c *signup.Config) { c.PerMailbox.Burst = 10 * n }, func(t *testing.T, w *world) {
		each2(func(i int) {
			spelling := "jo@example.com"
			if i%2 == 0 {
				spelling = "JO@Example.com"
			}
			if a := w.Call(http.MethodPost, "/register/", body(spelling, fmt.Sprintf("%s %d", pass, i), "")); a.Status != http.StatusCreated {
				t.Errorf("register answered %d %s", a.Status, a.Text)
			}
		})
		w.Drain()
		mails := w.Mails.Take()
		if len(mails) != n {
			t.Fatalf("%d mails", len(mails))
		}
		var mu sync.Mutex
		answers := map[string]int{}
		each2(func(i int) {
			a := w.verify(domaintest.Token(mails[i]))
			mu.Lock()
			defer mu.Unlock()
			answers[fmt.Sprint(a.Status, a.Code)]++
		})
		if answers["200"] != 1 || answers["400link_invalid"] != n-1 {
			t.Errorf("answers: %v", answers)
		}
		if w.accounts() != 1 || w.waiting() != 0 {
			t.Errorf("%d accounts, %d waiting", w.accounts(), w.waiting())
		}
		w.whole()
	})
}

func TestParallelUsesOfOneTokenMakeOneAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "")
		var work sync.WaitGroup
		for range 20 {
			work.Go(func() { w.verify(token) })
		}
		work.Wait()
		if w.accounts() != 1 {
			t.Errorf("%d accounts", w.accounts())
		}
		w.whole()
	})
}

func TestVerifyIsWholeOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("jo@example.com", "squatter's own", "")
		token := w.register("jo@example.com", pass, `,"username":"jo"`)
		for n := 1; ; n++ {
			var a domaintest.Answer
			if !w.FailAt(n, func() { a = w.verify(token) }) {
				if a.Status != http.StatusOK || n < 9 {
					t.Fatalf("after %d statements: %d %s", n-1, a.Status, a.Text)
				}
				break
			}
			if a.Status < 500 {
				t.Errorf("statement %d: answered %d", n, a.Status)
			}
			if w.whole(); w.accounts() != 0 || w.waiting() != 2 {
				t.Fatalf("statement %d: %d accounts, %d waiting", n, w.accounts(), w.waiting())
			}
		}
		if w.whole(); w.accounts() != 1 || w.waiting() != 0 || !w.opens("jo@example.com", pass) {
			t.Error("the token that survived all failures made no account")
		}
	})
}

// SQLite writes one transaction at a time: there nothing can come between.
func TestRegistrationThatIsUsedUpMeanwhileMakesNoAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if w.Engine() == "sqlite" {
			return
		}
		token := w.register("jo@example.com", pass, "")
		w.Inspect(func(query string) error {
			if !strings.HasPrefix(query, "INSERT INTO account") {
				return nil
			}
			w.Inspect(nil)
			return w.Once(context.Background(), "DELETE FROM registration", nil)
		})
		refused(t, w.verify(token), http.StatusBadRequest, "link_invalid")
		if w.whole(); w.accounts() != 0 {
			t.Error("an account was made")
		}
	})
}

// What happens to the account between registering and verifying is nothing that a token can undo.
func TestLinkOfARecreatedAddressCannotReplaceTheAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "")
		made := w.Account("jo@example.com", "x") // by the command line, say
		refused(t, w.verify(token), http.StatusBadRequest, "link_invalid")
		err := w.InTx(t.Context(), func(tx *db.Tx) error {
			a, err := account.Find(context.Background(), tx, made.ID)
			if err == nil && a.Epoch != 0 {
				t.Error("the account was touched")
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
