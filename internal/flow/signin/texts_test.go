package signin_test

import (
	"html/template"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

var allMethods = []string{factor.Passkey, factor.TOTP, factor.BackupCode, factor.EmailCode, factor.Password}

func TestPagesOfSignIn(t *testing.T) {
	form := func() *ui.Form {
		f := &ui.Form{Values: map[string]string{"name": "jo@example.com"}, Problems: map[string][]ui.Problem{}}
		f.Add("", signin.ErrCredentials.Code, signin.ErrCredentials.Detail)
		return f
	}
	blank := &ui.Form{Values: map[string]string{}, Problems: map[string][]ui.Problem{}}
	type signIn struct {
		Form                        *ui.Form
		Next, Address, Begin        string
		ByEmail, ByName, ByMail     bool
		SignUp, Unproven            bool
		Name, Action, SignIn, Code  string
		Kept                        []struct{ Name, Value string }
		Stale, Here, Remember, Over bool
	}
	type setup struct {
		QR     template.HTML
		Secret string
	}
	type prove struct {
		Form                                *ui.Form
		Action, Next, Method, Name, Address string
		Confirm, Mailed, MayTrust           bool
		Others                              []string
		Ask                                 struct{ Ticket, Options string }
		Setup                               *setup
	}
	var proofs []any
	for _, method := range allMethods {
		p := prove{Form: blank, Action: "/account/sign-in/second/", Method: method, Address: "j•••@example.com", MayTrust: true, Others: allMethods}
		proofs = append(proofs, p)
		p.Form, p.Next, p.Mailed = form(), "/console/?a=b&c", true
		proofs = append(proofs, p)
		p.Action, p.Confirm, p.Name, p.MayTrust, p.Others = "/account/confirm/", true, "jo@example.com", false, nil
		proofs = append(proofs, p)
	}
	proofs = append(proofs, prove{Form: blank, Action: "/account/sign-in/second/", Method: factor.TOTP, Setup: &setup{`<svg class="qr"></svg>`, "ABCD EFGH"}})
	uitest.Check(t, signin.Pages(), map[string][]any{
		"sign_in":   {signIn{Form: blank, ByEmail: true, ByMail: true, SignUp: true}, signIn{Form: form(), ByName: true, Unproven: true, Next: "/console/", Over: true}, signIn{Form: form(), ByEmail: true, ByName: true, Unproven: true, Address: "jo@example.com"}},
		"prove":     proofs,
		"mail":      {signIn{Form: blank, Over: true}, signIn{Form: form(), Next: "/console/"}},
		"mail_code": {signIn{Form: blank, Address: "jo@example.com"}, signIn{Form: form(), Address: "jo@example.com", Next: "/console/", Remember: true}},
		"link":      {signIn{Code: "12345678"}, signIn{Code: "12345678", Here: true}},
		"kept":      {signIn{Action: "/account/", SignIn: "/account/sign-in/", Kept: []struct{ Name, Value string }{{"full_name", "Jo"}}}, signIn{Action: "/console/", SignIn: "/account/confirm/", Stale: true}},
	})
	uitest.Keys(t, signin.Pages(), "signin.done.signed_out", "signin.done.code_sent")
	for _, method := range allMethods {
		uitest.Keys(t, signin.Pages(), "signin.prove.other."+method)
	}
}
