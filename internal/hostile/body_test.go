package hostile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// door is a route that takes a body.
type door struct {
	method, path string
	members      map[string]string // JSON types by name; with ? it may be left out, and null is the same
	optional     bool              // a request without a body is sound
	bearer       bool
	root         bool // it takes a superuser's token
	tenant       bool // it takes an owner's token for the tenant
	form         bool // it takes forms too
}

var doors = []door{
	{method: "POST", path: "/register/", members: map[string]string{"email": "string", "password": "string", "full_name": "string", "phone": "string?", "username": "string?", "locale": "string?", "attributes": "object?"}},
	{method: "POST", path: "/email/verify/", members: map[string]string{"token": "string", "username": "string?"}},
	{method: "POST", path: "/email/verify/resend/", members: map[string]string{"email": "string"}},
	{method: "POST", path: "/login/", members: map[string]string{"email": "string", "username": "string?", "password": "string", "tenant": "string?", "audience": "string?", "transport": "string?"}},
	{method: "POST", path: "/login/mfa/", members: map[string]string{"mfa_token": "string", "method": "string", "code": "string", "password": "string", "ticket": "string", "credential": "object", "remember_device": "boolean"}},
	{method: "POST", path: "/login/mfa/email/", members: map[string]string{"mfa_token": "string"}},
	{method: "POST", path: "/login/mfa/passkey/", members: map[string]string{"mfa_token": "string"}},
	{method: "POST", path: "/login/mfa/setup/", members: map[string]string{"mfa_token": "string"}},
	{method: "POST", path: "/passkeys/login/begin/", members: map[string]string{"audience": "string?", "transport": "string?"}},
	{method: "POST", path: "/passkeys/login/finish/", members: map[string]string{"ticket": "string", "credential": "object"}},
	{method: "POST", path: "/magic-link/", members: map[string]string{"email": "string", "audience": "string?", "transport": "string?"}},
	{method: "POST", path: "/magic-link/verify/", members: map[string]string{"ticket": "string", "code": "string"}},
	{method: "POST", path: "/token/refresh/", members: map[string]string{"refresh": "string?"}, optional: true},
	{method: "POST", path: "/token/verify/", members: map[string]string{"token": "string"}},
	{method: "POST", path: "/token/revoke/", members: map[string]string{"token": "string", "token_type_hint": "string?"}, form: true},
	{method: "POST", path: "/logout/", members: map[string]string{"refresh": "string?"}, optional: true},
	{method: "POST", path: "/logout/all/", members: map[string]string{"refresh": "string?"}, optional: true},
	{method: "POST", path: "/password/reset/", members: map[string]string{"email": "string"}},
	{method: "POST", path: "/password/reset/confirm/", members: map[string]string{"token": "string", "new_password": "string"}},
	{method: "POST", path: "/not-me/", members: map[string]string{"token": "string"}},
	{method: "POST", path: "/recovery/factor/", members: map[string]string{"mfa_token": "string"}},
	{method: "POST", path: "/recovery/factor/cancel/", members: map[string]string{"token": "string"}},
	{method: "POST", path: "/recovery/factor/finish/", members: map[string]string{"token": "string", "password": "string"}},
	{method: "POST", path: "/me/email/confirm/", members: map[string]string{"token": "string"}},
	{method: "POST", path: "/me/email/undo/", members: map[string]string{"token": "string"}},
	{method: "POST", path: "/reauth/", members: map[string]string{"method": "string", "code": "string", "password": "string", "ticket": "string", "credential": "object"}, bearer: true},
	{method: "POST", path: "/me/email/", members: map[string]string{"email": "string"}, bearer: true},
	{method: "POST", path: "/me/username/", members: map[string]string{"username": "string"}, bearer: true},
	{method: "POST", path: "/2fa/setup/", members: map[string]string{"name": "string?"}, optional: true, bearer: true},
	{method: "POST", path: "/2fa/enable/", members: map[string]string{"code": "string"}, bearer: true},
	{method: "PATCH", path: "/2fa/devices/{app}/", members: map[string]string{"name": "string"}, bearer: true},
	{method: "PATCH", path: "/passkeys/{passkey}/", members: map[string]string{"name": "string"}, bearer: true},
	{method: "POST", path: "/passkeys/register/finish/", members: map[string]string{"ticket": "string", "credential": "object", "name": "string?"}, bearer: true},
	{method: "POST", path: "/2fa/disable/", members: map[string]string{"id": "string?"}, optional: true, bearer: true},
	{method: "DELETE", path: "/me/", members: map[string]string{"password": "string?", "grace_days": "number?"}, bearer: true}, // before what changes the password
	{method: "POST", path: "/password/change/", members: map[string]string{"old_password": "string", "new_password": "string"}, bearer: true},
	{method: "PATCH", path: "/me/", members: map[string]string{"full_name": "string?", "phone": "string?", "locale": "string?", "attributes": "object?"}, bearer: true},
	{method: "PATCH", path: "/admin/accounts/{account}/", members: map[string]string{"is_staff": "boolean?", "is_superuser": "boolean?", "staff_role": "string?"}, root: true},
	{method: "POST", path: "/admin/accounts/{account}/reset-factors/", members: map[string]string{"reason": "string"}, root: true},
	{method: "POST", path: "/admin/accounts/bulk/", members: map[string]string{"action": "string", "accounts": "list"}, root: true},
	{method: "POST", path: "/tenants/", members: map[string]string{"name": "string", "slug": "string?"}, bearer: true},
	{method: "POST", path: "/tenants/{tenant}/token/", members: map[string]string{"audience": "string?"}, optional: true, bearer: true},
	{method: "PATCH", path: "/tenants/{tenant}/", members: map[string]string{"name": "string?", "slug": "string?", "color": "string?", "radius": "number?", "font": "string?", "policy": "object?"}, tenant: true},
	{method: "DELETE", path: "/tenants/{tenant}/", members: map[string]string{"slug": "string"}, tenant: true},
	{method: "POST", path: "/tenants/{tenant}/domains/", members: map[string]string{"domain": "string"}, tenant: true},
	{method: "PATCH", path: "/tenants/{tenant}/members/{account}/", members: map[string]string{"role": "string?", "permissions": "list?", "attributes": "object?"}, tenant: true},
	{method: "PATCH", path: "/tenants/{tenant}/me/", members: map[string]string{"attributes": "object?"}, tenant: true},
	{method: "POST", path: "/tenants/{tenant}/transfer/", members: map[string]string{"account": "string"}, tenant: true},
	{method: "POST", path: "/tenants/{tenant}/roles/", members: map[string]string{"name": "string", "permissions": "list"}, tenant: true},
	{method: "PATCH", path: "/tenants/{tenant}/roles/{role}/", members: map[string]string{"permissions": "list"}, tenant: true},
	{method: "POST", path: "/tenants/{tenant}/invitations/", members: map[string]string{"email": "string", "role": "string", "locale": "string?"}, tenant: true},
	{method: "POST", path: "/invitations/accept/", members: map[string]string{"token": "string"}, bearer: true},
	{method: "POST", path: "/invitations/sign-up/", members: map[string]string{"token": "string", "password": "string", "full_name": "string", "phone": "string?", "username": "string?", "locale": "string?", "attributes": "object?"}},
	{method: "POST", path: "/admin/permissions/", members: map[string]string{"name": "string", "description": "string?"}, root: true},
	{method: "POST", path: "/admin/tenants/", members: map[string]string{"name": "string", "slug": "string?", "owner": "string"}, root: true},
	{method: "PATCH", path: "/admin/tenants/{tenant}/", members: map[string]string{"name": "string?", "slug": "string?", "color": "string?", "radius": "number?", "font": "string?", "policy": "object?"}, root: true},
	{method: "DELETE", path: "/admin/tenants/{tenant}/", members: map[string]string{"slug": "string", "reason": "string"}, root: true},
	{method: "POST", path: "/admin/tenants/{tenant}/members/", members: map[string]string{"account": "string", "role": "string"}, root: true},
	{method: "PATCH", path: "/admin/tenants/{tenant}/members/{account}/", members: map[string]string{"role": "string?", "permissions": "list?", "attributes": "object?"}, root: true},
	{method: "DELETE", path: "/admin/tenants/{tenant}/domains/{domain}/", members: map[string]string{"reason": "string"}, root: true},
	{method: "POST", path: "/admin/tenants/{tenant}/suspend/", members: map[string]string{"reason": "string"}, root: true},
	{method: "POST", path: "/admin/tenants/{tenant}/resume/", members: map[string]string{"reason": "string"}, root: true},
}

