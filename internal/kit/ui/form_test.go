package ui_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

func post(t *testing.T, values url.Values) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/account/x/?email=query", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFormsNeverKeepSecrets(t *testing.T) {
	names := []string{"password", "new_password", "current-password", "Password", "passwordAgain", "code", "totp_code", "otp", "client_secret", "pin", "passphrase"}
	values := url.Values{"email": {"a@example.com"}}
	for _, name := range names {
		values.Set(name, "hush")
	}
	f := ui.NewForm(post(t, values), append(names, "email", "box")...)
	if f.Values["email"] != "a@example.com" || f.Action != "/account/x/" {
		t.Errorf("%+v", f)
	}
	for _, name := range names {
		if _, kept := f.Values[name]; kept {
			t.Errorf("%s is kept", name)
		}
		f.Values[name] = "hush" // even then it is not shown
		if text := show(t, "card", `{{template "field" (field .F .N "label" "x")}}`, ui.Page{Data: map[string]any{"F": f, "N": name}}); strings.Contains(text, "hush") {
			t.Errorf("%s is shown", name)
		}
	}
	f.Values["x"] = "hush"
	if text := show(t, "card", `{{template "field" (field . "x" "type" "password" "label" "x" "value" "hush")}}`, ui.Page{Data: f}); strings.Contains(text, "hush") {
		t.Error("a field of type password shows its value")
	}
}

func TestSetFillsOnlyWhatNobodyTyped(t *testing.T) {
	f := ui.NewForm(post(t, url.Values{"name": {""}}), "name", "box")
	f.Set("name", "stored")
	f.Set("box", "on")
	if f.Values["name"] != "" || f.Values["box"] != "" {
		t.Errorf("what was typed is overwritten: %v", f.Values)
	}
	f = ui.NewForm(get(t, "/?email=a@example.com&password=x"), "email", "name", "password")
	f.Set("email", "stored")
	f.Set("name", "stored")
	if f.Values["email"] != "a@example.com" || f.Values["name"] != "stored" || len(f.Values) != 2 {
		t.Errorf("%v", f.Values)
	}
}

func TestFailTakesWhatPeopleCanMend(t *testing.T) {
	invalid := fault.New(fault.Invalid, "invalid", "Not good.")
	for _, c := range []struct {
		err  error
		ok   bool
		want map[string][]ui.Problem
	}{
		{nil, false, nil},
		{errors.New("disk full"), false, nil},
		{fault.New(fault.Internal, "internal", "Our fault."), false, nil},
		{fmt.Errorf("wrapped: %w", invalid), true, map[string][]ui.Problem{"": {{Code: "invalid", Detail: "Not good."}}}},
		{invalid.WithField("email", "a", "A.").WithField("email", "b", "B."), true, map[string][]ui.Problem{"email": {{Code: "a", Detail: "A."}, {Code: "b", Detail: "B."}}}},
	} {
		f := ui.NewForm(get(t, "/"), "email")
		ok := f.Fail(c.err)
		if ok != c.ok || len(f.Problems) != len(c.want) {
			t.Errorf("%v: %v %v", c.err, ok, f.Problems)
		}
		for name, problems := range c.want {
			if !slices.Equal(f.Problems[name], problems) {
				t.Errorf("%v: %v", c.err, f.Problems)
			}
		}
	}
}

func TestProblemsLeadToTheirFieldsInOrder(t *testing.T) {
	f := ui.NewForm(get(t, "/"), "email", "name")
	f.ID = "second"
	f.Add("elsewhere", "d", "Fourth.")
	f.Add("name", "c", "Third.")
	f.Add("email", "b", "Second.")
	f.Add("", "a", "First.")
	text := show(t, "card", `{{template "problems" .}}{{template "field" (field . "email" "label" "x" "hint" "y" "required" true)}}{{template "field" (field . "name" "label" "x")}}`, ui.Page{Data: f})
	last := 0
	for _, want := range []string{"<li>First.</li>", `<li><a href="#second-email">Second.</a></li>`, `<li><a href="#second-name">Third.</a></li>`, "<li>Fourth.</li>",
		`id="second-email" name="email" required aria-describedby="second-email-hint second-email-problem" aria-invalid="true"`} {
		at := strings.Index(text, want)
		if at < last {
			t.Fatalf("%s is missing or out of order in\n%s", want, text)
		}
		last = at
	}
	if text := show(t, "card", `{{template "problems" .Form}}`, ui.Page{Data: map[string]any{"Form": (*ui.Form)(nil)}}); strings.Contains(text, "alert") {
		t.Error("no form has problems")
	}
}

func TestFieldsOfEachType(t *testing.T) {
	f := &ui.Form{Values: map[string]string{"pick": "b", "box": "on"}}
	data := map[string]any{"F": f, "O": []ui.Option{{Value: "a", Text: "A"}, {Value: "b", Text: "B"}}}
	for body, want := range map[string]string{
		`(field .F "pick" "type" "select" "label" "x" "options" .O)`:                                                                          `<option value="b" selected>B</option>`,
		`(field .F "pick" "type" "radio" "label" "x" "options" .O)`:                                                                           `id="pick-1" name="pick" value="b" checked`,
		`(field .F "box" "type" "checkbox" "label" "x")`:                                                                                      `<input type="checkbox" id="box" name="box" value="on" checked>`,
		`(field .F "n" "type" "number" "label" "x" "min" "1" "max" "9" "step" "2" "maxlength" 5 "minlength" 1)`:                               `min="1" max="9" step="2" minlength="1" maxlength="5"`,
		`(field .F "m" "label" "x" "autocomplete" "one-time-code" "inputmode" "numeric" "pattern" "[0-9]*" "autofocus" true "readonly" true)`: `autocomplete="one-time-code" inputmode="numeric" pattern="[0-9]*" readonly autofocus`,
	} {
		if text := show(t, "card", `{{template "field" `+body+`}}`, ui.Page{Data: data}); !strings.Contains(text, want) {
			t.Errorf("%s: no %s in\n%s", body, want, text)
		}
	}
}
