package join

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

func TestPagesRenderInEveryLanguage(t *testing.T) {
	v := invitationView{Token: "t", Tenant: "Example Ltd", Email: "guest@example.com", Role: "editor", Until: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), Least: 8,
		Form: &ui.Form{Values: map[string]string{"full_name": "Jo Doe"}}}
	views := []any{}
	for _, can := range []string{canAccept, isAnother, mustProve, canSignIn, canSignUp} {
		v.Can, v.Person, v.By = can, "other@example.com", "Jo Doe"
		views = append(views, v)
	}
	v.By, v.AskUsername = "", true
	v.Attributes = []account.Asked{{Attribute: account.Attribute{Name: "team"}, Field: "attributes.team", Input: "text"}, {Attribute: account.Attribute{Name: "age"}, Field: "attributes.age", Input: "number"},
		{Attribute: account.Attribute{Name: "adult"}, Field: "attributes.adult", Input: "radio", Options: []ui.Option{{Value: "yes", Text: "Yes"}}}}
	offered := v
	v.UsernameRequired = true
	uitest.Check(t, Pages(), map[string][]any{"invitation": append(views, offered, v), "dead_link": {nil}, "done": {nil}})
	uitest.Keys(t, Pages(), "join.role."+role.Owner, "join.role."+role.Admin, "join.role."+role.Member, "join.sign_up.choose", "ui.yes", "ui.no")
}
