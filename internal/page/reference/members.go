package reference

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// call is one route with what it takes and answers.
type call struct {
	web.Route
	Request, Answer []member
}

// member is one member of a body. One within another is named by both, outer.inner, and one of the
// elements of a list is list[].inner.
type member struct {
	Name, Type string
	Required   bool
	Limits     []string // as JSON Schema calls them
	About      string   // English, as the document has it
}

// document is as much of an OpenAPI 3.1 document as is shown.
type document struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	Request   body            `json:"requestBody"`
	Responses map[string]body `json:"responses"`
}

type body struct {
	Content map[string]struct {
		Schema *schema `json:"schema"`
	} `json:"content"`
}

// schema is as much of JSON Schema as the document uses.
type schema struct {
	Ref         string             `json:"$ref"`
	Type        any                `json:"type"` // a string, or a list of them
	Format      string             `json:"format"`
	Description string             `json:"description"`
	Properties  map[string]*schema `json:"properties"`
	Required    []string           `json:"required"`
	Items       *schema            `json:"items"`
	Enum        []any              `json:"enum"`
	Pattern     string             `json:"pattern"`
	MinLength   *int               `json:"minLength"`
	MaxLength   *int               `json:"maxLength"`
	MinItems    *int               `json:"minItems"`
	MaxItems    *int               `json:"maxItems"`
	Minimum     *float64           `json:"minimum"`
	Maximum     *float64           `json:"maximum"`
}

// calls joins routes with what their OpenAPI document says of bodies.
func calls(routes []web.Route, text []byte) ([]call, error) {
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("reference: read the API document: %w", err)
	}
	all := make([]call, len(routes))
	for i, r := range routes {
		op := d.Paths[r.Path][strings.ToLower(r.Method)]
		all[i] = call{Route: r, Request: d.members(op.Request)}
		for status, answer := range op.Responses {
			if status != "default" { // that is the problem document of every refusal
				all[i].Answer = append(all[i].Answer, d.members(answer)...)
			}
		}
	}
	return all, nil
}

func (d *document) members(b body) (all []member) {
	for _, content := range b.Content {
		if content.Schema != nil {
			d.walk(content.Schema, "", nil, &all)
		}
	}
	return all
}

// walk adds what lies below s to all; within are the names of the schemas that s lies in, none of which is
// entered again.
func (d *document) walk(s *schema, prefix string, within []string, all *[]member) {
	if named, ok := d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]; ok {
		if slices.Contains(within, s.Ref) {
			return
		}
		within, s = append(slices.Clip(within), s.Ref), named
	}
	if s.Items != nil {
		d.walk(s.Items, prefix+"[]", within, all)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		inner, path := s.Properties[name], strings.TrimPrefix(prefix+"."+name, ".")
		*all = append(*all, member{path, d.typeOf(inner), slices.Contains(s.Required, name), inner.limits(), inner.Description})
		d.walk(inner, path, within, all)
	}
}

// typeOf names the type of s: string, string (date-time), string[], string | null.
func (d *document) typeOf(s *schema) string {
	if named, ok := d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]; ok {
		s = named
	}
	names := []string{}
	switch t := s.Type.(type) {
	case string:
		names = []string{t}
	case []any:
		for _, one := range t {
			names = append(names, fmt.Sprint(one))
		}
	}
	for i, name := range names {
		switch {
		case name == "array" && s.Items != nil:
			names[i] = d.typeOf(s.Items) + "[]"
		case name != "null" && s.Format != "" && name == "string":
			names[i] += " (" + s.Format + ")"
		}
	}
	return cmp.Or(strings.Join(names, " | "), "any")
}

// limits are what a value is held to.
func (s *schema) limits() (all []string) {
	for _, n := range []struct {
		name string
		is   *int
	}{{"minLength", s.MinLength}, {"maxLength", s.MaxLength}, {"minItems", s.MinItems}, {"maxItems", s.MaxItems}} {
		if n.is != nil {
			all = append(all, fmt.Sprint(n.name, " ", *n.is))
		}
	}
	if s.Minimum != nil {
		all = append(all, fmt.Sprint("minimum ", *s.Minimum))
	}
	if s.Maximum != nil {
		all = append(all, fmt.Sprint("maximum ", *s.Maximum))
	}
	if s.Pattern != "" {
		all = append(all, "pattern "+s.Pattern)
	}
	if len(s.Enum) > 0 {
		one := []string{}
		for _, value := range s.Enum {
			one = append(one, fmt.Sprint(value))
		}
		all = append(all, "enum "+strings.Join(one, ", "))
	}
	return all
}