// key is what opens the doors that are not for everybody.
type key struct{ account, access, root, app, passkey, tenant string }

// key makes an account that has something behind every door, second factors included, and another for
// staff to act upon.
func (w *world) key() key {
	w.t.Helper()
	jo, kim := w.account("jo@example.com"), w.account("kim@example.com")
	w.superuser("root@example.com")
	w.acme(jo, kim)
	w.app(w.signIn("kim@example.com", "body").access)
	k := key{account: kim.ID, access: w.signIn("jo@example.com", "body").access, root: w.signIn("root@example.com", "body").access}
	k.app, _ = w.app(k.access).device["id"].(string)
	k.passkey, _ = w.passkey(k.access).saved["id"].(string)
	k.tenant = w.must(w.call(http.MethodPost, "/tenants/acme/token/", "", bearer(k.access)), http.StatusOK).member("access")
	return k
}

// at returns where d is asked and with what.
func (k key) at(d door) (path string, options []option) {
	switch {
	case d.tenant:
		options = append(options, bearer(k.tenant))
	case d.root:
		options = append(options, bearer(k.root))
	case d.bearer:
		options = append(options, bearer(k.access))
	}
	return strings.NewReplacer("{tenant}", "acme", "{role}", "editor", "{domain}", "acme.example.com", "{account}", k.account, "{app}", k.app, "{passkey}", k.passkey).Replace(d.path), options
}

