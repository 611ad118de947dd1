package signin_test

import (
	"errors"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

func TestAttemptsAreCountedByTheirOutcome(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.signIn()
		w.signIn()
		want := signin.Attempts{Succeeded: 2}
		for want.Limited < 3 {
			_, err := w.flow.Login(t.Context(), signin.Attempt{Email: w.account.Email, Password: "not " + pass, Transport: session.Body, Address: caller})
			switch {
			case errors.Is(err, ratelimit.ErrLimited):
				want.Limited++
			case errors.Is(err, signin.ErrCredentials):
				want.Refused++
			default:
				t.Fatal(err)
			}
		}
		if got := w.flow.Stats().Attempts; got != want || got.Refused == 0 {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	})
}
