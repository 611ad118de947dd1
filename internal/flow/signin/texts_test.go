package signin_test

import (
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

func TestPagesOfSignIn(t *testing.T) {
	form := func() *ui.Form {
		f := &ui.Form{Values: map[string]string{"name": "jo@example.com"}, Problems: map[string][]ui.Problem{}}
		f.Add("", signin.ErrCredentials.Code, signin.ErrCredentials.Detail)
		return f
	}
	blank := &ui.Form{Values: map[string]string{}, Problems: map[string][]ui.Problem{}}
	type view struct {
		Form             *ui.Form
		Next, Address    string
		ByEmail, ByName  bool
		SignUp, Unproven bool
		Name             string
		Action, SignIn   string
		Kept             []struct{ Name, Value string }
		Stale            bool
	}
	uitest.Check(t, signin.Pages(), map[string][]any{
		"sign_in": {view{Form: blank, ByEmail: true, SignUp: true}, view{Form: form(), ByName: true, Unproven: true, Next: "/console/"}, view{Form: form(), ByEmail: true, ByName: true, Unproven: true, Address: "jo@example.com"}},
		"confirm": {view{Form: blank, Name: "jo@example.com"}, view{Form: form(), Name: "jo@example.com", Next: "/console/"}},
		"kept":    {view{Action: "/account/", SignIn: "/account/sign-in/", Kept: []struct{ Name, Value string }{{"full_name", "Jo"}}}, view{Action: "/console/", SignIn: "/account/confirm/", Stale: true}},
	})
	uitest.Keys(t, signin.Pages(), "signin.done.signed_out")
}
