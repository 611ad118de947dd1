package recovery_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

const (
	lostPage      = "/account/recover-factor/"
	cancelPage    = "/account/recover-factor/cancel/"
	cancelledPage = "/account/recover-factor/cancel/done/"
	finishPage    = "/account/recover-factor/finish/"
	finishedPage  = "/account/recover-factor/finish/done/"
)

// stepping is a browser that got past the first step of a sign-in.
func stepping(token string) domaintest.Option {
	return domaintest.Cookie(&http.Cookie{Name: "__Host-gatehouse-step", Value: token})
}

func TestPagesRemoveLostFactors(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		browser := stepping(w.step(w.account.ID))
		var a domaintest.Answer
		for range 20 { // looking begins nothing
			a = w.Page(lostPage, browser)
		}
		if forms := elements(t, a, "form"); a.Status != http.StatusOK || len(forms) != 1 || forms[0]["action"] != lostPage || !strings.Contains(words(t, a), "You wait for 72 hours") {
			t.Fatalf("answered %d\n%s", a.Status, words(t, a))
		}
		if len(w.mails()) != 0 {
			t.Fatal("looking told somebody")
		}
		a = w.leads(w.Submit(lostPage, nil, browser), lostPage, browser)
		if a.Status != http.StatusOK || len(elements(t, a, "form")) != 0 || !strings.Contains(words(t, a), "It will be possible from") {
			t.Errorf("answered %d\n%s", a.Status, words(t, a))
		}
		w.leads(w.Submit(lostPage, nil, browser), lostPage, browser) // a second click
		if n := len(w.mails()); n != 1 {
			t.Errorf("%d mails", n)
		}

		token := w.ready()
		for range 20 { // mail scanners
			a = w.Page(finishPage + "?token=" + token)
		}
		inputs := elements(t, a, "input")
		if a.Status != http.StatusOK || len(inputs) != 3 || inputs[0]["value"] != token || inputs[1]["autocomplete"] != "username" || inputs[1]["value"] != "Jo@example.com" ||
			inputs[2]["autocomplete"] != "current-password" || inputs[2]["type"] != "password" {
			t.Fatalf("answered %d, inputs %v", a.Status, inputs)
		}
		a = w.Submit(finishPage, url.Values{"token": {token}, "password": {"guess"}})
		if a.Status != http.StatusForbidden || len(elements(t, a, "form")) != 1 || elements(t, a, "input")[2]["aria-invalid"] != "true" || w.held(w.account.ID) != all {
			t.Errorf("a wrong password: answered %d\n%s", a.Status, words(t, a))
		}
		a = w.Submit(finishPage, url.Values{"token": {token}, "password": {oldPassword}})
		done := w.leads(a, finishedPage)
		if done.Status != http.StatusOK || w.held(w.account.ID) != 0 || len(a.Cookies) != 0 || !leadsTo(t, done, signInURL) {
			t.Errorf("answered %d\n%s", done.Status, words(t, done))
		}
		for name, a := range map[string]domaintest.Answer{"looked at": w.Page(finishPage + "?token=" + token), "sent": w.Submit(finishPage, url.Values{"token": {token}, "password": {oldPassword}})} {
			if a.Status != http.StatusBadRequest || !strings.Contains(words(t, a), "removed with it already") {
				t.Errorf("%s again: answered %d\n%s", name, a.Status, words(t, a))
			}
		}
	})
}

func TestPageSaysWhatKeepsSomebodyFromAsking(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		passwordless, weak := w.Account("passwordless@example.com", ""), w.Account("weak@example.com", "x")
		w.enrol(passwordless.ID)
		for name, c := range map[string]struct {
			options      []domaintest.Option
			look, submit int
			says         string
		}{
			"no step":     {nil, http.StatusUnauthorized, http.StatusUnauthorized, "Sign in first"},
			"guessed":     {[]domaintest.Option{stepping(secret.NewToken())}, http.StatusUnauthorized, http.StatusUnauthorized, "Sign in first"},
			"no factor":   {[]domaintest.Option{stepping(w.step(weak.ID))}, http.StatusConflict, http.StatusConflict, "no second factor"},
			"no password": {[]domaintest.Option{stepping(w.step(passwordless.ID))}, http.StatusOK, http.StatusConflict, "no password"},
		} {
			look, submit := w.Page(lostPage, c.options...), w.Submit(lostPage, nil, c.options...)
			if look.Status != c.look || submit.Status != c.submit || !strings.Contains(words(t, look), c.says) || !strings.Contains(words(t, submit), c.says) || len(look.Cookies)+len(submit.Cookies) != 0 {
				t.Errorf("%s: answered %d and %d\n%s\n%s", name, look.Status, submit.Status, words(t, look), words(t, submit))
			}
		}
		if len(w.mails()) != 0 {
			t.Error("told")
		}
		limited := stepping(w.step(w.account.ID))
		for range 3 {
			w.Submit(lostPage, nil, limited)
			w.Call(http.MethodDelete, "/recovery/factor/", "", domaintest.Bearer(w.session))
		}
		if a := w.Submit(lostPage, nil, limited); a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || !strings.Contains(a.Text, `role="alert"`) {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
	})
}

