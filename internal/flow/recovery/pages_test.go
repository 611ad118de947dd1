package recovery

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

func TestPagesRenderInEveryLanguage(t *testing.T) {
	form := &ui.Form{Values: map[string]string{"email": "jo@example.com"}}
	const signIn = "https://app.example.com/sign-in"
	now := time.Date(2026, time.March, 1, 12, 30, 0, 0, time.UTC)
	uitest.Check(t, Pages(), map[string][]any{
		"forgot":  {forgotView{Form: form, SignIn: signIn}, forgotView{Form: form}},
		"asked":   {forgotView{Form: form, Email: "jo@example.com", Minutes: 30, SignIn: signIn}, forgotView{Form: form, Minutes: 1}},
		"reset":   {resetView{Token: "t", Email: "jo@example.com", Login: "jo", Least: 8, Form: form}},
		"changed": {struct{ SignIn string }{signIn}, struct{ SignIn string }{}},
		"factor_lost": {lostView{Form: form, Hours: 72, SignIn: signIn}, lostView{Form: form, Hours: 24}, lostView{Form: form, Over: true}, lostView{Form: form, Support: true},
			lostView{Form: form, Waiting: &factor.Recovery{ReadyAt: now}, SignIn: signIn}},
		"factor_cancel":      {cancelView{Token: "t", Form: form, Waiting: factor.Recovery{AskedAt: now, ReadyAt: now, Device: "Firefox on Linux", Address: "192.0.2.7"}}},
		"factor_cancelled":   {nil},
		"factor_cancel_dead": {struct{ Done bool }{}, struct{ Done bool }{true}},
		"factor_finish":      {finishView{Token: "t", Email: "jo@example.com", Login: "jo", Form: form}, finishView{Token: "t", Email: "jo@example.com", Support: true, Form: form}},
		"factor_finished":    {struct{ SignIn string }{signIn}, struct{ SignIn string }{}},
		"factor_finish_dead": {finishDeadView{SignIn: signIn}, finishDeadView{Used: true}},
		"dead_link":          {deadView{Form: form, SignIn: signIn}, deadView{Form: form, Used: true}},
		"not_me": {notMeView{Token: "t", At: now, scene: scene{Device: "Firefox on Linux", Address: "192.0.2.7"}, Place: place.Place{City: "Berlin", Country: "DE"}},
			notMeView{Token: "t", At: now, scene: scene{Over: true}}},
		"disowned":    {disownedView{At: now, Email: "jo@example.com", Password: true, SignIn: signIn}, disownedView{At: now, Moved: true, Password: true}, disownedView{At: now, Email: "jo@example.com"}},
		"not_me_dead": {struct{ SignIn string }{signIn}, struct{ SignIn string }{}},
	})
}
