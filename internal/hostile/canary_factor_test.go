package hostile

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

const annAddress, newAddress = "ann@example.com", "ann.new@example.com"

// post sends a body of texts, in which a credential is JSON already.
func (s *story) post(path, by string, members ...string) answer {
	s.t.Helper()
	body := map[string]any{}
	credential := ""
	for i := 0; i < len(members); i += 2 {
		if members[i] == "credential" {
			credential = `,"credential":` + members[i+1]
			continue
		}
		body[members[i]] = members[i+1]
	}
	whole := strings.TrimSuffix(text(body), "}") + credential + "}"
	if by == "" {
		return s.call(http.MethodPost, path, whole)
	}
	return s.call(http.MethodPost, path, whole, bearer(by))
}

// enter signs in with a password alone.
func (s *story) enter(email, pass string, options ...option) answer {
	s.t.Helper()
	return s.call(http.MethodPost, "/login/", text(map[string]string{"email": email, "password": pass}), options...)
}

// halfway keeps the ticket of a sign-in that needs another step.
func (s *story) halfway(a answer) string {
	s.t.Helper()
	s.refused(a, "the first step", http.StatusForbidden, "mfa_required")
	return s.keep("ticket of a second step", a.member("mfa_token"))
}

// begun keeps the ticket of a ceremony, and returns its challenge, if it is a passkey's.
func (s *story) begun(name string, a answer) (ticket string, options []byte) {
	s.t.Helper()
	if a.status != http.StatusOK && a.status != http.StatusAccepted {
		s.t.Fatalf("%s answered %d %s", a.what, a.status, a.code)
	}
	return s.keep("ticket of "+name, a.member("ticket")), []byte(text(a.object["publicKey"]))
}

func (s *story) keepApp(a *app) *app {
	s.t.Helper()
	s.keep("secret of an app", a.secret)
	s.keep("secret of an app, raw", string(a.key))
	s.keep("secret of an app, its address", a.uri)
	s.keepBackup(a.codes)
	return a
}

func (s *story) keepBackup(codes []string) {
	s.t.Helper()
	for _, code := range codes {
		s.keep("backup code", code)
		s.keep("backup code, bare", strings.ReplaceAll(code, "-", ""))
	}
}

// tellFactors is the life of accounts with every kind of second factor.
func (s *story) tellFactors() {
	pass := s.keep("password of ann", "Canary-Password-7-"+canary)
	ann := s.CreateAccount(s.t, func(n *gatehouse.NewAccount) { n.Email, n.Password = annAddress, pass })
	mine := s.tokensOf(s.enter(annAddress, pass)).access

	waiting := s.keepApp(s.beginApp(mine))
	s.post("/2fa/enable/", mine, "code", waiting.wrong())
	s.post("/2fa/enable/", mine, "code", waiting.secret)
	phone := s.keepApp(s.app(mine))
	s.tellApp(phone, pass)
	fresh := s.must(s.call(http.MethodPost, "/2fa/backup-codes/", "", bearer(mine)), http.StatusOK).list("backup_codes")
	s.keepBackup(fresh)
	s.tellPasskey(mine, pass)
	s.tellMailedCodes(phone)
	browser := s.tellSecondPage(phone, pass)
	for _, secret := range []string{phone.secret, phone.codes[1], fresh[0], browser} {
		s.call(http.MethodGet, "/2fa/devices/"+secret+"/?code="+secret, "", bearer(mine))
		s.post("/login/", "", "email", secret, "password", "x", "username", secret)
		s.post("/reauth/", mine, "method", secret, "code", secret)
		s.post("/reauth/", mine, "method", "totp", "code", secret)
		s.post("/not-me/", "", "token", secret)
		s.page(http.MethodPost, "/account/sign-in/second/?code="+secret, url.Values{"method": {"totp"}, "code": {secret}})
	}
	root := s.cookieOf("root@example.com")
	s.keep("page cookie", root.Value)
	for _, path := range []string{"/console/accounts/" + ann.ID + "/", "/console/mails/", "/console/audit/", "/console/audit/export/", "/console/sessions/"} {
		s.must(s.page(http.MethodGet, path, nil, cookie(root)), http.StatusOK)
	}
	s.tellEmail(mine)
}

