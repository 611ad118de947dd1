package gatehousetest

import (
	"net/http"
	"strings"
	"testing"
)

func (b *battery) exports(t *testing.T) {
	acc := b.visitor(t)
	s := b.signIn(t, acc)
	a := b.call(t, http.MethodGet, "/me/export/", bearerToken(s.Access))
	a.want(t, http.StatusOK)
	a.unstored(t)
	a.quiet(t, acc.Password, s.Access, s.Refresh)
	copied := string(a.body)
	if held, ok := a.object(t)["account"].(map[string]any); !ok || held["email"] != acc.Email {
		t.Errorf("%s, but the account is not in it", a)
	}
	if !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") || strings.Contains(copied, "$argon2") {
		t.Errorf("%s: it is no file to save, or holds a hash", a)
	}
	b.call(t, http.MethodGet, "/me/export/").refused(t, http.StatusUnauthorized, "token_missing")
}

func (b *battery) erase(t testing.TB, s tokens, password string) answer {
	t.Helper()
	return b.call(t, http.MethodDelete, "/me/", jsonBody(t, members{"password": password}), bearerToken(s.Access))
}

func (b *battery) erases(t *testing.T) {
	acc := b.account(t)
	mine, other := b.signIn(t, acc), b.signIn(t, acc)
	b.erase(t, mine, newPassword()).refused(t, http.StatusForbidden, "password_rejected")
	b.erase(t, tokens{Access: forged()}, acc.Password).refused(t, http.StatusUnauthorized, "token_invalid")
	mine = b.mustStand(t, mine)
	b.erase(t, mine, acc.Password).want(t, http.StatusNoContent)
	b.mustBeOver(t, mine)
	b.mustBeOver(t, other)
	b.login(t, acc.Email, acc.Password).refused(t, http.StatusUnauthorized, "credentials_rejected")
}
