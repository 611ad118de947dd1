package recovery

import (
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

func TestPagesRenderInEveryLanguage(t *testing.T) {
	form := &ui.Form{Values: map[string]string{"email": "jo@example.com"}}
	const signIn = "https://app.example.com/sign-in"
	uitest.Check(t, Pages(), map[string][]any{
		"forgot":    {forgotView{Form: form, SignIn: signIn}, forgotView{Form: form}},
		"asked":     {forgotView{Form: form, Email: "jo@example.com", Minutes: 30, SignIn: signIn}, forgotView{Form: form, Minutes: 1}},
		"reset":     {resetView{Token: "t", Email: "jo@example.com", Login: "jo", Least: 8, Form: form}},
		"changed":   {struct{ SignIn string }{signIn}, struct{ SignIn string }{}},
		"dead_link": {deadView{Form: form, SignIn: signIn}, deadView{Form: form, Used: true}},
	})
}
