package hostile

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/gatehouse-auth/gatehouse"
)

// tokens is one good token of each kind.
type tokens struct {
	of map[string]string
}

var kinds = []string{
	"access", "tenant access", "refresh", "cookie refresh", "tenant refresh", "invitation", "verify", "reset", "browser", "second step", "passkey sign-in", "passkey registration", "passkey step", "passkey confirmation", "link", "confirmation",
	"not me", "email change", "email undo", "recovery cancel", "recovery finish", "device", "page",
}

// ofSessions are the kinds whose tokens are a session's: whoever has one may end it.
var ofSessions = kinds[:5]

// tickets are the kinds of what a ceremony goes on with.
var tickets = []string{"second step", "passkey sign-in", "passkey registration", "passkey step", "passkey confirmation", "link", "confirmation"}

// collect makes a token of each kind that can all be good at once: of several accounts, for some tokens
// end others. Who is asked by name at a door that is not for everybody is in w.access.
func (w *world) collect() tokens {
	w.t.Helper()
	of := map[string]string{}
	w.access = map[string]string{}
	w.collectRecovery(of) // it takes days
	w.account("jo@example.com")
	mine, byCookie := w.signIn("jo@example.com", "body"), w.signIn("jo@example.com", "cookie")
	w.signIn("jo@example.com", "body", header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"))
	of["not me"] = w.Mailbox.Wait(w.t, "jo@example.com", "A new device").Token()
	page := w.signInPage("jo@example.com", password, "")
	of["page"], of["device"] = page.cookieNamed(pageName).Value, page.cookieNamed(deviceName).Value
	of["access"], of["refresh"], of["cookie refresh"], w.access["jo"] = mine.access, mine.refresh, byCookie.cookie.Value, mine.access
	w.collectFactors(of)
	w.collectEmail(of)
	w.collectTenant(of)
	w.must(w.call(http.MethodPost, "/password/reset/", `{"email":"jo@example.com"}`), http.StatusAccepted)
	a := w.call(http.MethodPost, "/register/", text(map[string]string{"email": "new@example.com", "password": password, "full_name": ""}), header("Origin", w.URL))
	if len(a.cookies) != 1 {
		w.t.Fatalf("register answered %d", a.status)
	}
	of["browser"] = a.cookies[0].Value
	of["verify"], of["reset"] = w.Mailbox.Wait(w.t, "new@example.com").Token(), w.Mailbox.Wait(w.t, "jo@example.com", "Choose a new password").Token()
	for _, kind := range kinds {
		if len(of[kind]) < 43 {
			w.t.Fatalf("there is no token of the kind %s", kind)
		}
	}
	return tokens{of}
}

// collectRecovery lets an account that lost its app wait until it can do without.
func (w *world) collectRecovery(of map[string]string) {
	w.t.Helper()
	w.account("lee@example.com")
	w.app(w.signIn("lee@example.com", "body").access)
	w.must(w.call(http.MethodPost, "/recovery/factor/", `{"mfa_token":"`+w.halfway("lee@example.com")+`"}`), http.StatusAccepted)
	of["recovery cancel"] = w.Mailbox.Wait(w.t, "lee@example.com", "Somebody wants to remove").Token()
	w.Clock.Advance(w.t, 72*time.Hour+time.Minute)
	of["recovery finish"] = w.Mailbox.Wait(w.t, "lee@example.com", "You can now remove").Token()
	of["second step"] = w.halfway("lee@example.com")
}

// halfway signs in with the password of an account that has a second factor, and returns the ticket.
func (w *world) halfway(email string) string {
	w.t.Helper()
	a := w.call(http.MethodPost, "/login/", text(map[string]string{"email": email, "password": password}))
	w.refused(a, "the first step", http.StatusForbidden, "mfa_required")
	return a.member("mfa_token")
}

// collectFactors begins every ceremony of passkeys and of codes by mail.
func (w *world) collectFactors(of map[string]string) {
	w.t.Helper()
	ticket := func(path, body, by string) string {
		w.t.Helper()
		a := w.call(http.MethodPost, path, body)
		if by != "" {
			a = w.call(http.MethodPost, path, body, bearer(by))
		}
		if a.status != http.StatusOK && a.status != http.StatusAccepted {
			w.t.Fatalf("%s answered %d %s", a.what, a.status, a.code)
		}
		return a.member("ticket")
	}
	w.account("pat@example.com")
	w.access["pat"] = w.signIn("pat@example.com", "body").access
	key := w.passkey(w.access["pat"])
	of["passkey sign-in"] = ticket("/passkeys/login/begin/", "{}", "")
	of["passkey registration"] = ticket("/passkeys/register/begin/", "", w.access["jo"])
	begun := w.must(w.call(http.MethodPost, "/login/mfa/passkey/", `{"mfa_token":"`+w.halfway("pat@example.com")+`"}`), http.StatusOK)
	of["passkey step"], w.answered = begun.member("ticket"), string(key.Get([]byte(text(begun.object["publicKey"]))))
	of["passkey confirmation"] = ticket("/reauth/passkey/", "", w.access["pat"])
	of["link"] = ticket("/magic-link/", `{"email":"jo@example.com"}`, "")
	w.CreateAccount(w.t, func(n *gatehouse.NewAccount) { n.Email, n.Password = "cy@example.com", "" })
	link := ticket("/magic-link/", `{"email":"cy@example.com"}`, "")
	code := w.Mailbox.Wait(w.t, "cy@example.com", "Sign in to").Token()
	w.access["cy"] = w.must(w.call(http.MethodPost, "/magic-link/verify/", `{"ticket":"`+link+`","code":"`+code+`"}`), http.StatusOK).member("access")
	of["confirmation"] = ticket("/reauth/email/", "", w.access["cy"])
	w.Mailbox.Wait(w.t, "jo@example.com", "Sign in to") // the ticket is whose it is from then on
}

// collectEmail asks for an address and changes another.
func (w *world) collectEmail(of map[string]string) {
	w.t.Helper()
	w.must(w.call(http.MethodPost, "/me/email/", `{"email":"jo.new@example.com"}`, bearer(w.access["jo"])), http.StatusAccepted)
	of["email change"] = w.Mailbox.Wait(w.t, "jo.new@example.com", "Confirm your new").Token()
	w.account("kim@example.com")
	w.must(w.call(http.MethodPost, "/me/email/", `{"email":"kim.new@example.com"}`, bearer(w.signIn("kim@example.com", "body").access)), http.StatusAccepted)
	w.must(posts("/me/email/confirm/", "token", "")(w, w.Mailbox.Wait(w.t, "kim.new@example.com", "Confirm your new").Token()), http.StatusOK)
	of["email undo"] = w.Mailbox.Wait(w.t, "kim@example.com", "was changed").Token()
}

// collectTenant signs in to a tenant and invites somebody.
func (w *world) collectTenant(of map[string]string) {
	w.t.Helper()
	w.acme(w.account("tia@example.com"))
	in := w.must(w.call(http.MethodPost, "/login/", text(map[string]string{"email": "tia@example.com", "password": password, "tenant": "acme"})), http.StatusOK)
	of["tenant access"], of["tenant refresh"] = in.member("access"), in.member("refresh")
	of["invitation"] = w.Mailbox.Wait(w.t, "invited@example.com").Token()
}

// use is a place where one kind of token is good.
type use struct {
	name   string
	kinds  []string // that are good here
	code   string   // of the refusal
	status int
	try    func(w *world, token string) answer
}

func posts(path, member, rest string) func(w *world, token string) answer {
	return func(w *world, token string) answer {
		return w.call(http.MethodPost, path, `{"`+member+`":`+text(token)+rest+`}`)
	}
}

// postsAs is posts for whoever is signed in.
func postsAs(who, path, member, rest string) func(w *world, token string) answer {
	return func(w *world, token string) answer {
		return w.call(http.MethodPost, path, `{"`+member+`":`+text(token)+rest+`}`, bearer(w.access[who]))
	}
}

func shows(method, path, body string) func(w *world, token string) answer {
	return func(w *world, token string) answer { return w.call(method, path, body, bearer(token)) }
}

var uses = []use{
	{"me", []string{"access", "tenant access"}, "token_invalid", 401, shows("GET", "/me/", "")},
	{"me, change", []string{"access", "tenant access"}, "token_invalid", 401, shows("PATCH", "/me/", `{}`)},
	{"sessions", []string{"access", "tenant access"}, "token_invalid", 401, shows("GET", "/sessions/", "")},
	{"password change", []string{"access", "tenant access"}, "token_invalid", 401, shows("POST", "/password/change/", `{"old_password":"x","new_password":"y"}`)},
	{"token verify", []string{"access", "tenant access", "refresh", "cookie refresh", "tenant refresh"}, "token_invalid", 401, posts("/token/verify/", "token", "")},
	{"refresh", []string{"refresh", "cookie refresh", "tenant refresh"}, "refresh_rejected", 401, posts("/token/refresh/", "refresh", "")},
	{"refresh by cookie", []string{"refresh", "cookie refresh", "tenant refresh"}, "refresh_rejected", 401, func(w *world, token string) answer {
		return w.call(http.MethodPost, "/token/refresh/", "", header("Cookie", refreshName+"="+token))
	}},
	{"me, in a tenant", []string{"tenant access", "access"}, "token_invalid", 401, shows("GET", "/tenants/acme/", "")}, // one for no tenant is refused otherwise
	{"invitation", []string{"invitation"}, "link_invalid", 400, postsAs("jo", "/invitations/accept/", "token", "")},
	{"invitation, signing up", []string{"invitation"}, "link_invalid", 400, posts("/invitations/sign-up/", "token", `,"password":"`+password+`","full_name":"Jo"`)},
	{"verify", []string{"verify"}, "link_invalid", 400, posts("/email/verify/", "token", "")},
	{"reset", []string{"reset"}, "link_invalid", 400, posts("/password/reset/confirm/", "token", `,"new_password":"Another-Long-2-Secret"`)},
	{"second step", []string{"second step"}, "step_rejected", 401, posts("/login/mfa/", "mfa_token", `,"method":"totp","code":"000000"`)},
	{"second step, mail", []string{"second step"}, "step_rejected", 401, posts("/login/mfa/email/", "mfa_token", "")},
	{"second step, passkey", []string{"second step"}, "step_rejected", 401, posts("/login/mfa/passkey/", "mfa_token", "")},
	{"second step, set up", []string{"second step"}, "step_rejected", 401, posts("/login/mfa/setup/", "mfa_token", "")},
	{"recovery ask", []string{"second step"}, "step_rejected", 401, posts("/recovery/factor/", "mfa_token", "")},
	{"passkey sign-in", []string{"passkey sign-in"}, "proof_rejected", 401, posts("/passkeys/login/finish/", "ticket", `,"credential":{}`)},
	{"passkey registration", []string{"passkey registration"}, "passkey_invalid", 400, postsAs("jo", "/passkeys/register/finish/", "ticket", `,"credential":{}`)},
	{"passkey confirmation", []string{"passkey confirmation"}, "passkey_rejected", 403, postsAs("pat", "/reauth/", "ticket", `,"method":"passkey","credential":{}`)},
	{"link", []string{"link"}, "step_rejected", 401, posts("/magic-link/verify/", "ticket", `,"code":"00000000"`)},
	{"confirmation", []string{"confirmation"}, "step_rejected", 401, postsAs("cy", "/reauth/", "ticket", `,"method":"email_code","code":"00000000"`)},
	{"not me", []string{"not me"}, "link_invalid", 400, posts("/not-me/", "token", "")},
	{"email change", []string{"email change"}, "link_invalid", 400, posts("/me/email/confirm/", "token", "")},
	{"email undo", []string{"email undo"}, "link_invalid", 400, posts("/me/email/undo/", "token", "")},
	{"recovery cancel", []string{"recovery cancel"}, "link_invalid", 400, posts("/recovery/factor/cancel/", "token", "")},
	{"recovery finish", []string{"recovery finish"}, "link_invalid", 400, posts("/recovery/factor/finish/", "token", `,"password":"`+password+`"`)},
}

// mailed are the pages where mailed tokens lead, by their kind.
var mailed = map[string]string{
	"invitation": "/account/invitation/", "verify": "/account/verify/", "reset": "/account/reset/", "not me": "/account/not-me/", "email change": "/account/email/confirm/", "email undo": "/account/email/undo/",
	"recovery cancel": "/account/recover-factor/cancel/", "recovery finish": "/account/recover-factor/finish/",
}

// held is what tokens are about, as the database has it: nothing of it changes while they are tried.
func (w *world) held() map[string]string {
	w.t.Helper()
	out, all := map[string]string{}, w.dump()
	for _, table := range []string{"account", "ticket", "one_time_token", "totp_device", "passkey", "backup_code", "password_credential", "factor_recovery", "device", "email_factor", "reserved_name", "tenant", "membership", "invitation", "tenant_role", "tenant_domain", "tenant_slug"} {
		if _, known := all[table]; !known && table != "email_factor" {
			w.t.Fatalf("there is nothing in the table %s", table)
		}
		out[table] = string(all[table])
	}
	return out
}

// unchanged fails unless all is as it was held.
func (w *world) unchanged(before map[string]string) {
	w.t.Helper()
	for table, after := range w.held() {
		if after != before[table] {
			w.t.Errorf("the table %s changed", table)
		}
	}
}

// good fails unless each token still does what it is for, which looking at it does not tell.
func (w *world) good(all tokens) {
	w.t.Helper()
	for _, kind := range ofSessions {
		if a := posts("/token/verify/", "token", "")(w, all.of[kind]); a.status != http.StatusOK {
			w.t.Errorf("the %s token was spent: %d %s", kind, a.status, a.code)
		}
	}
	for kind, path := range mailed {
		if a := w.page(http.MethodGet, path+"?token="+all.of[kind], nil); a.status != http.StatusOK {
			w.t.Errorf("the %s token was spent: %d", kind, a.status)
		}
	}
}

// All ordered pairs: each kind of token everywhere but where it belongs.
func TestATokenIsGoodForOnePurpose(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		all := w.collect()
		before := w.held()
		for _, u := range uses {
			for _, kind := range kinds {
				if slices.Contains(u.kinds, kind) || u.name == "passkey confirmation" && kind == "passkey step" {
					continue
				}
				a := u.try(w, all.of[kind])
				status, code := u.status, u.code
				if slices.Contains(tickets, u.kinds[0]) && u.name != "recovery ask" && len(all.of[kind]) > 255 {
					status, code = http.StatusBadRequest, badFields // no ticket is so long
				}
				w.refused(a, "a "+kind+" token at "+u.name, status, code)
				if strings.Contains(a.text, all.of[kind]) {
					t.Errorf("%s echoes the token", u.name)
				}
			}
		}
		for own, page := range mailed {
			for _, kind := range kinds {
				if a := w.page(http.MethodGet, page+"?token="+all.of[kind], nil); (a.status == http.StatusOK) != (kind == own) {
					t.Errorf("a %s token at %s answered %d", kind, page, a.status)
				}
			}
		}
		for _, kind := range kinds {
			if kind != "page" && w.opens(&http.Cookie{Name: pageName, Value: all.of[kind]}) {
				t.Errorf("a %s token opens the pages as their cookie", kind)
			}
		}
		// Whatever is no token of a session ends none.
		for _, kind := range kinds[len(ofSessions):] {
			for _, path := range []string{"/logout/", "/logout/all/"} {
				if a := posts(path, "refresh", "")(w, all.of[kind]); a.status != http.StatusOK {
					t.Errorf("a %s token at %s answered %d", kind, path, a.status)
				}
			}
			if a := posts("/token/revoke/", "token", "")(w, all.of[kind]); a.status != http.StatusOK {
				t.Errorf("a %s token revoked: %d", kind, a.status)
			}
		}
		w.unchanged(before)
		w.good(all)
		// A challenge is spent before it is looked at, also by its owner in the wrong place.
		crossed := postsAs("pat", "/reauth/", "ticket", `,"method":"passkey","credential":`+w.answered)
		w.refused(crossed(w, all.of["passkey step"]), "the challenge of a step, to confirm, well answered", http.StatusForbidden, "passkey_rejected")
	})
}

