package account_test

import (
	"net/url"
	"reflect"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
)

func TestFormsForNewAccountsAskForWhatNoneMayLack(t *testing.T) {
	declared := []account.Attribute{
		{Name: "team", Type: "string", Required: true}, {Name: "nick", Type: "string"}, {Name: "age", Type: "number", Required: true},
	}
	asked := account.Ask(nil, "en", "Choose", declared)
	var got []string
	for _, a := range asked {
		got = append(got, a.Field+" "+a.Input)
	}
	if want := []string{"attributes.team text", "attributes.age number"}; !reflect.DeepEqual(got, want) {
		t.Errorf("asked %q", got)
	}
	list := account.Ask(nil, "en", "Choose", []account.Attribute{{Name: "size", Type: "string", OneOf: []string{"s", "m"}, Required: true}})[0]
	if list.Input != "select" || len(list.Options) != 3 || list.Options[0].Value != "" || list.Options[0].Text != "Choose" || list.Options[2].Value != "m" {
		t.Errorf("a list is %+v", list)
	}
	given := account.Answers(asked, url.Values{"attributes.team": {" Core "}, "attributes.nick": {"Jo"}, "attributes.age": {"old"}})
	if want := map[string]any{"team": "Core", "age": "old"}; !reflect.DeepEqual(given, want) {
		t.Errorf("given %v", given)
	}
	if given := account.Answers(asked, url.Values{"attributes.team": {" "}, "attributes.age": {"42"}}); !reflect.DeepEqual(given, map[string]any{"age": 42.0}) {
		t.Errorf("given %v", given)
	}
}
