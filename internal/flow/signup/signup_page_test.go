package signup_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signup"
)

const (
	signUp    = "/account/sign-up/"
	checkMail = "/account/check-mail/"
	resend    = "/account/resend/"
	resent    = checkMail + "?done=signup.done.resent"
)

const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`

// form is a registration by the page.
func form(email string) url.Values {
	return url.Values{"email": {email}, "password": {pass}, "full_name": {"Jo Doe"}, "phone": {""}}
}

// jar returns the cookies of an answer, to be sent.
func jar(a domaintest.Answer) domaintest.Option {
	return func(r *http.Request) {
		for _, c := range a.Cookies {
			domaintest.Cookie(c)(r)
		}
	}
}

func TestSignUpPageLeadsToAnAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Page(signUp)
		d := parse(t, a)
		if want := []string{"full_name:name email:username password:new-password phone:tel"}; a.Status != http.StatusOK || !slices.Equal(d.fields(), want) {
			t.Fatalf("answered %d, forms %q", a.Status, d.fields())
		}
		if in := d.input(t, "password"); in["minlength"] != "8" || in["aria-describedby"] == "" || !strings.Contains(d.words(), "At least 8 characters") {
			t.Errorf("the rules are not shown: %v\n%s", in, d.words())
		}
		f := form(" Jo@Example.com")
		f.Set("phone", "555 0100")
		a = w.Submit(signUp, f, domaintest.Header("Accept-Language", "de-AT"))
		next := w.leads(a, checkMail, jar(a))
		if text := parse(t, next).words(); next.Status != http.StatusOK || !strings.Contains(text, "mailbox of Jo@Example.com") || !strings.Contains(text, "24 hours") {
			t.Errorf("answered %d\n%s", next.Status, text)
		}
		m := w.mail()
		if m.To != "Jo@Example.com" || !strings.Contains(m.HTML, `lang="de"`) {
			t.Errorf("mail to %s:\n%s", m.To, m.Text)
		}
		// The browser that registered need not type the password again.
		token := domaintest.Token(m)
		if got := parse(t, w.Page(page+"?token="+token, jar(a))).fields(); !slices.Equal(got, []string{buttonForm}) {
			t.Errorf("forms: %q", got)
		}
		done := w.Submit(page, url.Values{"token": {token}}, jar(a))
		w.leads(done, verified)
		for _, c := range done.Cookies {
			if c.MaxAge >= 0 {
				t.Errorf("the cookie %s was left", c.Name)
			}
		}
		var name, phone, locale string
		if err := w.Row(t.Context(), "SELECT full_name, phone, locale FROM profile", nil, &name, &phone, &locale); err != nil {
			t.Fatal(err)
		}
		if name != "Jo Doe" || phone != "555 0100" || locale != "de" || !w.opens("jo@example.com", pass) || len(done.Cookies) != 2 {
			t.Errorf("made %q %q %q, cookies %v", name, phone, locale, done.Cookies)
		}
		w.whole()
	})
}

func TestSignUpPageSetsTheCookieOfTheAPI(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		shape := func(a domaintest.Answer) string {
			for _, c := range a.Cookies {
				if c.Name == "__Host-gatehouse-registration" {
					return fmt.Sprint(len(c.Value), c.Path, c.MaxAge, c.HttpOnly, c.Secure, c.SameSite)
				}
			}
			return ""
		}
		api := shape(w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, ""), domaintest.OwnPage()))
		if got := shape(w.Submit(signUp, form("jo@example.com"))); got == "" || got != api {
			t.Errorf("cookie %q, the API's %q", got, api)
		}
	})
}

// Neither page may tell who has an account: not by its answer, its cookies or what it does.
func TestPagesAreTheSameForFreeAndTakenAddresses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("taken@example.com", "x")
		ask := func(path string, f url.Values, email string) (shape string, statements []string) {
			var a, next domaintest.Answer
			statements = w.Statements(func() {
				a = w.Submit(path, f)
				next = w.leads(a, a.Header.Get("Location"), jar(a))
			})
			if a.Header.Get("Location") == "" || strings.Contains(a.Header.Get("Location"), email) {
				t.Errorf("%s: leads to %q", path, a.Header.Get("Location"))
			}
			shape = fmt.Sprint(a.Status, a.Text, a.Header.Get("Location"), slices.Sorted(maps.Keys(a.Header)), next.Status, strings.ReplaceAll(next.Text, email, "EMAIL"))
			for _, c := range a.Cookies {
				shape += fmt.Sprint("\n", c.Name, len(c.Value), c.Path, c.MaxAge, c.Secure, c.HttpOnly, c.SameSite)
			}
			return shape, statements
		}
		for _, path := range []string{signUp, resend} {
			freeShape, free := ask(path, form("bland@example.com"), "bland@example.com")
			takenShape, taken := ask(path, form("taken@example.com"), "taken@example.com")
			if freeShape != takenShape {
				t.Errorf("%s: answers differ:\n%s\n%s", path, freeShape, takenShape)
			}
			if !slices.Equal(free, taken) {
				t.Errorf("%s: statements differ:\n%q\n%q", path, free, taken)
			}
		}
	})
}

func TestSignUpPageNamesAllThatIsWrongAndKeepsWhatWasTyped(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var a domaintest.Answer
		done := w.Statements(func() {
			a = w.Submit(signUp, url.Values{"email": {"jo@nowhere"}, "password": {"short"}, "full_name": {"Jo Doe"}, "phone": {"call me"}})
		})
		d := parse(t, a)
		if got := slices.Sorted(maps.Keys(d.complaints())); a.Status != http.StatusBadRequest || !slices.Equal(got, []string{"email", "password", "phone"}) || len(done) != 0 {
			t.Fatalf("answered %d, complaints %q, did %q\n%s", a.Status, got, done, a.Text)
		}
		for id, want := range map[string]string{"email": "jo@nowhere", "full_name": "Jo Doe", "phone": "call me", "password": ""} {
			in := d.input(t, id)
			if in["value"] != want || (in["aria-invalid"] == "true") != (id != "full_name") {
				t.Errorf("%s: %v", id, in)
			}
		}
		if strings.Contains(a.Text, "short\"") || len(a.Cookies) != 0 {
			t.Errorf("it repeats the password, or set a cookie: %v", a.Cookies)
		}
	})
}

func TestSignUpAndResendPagesKeepTheLimits(t *testing.T) {
	eachWith(t, func(c *signup.Config) { c.PerMailbox.Burst = 2 }, func(t *testing.T, w *world) {
		a := w.Submit(signUp, form("jo@example.com"))
		w.leads(a, checkMail)
		w.leads(w.Submit(resend, url.Values{"email": {"jo@example.com"}}), resent)
		for _, path := range []string{signUp, resend} {
			a := w.Submit(path, form("jo@example.com"))
			d := parse(t, a)
			if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || len(d.complaints()) != 1 || d.input(t, "email")["value"] != "jo@example.com" {
				t.Errorf("%s: answered %d\n%s", path, a.Status, a.Text)
			}
		}
		if w.Drain(); len(w.Mails.Take()) != 2 {
			t.Error("the limits do not hold")
		}
	})
}

func TestClosedRegistrationHasAPageThatSaysSo(t *testing.T) {
	eachWith(t, func(c *signup.Config) { c.Closed = true }, func(t *testing.T, w *world) {
		for name, a := range map[string]domaintest.Answer{"GET": w.Page(signUp), "POST": w.Submit(signUp, form("jo@example.com"))} {
			d := parse(t, a)
			if a.Status != http.StatusForbidden || !strings.Contains(d.words(), "registration_closed") || len(d.all("form")) != 0 || !strings.Contains(a.Text, signInURL) {
				t.Errorf("%s: answered %d\n%s", name, a.Status, a.Text)
			}
		}
		for _, path := range []string{checkMail, page} {
			if a := w.Page(path); strings.Contains(a.Text, signUp) {
				t.Errorf("%s leads to registration, which is closed", path)
			}
		}
		if w.waiting() != 0 {
			t.Errorf("%d wait", w.waiting())
		}
	})
}

func TestSignUpPageAsksForAUserName(t *testing.T) {
	ask := func(t *testing.T, set func(*signup.Config), want string, required bool) {
		eachWith(t, set, func(t *testing.T, w *world) {
			d := parse(t, w.Page(signUp))
			_, marked := d.input(t, "username")["required"]
			if got := d.fields(); !slices.Equal(got, []string{want}) || marked != required {
				t.Errorf("forms %q, required %t", got, marked)
			}
			f := form("jo@example.com")
			f.Set("username", "not a name")
			if a := w.Submit(signUp, f); a.Status != http.StatusBadRequest || parse(t, a).complaints()["username"] == "" {
				t.Errorf("answered %d\n%s", a.Status, a.Text)
			}
			f.Set("username", "")
			if a := w.Submit(signUp, f); (a.Status == http.StatusBadRequest) != required {
				t.Errorf("without one: answered %d", a.Status)
			}
			f.Set("username", "Jo.D")
			w.leads(w.Submit(signUp, f), checkMail)
			if n := w.Count("SELECT count(*) FROM registration WHERE username = 'Jo.D'"); n != 1 {
				t.Errorf("%d wait", n)
			}
		})
	}
	t.Run("where people sign in by it", func(t *testing.T) {
		ask(t, func(c *signup.Config) { c.UsernameRequired = true }, "full_name:name email:email username:username password:new-password phone:tel", true)
	})
	t.Run("where they may", func(t *testing.T) {
		ask(t, func(c *signup.Config) { c.UsernameOffered = true }, "full_name:name email:username username:nickname password:new-password phone:tel", false)
	})
}

func TestSignUpPageAsksForRequiredAttributes(t *testing.T) {
	attributes := []account.Attribute{
		{Name: "cost_centre", Type: "string", Required: true, MaxLength: 12}, {Name: "size", Type: "string", Required: true, OneOf: []string{"S", "M"}},
		{Name: "age", Type: "number", Required: true}, {Name: "member", Type: "boolean", Required: true}, {Name: "nick", Type: "string"},
	}
	eachAsking(t, attributes, func(*signup.Config) {}, func(t *testing.T, w *world) {
		a := w.Page(signUp)
		d := parse(t, a)
		var names []string
		for _, in := range slices.Concat(d.all("input"), d.all("select")) {
			if name, found := strings.CutPrefix(attr(in, "name"), "attributes."); found {
				names = append(names, name+":"+attr(in, "type")+":"+attr(in, "maxlength"))
			}
		}
		if want := []string{"cost_centre:text:12", "age:number:", "member:radio:", "member:radio:", "size::"}; !slices.Equal(names, want) || !strings.Contains(d.words(), "Cost centre") {
			t.Fatalf("asks for %q\n%s", names, d.words())
		}
		f := form("jo@example.com")
		a = w.Submit(signUp, f)
		want := []string{"attributes.age", "attributes.cost_centre", "attributes.member", "attributes.size"}
		if got := slices.Sorted(maps.Keys(parse(t, a).complaints())); a.Status != http.StatusBadRequest || !slices.Equal(got, want) {
			t.Errorf("answered %d, complaints %q", a.Status, got)
		}
		for name, value := range map[string]string{"cost_centre": "0815", "size": "XL", "age": "old", "member": "perhaps", "nick": "not asked for"} {
			f.Set("attributes."+name, value)
		}
		a = w.Submit(signUp, f)
		if got := slices.Sorted(maps.Keys(parse(t, a).complaints())); !slices.Equal(got, []string{"attributes.age", "attributes.member", "attributes.size"}) || parse(t, a).input(t, "attributes.cost_centre")["value"] != "0815" {
			t.Errorf("answered %d, complaints %q\n%s", a.Status, got, a.Text)
		}
		f.Set("attributes.size", "M")
		f.Set("attributes.age", "1.6e1")
		f.Set("attributes.member", "no")
		w.leads(w.Submit(signUp, f), checkMail)
		var stored string
		w.Read(&stored, "SELECT attributes FROM registration")
		if stored != `{"age":16,"cost_centre":"0815","member":false,"size":"M"}` {
			t.Errorf("stored %s", stored)
		}
	})
}

func TestPagesShowScriptAsText(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		f := url.Values{"email": {evil}, "password": {evil}, "full_name": {evil}, "phone": {evil}, "username": {evil}}
		registered := w.Submit(signUp, url.Values{"email": {"jo@example.com"}, "password": {pass}, "full_name": {evil}})
		token := domaintest.Token(w.mail())
		planted := domaintest.Cookie(&http.Cookie{Name: "__Host-gatehouse-mailed", Value: "Ij48c2NyaXB0PmFsZXJ0KDEpPC9zY3JpcHQ-"})
		pages := map[string]domaintest.Answer{
			"sign up": w.Submit(signUp, f), "resend": w.Submit(resend, f), "query": w.Page(signUp + "?" + f.Encode()), "resend query": w.Page(resend + "?" + f.Encode()),
			"check mail": w.leads(registered, checkMail, jar(registered)), "done": w.Page(checkMail + "?done=" + url.QueryEscape(evil) + "&" + f.Encode()), "cookie": w.Page(checkMail, planted),
			"confirm": w.Page(page + "?token=" + token), "confirm again": w.Submit(page, url.Values{"token": {token}, "password": {pass}, "username": {evil}}),
		}
		for name, a := range pages {
			d := parse(t, a)
			for _, s := range d.all("script") {
				if attr(s, "src") == "" || s.FirstChild != nil {
					t.Errorf("%s: what was typed became a script\n%s", name, a.Text)
				}
			}
			for _, img := range d.all("img") {
				if slices.ContainsFunc(img.Attr, func(at html.Attribute) bool { return strings.HasPrefix(at.Key, "on") }) {
					t.Errorf("%s: what was typed became an image", name)
				}
			}
			if strings.Contains(a.Text, "ZgotmplZ") {
				t.Errorf("%s: holds what its template refused", name)
			}
		}
		if got := parse(t, pages["sign up"]).input(t, "full_name")["value"]; got != evil {
			t.Errorf("the name became %q", got)
		}
	})
}

// A link may make nobody's browser say that we mailed to an address.
func TestCheckMailPageNamesOnlyWhatTheBrowserAskedFor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Page(checkMail + "?email=jo@example.com&done=no.such.text")
		d := parse(t, a)
		if a.Status != http.StatusOK || strings.Contains(d.words(), "jo@example.com") || d.input(t, "email")["value"] != "" || !slices.Equal(d.fields(), []string{"email:username"}) {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		asked := w.Submit(resend, url.Values{"email": {"jo@example.com"}})
		next := w.leads(asked, resent, jar(asked))
		d = parse(t, next)
		if text := d.words(); !strings.Contains(text, "mailbox of jo@example.com") || !strings.Contains(text, "we have sent its link once more") || d.input(t, "email")["value"] != "jo@example.com" {
			t.Errorf("it says %s", text)
		}
		if w.Drain(); len(w.Mails.Take()) != 0 {
			t.Error("a mail was sent where nothing waits")
		}
	})
}

func TestResendPageMailsTheLinkAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.register("jo@example.com", pass, "")
		if got := parse(t, w.Page(resend)).fields(); !slices.Equal(got, []string{"email:username"}) {
			t.Errorf("forms %q", got)
		}
		a := w.Submit(resend, url.Values{"email": {"nobody"}})
		if d := parse(t, a); a.Status != http.StatusBadRequest || d.complaints()["email"] == "" || d.input(t, "email")["value"] != "nobody" || len(a.Cookies) != 0 {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		w.leads(w.Submit(resend, url.Values{"email": {"jo@example.com"}}), resent)
		second := domaintest.Token(w.mail())
		if second == "" || second == first {
			t.Errorf("tokens %q and %q", first, second)
		}
		w.leads(w.Submit(page, url.Values{"token": {second}, "password": {pass}}), verified)
	})
}

func TestFormsSentTwiceDoNoHarm(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 2 {
			w.leads(w.Submit(signUp, form("jo@example.com")), checkMail)
		}
		w.Drain()
		mails := w.Mails.Take()
		if len(mails) != 2 {
			t.Fatalf("%d mails", len(mails))
		}
		f := url.Values{"token": {domaintest.Token(mails[0])}, "password": {pass}}
		w.leads(w.Submit(page, f), verified)
		if a := w.Submit(page, f); a.Status != http.StatusBadRequest || !strings.Contains(parse(t, a).words(), "there is nothing left to do") {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		if w.accounts() != 1 || w.waiting() != 0 {
			t.Errorf("%d accounts, %d wait", w.accounts(), w.waiting())
		}
		w.whole()
	})
}

func TestPagesSpeakTheLanguageOfTheBrowser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Page(signUp, domaintest.Header("Accept-Language", "ar"))
		if root := parse(t, a).all("html")[0]; attr(root, "lang") != "ar" || attr(root, "dir") != "rtl" {
			t.Errorf("html %v", root.Attr)
		}
	})
}

func TestMailedAddressIsForgottenSoon(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Submit(resend, url.Values{"email": {"jo@example.com"}})
		if len(a.Cookies) != 1 || a.Cookies[0].Name != "__Host-gatehouse-mailed" || time.Duration(a.Cookies[0].MaxAge)*time.Second != 30*time.Minute || !a.Cookies[0].HttpOnly || !a.Cookies[0].Secure {
			t.Errorf("cookies %v", a.Cookies)
		}
	})
}
