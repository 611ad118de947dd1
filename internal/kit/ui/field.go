package ui

import (
	"fmt"
	"slices"
	"strings"
)

// Option is one value of a select or radio field.
type Option struct{ Value, Text string }

// fieldView is what the template "field" shows. Its exported members but the last are set by
// name: field .Form "email" "type" "email" "autocomplete" "username".
type fieldView struct {
	ID, Name, Value, Label, Hint  string
	Type                          string // of the input; also select, radio, checkbox, textarea
	Autocomplete, InputMode       string
	Pattern, Min, Max, Step       string
	MinLength, MaxLength, Rows    int
	Required, ReadOnly, Autofocus bool
	Options                       []Option
	Problems                      []Problem
	DescribedBy                   string
}

// newField describes a field of f, which may be nil. A mistake in an option's name or type is an
// error, which the tests of the page meet.
func newField(f *Form, name string, options ...any) (fieldView, error) {
	v := fieldView{ID: f.id(name), Name: name, Type: "text"}
	if f != nil {
		v.Value, v.Problems = f.Values[name], f.Problems[name]
	}
	if len(options)%2 != 0 {
		return v, fmt.Errorf("field %s: an option without a value", name)
	}
	for i := 0; i < len(options); i += 2 {
		key, _ := options[i].(string)
		if !v.set(key, options[i+1]) {
			return v, fmt.Errorf("field %s: option %q is unknown or not a %T", name, key, options[i+1])
		}
	}
	if v.Type == "password" || isSecret(name) {
		v.Value = ""
	}
	var described []string
	if v.Hint != "" {
		described = append(described, v.ID+"-hint")
	}
	if len(v.Problems) > 0 {
		described = append(described, v.ID+"-problem")
	}
	v.DescribedBy = strings.Join(described, " ")
	return v, nil
}

func (v *fieldView) set(key string, value any) bool {
	texts := map[string]*string{"type": &v.Type, "label": &v.Label, "hint": &v.Hint, "autocomplete": &v.Autocomplete,
		"inputmode": &v.InputMode, "pattern": &v.Pattern, "min": &v.Min, "max": &v.Max, "step": &v.Step, "id": &v.ID, "value": &v.Value}
	flags := map[string]*bool{"required": &v.Required, "readonly": &v.ReadOnly, "autofocus": &v.Autofocus}
	numbers := map[string]*int{"minlength": &v.MinLength, "maxlength": &v.MaxLength, "rows": &v.Rows}
	switch x := value.(type) {
	case string:
		if p, ok := texts[key]; ok {
			*p = x
			return true
		}
	case bool:
		if p, ok := flags[key]; ok {
			*p = x
			return true
		}
	case int:
		if p, ok := numbers[key]; ok {
			*p = x
			return true
		}
	case []Option:
		v.Options = slices.Clone(x)
		return key == "options"
	}
	return false
}
