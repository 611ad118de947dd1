package join

import (
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// attribute is a declared attribute that no new account may lack, as the form asks for it. The page asks
// for no others.
type attribute struct {
	account.Attribute
	Field   string // its name in the form, as in the faults of account.Schema
	Input   string // text, number, select or radio
	Options []ui.Option
}

func (s *Service) attributes(lang string) (all []attribute) {
	for _, a := range s.Attributes {
		if !a.Required {
			continue
		}
		one := attribute{Attribute: a, Field: "attributes." + a.Name, Input: "text"}
		switch {
		case a.Type == "number":
			one.Input = "number"
		case a.Type == "boolean":
			one.Input, one.Options = "radio", []ui.Option{{Value: "yes", Text: s.UI.Text(lang, "ui.yes")}, {Value: "no", Text: s.UI.Text(lang, "ui.no")}}
		case len(a.OneOf) > 0:
			one.Input, one.Options = "select", []ui.Option{{Value: "", Text: s.UI.Text(lang, "join.sign_up.choose")}}
			for _, value := range a.OneOf {
				one.Options = append(one.Options, ui.Option{Value: value, Text: value})
			}
		}
		all = append(all, one)
	}
	return all
}

// answers returns what was given for them. What cannot be an attribute's value stays text, which
// account.Schema refuses.
func answers(asked []attribute, form url.Values) map[string]any {
	values := map[string]any{}
	for _, a := range asked {
		if text := strings.TrimSpace(form.Get(a.Field)); text != "" {
			values[a.Name] = a.Read(text)
		}
	}
	return values
}
