package signup_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signup"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

func TestRegistrationBecomesAnAccountThroughItsMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Call(http.MethodPost, "/register/", body("Jo@Example.com", pass, `,"phone":"5550100","username":"Jo.D","locale":"de","attributes":{"team":"blue"}`))
		if a.Status != http.StatusCreated || a.JSON["email"] != "Jo@Example.com" || a.JSON["detail"] == "" || len(a.JSON) != 2 {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if w.accounts() != 0 {
			t.Error("there is an account before the address is proven")
		}
		m := w.mail()
		if m.To != "Jo@Example.com" || !strings.Contains(m.HTML, `lang="de"`) || !strings.Contains(m.Text, domaintest.Origin+"/account/verify/?token=") {
			t.Errorf("mail to %s:\n%s", m.To, m.Text)
		}
		a = w.verify(domaintest.Token(m))
		if a.Status != http.StatusOK || a.JSON["email"] != "Jo@Example.com" {
			t.Fatalf("verify answered %d %s", a.Status, a.Text)
		}
		var email, key, username, name, phone, locale, attributes string
		var verified, active, staff, superuser bool
		err := w.Row(t.Context(), `SELECT a.email, a.email_key, a.username, a.email_verified, a.active, a.staff, a.superuser, p.full_name, p.phone, p.locale, p.attributes
			FROM account a JOIN profile p ON p.account_id = a.id`, nil, &email, &key, &username, &verified, &active, &staff, &superuser, &name, &phone, &locale, &attributes)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(email, key, username, verified, active, staff, superuser, name, phone, locale, attributes); got != fmt.Sprint(
			"Jo@Example.com", "jo@example.com", "Jo.D", true, true, false, false, "Jo Doe", "5550100", "de", `{"team":"blue"}`) {
			t.Errorf("made %s", got)
		}
		if !w.opens("jo@example.com", pass) || w.waiting() != 0 {
			t.Error("the password does not open the account, or the registration still waits")
		}
		w.whole()
	})
}

// The request may not tell who has an account: not by its answer, and not by what it does.
func TestRequestsAreTheSameForFreeAndTakenAddresses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("taken@example.com", "x")
		ask := func(path, body string) (shape string, statements []string) {
			var a domaintest.Answer
			statements = w.Statements(func() { a = w.Call(http.MethodPost, path, body) })
			return fmt.Sprint(a.Status, a.JSON["detail"], slices.Sorted(maps.Keys(a.Header))), statements
		}
		for _, path := range []string{"/register/", "/email/verify/resend/"} {
			of := func(email string) string {
				if path == "/register/" {
					return body(email, pass, "")
				}
				return `{"email":"` + email + `"}`
			}
			freeShape, free := ask(path, of("free@example.com"))
			takenShape, taken := ask(path, of("taken@example.com"))
			if freeShape != takenShape {
				t.Errorf("%s: answers differ:\n%s\n%s", path, freeShape, takenShape)
			}
			if !slices.Equal(free, taken) {
				t.Errorf("%s: statements differ:\n%q\n%q", path, free, taken)
			}
			if slices.ContainsFunc(free, func(q string) bool { return regexp.MustCompile(`\baccount\b`).MatchString(q) }) {
				t.Errorf("%s looks at accounts: %q", path, free)
			}
		}
	})
}

func TestTakenAddressIsToldAtTheAddressOnRecord(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("Owner@example.com", "x")
		if a := w.Call(http.MethodPost, "/register/", body("oWNER@example.com", pass, "")); a.Status != http.StatusCreated {
			t.Fatalf("answered %d", a.Status)
		}
		m := w.mail()
		if m.To != "Owner@example.com" || !strings.Contains(m.Subject, "already have an account") || strings.Contains(m.Text, "token=") {
			t.Errorf("mail to %s: %s\n%s", m.To, m.Subject, m.Text)
		}
	})
}

// Row 60 of SECURITY.md: what only looks like an address is another address.
func TestLookAlikeAddressIsMailedItselfAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("mike@example.com", "x")
		const lookAlike = "mi\u212ae@example.com" // the Kelvin sign
		a := w.Call(http.MethodPost, "/register/", body(lookAlike, pass, ""))
		if a.Status != http.StatusCreated {
			t.Fatalf("answered %d", a.Status)
		}
		if m := w.mail(); m.To != lookAlike || domaintest.Token(m) == "" {
			t.Errorf("mail to %s", m.To)
		}
	})
}