// tellApp takes second steps by app and by backup code, wrong ones, right ones and once more.
func (s *story) tellApp(phone *app, pass string) {
	step := s.halfway(s.enter(annAddress, pass))
	s.refused(s.post("/login/mfa/", "", "mfa_token", step, "method", "totp", "code", phone.wrong()), "a wrong code", http.StatusUnauthorized, "proof_rejected")
	s.refused(s.post("/login/mfa/", "", "mfa_token", step, "method", "totp", "code", phone.secret), "the secret for a code", http.StatusUnauthorized, "proof_rejected")
	s.tokensOf(s.post("/login/mfa/", "", "mfa_token", step, "method", "totp", "code", phone.code()))
	s.post("/login/mfa/", "", "mfa_token", step, "method", "totp", "code", phone.code())
	step = s.halfway(s.enter(annAddress, pass))
	s.tokensOf(s.post("/login/mfa/", "", "mfa_token", step, "method", "backup_code", "code", phone.codes[0]))
	step = s.halfway(s.enter(annAddress, pass))
	s.refused(s.post("/login/mfa/", "", "mfa_token", step, "method", "backup_code", "code", phone.codes[0]), "a used code", http.StatusUnauthorized, "proof_rejected")
	s.mail(annAddress, "backup code", "was used")
}

// tellPasskey registers a passkey and uses it in each way.
func (s *story) tellPasskey(mine, pass string) {
	key := s.passkey(mine)
	s.keep("ticket of a passkey", key.ticket)
	ticket, _ := s.begun("a passkey", s.post("/passkeys/login/begin/", ""))
	s.post("/passkeys/login/finish/", "", "ticket", ticket, "credential", `{"id":"`+ticket+`"}`)
	ticket, options := s.begun("a passkey", s.post("/passkeys/login/begin/", ""))
	s.tokensOf(s.post("/passkeys/login/finish/", "", "ticket", ticket, "credential", string(key.Get(options))))
	step := s.halfway(s.enter(annAddress, pass))
	ticket, options = s.begun("a passkey", s.post("/login/mfa/passkey/", "", "mfa_token", step))
	s.tokensOf(s.post("/login/mfa/", "", "mfa_token", step, "method", "passkey", "ticket", ticket, "credential", string(key.Get(options))))
	ticket, options = s.begun("a passkey", s.call(http.MethodPost, "/reauth/passkey/", "", bearer(mine)))
	again := s.must(s.post("/reauth/", mine, "method", "passkey", "ticket", ticket, "credential", string(key.Get(options))), http.StatusOK)
	s.keep("access token", again.member("access"))
}

