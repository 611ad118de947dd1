package signup

import (
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// attributePrefix is what the names of attributes begin with in forms, as in the faults of
// account.Schema.
const attributePrefix = "attributes."

// attributeField is a declared attribute as the form asks for it.
type attributeField struct {
	Field     string
	Label     string
	Type      string // text, number, select or radio
	MaxLength int
	Options   []ui.Option
}

// required are the declared attributes that no registration may lack. The page asks for no others.
func (s *Service) required() (all []account.Attribute) {
	for _, a := range s.Attributes {
		if a.Required {
			all = append(all, a)
		}
	}
	return all
}

func (s *Service) attributeFields(lang string) (all []attributeField) {
	for _, a := range s.required() {
		f := attributeField{Field: attributePrefix + a.Name, Label: a.Label(), Type: "text", MaxLength: a.MaxLength}
		switch {
		case a.Type == "number":
			f.Type, f.MaxLength = "number", 0
		case a.Type == "boolean":
			f.Type, f.Options = "radio", []ui.Option{{Value: "yes", Text: s.UI.Text(lang, "ui.yes")}, {Value: "no", Text: s.UI.Text(lang, "ui.no")}}
		case len(a.OneOf) > 0:
			f.Type, f.Options = "select", []ui.Option{{Value: "", Text: s.UI.Text(lang, "signup.sign_up.choose")}}
			for _, value := range a.OneOf {
				f.Options = append(f.Options, ui.Option{Value: value, Text: value})
			}
		}
		all = append(all, f)
	}
	return all
}

// readAttributes returns what was answered. What cannot be an attribute's value stays text, which
// account.Schema refuses.
func (s *Service) readAttributes(form url.Values) map[string]any {
	values := map[string]any{}
	for _, a := range s.required() {
		if text := strings.TrimSpace(form.Get(attributePrefix + a.Name)); text != "" {
			values[a.Name] = a.Read(text)
		}
	}
	return values
}
