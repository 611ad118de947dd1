package signup

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

func TestPagesRenderInEveryLanguage(t *testing.T) {
	form := &ui.Form{Values: map[string]string{"email": "jo@example.com"}}
	confirm := confirmView{Token: "t", Email: "jo@example.com", When: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), Device: "Firefox on Linux",
		Login: "jo@example.com", Least: 8, Form: form, Fresh: &ui.Form{ID: "fresh"}}
	ask, rename := confirm, confirm
	ask.AskPassword = true
	rename.AskPassword, rename.AskUsername, rename.ByUsername = true, true, true
	fields := []account.Asked{{Attribute: account.Attribute{Name: "team"}, Field: "attributes.team", Input: "text"}, {Attribute: account.Attribute{Name: "age"}, Field: "attributes.age", Input: "number"},
		{Attribute: account.Attribute{Name: "member"}, Field: "attributes.member", Input: "radio", Options: []ui.Option{{Value: "yes", Text: "Yes"}}}}
	const signIn = "https://app.example.com/sign-in"
	uitest.Check(t, Pages(), map[string][]any{
		"sign_up": {signUpView{Form: form, Least: 8}, signUpView{Form: form, Least: 1, AskUsername: true, Attributes: fields, SignIn: signIn},
			signUpView{Form: form, Least: 8, AskUsername: true, UsernameRequired: true}},
		"closed":     {struct{ Code, Detail, SignIn string }{ErrClosed.Code, ErrClosed.Detail, signIn}, struct{ Code, Detail, SignIn string }{ErrClosed.Code, ErrClosed.Detail, ""}},
		"check_mail": {checkMailView{Email: "jo@example.com", Hours: 24, Form: form, SignIn: signIn, SignUp: true}, checkMailView{Form: form}},
		"resend":     {resendView{form, signIn}, resendView{Form: form}},
		"confirm":    {confirm, ask, rename},
		"confirmed":  {struct{ SignIn string }{signIn}, struct{ SignIn string }{}},
		"dead_link":  {deadView{Form: form, SignIn: signIn, SignUp: true, Hours: 24}, deadView{Form: form}},
	})
	uitest.Keys(t, Pages(), "signup.confirm.wrong", "signup.done.resent", "signup.sign_up.choose", "ui.yes", "ui.no", "problem."+ErrClosed.Code)
}
