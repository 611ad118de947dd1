package ui

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Form is what a page needs to show a form again: where it goes, what was typed, what is wrong.
type Form struct {
	ID       string // prefixes the ids of its fields; needed where a page holds two forms
	Action   string
	Values   map[string]string
	Problems map[string][]Problem // by field; those of the whole form under ""

	names []string // in the order of the page
}

// Problem is something a person can mend.
type Problem struct {
	Code   string
	Detail string // in English, as the fault says it; pages show it in their language
}

// NewForm returns a form that posts to the page of r. It keeps the named values of a POST, or of
// the query of a GET. Passwords, codes and other secrets are never kept, whatever is named.
func NewForm(r *http.Request, names ...string) *Form {
	f := &Form{Action: r.URL.Path, Values: map[string]string{}, Problems: map[string][]Problem{}, names: names}
	values, looking := r.PostForm, r.Method == http.MethodGet || r.Method == http.MethodHead
	if looking {
		values = r.URL.Query()
	}
	for _, name := range names {
		// A POST without it says something too: the box is not ticked.
		if !isSecret(name) && (!looking || values.Has(name)) {
			f.Values[name] = values.Get(name)
		}
	}
	return f
}

// isSecret reports whether a field of that name holds what a page must not repeat.
func isSecret(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	return slices.ContainsFunc(words, func(w string) bool {
		return strings.Contains(w, "password") || slices.Contains([]string{"passphrase", "secret", "code", "otp", "pin"}, w)
	})
}

// Fail takes what a fault says as problems: its fields, or else its detail. It returns false, and
// changes nothing, where err holds no fault or one that a person cannot mend.
func (f *Form) Fail(err error) bool {
	why, ok := fault.From(err)
	if !ok || why.Kind == fault.Internal {
		return false
	}
	for _, field := range why.Fields {
		f.Add(field.Field, field.Code, field.Detail)
	}
	if len(why.Fields) == 0 {
		f.Add("", why.Code, why.Detail)
	}
	return true
}

// Add names one more problem, of a field or, with an empty name, of the whole form.
func (f *Form) Add(field, code, detail string) {
	f.Problems[field] = append(f.Problems[field], Problem{code, detail})
}

// Set gives a field a value to start with. What was typed stays.
func (f *Form) Set(name, value string) {
	if _, typed := f.Values[name]; !typed {
		f.Values[name] = value
	}
}

// complaint is one line of the error summary.
type complaint struct {
	Problem
	Target string // id of the field; empty: the form has no such field
}

// Complaints returns all problems: of the whole form, then by field in the order of the page.
func (f *Form) Complaints() []complaint {
	if f == nil {
		return nil
	}
	var all []complaint
	fields := []string{""}
	for _, name := range f.names {
		if name != "" {
			fields = append(fields, name)
		}
	}
	var others []string
	for name := range f.Problems {
		if !slices.Contains(fields, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for i, name := range append(fields, others...) {
		for _, p := range f.Problems[name] {
			c := complaint{Problem: p}
			if i > 0 && i < len(fields) {
				c.Target = f.id(name)
			}
			all = append(all, c)
		}
	}
	return all
}

// id is the id of a field's element.
func (f *Form) id(name string) string {
	if f == nil || f.ID == "" {
		return name
	}
	return f.ID + "-" + name
}
