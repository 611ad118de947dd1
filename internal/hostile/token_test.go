package hostile

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// tokens is one good token of each kind.
type tokens struct {
	of map[string]string
}

var kinds = []string{"access", "refresh", "cookie refresh", "verify", "reset", "browser"}

// collect makes a token of each kind, all of one account but the one that waits for its mail.
func (w *world) collect() tokens {
	w.t.Helper()
	w.account("jo@example.com")
	mine, byCookie := w.signIn("jo@example.com", "body"), w.signIn("jo@example.com", "cookie")
	if a := w.call(http.MethodPost, "/password/reset/", `{"email":"jo@example.com"}`); a.status != http.StatusAccepted {
		w.t.Fatalf("reset answered %d", a.status)
	}
	a := w.call(http.MethodPost, "/register/", text(map[string]string{"email": "new@example.com", "password": password, "full_name": ""}), header("Origin", w.URL))
	if len(a.cookies) != 1 {
		w.t.Fatalf("register answered %d", a.status)
	}
	return tokens{map[string]string{
		"access": mine.access, "refresh": mine.refresh, "cookie refresh": byCookie.cookie.Value, "browser": a.cookies[0].Value,
		"verify": w.Mailbox.Wait(w.t, "new@example.com").Token(), "reset": w.Mailbox.Wait(w.t, "jo@example.com").Token(),
	}}
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

func shows(method, path, body string) func(w *world, token string) answer {
	return func(w *world, token string) answer { return w.call(method, path, body, bearer(token)) }
}

var uses = []use{
	{"me", []string{"access"}, "token_invalid", 401, shows("GET", "/me/", "")},
	{"me, change", []string{"access"}, "token_invalid", 401, shows("PATCH", "/me/", `{}`)},
	{"sessions", []string{"access"}, "token_invalid", 401, shows("GET", "/sessions/", "")},
	{"password change", []string{"access"}, "token_invalid", 401, shows("POST", "/password/change/", `{"old_password":"x","new_password":"y"}`)},
	{"token verify", []string{"access", "refresh", "cookie refresh"}, "token_invalid", 401, posts("/token/verify/", "token", "")},
	{"refresh", []string{"refresh", "cookie refresh"}, "refresh_rejected", 401, posts("/token/refresh/", "refresh", "")},
	{"refresh by cookie", []string{"refresh", "cookie refresh"}, "refresh_rejected", 401, func(w *world, token string) answer {
		return w.call(http.MethodPost, "/token/refresh/", "", header("Cookie", refreshName+"="+token))
	}},
	{"verify", []string{"verify"}, "link_invalid", 400, posts("/email/verify/", "token", "")},
	{"reset", []string{"reset"}, "link_invalid", 400, posts("/password/reset/confirm/", "token", `,"new_password":"Another-Long-2-Secret"`)},
}

// good fails unless each token still does what it is for, which looking at it does not tell.
func (w *world) good(all tokens) {
	w.t.Helper()
	for _, kind := range []string{"access", "refresh", "cookie refresh"} {
		if a := posts("/token/verify/", "token", "")(w, all.of[kind]); a.status != http.StatusOK {
			w.t.Errorf("the %s token was spent: %d %s", kind, a.status, a.code)
		}
	}
	for kind, path := range map[string]string{"verify": "/account/verify/", "reset": "/account/reset/"} {
		if a := w.page(http.MethodGet, path+"?token="+all.of[kind], nil); a.status != http.StatusOK {
			w.t.Errorf("the %s token was spent: %d", kind, a.status)
		}
	}
}

// All ordered pairs: each kind of token everywhere but where it belongs.
func TestATokenIsGoodForOnePurpose(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		all := w.collect()
		for _, u := range uses {
			for _, kind := range kinds {
				if slices.Contains(u.kinds, kind) {
					continue
				}
				a := u.try(w, all.of[kind])
				w.refused(a, "a "+kind+" token at "+u.name, u.status, u.code)
				if strings.Contains(a.text, all.of[kind]) {
					t.Errorf("%s echoes the token", u.name)
				}
			}
		}
		for page, own := range map[string]string{"/account/verify/": "verify", "/account/reset/": "reset"} {
			for _, kind := range kinds {
				if a := w.page(http.MethodGet, page+"?token="+all.of[kind], nil); (a.status == http.StatusOK) != (kind == own) {
					t.Errorf("a %s token at %s answered %d", kind, page, a.status)
				}
			}
		}
		// Whatever is no token of a session ends none.
		for _, kind := range []string{"verify", "reset", "browser"} {
			for _, path := range []string{"/logout/", "/logout/all/"} {
				if a := posts(path, "refresh", "")(w, all.of[kind]); a.status != http.StatusOK {
					t.Errorf("a %s token at %s answered %d", kind, path, a.status)
				}
			}
			if a := posts("/token/revoke/", "token", "")(w, all.of[kind]); a.status != http.StatusOK {
				t.Errorf("a %s token revoked: %d", kind, a.status)
			}
		}
		w.good(all)
	})
}

// Row 17 of SECURITY.md: a token has one spelling, and no part of it is enough.
func TestATokenHasOneSpelling(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		all := w.collect()
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