// The list above is the whole: a new route that takes a body belongs into it.
func TestEveryRouteWithABodyIsTried(t *testing.T) {
	w := open(t, "sqlite", silent)
	var document struct {
		Paths map[string]map[string]struct {
			RequestBody *struct{} `json:"requestBody"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(w.call(http.MethodGet, "/openapi.json", "").text), &document); err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for _, d := range doors {
		tried[d.method+" "+strings.NewReplacer("{app}", "{id}", "{passkey}", "{id}").Replace(d.path)] = true
	}
	for path, operations := range document.Paths {
		for method, o := range operations {
			if one := strings.ToUpper(method) + " " + path; o.RequestBody != nil && !tried[one] {
				t.Errorf("%s is not tried", one)
			}
		}
	}
}

// kind returns the JSON type of a member, and whether it may be left out.
func (d door) kind(member string) (kind string, optional bool) {
	return strings.CutSuffix(d.members[member], "?")
}

// sound is a body of the right shape.
func (d door) sound() map[string]any {
	body := map[string]any{}
	for name := range d.members {
		kind, _ := d.kind(name)
		body[name] = map[string]any{"string": canary, "object": map[string]any{"team": canary}, "boolean": true, "number": 17, "list": []string{canary}}[kind]
	}
	return body
}

func text(v any) string {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return string(b)
}

// hostileBody is a body that no route takes, with the one code it is refused with.
type hostileBody struct{ name, body, code string }

const badJSON, badFields = "json_invalid", "fields_invalid"

// spoilt is a sound body with more text after a value, or after a name where no value is text.
func (d door) spoilt(with string) string {
	whole, spot := text(d.sound()), canary
	if !strings.Contains(whole, canary) {
		spot = slices.Sorted(maps.Keys(d.members))[0]
	}
	return strings.Replace(whole, spot, spot+with, 1)
}

// bodies are made from a sound one of d.
func (d door) bodies() []hostileBody {
	whole := text(d.sound())
	name := slices.Sorted(maps.Keys(d.members))[0]
	unknown := "is_superuser"
	if d.members[unknown] != "" {
		unknown = "is_root"
	}
	all := []hostileBody{
		{"blank", " ", badJSON}, {"null", "null", badFields}, {"array", "[" + whole + "]", badFields}, {"number", "17", badFields}, {"string", `"` + canary + `"`, badFields},
		{"17 levels", `{"` + name + `":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, badJSON}, {"30,000 levels", strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000), badJSON},
		{"trailing garbage", whole + canary, badJSON}, {"two bodies", whole + whole, badJSON}, {"byte order mark", "\ufeff" + whole, badJSON}, {"truncated", whole[:len(whole)-2], badJSON},
		{"raw NUL", d.spoilt("\x00"), badJSON}, {"escaped NUL", d.spoilt(`\u0000`), badJSON},
		{"invalid UTF-8", d.spoilt("\xff"), badJSON}, {"lone surrogate", d.spoilt(`\ud800`), badJSON},
		{"unknown member", strings.Replace(whole, "{", `{"`+unknown+`":"`+canary+`",`, 1), badFields}, {"user_id", strings.Replace(whole, "{", `{"user_id":"`+canary+`",`, 1), badFields},
		{"tenant_id", strings.Replace(whole, "{", `{"tenant_id":"`+canary+`",`, 1), badFields}, // nobody says whose they are (requirement 128)
		{"a kilobyte of a name", strings.Replace(whole, "{", `{"`+strings.Repeat("x", 60_000)+`":1,`, 1), badFields},
	}
	for member := range d.members {
		kind, optional := d.kind(member)
		with := func(what string, v any) {
			body := d.sound()
			body[member] = v
			all = append(all, hostileBody{member + " is " + what, text(body), badFields})
		}
		for what, v := range map[string]any{"null": nil, "a number": 17, "true": true, "an array": []string{canary, "b@example.com"}, "a list of objects": []any{map[string]any{canary: 1}}, "huge": 1e300} {
			if what == "true" && kind == "boolean" || what == "an array" && kind == "list" || what == "a number" && kind == "number" {
				continue // that is what it takes
			}
			if what == "null" && optional {
				continue
			}
			with(what, v)
		}
		if kind != "object" {
			with("an object", map[string]any{canary: canary})
		}
		if kind != "string" {
			with("a string", canary)
		}
		rest, upper := text(d.sound()), strings.ToUpper(member[:1])+member[1:]
		value := text(d.sound()[member])
		odd := badJSON
		if d.form {
			odd = badFields // it has no schema: what it does not know is unknown
		}
		all = append(all, hostileBody{member + " twice", strings.Replace(rest, "{", `{"`+member+`":`+value+`,`, 1), badJSON},
			hostileBody{member + " oddly cased", strings.Replace(rest, `"`+member+`"`, `"`+upper+`"`, 1), odd},
			hostileBody{member + " oddly cased besides", strings.Replace(rest, "{", `{"`+strings.ToUpper(member)+`":`+value+`,`, 1), odd})
	}
	return all
}