func TestRegisterRefusesBeforeAnythingIsDone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct{ code, body string }{
			{"email_invalid", body("nobody", pass, "")},
			{"email_invalid", body("a@b@example.com", pass, "")},
			{"fields_invalid", `{"email":["jo@example.com","eve@example.com"],"password":"` + pass + `","full_name":""}`},
			{"fields_invalid", `{"email":"jo@example.com","password":"` + pass + `"}`},
			{"fields_invalid", body("jo@example.com", pass, `,"is_staff":true`)},
			{"fields_invalid", body("jo@example.com", pass, `,"email_verified":true`)},
			{"fields_invalid", body("jo@example.com", pass, `,"is_active":true`)},
			{"fields_invalid", body("jo@example.com", strings.Repeat("x", 100_000), "")},
			{"password_refused", body("jo@example.com", "short", "")},
			{"password_refused", body("jo@example.com", "jo@example.com", "")},
			{"password_refused", body("jo@example.com", "password1", "")},
			{"username_invalid", body("jo@example.com", pass, `,"username":"not a name"`)},
			{"profile_invalid", body("jo@example.com", pass, `,"phone":"call me"`)},
			{"profile_invalid", body("jo@example.com", pass, `,"attributes":{"role":"admin"}`)},
		} {
			var a domaintest.Answer
			done := w.Statements(func() { a = w.Call(http.MethodPost, "/register/", c.body) })
			if a.Code == "body_too_large" && len(c.body) > 64<<10 {
				continue
			}
			refused(t, a, http.StatusBadRequest, c.code)
			if len(done) != 0 {
				t.Errorf("%s: did %q", c.code, done)
			}
			if strings.Contains(a.Text, "jo@example.com") || strings.Contains(a.Text, pass) {
				t.Errorf("%s: echoes what was sent", c.code)
			}
		}
	})
}

func TestClosedRegistrationIsRefused(t *testing.T) {
	eachWith(t, func(c *signup.Config) { c.Closed = true }, func(t *testing.T, w *world) {
		refused(t, w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, "")), http.StatusForbidden, "registration_closed")
	})
}

func TestUsernameMayBeRequired(t *testing.T) {
	eachWith(t, func(c *signup.Config) { c.UsernameRequired = true }, func(t *testing.T, w *world) {
		refused(t, w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, "")), http.StatusBadRequest, "username_invalid")
	})
}

func TestMailsToOneAddressAreLimitedTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 5 {
			path, b := "/register/", body("Jo@example.com", pass, "")
			if i%2 == 1 {
				path, b = "/email/verify/resend/", `{"email":"jo@EXAMPLE.com"}`
			}
			if a := w.Call(http.MethodPost, path, b); a.Status >= 300 {
				t.Fatalf("mail %d: answered %d", i, a.Status)
			}
		}
		a := w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, ""))
		refused(t, a, http.StatusTooManyRequests, "rate_limited")
		if a.Header.Get("Retry-After") == "" {
			t.Error("it does not say when to come back")
		}
		refused(t, w.Call(http.MethodPost, "/email/verify/resend/", `{"email":"jo@example.com"}`), http.StatusTooManyRequests, "rate_limited")
		if a := w.Call(http.MethodPost, "/email/verify/resend/", `{"email":"other@example.com"}`); a.Status != http.StatusAccepted {
			t.Errorf("another address: answered %d", a.Status)
		}
	})
}

func TestMailsFromOneNetworkAddressAreLimited(t *testing.T) {
	eachWith(t, func(c *signup.Config) { c.PerNetwork.Burst = 2 }, func(t *testing.T, w *world) {
		for i, want := range []int{http.StatusAccepted, http.StatusAccepted, http.StatusTooManyRequests} {
			if a := w.Call(http.MethodPost, "/email/verify/resend/", fmt.Sprintf(`{"email":"jo%d@example.com"}`, i)); a.Status != want {
				t.Errorf("mail %d: answered %d", i, a.Status)
			}
		}
	})
}

// The raw token is in the mail and in the sealed payload of its job, and nowhere else.
func TestTokenAndPasswordAreNotStored(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "", domaintest.OwnPage())
		for _, table := range []string{"registration", "job", "audit_event", "rate_limit"} {
			columns := map[string]string{
				"registration": "email || password_hash || full_name || device",
				"job":          "kind || recipient || last_error", "audit_event": "kind || reason || detail", "rate_limit": "k",
			}
			var all strings.Builder
			err := w.DB.Each(t.Context(), "SELECT "+columns[table]+" FROM "+table, nil, func(scan func(...any) error) error {
				var s string
				err := scan(&s)
				all.WriteString(s)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(all.String(), token) || strings.Contains(all.String(), pass) {
				t.Errorf("table %s holds a secret", table)
			}
		}
		var stored []byte
		w.Read(&stored, "SELECT token_hash FROM registration")
		if !slices.Equal(stored, w.Keys.Hasher("registration").Sum(token)) || strings.Contains(string(stored), token) {
			t.Error("the token is not stored as a keyed hash of its own purpose")
		}
	})
}

func TestMailIsSentThoughTheServerWasAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, ""))
		w.Mails.Fail(errors.New("connection refused"))
		w.Drain()
		w.Mails.Fail(nil)
		w.Clock.Advance(time.Minute)
		first := w.mail()
		if a := w.verify(domaintest.Token(first)); a.Status != http.StatusOK {
			t.Errorf("answered %d", a.Status)
		}
	})
}