// Row 17 of SECURITY.md: a token has one spelling, and no part of it is enough.
func TestATokenHasOneSpelling(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		all := w.collect()
		before := w.held()
		for _, u := range uses {
			if u.name == "me, change" || u.name == "sessions" || u.name == "password change" {
				continue // the same check as me
			}
			for _, kind := range u.kinds {
				for _, spelling := range misspelt(all.of[kind]) {
					if strings.HasPrefix(u.name, "me") && spelling != strings.TrimSpace(spelling) || u.name == "refresh by cookie" && strings.ContainsAny(spelling, "\" ,;\\\n\t") {
						continue // blanks around a header's value belong to the header
					}
					if a := u.try(w, spelling); a.status < 400 || a.status >= 500 {
						t.Errorf("%s takes a %s token of %d bytes, spelt in %d: %d", u.name, kind, len(all.of[kind]), len(spelling), a.status)
					}
				}
			}
		}
		w.unchanged(before)
		w.good(all)
	})
}

// misspelt returns every proper prefix, what hangs on, and other spellings of the same bits.
func misspelt(token string) []string {
	var out []string
	step := max(1, len(token)/60) // of a long one every so many
	for i := 1; i < len(token); i += step {
		out = append(out, token[:i], token[i:])
	}
	out = append(out, token[:len(token)-1], token[1:])
	for _, more := range []string{"A", "=", "==", ".", " ", "\n", "\t", "-", ",", ";", "\u200b", token, "." + token} {
		out = append(out, token+more, more+token)
	}
	last := token[len(token)-1]
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" { // spare bits
		if byte(c) != last {
			out = append(out, token[:len(token)-1]+string(c))
		}
	}
	swapped := strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, token)
	out = append(out, swapped, strings.ToUpper(token), token[:len(token)/2]+"\n"+token[len(token)/2:], token[:len(token)/2]+" "+token[len(token)/2:], "\""+token+"\"")
	if other := strings.NewReplacer("-", "+", "_", "/").Replace(token); other != token {
		out = append(out, other)
	}
	return out
}