// tellMailedCodes signs in by mail, takes a second step by mail, and confirms by mail.
func (s *story) tellMailedCodes(phone *app) {
	link, _ := s.begun("a link", s.post("/magic-link/", "", "email", annAddress))
	code := s.mail(annAddress, "Sign in to").Token()
	s.page(http.MethodGet, "/account/sign-in/link/?token="+code, nil)
	s.post("/magic-link/verify/", "", "ticket", link, "code", code[1:]+"x")
	step := s.halfway(s.post("/magic-link/verify/", "", "ticket", link, "code", code))
	s.tokensOf(s.post("/login/mfa/", "", "mfa_token", step, "method", "totp", "code", phone.next()))

	pass := s.keep("password of bob", "Canary-Password-8-"+canary)
	s.CreateAccount(s.t, func(n *gatehouse.NewAccount) { n.Email, n.Password = "bob@example.com", pass })
	his := s.tokensOf(s.enter("bob@example.com", pass)).access
	s.tokensOf(s.enter("bob@example.com", pass, header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")))
	disown := s.mail("bob@example.com", "A new device").Token()
	s.must(s.page(http.MethodGet, "/account/not-me/?token="+disown, nil), http.StatusOK)
	s.must(s.post("/not-me/", "", "token", disown), http.StatusOK)
	s.must(s.post("/not-me/", "", "token", disown), http.StatusOK)
	s.must(s.call(http.MethodPost, "/2fa/email/", "", bearer(his)), http.StatusNoContent)
	step = s.halfway(s.enter("bob@example.com", pass))
	s.must(s.post("/login/mfa/email/", "", "mfa_token", step), http.StatusAccepted)
	code = mailedCode.FindString(s.mail("bob@example.com", "Your code").Text)
	s.post("/login/mfa/", "", "mfa_token", step, "method", "email_code", "code", code[1:]+"x")
	s.tokensOf(s.post("/login/mfa/", "", "mfa_token", step, "method", "email_code", "code", code))

	s.CreateAccount(s.t, func(n *gatehouse.NewAccount) { n.Email, n.Password = "cy@example.com", "" })
	link, _ = s.begun("a link", s.post("/magic-link/", "", "email", "cy@example.com"))
	theirs := s.tokensOf(s.post("/magic-link/verify/", "", "ticket", link, "code", s.mail("cy@example.com", "Sign in to").Token())).access
	confirm, _ := s.begun("a confirmation", s.call(http.MethodPost, "/reauth/email/", "", bearer(theirs)))
	code = mailedCode.FindString(s.mail("cy@example.com", "Your code").Text)
	s.refused(s.post("/reauth/", theirs, "method", "email_code", "ticket", confirm, "code", code[1:]+"x"), "a wrong code", http.StatusForbidden, "code_rejected")
	again := s.must(s.post("/reauth/", theirs, "method", "email_code", "ticket", confirm, "code", code), http.StatusOK)
	s.keep("access token", again.member("access"))
}

// tellSecondPage signs a browser in, in two steps, and returns the token that it is known by.
func (s *story) tellSecondPage(phone *app, pass string) string {
	half := s.signInPage(annAddress, pass, "")
	step := half.cookieNamed("__Host-gatehouse-step")
	if step == nil || half.cookieNamed(deviceName) != nil {
		s.t.Fatalf("the first step answered %d", half.status)
	}
	s.keep("ticket of pages", step.Value)
	prove := func(code string) answer {
		return s.page(http.MethodPost, "/account/sign-in/second/", url.Values{"method": {"totp"}, "code": {code}}, cookie(step))
	}
	prove(phone.wrong())
	in := prove(phone.next())
	session, device := in.cookieNamed(pageName), in.cookieNamed(deviceName)
	if session == nil || device == nil {
		s.t.Fatalf("the second step answered %d", in.status)
	}
	s.keep("page cookie", session.Value)
	s.keep("device token", device.Value)
	for _, path := range []string{"", "app/", "codes/", "mail/", "passkeys/"} {
		s.must(s.page(http.MethodGet, "/account/security/"+path, nil, cookie(session), cookie(device)), http.StatusOK)
	}
	for _, path := range []string{"/account/", "/account/sessions/", "/account/data/", "/account/data/export/"} {
		s.must(s.page(http.MethodGet, path, nil, cookie(session), cookie(device)), http.StatusOK)
	}
	return device.Value
}

// tellEmail changes an address and undoes that, which ends every session.
func (s *story) tellEmail(mine string) {
	s.must(s.post("/me/email/", mine, "email", newAddress), http.StatusAccepted)
	confirm := s.mail(newAddress, "Confirm your new").Token()
	s.must(s.page(http.MethodGet, "/account/email/confirm/?token="+confirm, nil), http.StatusOK)
	s.must(s.post("/me/email/confirm/", "", "token", confirm), http.StatusOK)
	s.post("/me/email/confirm/", "", "token", confirm)
	export := s.must(s.call(http.MethodGet, "/me/export/", "", bearer(mine)), http.StatusOK)
	for _, part := range []string{newAddress, `"totp"`, `"passkeys"`, `"devices"`} {
		if !strings.Contains(export.text, part) {
			s.t.Errorf("the export lacks %s", part)
		}
	}
	undo := s.mail(annAddress, "The email address", "was changed").Token()
	s.must(s.page(http.MethodGet, "/account/email/undo/?token="+undo, nil), http.StatusOK)
	s.must(s.post("/me/email/undo/", "", "token", undo), http.StatusOK)
	s.post("/me/email/undo/", "", "token", undo)
}

// tellRecovery loses second factors, thinks again, and loses them for good.
func (s *story) tellRecovery() {
	pass := "Canary-Password-7-" + canary
	ask := func() string {
		s.must(s.post("/recovery/factor/", "", "mfa_token", s.halfway(s.enter(annAddress, pass))), http.StatusAccepted)
		return s.mail(annAddress, "Somebody wants to remove").Token()
	}
	cancel := ask()
	s.must(s.page(http.MethodGet, "/account/recover-factor/cancel/?token="+cancel, nil), http.StatusOK)
	s.must(s.post("/recovery/factor/cancel/", "", "token", cancel), http.StatusOK)
	s.post("/recovery/factor/cancel/", "", "token", cancel)
	ask()
	s.Clock.Advance(s.t, 72*time.Hour+time.Minute)
	finish := s.mail(annAddress, "You can now remove").Token()
	s.must(s.page(http.MethodGet, "/account/recover-factor/finish/?token="+finish, nil), http.StatusOK)
	s.post("/recovery/factor/finish/", "", "token", finish, "password", base64.StdEncoding.EncodeToString([]byte(pass)))
	s.must(s.post("/recovery/factor/finish/", "", "token", finish, "password", pass), http.StatusOK)
	s.post("/recovery/factor/finish/", "", "token", finish, "password", pass)
	s.tokensOf(s.enter(annAddress, pass))
}
