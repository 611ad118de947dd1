package web

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// document collects the API description. huma reads the structs and tags; requests never pass
// through it, because its errors echo values and its error constructor is a process-wide
// variable that an embedder may have changed.
type document struct {
	api     huma.API
	current string // operation being described
}

// name names a schema: by package and type, or after the operation where the type has no name.
func (d *document) name(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" {
		return d.current + huma.DefaultSchemaNamer(t, hint)
	}
	return schemaName(t, hint)
}

// schemaName names a schema by package and type, because two features may use one word.
func schemaName(t reflect.Type, hint string) string {
	return camel(path.Base(t.PkgPath())) + huma.DefaultSchemaNamer(t, hint)
}

// newRegistry returns what keeps schemas by these names.
func newRegistry(name func(t reflect.Type, hint string) string) huma.Registry {
	return huma.NewMapRegistry("#/components/schemas/", name)
}

func camel(id string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(id, "-") {
		if word != "" {
			out.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return out.String()
}

func newDocument(title, version, mountPath string) *document {
	d := &document{}
	cfg := huma.Config{OpenAPI: &huma.OpenAPI{
		OpenAPI:    "3.1.0",
		Info:       &huma.Info{Title: title, Version: version},
		Components: &huma.Components{Schemas: newRegistry(d.name)},
	}, Formats: map[string]huma.Format{"application/json": {}}}
	if mountPath != "" {
		cfg.Servers = []*huma.Server{{URL: mountPath}}
	}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "An access token (RFC 9068)"},
	}
	d.api = huma.NewAPI(cfg, silent{})
	return d
}

func (d *document) registry() huma.Registry { return d.api.OpenAPI().Components.Schemas }

// silent is huma's adapter that serves nothing.
type silent struct{}

func (silent) Handle(*huma.Operation, func(huma.Context))   {}
func (silent) ServeHTTP(http.ResponseWriter, *http.Request) {}

func describe[I, O any](d *document, r Route) {
	d.current = camel(operationID(r))
	problem := d.registry().Schema(reflect.TypeFor[Problem](), true, "Problem")
	op := huma.Operation{
		Method: r.Method, Path: r.Path, Summary: r.Summary, DefaultStatus: r.Status,
		OperationID: operationID(r),
		Responses: map[string]*huma.Response{"default": {
			Description: "A refusal (RFC 9457)",
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
		}},
	}
	if r.Access != Public {
		op.Security = []map[string][]string{{"bearer": {}}}
	}
	huma.Register[I, O](d.api, op, nil)
}

func operationID(r Route) string {
	id := []byte(r.Method)
	for _, c := range []byte(r.Path) {
		if c == '/' || c == '{' || c == '}' || c == '.' {
			c = '-'
		}
		id = append(id, c)
	}
	return string(bytes.ToLower(bytes.Trim(bytes.ReplaceAll(id, []byte("--"), []byte("-")), "-")))
}

func (d *document) json() []byte {
	raw, err := d.api.OpenAPI().MarshalJSON()
	if err != nil {
		panic(fmt.Errorf("web: describe the API: %w", err))
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		panic(fmt.Errorf("web: describe the API: %w", err))
	}
	out, err := json.Marshal(tree, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		panic(fmt.Errorf("web: describe the API: %w", err))
	}
	return append(out, '\n')
}

// Describe returns the OpenAPI document of routes.
func Describe(title, version, mountPath string, routes []Route) []byte {
	d := newDocument(title, version, mountPath)
	for _, r := range routes {
		r.handler.describe(d, r)
	}
	return d.json()
}
