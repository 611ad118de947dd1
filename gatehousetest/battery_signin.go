package gatehousetest

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// accountMembers are what an account shows of itself.
var accountMembers = []string{
	"id", "email", "email_verified", "username", "full_name", "phone", "locale", "attributes", "is_active", "is_staff", "is_superuser", "date_joined", "last_login",
}

func (b *battery) signsIn(t *testing.T) {
	acc := b.visitor(t)
	a := b.login(t, acc.Email, acc.Password)
	got := a.tokens(t)
	hasExactly(t, "the answer", a.object(t), "access", "refresh", "token_type", "expires_in", "refresh_expires_in", "user")
	hasExactly(t, "user", got.User, accountMembers...)
	for name, want := range map[string]any{"email": acc.Email, "email_verified": true, "is_active": true, "is_staff": false, "is_superuser": false} {
		if got.User[name] != want {
			t.Errorf("user.%s is %v, not %v", name, got.User[name], want)
		}
	}
	for _, name := range []string{"date_joined", "last_login"} {
		at, _ := got.User[name].(string)
		if _, err := time.Parse(time.RFC3339, at); err != nil || !strings.HasSuffix(at, "Z") {
			t.Errorf("user.%s is %v, no time in UTC", name, got.User[name])
		}
	}
	a.quiet(t, acc.Password)
	if len(a.cookies) != 0 {
		t.Error("a sign-in for programs sets a cookie")
	}
}

func (b *battery) signsInUpperCase(t *testing.T) {
	acc := b.visitor(t)
	b.login(t, strings.ToUpper(acc.Email), acc.Password).tokens(t)
	b.login(t, acc.Email, strings.ToUpper(acc.Password)).refused(t, http.StatusUnauthorized, "credentials_rejected")
	b.call(t, http.MethodPost, "/login", jsonBody(t, members{"email": acc.Email, "password": acc.Password})).tokens(t)
}

func (b *battery) signsInWrongly(t *testing.T) {
	acc := b.visitor(t)
	wrong, missing := b.login(t, acc.Email, newPassword()), b.login(t, b.newAddress(), newPassword())
	wrong.refused(t, http.StatusUnauthorized, "credentials_rejected")
	same(t, wrong, missing, "request_id")
	same(t, wrong, b.login(t, b.newAddress(), ""), "request_id")
}

// stopsGuessing needs the clock, so that it leaves no limit used up behind.
func (b *battery) stopsGuessing(t *testing.T) {
	b.needsClock(t)
	acc, other := b.account(t), b.visitor(t)
	var a answer
	for range 40 {
		if a = b.login(t, acc.Email, newPassword()); a.status == http.StatusTooManyRequests {
			break
		}
		a.refused(t, http.StatusUnauthorized, "credentials_rejected")
	}
	a.refused(t, http.StatusTooManyRequests, "rate_limited")
	b.login(t, acc.Email, acc.Password).refused(t, http.StatusTooManyRequests, "rate_limited")
	b.signIn(t, other)
	wait, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || wait < 1 {
		t.Fatalf("Retry-After is %q, no number of seconds", a.header.Get("Retry-After"))
	}
	b.advance(t, time.Duration(wait)*time.Second)
	b.signIn(t, acc)
	b.advance(t, time.Hour)
}
