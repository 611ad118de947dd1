package signup_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// keep keeps an address and a user name for an account that has others.
func (w *world) keep(email, username string) {
	w.t.Helper()
	former := w.Account("has.another@example.com", "x")
	address, err := account.ParseEmail(email)
	name, bad := account.ParseUsername(username)
	if err = errors.Join(err, bad); err == nil {
		ctx := context.Background()
		err = w.InTx(ctx, func(tx *db.Tx) error {
			until := tx.Now.Add(2 * time.Hour)
			return errors.Join(account.KeepEmail(ctx, tx, former.ID, address, until), account.KeepUsername(ctx, tx, former.ID, name, until))
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.Exec("DELETE FROM audit_event")
}

func TestAnAddressThatIsKeptIsLikeATakenOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "") // before it was given up
		w.keep("jo@example.com", "jo")
		a := w.Call(http.MethodPost, "/register/", body("Jo@example.com", pass, ""))
		taken := w.Call(http.MethodPost, "/register/", body("has.another@example.com", pass, ""))
		if a.Status != http.StatusCreated || strings.Replace(taken.Text, "has.another@example.com", "Jo@example.com", 1) != a.Text {
			t.Errorf("answered %d %s, and %s for one that is taken", a.Status, a.Text, taken.Text)
		}
		w.Drain()
		mails := w.Mails.Take()
		if len(mails) != 2 || mails[0].To != "Jo@example.com" || mails[0].Subject != mails[1].Subject || strings.Contains(mails[0].Text, "token=") {
			t.Fatalf("mails %v", mails)
		}
		if a := w.Call(http.MethodPost, "/email/verify/resend/", `{"email":"jo@example.com"}`); a.Status != http.StatusAccepted {
			t.Errorf("resend answered %d", a.Status)
		}
		if w.Drain(); len(w.Mails.Take()) != 0 {
			t.Error("a link was sent once more")
		}
		refused(t, w.verify(token), http.StatusBadRequest, "link_invalid")
		if w.accounts() != 1 {
			t.Errorf("%d accounts", w.accounts())
		}
		w.Clock.Advance(2 * time.Hour)
		if a := w.verify(token); a.Status != http.StatusOK {
			t.Errorf("when its time was over: answered %d %s", a.Status, a.Code)
		}
	})
}

func TestAUserNameThatIsKeptIsLikeATakenOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.keep("former@example.com", "Jo")
		token := w.register("jo@example.com", pass, `,"username":"jo"`)
		refused(t, w.verify(token), http.StatusConflict, "username_taken")
		if w.accounts() != 1 || w.waiting() != 1 {
			t.Errorf("%d accounts, %d registrations", w.accounts(), w.waiting())
		}
		if a := w.Call(http.MethodPost, "/email/verify/", `{"token":"`+token+`","username":"jo2"}`); a.Status != http.StatusOK {
			t.Errorf("with another name: answered %d %s", a.Status, a.Code)
		}
	})
}
