package account

import (
	"cmp"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Field is a declared attribute as a form shows it.
type Field struct {
	Attribute
	Field string // the member of the form, and of a fault's fields
	Label string // its name, for people
	Text  string // what it holds, as a form writes it
	Shown string // the same for people
	// Options are what can be chosen; none: it is typed.
	Options []ui.Option
}

// FieldName returns what the attribute is called in forms, and in the faults of a Schema.
func (a Attribute) FieldName() string { return "attributes." + a.Name }

// Fields shows attributes with their values in a form, in a language of u.
func Fields(u *ui.UI, lang string, declared []Attribute, values map[string]any) []Field {
	all := make([]Field, len(declared))
	for i, a := range declared {
		f := Field{Attribute: a, Field: a.FieldName(), Label: a.Label(), Text: written(values[a.Name]), Options: a.options(u, lang)}
		f.Shown = f.Text
		for _, o := range f.Options {
			if o.Value == f.Text {
				f.Shown = o.Text
			}
		}
		all[i] = f
	}
	return all
}

// options returns what can be chosen for an attribute, the choice to say nothing first.
func (a Attribute) options(u *ui.UI, lang string) []ui.Option {
	choices := a.choices(u, lang)
	if choices == nil {
		return nil
	}
	return append([]ui.Option{{Value: "", Text: u.Text(lang, "ui.attribute.unsaid")}}, choices...)
}

// choices returns the values that an attribute can have; nil: they are typed.
func (a Attribute) choices(u *ui.UI, lang string) (all []ui.Option) {
	if a.Type == "boolean" {
		return []ui.Option{{Value: "yes", Text: u.Text(lang, "ui.yes")}, {Value: "no", Text: u.Text(lang, "ui.no")}}
	}
	for _, one := range a.OneOf {
		all = append(all, ui.Option{Value: one, Text: one})
	}
	return all
}

// Longest is how many characters a text may have.
func (f Field) Longest() int { return cmp.Or(f.MaxLength, maxAttribute) }

// Explain says in the words of pages what is wrong with attributes, whose faults speak to programs.
func Explain(u *ui.UI, lang string, f *ui.Form, fields []Field) {
	for _, a := range fields {
		for i, problem := range f.Problems[a.Field] {
			key := "ui.attribute.need_text"
			switch {
			case problem.Code == "required":
				key = "ui.attribute.fill_in"
			case a.Options != nil:
				key = "ui.attribute.need_choice"
			case a.Type == "number":
				key = "ui.attribute.need_number"
			}
			f.Problems[a.Field][i].Detail = u.Text(lang, key, "name", a.Label, "n", a.Longest())
		}
	}
}

// Differences returns what a form would change of the values of attributes; nil removes one. Those that it
// does not have or that stay as they are are left out, and so stay out of the audit; so are those that
// people may not set themselves, where byPerson. What cannot be an attribute's value stays text, which a
// Schema refuses.
func Differences(declared []Attribute, held map[string]any, form url.Values, byPerson bool) map[string]any {
	var change map[string]any
	for _, a := range declared {
		if !form.Has(a.FieldName()) || byPerson && a.ReadOnly {
			continue
		}
		text, was := form.Get(a.FieldName()), held[a.Name]
		var value any
		if trimmed := strings.TrimSpace(text); trimmed != "" {
			value = a.Read(trimmed)
		}
		if text == written(was) || reflect.DeepEqual(value, was) {
			continue
		}
		if change == nil {
			change = map[string]any{}
		}
		change[a.Name] = value
	}
	return change
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
