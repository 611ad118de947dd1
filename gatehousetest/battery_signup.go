package gatehousetest

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// registers is the documented example, byte for byte but for the address.
func (b *battery) registers(t *testing.T) {
	email := b.newAddress()
	a := b.register(t, email, "StrongPass123!")
	a.want(t, http.StatusCreated)
	o := a.object(t)
	hasExactly(t, "the answer", o, "email", "detail")
	if o["email"] != email || o["detail"] == "" {
		t.Errorf("the answer is for %q, not %q, or has no detail", o["email"], email)
	}
	a.quiet(t, "StrongPass123!")
}

func (b *battery) registersTaken(t *testing.T) {
	mails, acc := b.mailbox(t), b.account(t)
	strange, free := newPassword(), b.newAddress()
	same(t, b.register(t, free, strange), b.register(t, acc.Email, strange), "email")
	if notice := mails.Wait(t, acc.Email); notice.Token() != "" {
		t.Errorf("the mail %q to the owner of a taken address holds a token", notice.Subject)
	}
	// Signing in with what was just registered is an answer too, and must tell as little.
	same(t, b.login(t, free, strange), b.login(t, acc.Email, strange), "request_id")
	b.login(t, acc.Email, strange).refused(t, http.StatusForbidden, "email_not_verified")
	b.signIn(t, acc)
}

func (b *battery) registersBadly(t *testing.T) {
	for _, password := range []string{"", "short", "password", strings.Repeat("long", 300)} {
		b.register(t, b.newAddress(), password).refused(t, http.StatusBadRequest, "password_refused")
	}
	for _, email := range []string{"", "nobody", "@example.com", "a b@example.com", "a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com"} {
		a := b.register(t, email, newPassword())
		a.refused(t, http.StatusBadRequest, "email_invalid")
	}
	b.post(t, "/register/", members{"email": b.newAddress()}).refused(t, http.StatusBadRequest, "fields_invalid")
}

// privileges are members that nobody sets for themselves.
var privileges = members{
	"id": "1", "is_active": true, "is_staff": true, "is_superuser": true, "email_verified": true, "date_joined": "2000-01-01T00:00:00Z",
	"role": "admin", "permissions": []string{"*"}, "tenant_id": "1",
}

func (b *battery) registersAsAdmin(t *testing.T) {
	for name, value := range privileges {
		body := members{"email": b.newAddress(), "password": newPassword(), "full_name": "Test User", name: value}
		a := b.post(t, "/register/", body)
		if a.status != http.StatusBadRequest {
			t.Errorf("registering with %s: %s", name, a)
			continue
		}
		a.refused(t, http.StatusBadRequest, "fields_invalid")
	}
}

func (b *battery) verificationStandsBefore(t *testing.T) {
	acc, m := b.pending(t)
	b.login(t, acc.Email, acc.Password).refused(t, http.StatusForbidden, "email_not_verified")
	b.login(t, acc.Email, newPassword()).refused(t, http.StatusUnauthorized, "credentials_rejected")
	b.verify(t, m).want(t, http.StatusOK)
	if user := b.signIn(t, acc).User; user["email_verified"] != true || user["email"] != acc.Email {
		t.Error("the account that was made is not verified, or not for this address")
	}
}

func (b *battery) verify(t testing.TB, m Mail) answer {
	t.Helper()
	return b.post(t, "/email/verify/", members{"token": m.Token()})
}

// look opens a mailed link as a mail scanner does, several times. What it finds is checked where the
// link leads to Gatehouse's own pages.
func (b *battery) look(t *testing.T, m Mail) {
	t.Helper()
	link := m.Link()
	if link == "" {
		t.Fatalf("the mail %q holds no link with a token", m.Subject)
	}
	for range 3 {
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			a, err := try(t, b.client, method, link, header("Accept", "text/html"))
			if !strings.HasPrefix(link, b.origin+"/account/") {
				continue // a page of yours, perhaps not running
			}
			if err != nil || a.status != http.StatusOK {
				t.Fatalf("the mailed link: %s %v", a, err)
			}
		}
	}
}

func (b *battery) verificationSurvivesLooks(t *testing.T) {
	acc, m := b.pending(t)
	b.look(t, m)
	b.call(t, http.MethodGet, "/email/verify/?token="+m.Token()).refused(t, http.StatusMethodNotAllowed, "method_not_allowed")
	b.login(t, acc.Email, acc.Password).refused(t, http.StatusForbidden, "email_not_verified")
	b.verify(t, m).want(t, http.StatusOK)
	b.signIn(t, acc)
}

func (b *battery) verifiesOnce(t *testing.T) {
	acc, m := b.pending(t)
	a := b.verify(t, m)
	a.want(t, http.StatusOK)
	o := a.object(t)
	hasExactly(t, "the answer", o, "email", "detail")
	if o["email"] != acc.Email {
		t.Errorf("the answer is for %q, not %q", o["email"], acc.Email)
	}
	b.verify(t, m).refused(t, http.StatusBadRequest, "link_invalid")
}

func (b *battery) verifiesForged(t *testing.T) {
	acc, m := b.pending(t)
	for _, token := range []string{forged(), "x", m.Token() + "A", m.Token()[1:], strings.ToUpper(m.Token())} {
		a := b.post(t, "/email/verify/", members{"token": token})
		a.refused(t, http.StatusBadRequest, "link_invalid")
		a.quiet(t, m.Token())
	}
	b.login(t, acc.Email, acc.Password).refused(t, http.StatusForbidden, "email_not_verified")
}

func (b *battery) resends(t *testing.T) {
	acc, first := b.pending(t)
	nobody := b.newAddress()
	known := b.post(t, "/email/verify/resend/", members{"email": acc.Email})
	known.want(t, http.StatusAccepted)
	same(t, known, b.post(t, "/email/verify/resend/", members{"email": nobody}))
	second := b.mails.Wait(t, acc.Email)
	b.verify(t, second).want(t, http.StatusOK)
	b.signIn(t, acc)
	b.verify(t, first).refused(t, http.StatusBadRequest, "link_invalid")
	if got := b.mails.All(t, nobody); len(got) != 0 {
		t.Errorf("an address that never registered got %d mails", len(got))
	}
}

// verifiesOwner: a stranger registers the owner's address first, with a password the stranger
// knows. Only the owner reads the mails, and follows the one that answers the own registration.
func (b *battery) verifiesOwner(t *testing.T) {
	stranger, theirs := b.pending(t)
	owner := Account{Email: stranger.Email, Password: newPassword()}
	b.register(t, owner.Email, owner.Password).want(t, http.StatusCreated)
	b.verify(t, b.mails.Wait(t, owner.Email)).want(t, http.StatusOK)
	b.login(t, stranger.Email, stranger.Password).refused(t, http.StatusUnauthorized, "credentials_rejected")
	b.verify(t, theirs).refused(t, http.StatusBadRequest, "link_invalid")
	b.signIn(t, owner)
}

func (b *battery) verifiesLate(t *testing.T) {
	b.needsClock(t)
	acc, m := b.pending(t)
	b.advance(t, 24*time.Hour+time.Second)
	b.verify(t, m).refused(t, http.StatusBadRequest, "link_invalid")
	b.login(t, acc.Email, acc.Password).refused(t, http.StatusUnauthorized, "credentials_rejected")
}