func TestMailOfARegistrationThatIsGoneIsNotSent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, ""))
		w.Clock.Advance(24 * time.Hour)
		w.Drain()
		if mails := w.Mails.Take(); len(mails) != 0 {
			t.Errorf("mails: %v", mails)
		}
	})
}

func TestMailsNameTheSameHostWhateverTheHeadersSay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		headers := []string{"X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-URL", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Rewrite-URL"}
		for i, h := range headers {
			value := "evil.example.net"
			if h == "Forwarded" {
				value = "host=evil.example.net;proto=http"
			}
			w.Call(http.MethodPost, "/register/", body(fmt.Sprintf("jo%d@example.com", i), pass, ""), domaintest.Header(h, value))
			if m := w.mail(); strings.Contains(m.Text+m.HTML, "evil") || !strings.Contains(m.Text, domaintest.Origin+"/account/verify/?token=") {
				t.Errorf("%s changed the mail:\n%s", h, m.Text)
			}
		}
		if a := w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, ""), domaintest.Header("Host", "evil.example.net")); a.Status != http.StatusMisdirectedRequest {
			t.Errorf("foreign Host: answered %d", a.Status)
		}
	})
}

func TestResendMailsAnotherLinkAndLeavesTheFirst(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.register("jo@example.com", pass, "")
		again := func() mail.Message {
			if a := w.Call(http.MethodPost, "/email/verify/resend/", `{"email":"JO@example.com"}`); a.Status != http.StatusAccepted {
				t.Fatalf("answered %d", a.Status)
			}
			return w.mail()
		}
		w.Clock.Advance(23 * time.Hour)
		m := again()
		if m.To != "jo@example.com" || domaintest.Token(m) == first {
			t.Errorf("mail to %s", m.To)
		}
		if a := w.Page("/account/verify/?token=" + first); a.Status != http.StatusOK {
			t.Errorf("a stranger's resend killed the first link: %d", a.Status)
		}
		w.Clock.Advance(23 * time.Hour) // the first is over by now, the second is not
		refused(t, w.verify(first), http.StatusBadRequest, "link_invalid")
		if a := w.verify(domaintest.Token(m)); a.Status != http.StatusOK || !w.opens("jo@example.com", pass) {
			t.Errorf("answered %d", a.Status)
		}
		w.whole()
	})
}

func TestResendMailsNothingWhereNothingWaits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("taken@example.com", "x")
		for _, email := range []string{"taken@example.com", "nobody@example.com"} {
			if a := w.Call(http.MethodPost, "/email/verify/resend/", `{"email":"`+email+`"}`); a.Status != http.StatusAccepted {
				t.Errorf("%s: answered %d", email, a.Status)
			}
		}
		w.Drain()
		if mails := w.Mails.Take(); len(mails) != 0 || w.waiting() != 0 {
			t.Errorf("mails: %v, waiting: %d", mails, w.waiting())
		}
	})
}

func TestResendThatIsTriedAgainMailsTheSameLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("jo@example.com", pass, "")
		w.Call(http.MethodPost, "/email/verify/resend/", `{"email":"jo@example.com"}`)
		w.Mails.Fail(errors.New("connection refused"))
		w.Drain()
		w.Mails.Fail(nil)
		w.Clock.Advance(time.Minute)
		if a := w.verify(domaintest.Token(w.mail())); a.Status != http.StatusOK {
			t.Errorf("answered %d", a.Status)
		}
	})
}

func TestRegisterIsWholeOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for n := 1; ; n++ {
			var a domaintest.Answer
			if !w.FailAt(n, func() { a = w.Call(http.MethodPost, "/register/", body(fmt.Sprintf("jo%d@example.com", n), pass, "")) }) {
				if a.Status != http.StatusCreated || n != 4 {
					t.Fatalf("after %d statements: %d %s", n-1, a.Status, a.Text)
				}
				return
			}
			if a.Status < 500 {
				t.Errorf("statement %d: answered %d", n, a.Status)
			}
			if r, j := w.waiting(), w.Count("SELECT count(*) FROM job"); r != 0 || j != 0 {
				t.Fatalf("statement %d: %d registrations, %d jobs", n, r, j)
			}
		}
	})
}

func TestSweepRemovesExpiredRegistrationsInBatches(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 3 {
			w.register(fmt.Sprintf("jo%d@example.com", i), pass, "")
		}
		w.Clock.Advance(24 * time.Hour)
		w.register("new@example.com", pass, "")
		for _, want := range []int64{2, 1, 0} {
			if n, err := signup.Sweep(t.Context(), w.DB.DB, 2); err != nil || n != want {
				t.Errorf("removed %d, %v; want %d", n, err, want)
			}
		}
		if w.waiting() != 1 {
			t.Errorf("%d wait", w.waiting())
		}
	})
}