func TestHostileBodiesAreRefusedAndChangeNothing(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		k := w.key()
		for _, d := range doors {
			path, options := k.at(d)
			before := w.digest()
			for _, b := range d.bodies() {
				if !utf8.ValidString(b.name) || b.body == "" {
					t.Fatalf("%s: a broken case", b.name)
				}
				w.refused(w.call(d.method, path, b.body, options...), b.name, http.StatusBadRequest, b.code)
			}
			w.wrongWrapping(d, path, options)
			if w.digest() != before {
				t.Errorf("%s %s changed the database", d.method, d.path)
			}
		}
		if strings.Contains(w.log.String(), canary) {
			t.Error("a value that was refused is in the log")
		}
	})
}

// wrongWrapping tries media types, encodings and sizes.
func (w *world) wrongWrapping(d door, path string, options []option) {
	w.t.Helper()
	whole := text(d.sound())
	for _, kind := range []string{"", "text/plain", "text/json", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "application/x-www-form-urlencoded"} {
		if d.form && strings.HasSuffix(kind, "urlencoded") {
			continue
		}
		a := w.call(d.method, path, whole, append(options, header("Content-Type", kind))...)
		w.refused(a, "as "+kind, http.StatusUnsupportedMediaType, "media_type_unsupported")
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, whole)
	_ = z.Close()
	w.refused(w.call(d.method, path, zipped.String(), append(options, header("Content-Encoding", "gzip"))...), "gzip", http.StatusUnsupportedMediaType, "media_type_unsupported")
	w.refused(w.call(d.method, path, strings.Repeat(" ", 64<<10)+"{", options...), "64 KiB and one", http.StatusRequestEntityTooLarge, "body_too_large")
	w.refused(w.call(d.method, path, strings.Repeat(" ", 64<<10-1)+"{", options...), "64 KiB", http.StatusBadRequest, badJSON)
	long := d.spoilt(strings.Repeat("x", 100_000))
	w.refused(w.call(d.method, path, long, options...), "100,000 characters", http.StatusRequestEntityTooLarge, "body_too_large")
	if !d.optional {
		w.refused(w.call(d.method, path, "", options...), "no body", http.StatusUnsupportedMediaType, "media_type_unsupported")
		w.refused(w.call(d.method, path, "", append(options, header("Content-Type", "application/json"))...), "an empty body", http.StatusBadRequest, badJSON)
	}
}

