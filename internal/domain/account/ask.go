package account

import (
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Asked is a declared attribute as a form for a new account asks for it.
type Asked struct {
	Attribute
	Field   string // its name in the form, as in the faults of a Schema
	Input   string // text, number, select or radio
	Options []ui.Option
}

// Ask returns the declared attributes that no new account may lack; forms for one ask for no others. choose is
// what a list says where nothing of it is chosen, in lang, a language of u.
func Ask(u *ui.UI, lang, choose string, declared []Attribute) (all []Asked) {
	for _, a := range declared {
		if !a.Required {
			continue
		}
		one := Asked{Attribute: a, Field: a.FieldName(), Input: "text"}
		switch {
		case a.Type == "number":
			one.Input = "number"
		case a.Type == "boolean":
			one.Input, one.Options = "radio", a.choices(u, lang)
		case len(a.OneOf) > 0:
			one.Input, one.Options = "select", append([]ui.Option{{Value: "", Text: choose}}, a.choices(u, lang)...)
		}
		all = append(all, one)
	}
	return all
}

// Answers returns what a form gives for them. What cannot be an attribute's value stays text, which a Schema
// refuses.
func Answers(asked []Asked, form url.Values) map[string]any {
	values := map[string]any{}
	for _, a := range asked {
		if text := strings.TrimSpace(form.Get(a.Field)); text != "" {
			values[a.Name] = a.Read(text)
		}
	}
	return values
}
