package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
)

const bulk = "/console/accounts/~selected/"

func chosen(action string, all ...*account.Account) url.Values {
	form := url.Values{"action": {action}}
	for _, a := range all {
		form.Add("account[]", a.Subject)
	}
	return form
}

func TestManyAreAskedAboutThenDoneAndEachIsReported(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := w.Account("other@example.com", "")
		form := chosen("disable", w.person, other, w.super)
		ask := w.client.Submit(bulk, form, w.asStaff)
		w.shows(ask, 200, "Disable these accounts?", "This concerns 2 accounts.", w.person.Email, other.Email, w.super.Email, "Not done", "Only a superuser",
			"gatehouse account disable "+w.person.Subject, issuer+"/admin/accounts/bulk/")
		w.hides(ask, `name="account[]" value="`+w.super.Subject)
		if !w.active(w.person) {
			t.Fatal("asking did it")
		}
		for range 2 {
			done := w.client.Submit(bulk+"done/", form, w.asStaff)
			w.shows(done, 200, "2 accounts done", w.person.Email, w.super.Email, "Only a superuser")
		}
		if w.active(w.person) || w.active(other) || !w.active(w.super) {
			t.Error("the wrong accounts are disabled")
		}
		if n := len(w.Audited("account.disabled")); n != 2 {
			t.Errorf("%d events", n)
		}
		w.shows(w.client.Submit(bulk+"done/", chosen("enable", w.person, other), w.asStaff), 200, "2 accounts done")
		if !w.active(w.person) || !w.active(other) {
			t.Error("they are not enabled")
		}
		w.shows(w.client.Submit(bulk+"done/", chosen("sign-out", w.person), w.asStaff), 200, "1 account done")
		if w.Stands(w.theirs) {
			t.Error("the session stands")
		}
		w.shows(w.client.Submit(bulk+"done/", chosen("send-reset", w.person, other), w.asStaff), 200, "2 accounts done")
		w.Drain()
		if n := len(w.Mails.Take()); n != 2 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestManyThatCannotBeIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tooMany := chosen("disable")
		for range 201 {
			tooMany.Add("account[]", w.person.Subject)
		}
		for _, form := range []url.Values{nil, chosen("disable"), chosen("erase", w.person), chosen("promote", w.person), tooMany,
			{"action": {"disable"}, "account[]": {"\xff", strings.Repeat("x", 10_000), "a b"}}} {
			for _, step := range []string{"", "done/"} {
				w.shows(w.client.Submit(bulk+step, form, w.asStaff), http.StatusBadRequest, `role="alert"`, "/console/accounts/")
			}
		}
		w.shows(w.client.Submit(bulk, url.Values{"action": {"disable"}, "account[]": {"nobody"}}, w.asStaff), 200, "none of these accounts")
		w.leads(w.client.Page(bulk, w.asStaff), "/console/accounts/")
		if !w.active(w.person) {
			t.Error("something was done")
		}
	})
}