// An endless body costs what is allowed, not what is sent.
func TestTenMegabytesAreNotRead(t *testing.T) {
	w := open(t, "sqlite", silent)
	for _, d := range doors {
		if d.bearer || d.root || d.tenant {
			continue // strangers are refused before
		}
		for _, announced := range []int64{10 << 20, -1} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			body := &endless{left: 10 << 20}
			r := httptest.NewRequest(d.method, w.APIURL+d.path, body)
			r.ContentLength = announced
			r.Header.Set("Content-Type", "application/json")
			a := w.send(w.Gatehouse().Handler(), r, nil)
			runtime.ReadMemStats(&after)
			w.refused(a, "10 MB", http.StatusRequestEntityTooLarge, "body_too_large")
			if read := 10<<20 - body.left; read > 256<<10 {
				t.Errorf("%s: %d bytes were read", d.path, read)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
				t.Errorf("%s: %d bytes were allocated", d.path, grown)
			}
		}
	}
}

type endless struct{ left int }

func (e *endless) Read(b []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := copy(b, bytes.Repeat([]byte(" "), min(len(b), e.left)))
	e.left -= n
	return n, nil
}

// Addresses that are none, or that would be several.
var badAddresses = []string{
	"", " ", "jo", "@", "jo@", "@example.com", "jo@@example.com", "jo@eve@example.com", "jo@example.com,eve@example.com", "jo@example.com;eve@example.com", "jo@example.com eve@example.com",
	"jo@example.com\nBcc: eve@example.com", "jo@example.com\r\n\r\nbody", "<jo@example.com>", "Jo <jo@example.com>", `"jo doe"@example.com`, "jo(comment)@example.com", "jo@localhost", "jo@127.0.0.1", "jo@[127.0.0.1]",
	"jo@example", "jo@.com", "jo@example..com", "jo@-example.com", "jo@exa mple.com", ".jo@example.com", "jo.@example.com", "j..o@example.com", "jo@example.com.", "jo\uff20example.com", "jo@example.com\uff20eve.example.net",
	"jo\u200b@example.com", "jo\u202e@example.com", "\u2066jo@example.com", "jo\ufeff@example.com", "j\u00ado@example.com", "jo\u00a0@example.com", "jo\t@example.com", "jo\x7f@example.com", "jo@exam\u200bple.com\u202e",
	strings.Repeat("a", 65) + "@example.com", "jo@" + strings.Repeat("a", 64) + ".com", "jo@" + strings.Repeat("a.", 200) + "com", "mailto:jo@example.com?cc=eve@example.com", "jo%40example.com", "=?utf-8?q?jo?=@example.com\u0085",
}

func TestBadAddressesAreRefusedEverywhere(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		w.account("jo@example.com")
		before := w.digest()
		for _, address := range badAddresses {
			for path, body := range map[string]map[string]string{
				"/register/": {"email": address, "password": canary, "full_name": ""}, "/password/reset/": {"email": address}, "/email/verify/resend/": {"email": address}, "/magic-link/": {"email": address},
				"/login/": {"email": address, "password": canary},
			} {
				a := w.call(http.MethodPost, path, text(body))
				w.problem(a, fmt.Sprintf("%q", address))
				if a.code != "email_invalid" && (address != "" || a.code != badFields) {
					t.Errorf("%s with %q: code %s", path, address, a.code)
				}
				if len(address) > 2 && strings.Contains(a.text, address) {
					t.Errorf("%s echoes %q", path, address)
				}
			}
		}
		if w.digest() != before {
			t.Error("the database changed")
		}
	})
}

