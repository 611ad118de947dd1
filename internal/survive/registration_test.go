package survive

import (
	"fmt"
	"net/http"
	"testing"
)

func password(i int) string { return fmt.Sprintf("warm woollen mittens %d", i) }

// spelling writes one address in the i-th of 256 ways. It is the same address in all of them, and
// each mail goes to the spelling that asked for it.
func spelling(i int) string {
	name := []byte("adabyron")
	for bit := range name {
		if i>>bit&1 == 1 {
			name[bit] -= 'a' - 'A'
		}
	}
	return string(name) + "@example.com"
}

// One address, a hundred registrations, three servers: one account comes of it, with the password
// of the registration whose link was first.
func TestParallelRegistrationsOfOneAddressMakeOneAccount(t *testing.T) {
	n := rounds(100, 20)
	s := newSite(t, "postgres", 3, generous...)
	parallel(n, func(i int) {
		if a := s.any(i).register(spelling(i), password(i)); a.status != http.StatusCreated {
			t.Errorf("register answered %v", a)
		}
	})
	links := make([]letter, n)
	for i := range links {
		links[i] = s.post.await(verifyMail, spelling(i))
	}
	winner := -1
	verified := make([]answer, n)
	parallel(n, func(i int) { verified[i] = s.any(i).verify(links[i].token) })
	for i, a := range verified {
		switch {
		case a.status == http.StatusOK && winner < 0:
			winner = i
		case !a.is(http.StatusBadRequest, "link_invalid"):
			t.Errorf("verify answered %v", a)
		}
	}
	if winner < 0 {
		t.Fatal("no link made an account")
	}
	var typed string
	s.read(&typed, "SELECT email FROM account WHERE email_key = $1", spelling(0))
	if typed != spelling(winner) {
		t.Error("the account is not that of the registration redeemed")
	}
	if waiting := s.count("SELECT count(*) FROM registration"); waiting != 0 {
		t.Errorf("%d registrations still wait", waiting)
	}
	onlyPasswordIs(t, s, spelling(0), winner, n)
	s.calm()
}

// onlyPasswordIs fails unless of n passwords the right one opens an account and no other does.
func onlyPasswordIs(t *testing.T, s *site, email string, right, n int) {
	t.Helper()
	fewAtOnce(n, func(i int) {
		_, a := s.any(i).login(email, password(i))
		if want := i == right; want != (a.status == http.StatusOK) || !want && !a.is(http.StatusUnauthorized, "credentials_rejected") {
			t.Errorf("login with the right password %v answered %v", want, a)
		}
	})
}
