package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

const (
	confirmEmail = "/account/email/confirm/"
	undoEmail    = "/account/email/undo/"
)

// mailed does what is due and returns the mails by recipient.
func (w *world) mailed() map[string]mail.Message {
	w.t.Helper()
	w.Drain()
	all := map[string]mail.Message{}
	for _, m := range w.Mails.Take() {
		all[m.To] = m
	}
	return all
}

// email returns the account's address.
func (w *world) email() (typed string) {
	w.Read(&typed, "SELECT email FROM account WHERE id = $1", w.account.ID)
	return typed
}

// asked asks for another address and returns the token of the link.
func (w *world) asked(email string) string {
	w.t.Helper()
	w.did(w.send("/account/email/", "email", email), "/account/email/", "We have sent a mail to the new address.")
	return domaintest.Token(w.mailed()[email])
}

// button returns the token in the form of the page that a mailed link leads to, if there is one.
func (w *world) button(a domaintest.Answer, path string) string {
	w.t.Helper()
	d := parse(w.t, a)
	for _, complaint := range uitest.Complaints(a.Text) {
		w.t.Errorf("%s: %s", path, complaint)
	}
	if a.Header.Get("Referrer-Policy") != "no-referrer" || len(d.all("nav")) != 0 || strings.Contains(a.Text, "portal.") {
		w.t.Errorf("%s: it shows\n%s", path, a.Text)
	}
	if actions := d.actions(); len(actions) != 1 || actions[0] != path {
		return ""
	}
	return d.value("token")
}

func TestAnAddressIsChangedByTheLinkThatIsMailed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.asked("new@example.com")
		if d := w.open("/account/email/").main(); !strings.Contains(d.text(), "Your address is jo@example.com") || !strings.Contains(d.text(), "new@example.com Until") {
			t.Errorf("it says\n%s", d.text())
		}
		for range 10 { // mail scanners
			if a := w.Page(confirmEmail + "?token=" + token); a.Status != http.StatusOK || w.button(a, confirmEmail) != token || !strings.Contains(parse(t, a).text(), "new@example.com") {
				t.Fatalf("answered %d\n%s", a.Status, a.Text)
			}
		}
		if a := w.Page(confirmEmail + "?token=" + token); strings.Contains(a.Text, "jo@example.com") {
			t.Error("whoever was mailed to by mistake sees the present address")
		}
		if w.email() != "jo@example.com" {
			t.Fatal("looking changed it")
		}
		a := w.Submit(confirmEmail, url.Values{"token": {token}})
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != confirmEmail+"done/" || w.email() != "new@example.com" || !w.Stands(w.here) {
			t.Fatalf("answered %d %q\n%s", a.Status, a.Header.Get("Location"), a.Text)
		}
		if d := parse(t, w.Page(confirmEmail+"done/")); !strings.Contains(d.text(), "Your address is changed") {
			t.Errorf("it says\n%s", d.text())
		}
		undo := domaintest.Token(w.mailed()["jo@example.com"])
		if a := w.Page(undoEmail + "?token=" + undo); a.Status != http.StatusOK || w.button(a, undoEmail) != undo || !strings.Contains(parse(t, a).text(), "jo@example.com") {
			t.Fatalf("undo answered %d\n%s", a.Status, a.Text)
		}
		a = w.Submit(undoEmail, url.Values{"token": {undo}})
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != undoEmail+"done/" || w.email() != "jo@example.com" || w.Stands(w.here) || w.Stands(w.there) {
			t.Fatalf("undo answered %d %q\n%s", a.Status, a.Header.Get("Location"), a.Text)
		}
		d := parse(t, w.Page(undoEmail+"done/"))
		leads := false
		for _, a := range d.all("a") {
			leads = leads || attr(a, "href") == "/account/forgot/"
		}
		if !leads || !strings.Contains(d.text(), "Your address is back") {
			t.Errorf("it says\n%s", d.text())
		}
		for path, token := range map[string]string{confirmEmail: token, undoEmail: undo} {
			a := w.Page(path + "?token=" + token)
			if a.Status != http.StatusBadRequest || w.button(a, path) != "" || !strings.Contains(parse(t, a).text(), "It was used already") {
				t.Errorf("%s: a used link answered %d\n%s", path, a.Status, a.Text)
			}
		}
	})
}

func TestALinkOfTheOtherPageOrOfNobodyIsDead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.asked("new@example.com")
		for path, bad := range map[string]string{undoEmail: token, confirmEmail: "x"} {
			for what, a := range map[string]domaintest.Answer{"shown": w.Page(path + "?token=" + bad), "none": w.Page(path), "sent": w.Submit(path, url.Values{"token": {bad}})} {
				if a.Status != http.StatusBadRequest || w.button(a, path) != "" || !strings.Contains(parse(t, a).text(), "no longer good") {
					t.Errorf("%s, %s: answered %d\n%s", path, what, a.Status, a.Text)
				}
			}
		}
		a := w.Submit(confirmEmail, url.Values{"token": {token}})
		if d := parse(t, a); a.Status != http.StatusSeeOther {
			t.Errorf("the good one: answered %d\n%s", a.Status, d.text())
		}
	})
}

func TestTooManyBadLinksAreSaidToBe(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.asked("new@example.com")
		for range 3 {
			w.Submit(confirmEmail, url.Values{"token": {"guess"}})
		}
		a := w.Submit(confirmEmail, url.Values{"token": {token}})
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || w.button(a, confirmEmail) != token || w.email() != "jo@example.com" {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
	})
}

func TestThePageOfTheAddressSaysWhatIsWrong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.send("/account/email/", "email", "<b>no address")
		if d := parse(t, a); a.Status != http.StatusBadRequest || d.blames("email") == "" || d.value("email") != "<b>no address" {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		taken := w.Account("ann@example.com", "")
		w.did(w.send("/account/email/", "email", taken.Email), "/account/email/", "We have sent a mail to the new address.")
		if d := w.open("/account/email/").main(); !strings.Contains(d.text(), "ann@example.com Until") {
			t.Errorf("it says\n%s", d.text())
		}
		want, _, _, err := w.Letters.Preview(letter.EmailTaken, "")
		if must(t, err); w.mailed()["ann@example.com"].Subject != want {
			t.Error("the address' owner is not told")
		}
		w.asked("new@example.com")
		a = w.send("/account/email/", "email", "new2@example.com")
		if d := parse(t, a); a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || d.value("email") != "new2@example.com" {
			t.Errorf("one too many: answered %d\n%s", a.Status, a.Text)
		}
	})
}

func TestAUserNameIsChangedOnItsPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.did(w.send("/account/username/", "username", "Jo.D"), "/account/username/", "Your user name is changed.")
		if d := w.open("/account/username/"); d.value("username") != "Jo.D" || !strings.Contains(d.main().text(), "for 90 days") {
			t.Errorf("it shows\n%s", d.text())
		}
		if d := w.open("/account/"); !strings.Contains(d.main().text(), "User name Jo.D") {
			t.Errorf("the first page shows\n%s", d.main().text())
		}
		w.Account("ann@example.com", "")
		w.Exec("UPDATE account SET username = 'ann', username_key = 'ann' WHERE email = 'ann@example.com'")
		for name, status := range map[string]int{"two words": http.StatusBadRequest, "Ann": http.StatusConflict} {
			a := w.send("/account/username/", "username", name)
			if d := parse(t, a); a.Status != status || d.blames("username") == "" || d.value("username") != name {
				t.Errorf("%s: answered %d\n%s", name, a.Status, a.Text)
			}
		}
	})
}
