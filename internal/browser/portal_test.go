package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

func TestSomebodyKeepsTheirAccountInOrder(t *testing.T) {
	p, fresh := newAccount(t), stranger().password
	b, phone := open(t), open(t)
	b.signIn(p)
	phone.signIn(p)

	b.leads("Profile", http.StatusOK, b.query(`main a[href="/account/profile/"]`).click)
	b.fill("Full name", "Ada Byron")
	b.fill("Phone", "+1 555 0100")
	b.follow("Save")
	b.shows("Your profile is saved.")
	b.visit("/account/")
	b.shows("Hello, Ada Byron")

	b.visit("/account/sessions/")
	b.leads("Sign out", http.StatusOK, b.query(`form[action="/account/sessions/end/"] button`).click)
	b.shows("That device is signed out.", "You are signed in nowhere else.")
	phone.refused("/account/")
	phone.attempt(p, http.StatusOK)

	b.visit("/account/password/")
	former := b.cookies()[sessionCookie].Value
	b.fill("Present password", p.password)
	b.fill("New password", fresh)
	mailed(t, p.email, func() { b.follow("Change password") })
	b.shows("Your password is changed.")
	refusedCookie(t, former)
	phone.refused("/account/")
	phone.attempt(p, http.StatusUnauthorized)
	phone.attempt(person{email: p.email, password: fresh}, http.StatusOK)

	phone.visit("/account/sessions/")
	phone.follow("Sign out everywhere")
	phone.at(firstPage)
	b.refused("/account/")
}

// A time without its zone may be hours off: the reader's zone is named, and without script it is UTC.
func TestTimesNameTheirZone(t *testing.T) {
	p := newAccount(t)
	b, plainly := open(t), open(t)
	plainly.withoutScript()
	for zone, tab := range map[string]*tab{"GMT+5:30": b, "UTC": plainly} {
		call(tab, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kolkata"})
		tab.signIn(p)
		tab.visit("/account/sessions/")
		if shown := tab.query(`main time[datetime*="T"]`).do(`function() { return this.textContent }`); !strings.Contains(fmt.Sprint(shown), zone) {
			t.Errorf("a time reads %v, which does not name %s", shown, zone)
		}
	}
}

func TestRefusedPasswordChangeKeepsNoSecret(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.signIn(p)
	b.visit("/account/password/")
	b.fill("Present password", "not the present one")
	b.fill("New password", "a quite good new one")
	b.followFor("Change password", http.StatusForbidden)
	b.hides("not the present one", "a quite good new one")
	if b.value("Present password")+b.value("New password") != "" {
		t.Error("the form keeps a password")
	}
	signsIn(t, p, http.StatusOK)
}

// A form waits in a second tab while the first one signs out: what was typed is not lost, and
// nothing happens until somebody signs in again.
func TestFormOfASecondTabSurvivesSignOut(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.signIn(p)
	second := b.another()
	second.visit("/account/profile/")
	second.fill("Full name", "Ada Byron")
	b.send(signOutButton, http.StatusOK)
	second.followFor("Save", http.StatusUnauthorized)
	second.shows("You are signed out")
	second.hides(p.email)

	b.attempt(p, http.StatusOK)
	b.visit("/account/profile/")
	if name := b.value("Full name"); name != "" {
		t.Errorf("the form of somebody who was signed out was taken: %q", name)
	}
	second.follow("Send the form again")
	second.shows("Your profile is saved.")
	if name := second.value("Full name"); name != "Ada Byron" {
		t.Errorf("the name is %q", name)
	}
}

func TestExpiredFormKeepsNoPassword(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.signIn(p)
	second := b.another()
	second.visit("/account/password/")
	second.fill("Present password", p.password)
	second.fill("New password", "a quite good new one")
	b.send(signOutButton, http.StatusOK)
	second.followFor("Change password", http.StatusUnauthorized)
	second.hides(p.password, "a quite good new one")
	signsIn(t, p, http.StatusOK)
}

func TestLanguageIsChosenAndKept(t *testing.T) {
	b := open(t)
	p := newAccount(t)
	b.signIn(p)
	b.visit("/account/language/")
	b.tick("Deutsch")
	b.look.lang = "de"
	b.follow("Save")
	b.visit("/account/")
	other := open(t)
	other.visit(firstPage)
	other.look.lang = "de"
	other.attempt(p, http.StatusOK)
}

func TestAccountIsCopiedAndDeleted(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.signIn(p)
	b.visit("/account/data/")
	if copied := b.download("Download my data"); !json.Valid(copied) || !strings.Contains(string(copied), p.email) {
		t.Error("the copy is no JSON, or does not hold the address")
	}
	b.follow("Delete my account")
	b.tick("Now, without time to think again")
	b.fill("Your password", "not my password")
	b.followFor("Delete my account", http.StatusForbidden)
	b.fill("Your password", p.password)
	mailed(t, p.email, func() { b.follow("Delete my account") })
	b.shows("Your account is deleted")
	b.refused("/account/")
	signsIn(t, p, http.StatusUnauthorized)
}

// nasty are values that would run, break out of their place or turn the text around if they were
// not treated as text.
var nasty = []string{
	`<script>document.title="owned"</script>`,
	`"><img src=x onerror=document.title="owned">`,
	`'-document.title-'{{.}}${1}`,
	`javascript:document.title="owned"`,
	`</title></textarea><svg onload=document.title="owned">`,
	`A very long name without any place to break it at ` + "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
}

func TestScriptInEveryFieldIsShownAsText(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.signIn(p)
	for _, text := range nasty {
		b.visit("/account/profile/")
		b.fill("Full name", text)
		b.follow("Save")
		if now := b.value("Full name"); now != text {
			t.Errorf("the name is %q, want %q", now, text)
		}
		b.visit("/account/")
		b.shows(text)
		b.untouched()
	}
	out := open(t)
	for _, text := range nasty {
		out.visit(firstPage + "?next=" + url.QueryEscape(text) + "&done=" + url.QueryEscape(text) + "&lang=" + url.QueryEscape(text))
		out.untouched()
		out.attempt(person{email: text, password: text}, http.StatusBadRequest)
		out.untouched()
	}
}