func TestPageCancels(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		no := w.asked()
		var a domaintest.Answer
		for range 20 { // mail scanners
			a = w.Page(cancelPage + "?token=" + no)
		}
		if forms := elements(t, a, "form"); a.Status != http.StatusOK || len(forms) != 1 || forms[0]["action"] != cancelPage || strings.Contains(strings.ToLower(words(t, a)), "jo@") {
			t.Fatalf("answered %d\n%s", a.Status, words(t, a))
		}
		if pending, _ := w.flow.Pending(t.Context(), w.account.ID); pending == nil {
			t.Fatal("looking cancelled it")
		}
		w.leads(w.Submit(cancelPage, url.Values{"token": {no}}), cancelledPage)
		again := w.leads(w.Submit(cancelPage, url.Values{"token": {no}}), cancelledPage)
		for _, a := range []domaintest.Answer{again, w.Page(cancelPage + "?token=" + no)} {
			if a.Status != http.StatusOK || !strings.Contains(words(t, a), "The removal is cancelled") || !leadsTo(t, a, forgot) {
				t.Errorf("answered %d\n%s", a.Status, words(t, a))
			}
		}
	})
}

func TestPageSaysWhenItIsTooLateToCancel(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		no := w.asked()
		if a := w.finish(w.ready(), oldPassword); a.Status != http.StatusOK {
			t.Fatalf("answered %d", a.Status)
		}
		for token, says := range map[string]string{no: "removed already", secret.NewToken(): "nothing to cancel any more", "": "nothing to cancel any more"} {
			for _, a := range []domaintest.Answer{w.Page(cancelPage + "?token=" + token), w.Submit(cancelPage, url.Values{"token": {token}})} {
				if a.Status != http.StatusBadRequest || !strings.Contains(words(t, a), says) || !leadsTo(t, a, forgot) {
					t.Errorf("answered %d\n%s", a.Status, words(t, a))
				}
			}
		}
		refused(t, w.sayNo(no), http.StatusBadRequest, "link_invalid")
	})
}

func TestFactorPagesShowAndLoadNothingTheyShouldNot(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		browser := stepping(w.step(w.account.ID))
		pages := map[string]domaintest.Answer{"lost": w.Page(lostPage, browser)}
		no := w.asked()
		pages["asked"], pages["cancel"] = w.Page(lostPage, browser), w.Page(cancelPage+"?token="+no)
		token := w.ready()
		pages["finish"], pages["finished"], pages["cancelled"] = w.Page(finishPage+"?token="+token), w.Page(finishedPage), w.Page(cancelledPage)
		w.pass(10 * 24 * time.Hour)
		pages["over"], pages["late"], pages["nothing"] = w.Page(lostPage, browser), w.Page(finishPage+"?token="+token), w.Page(cancelPage+"?token="+no)
		for name, a := range pages {
			for _, complaint := range uitest.Complaints(a.Text) {
				t.Errorf("%s: %s", name, complaint)
			}
			if strings.Contains(a.Text, "recovery.") || strings.Contains(a.Text, "ZgotmplZ") || a.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: shows a key, or what its template refused, or tells where it was\n%s", name, a.Text)
			}
			for _, link := range elements(t, a, "a") {
				if (strings.Contains(link["href"], token) || strings.Contains(link["href"], no)) && !strings.HasPrefix(link["href"], "?") { // the same page in another language
					t.Errorf("%s: a token is in the link %q", name, link["href"])
				}
			}
		}
	})
}

func TestFactorPagesRefuseForeignForms(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		browser, no := stepping(w.step(w.account.ID)), w.asked()
		token := w.ready()
		foreign := func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example.net")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		for path, form := range map[string]url.Values{lostPage: nil, cancelPage: {"token": {no}}, finishPage: {"token": {token}, "password": {oldPassword}}} {
			if a := w.Submit(path, form, browser, foreign); a.Status != http.StatusForbidden || !strings.Contains(a.Text, "origin_refused") {
				t.Errorf("%s: answered %d\n%s", path, a.Status, a.Text)
			}
		}
		if w.held(w.account.ID) != all || len(w.Audited("recovery.factor_cancelled")) != 0 {
			t.Error("a foreign form did something")
		}
	})
}
