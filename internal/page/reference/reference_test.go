package reference

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Keys that are put together when the page is made are seen by no test of templates.
func TestEveryLevelOfAccessHasAText(t *testing.T) {
	pages := []web.Access{web.Person, web.FreshPerson, web.Member, web.Staff, web.Superuser} // the API has none of these
	var keys []string
	for a := web.Public; a.String() != "unset"; a++ {
		if !slices.Contains(pages, a) {
			keys = append(keys, "reference.who."+a.String())
		}
	}
	if len(keys) < 7 {
		t.Fatalf("there are only the levels %v", keys)
	}
	uitest.Keys(t, Pages("/x/"), keys...)
}

func TestReferenceIsWholeInEveryLanguage(t *testing.T) {
	members := []member{{"email", "string", true, []string{"maxLength 255"}, "The address"}, {Name: "list[].name", Type: "string | null"}}
	route := web.Get("/x/", web.MemberToken, nil).Says("What it does").Needs("notes.read").Freshly()
	uitest.Check(t, Pages("/x/"), map[string][]any{
		"calls":  {callsView{"https://id.example.com", []call{{Route: route, Request: members, Answer: members}, {Route: web.Get("/y/", web.Public, nil)}}}},
		"errors": {errorRows("| <a id=\"x\"></a>`x` | 400 | It is wrong. |\n")},
	})
	uitest.Translated(t, Pages("/x/"), ui.Set{Name: "reference", Files: files})
}

func TestMembersAreReadFromTheDocument(t *testing.T) {
	const text = `{"paths": {"/notes/": {"post": {
		"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}},
		"responses": {"201": {"content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Note"}}}}},
			"default": {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}}}}},
		"components": {"schemas": {"Problem": {"properties": {"code": {"type": "string"}}},
			"Note": {"type": "object", "required": ["text"], "properties": {
				"text": {"type": "string", "minLength": 1, "maxLength": 80, "pattern": "^a", "description": "What it says"},
				"kind": {"type": "string", "enum": ["short", "long"]},
				"at": {"type": ["string", "null"], "format": "date-time"},
				"stars": {"type": "integer", "minimum": 0, "maximum": 5},
				"tags": {"type": "array", "maxItems": 3, "items": {"type": "string"}},
				"parent": {"$ref": "#/components/schemas/Note"}}}}}}`
	all, err := calls([]web.Route{web.Post("/notes/", web.Public, nil), web.Get("/notes/", web.Public, nil)}, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all[0].Request {
		line := m.Name + ": " + m.Type + " " + strings.Join(m.Limits, ", ") + " " + m.About
		if m.Required {
			line += "!"
		}
		got = append(got, strings.TrimSpace(line))
	}
	want := []string{"at: string (date-time) | null", "kind: string enum short, long", "parent: object", "stars: integer minimum 0, maximum 5", "tags: string[] maxItems 3", "text: string minLength 1, maxLength 80, pattern ^a What it says!"}
	if !slices.Equal(got, want) {
		t.Errorf("the request has\n%s", strings.Join(got, "\n"))
	}
	if len(all[0].Answer) != len(want) || all[0].Answer[0].Name != "[].at" {
		t.Errorf("the answer has %v", all[0].Answer)
	}
	if len(all[1].Request)+len(all[1].Answer) != 0 {
		t.Errorf("a route that the document does not have has members: %v", all[1])
	}
}
