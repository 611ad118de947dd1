package portal

import (
	"cmp"
	"reflect"
	"strconv"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// attributeField is a declared attribute as a form shows it.
type attributeField struct {
	account.Attribute
	Field string // the member of the form, and of a fault's fields
	Label string // its name, for people
	Text  string // what it holds, as a form writes it
	Shown string // the same for people
	// Options are what can be chosen; none: it is typed.
	Options []ui.Option
}

// attributePrefix is what the names of attributes begin with in forms, as in the faults of
// account.Schema.
const attributePrefix = "attributes."

func (p *Portal) attributeFields(values map[string]any, lang string) []attributeField {
	all := make([]attributeField, len(p.Attributes))
	for i, a := range p.Attributes {
		f := attributeField{Attribute: a, Field: attributePrefix + a.Name, Label: a.Label(), Text: written(values[a.Name])}
		f.Shown, f.Options = f.Text, p.optionsOf(a, lang)
		for _, o := range f.Options {
			if o.Value == f.Text {
				f.Shown = o.Text
			}
		}
		all[i] = f
	}
	return all
}

// optionsOf returns what can be chosen for an attribute, the choice to say nothing first.
func (p *Portal) optionsOf(a account.Attribute, lang string) []ui.Option {
	options := []ui.Option{{Value: "", Text: p.UI.Text(lang, "portal.profile.unsaid")}}
	switch {
	case a.Type == "boolean":
		return append(options, ui.Option{Value: "yes", Text: p.UI.Text(lang, "portal.profile.yes")}, ui.Option{Value: "no", Text: p.UI.Text(lang, "portal.profile.no")})
	case len(a.OneOf) > 0:
		for _, one := range a.OneOf {
			options = append(options, ui.Option{Value: one, Text: one})
		}
		return options
	default:
		return nil
	}
}

// Longest is how many characters a text may have.
func (f attributeField) Longest() int { return cmp.Or(f.MaxLength, 1024) }

// explain says in the page's words what is wrong with attributes, whose faults speak to programs.
func (p *Portal) explain(f *ui.Form, fields []attributeField, lang string) {
	for _, a := range fields {
		for i, problem := range f.Problems[a.Field] {
			key := "portal.profile.need_text"
			switch {
			case problem.Code == "required":
				key = "portal.profile.fill_in"
			case a.Options != nil:
				key = "portal.profile.need_choice"
			case a.Type == "number":
				key = "portal.profile.need_number"
			}
			f.Problems[a.Field][i].Detail = p.UI.Text(lang, key, "name", a.Label, "n", a.Longest())
		}
	}
}

// written returns a value as a form writes it; nil is empty.
func written(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	default:
		return ""
	}
}

// read returns what a form's text means for an attribute; nil removes it. What cannot be its
// value stays text, which account.Schema refuses.
func read(a account.Attribute, text string) any {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	return a.Read(text)
}

// change returns what a form would change of an account. Members that it does not have, that are
// read-only or that stay as they are are left out, and so stay out of the audit.
func (p *Portal) change(a *account.Account, form map[string][]string) account.Change {
	var c account.Change
	given := func(name string) (string, bool) {
		values, ok := form[name]
		if !ok || len(values) == 0 {
			return "", false
		}
		return values[0], true
	}
	if s, ok := given("full_name"); ok && strings.TrimSpace(s) != a.Profile.FullName {
		c.FullName = &s
	}
	if s, ok := given("phone"); ok && strings.TrimSpace(s) != a.Profile.Phone {
		c.Phone = &s
	}
	for _, d := range p.Attributes {
		text, ok := given(attributePrefix + d.Name)
		held := a.Profile.Attributes[d.Name]
		value := read(d, text)
		if !ok || d.ReadOnly || text == written(held) || reflect.DeepEqual(value, held) {
			continue
		}
		if c.Attributes == nil {
			c.Attributes = map[string]any{}
		}
		c.Attributes[d.Name] = value
	}
	return c
}

// empty reports whether c changes nothing.
func empty(c account.Change) bool {
	return c.FullName == nil && c.Phone == nil && c.Locale == nil && len(c.Attributes) == 0
}