// Names that only look like the account's do not open it, and are not told apart from nobody's.
func TestLookAlikeAddressesAreOtherAddresses(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		w.account("mike@example.com")
		for _, address := range []string{"mi\u212ae@example.com", "m\u0131ke@example.com", "mike\u0301@example.com", "\u043cike@example.com", "mike+x@example.com", "mike@example.com.example.net", "mike@ex\u0430mple.com"} {
			w.refused(w.call(http.MethodPost, "/login/", text(map[string]string{"email": address, "password": password})), address, http.StatusUnauthorized, "credentials_rejected")
		}
		for _, address := range []string{"MIKE@EXAMPLE.COM", " mike@example.com ", "Mike@Example.com"} {
			if a := w.call(http.MethodPost, "/login/", text(map[string]string{"email": address, "password": password})); a.status != http.StatusOK {
				t.Errorf("%q: answered %d %s", address, a.status, a.code)
			}
		}
	})
}

// Well-formed, and wrong as only a machine would make it: nothing of it is our fault.
func TestOddValuesAreTheCallersFault(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		k := w.key()
		odd := []string{
			"", " ", "\u202e" + canary, canary + "\ufffe", "\U0010ffff" + canary, strings.Repeat("\U0001f600", 10_000), strings.Repeat("x", 60_000), "'; DROP TABLE account; --" + canary, "../../" + canary, "${jndi:ldap://x}" + canary,
			"%00" + canary, "\\" + canary, "\t\r\n" + canary, strings.Repeat(".", 16_000), "grt_" + strings.Repeat("A", 1000), strings.Repeat("a.", 5000), "eyJhbGciOiJub25lIn0.e30.", "\u0001" + canary, "e\u0301" + strings.Repeat("\u0301", 5000),
		}
		for _, d := range doors {
			for member := range d.members {
				kind, _ := d.kind(member)
				values := odd
				if strings.Contains(member, "password") {
					values = odd[:8] // most of them cost a hash
				}
				for _, v := range values {
					body := map[string]any{"email": "jo@example.com", "password": "short", "full_name": "Jo", "token": "x", "new_password": "short", "old_password": password, "action": "unlock", "accounts": []string{k.account},
						"mfa_token": "x", "ticket": "x", "method": "totp", "code": "000000", "credential": map[string]any{}, "reason": "short", "id": "x", "name": "App", "slug": "another-one", "owner": k.account, "account": "x", "role": "member", "permissions": []string{"notes.read"}, "domain": "x"}
					for name := range body {
						if _, known := d.members[name]; !known {
							delete(body, name)
						}
					}
					body[member] = v
					switch kind {
					case "object":
						body[member] = map[string]any{"team": v, canary: v}
					case "list":
						body[member] = []string{v}
					case "number":
						body[member] = len(v) - 1
					}
					path, options := k.at(d)
					a := w.call(d.method, path, text(body), options...)
					if a.status >= 500 {
						t.Errorf("%s %s with %s %.30q: answered %d %s", d.method, d.path, member, v, a.status, a.code)
					}
					if a.status >= 400 {
						w.problem(a, member)
					}
				}
			}
		}
		if !w.signedIn(k.access) || !w.signedIn(k.root) {
			t.Error("the session ended")
		}
	})
}

// The pages read forms, which cannot be wrong in as many ways.
func TestHostileFormsAreRefused(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		w.account("jo@example.com")
		before := w.digest("rate_limit")
		for _, path := range []string{"/account/verify/", "/account/reset/"} {
			for _, v := range []string{"", "\x00", "\xff\xfe", "<script>" + canary, strings.Repeat("x", 10_000), "\u202e", strings.Repeat("A", 43)} {
				form := map[string][]string{"token": {v}, "password": {v}, "new_password": {v}, "username": {v}, "email": {v}, "unknown": {v}}
				for _, a := range []answer{w.page(http.MethodPost, path, form), w.page(http.MethodGet, path+"?token="+strings.NewReplacer("\x00", "%00", "\xff", "%ff", "\xfe", "%fe", "<", "%3C", ">", "%3E").Replace(v), nil)} {
					if a.status < 400 || a.status >= 500 || strings.Contains(a.text, canary) || strings.Count(a.text, "<script") != 1 /* ours */ {
						t.Errorf("%s with %.20q: answered %d", a.what, v, a.status)
					}
				}
			}
			if a := w.page(http.MethodPost, path, map[string][]string{"token": {"a", "b"}}); a.status != http.StatusBadRequest {
				t.Errorf("%s with two tokens: answered %d", path, a.status)
			}
		}
		// Tries to redeem a link are counted by network address.
		if w.digest("rate_limit") != before {
			t.Error("the database changed")
		}
	})
}
