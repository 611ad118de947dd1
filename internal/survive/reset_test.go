package survive

import (
	"net/http"
	"testing"
)

// Fifty confirmations of one reset link, each with a password of its own, on three servers.
func TestParallelConfirmationsOfOneResetHaveOneWinner(t *testing.T) {
	const email = "ada@example.com"
	n := rounds(50, 15)
	s := newSite(t, "postgres", 3, generous...)
	s.any(0).account(email, password(n))
	var sessions []pair
	for _, one := range s.servers {
		sessions = append(sessions, one.signIn(email, password(n)))
	}
	if a := s.any(0).askReset(email); a.status != http.StatusAccepted {
		t.Fatalf("reset answered %v", a)
	}
	token := s.post.await(resetMail, email).token
	answers := make([]answer, n)
	parallel(n, func(i int) { answers[i] = s.any(i).reset(token, password(i)) })
	winner := -1
	for i, a := range answers {
		switch {
		case a.status == http.StatusOK && winner < 0:
			winner = i
		case !a.is(http.StatusBadRequest, "link_invalid"):
			t.Errorf("confirm answered %v", a)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	for i, p := range sessions {
		ended(t, s.any(i+1), p)
	}
	onlyPasswordIs(t, s, email, winner, n+1)
	s.settle()
	if told, done := len(s.post.letters(changedMail, email)), s.audited("password.reset", ""); told != 1 || done != 1 {
		t.Errorf("told %d times, written down %d times, want once", told, done)
	}
	s.calm()
}
