package gatehousetest

import (
	"net/http"
	"testing"
	"time"
)

func (b *battery) changePassword(t testing.TB, s tokens, old, fresh string) answer {
	t.Helper()
	return b.post(t, "/password/change/", members{"old_password": old, "new_password": fresh}, bearerToken(s.Access))
}

func (b *battery) changesPasswordBadly(t *testing.T) {
	acc := b.visitor(t)
	s, fresh := b.signIn(t, acc), newPassword()
	b.changePassword(t, s, newPassword(), fresh).refused(t, http.StatusForbidden, "password_rejected")
	b.changePassword(t, s, acc.Password, "short").refused(t, http.StatusBadRequest, "password_refused")
	b.changePassword(t, tokens{Access: forged()}, acc.Password, fresh).refused(t, http.StatusUnauthorized, "token_invalid")
	b.login(t, acc.Email, fresh).refused(t, http.StatusUnauthorized, "credentials_rejected")
	b.signIn(t, acc)
	b.mustStand(t, s)
}

func (b *battery) changesPassword(t *testing.T) {
	acc := b.account(t)
	mine, other := b.signIn(t, acc), b.signIn(t, acc)
	fresh := newPassword()
	a := b.changePassword(t, mine, acc.Password, fresh)
	a.want(t, http.StatusOK)
	a.quiet(t, acc.Password, fresh)
	b.mustBeOver(t, other)
	b.mustStand(t, mine)
	b.login(t, acc.Email, acc.Password).refused(t, http.StatusUnauthorized, "credentials_rejected")
	b.login(t, acc.Email, fresh).tokens(t)
	if b.mails != nil {
		if m := b.mails.Wait(t, acc.Email); m.Token() != "" {
			t.Errorf("the notice %q holds a token", m.Subject)
		}
	}
}

// askReset asks for a link and returns the mail with it, passing over up to four notices of before.
func (b *battery) askReset(t *testing.T, acc Account) Mail {
	t.Helper()
	mails := b.mailbox(t)
	b.post(t, "/password/reset/", members{"email": acc.Email}).want(t, http.StatusAccepted)
	var m Mail
	for range 5 {
		if m = mails.Wait(t, acc.Email); m.Token() != "" {
			return m
		}
	}
	t.Fatalf("the mail %q holds no link with a token", m.Subject)
	return m
}

func (b *battery) confirmReset(t testing.TB, m Mail, fresh string) answer {
	t.Helper()
	return b.post(t, "/password/reset/confirm/", members{"token": m.Token(), "new_password": fresh})
}

func (b *battery) asksForReset(t *testing.T) {
	mails, acc, nobody := b.mailbox(t), b.account(t), b.newAddress()
	unknown := b.post(t, "/password/reset/", members{"email": nobody})
	known := b.post(t, "/password/reset/", members{"email": acc.Email})
	known.want(t, http.StatusAccepted)
	same(t, known, unknown)
	mails.Wait(t, acc.Email)
	if got := mails.All(t, nobody); len(got) != 0 {
		t.Errorf("an address without an account got %d mails", len(got))
	}
}

func (b *battery) resets(t *testing.T) {
	b.mailbox(t)
	acc := b.account(t)
	s := b.signIn(t, acc)
	m, fresh := b.askReset(t, acc), newPassword()
	a := b.confirmReset(t, m, fresh)
	a.want(t, http.StatusOK)
	hasExactly(t, "the answer", a.object(t), "detail")
	b.mustBeOver(t, s)
	b.confirmReset(t, m, newPassword()).refused(t, http.StatusBadRequest, "link_invalid")
	b.login(t, acc.Email, acc.Password).refused(t, http.StatusUnauthorized, "credentials_rejected")
	b.login(t, acc.Email, fresh).tokens(t)
}

func (b *battery) resetSurvives(t *testing.T) {
	b.mailbox(t)
	acc := b.account(t)
	m := b.askReset(t, acc)
	b.look(t, m)
	b.confirmReset(t, m, "short").refused(t, http.StatusBadRequest, "password_refused")
	b.post(t, "/password/reset/confirm/", members{"token": forged(), "new_password": newPassword()}).refused(t, http.StatusBadRequest, "link_invalid")
	fresh := newPassword()
	b.confirmReset(t, m, fresh).want(t, http.StatusOK)
	b.login(t, acc.Email, fresh).tokens(t)
}

// resetDiesOnSignIn: whoever knows the password needs no link, so somebody else asked for it.
func (b *battery) resetDiesOnSignIn(t *testing.T) {
	b.mailbox(t)
	acc := b.account(t)
	m := b.askReset(t, acc)
	b.signIn(t, acc)
	b.confirmReset(t, m, newPassword()).refused(t, http.StatusBadRequest, "link_invalid")
	b.signIn(t, acc)
}

func (b *battery) resetsLate(t *testing.T) {
	b.needsClock(t)
	b.mailbox(t)
	acc := b.account(t)
	m := b.askReset(t, acc)
	b.advance(t, time.Hour)
	b.confirmReset(t, m, newPassword()).refused(t, http.StatusBadRequest, "link_invalid")
	b.signIn(t, acc)
}
