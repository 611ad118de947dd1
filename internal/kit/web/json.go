package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
)

// Limits of a request.
const (
	MaxBody  = 64 << 10 // bytes
	MaxDepth = 16       // nested objects and arrays in JSON

	maxFields = 16 // refused members that an answer names: it must not outgrow the question
)

// JSON adapts a function on values to a route. I and O are structs in huma's shape: a member
// Body is the JSON body, a string member with a `path` tag is a path parameter. The body is
// decoded strictly and validated against the tags before fn runs. fn's error becomes a
// problem; a nil *O answers without a body.
func JSON[I, O any](fn func(ctx context.Context, in *I) (*O, error)) handler {
	return jsonHandler[I, O]{fn}
}

type jsonHandler[I, O any] struct {
	fn func(ctx context.Context, in *I) (*O, error)
}

func (jsonHandler[I, O]) html() bool { return false }

func (jsonHandler[I, O]) describe(d *document, r Route) { describe[I, O](d, r) }

func (h jsonHandler[I, O]) mount(_ *Edge, r Route) http.HandlerFunc {
	in := readerOf(reflect.TypeFor[I]())
	body, hasBody := reflect.TypeFor[O]().FieldByName("Body")
	status := r.Status
	if status == 0 {
		status = http.StatusOK
	}
	return func(w http.ResponseWriter, r *http.Request) {
		input := new(I)
		if err := in.read(r, reflect.ValueOf(input).Elem()); err != nil {
			Error(w, r, err)
			return
		}
		out, err := h.fn(r.Context(), input)
		if err != nil {
			Error(w, r, err)
			return
		}
		if out == nil || !hasBody {
			w.WriteHeader(status)
			return
		}
		writeJSON(w, status, reflect.ValueOf(out).Elem().FieldByIndex(body.Index).Addr().Interface())
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(fmt.Errorf("web: cannot write %T: %w", v, err))
	}
	text = append(text, '\n') // for whoever reads it at a terminal
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text))) // net/http says it of short answers alone
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may be gone
}

// inputReader fills an input struct from a request.
type inputReader struct {
	params   map[string][]int // path parameter → field
	body     []int            // nil: no body is expected
	optional bool             // Body is a pointer
	// schema is worked out when the first body comes: those of all routes took a quarter of the time that a
	// server needs to start, and memory that every collection of garbage walked through.
	schema func() schema
}

// schema says what a body must be. It is safe for concurrent use once it is made.
type schema struct {
	root     *huma.Schema
	registry huma.Registry // of what the root refers to
}

func readerOf(t reflect.Type) *inputReader {
	in := &inputReader{params: map[string][]int{}}
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("path"); name != "" {
			in.params[name] = f.Index
		}
		if f.Name == "Body" {
			in.body, in.optional = f.Index, f.Type.Kind() == reflect.Pointer
			in.schema = sync.OnceValue(func() schema {
				registry := newRegistry(schemaName)
				return schema{huma.SchemaFromField(registry, f, "Request"), registry}
			})
		}
	}
	return in
}

func (in *inputReader) read(r *http.Request, v reflect.Value) error {
	for name, index := range in.params {
		v.FieldByIndex(index).SetString(r.PathValue(name))
	}
	raw, err := io.ReadAll(r.Body) // bounded by the edge
	if err != nil {
		return BodyError(err)
	}
	if in.body == nil {
		if len(raw) > 0 && !isJSON(r) {
			return ErrMediaType
		}
		return nil
	}
	if len(raw) == 0 && in.optional {
		return nil
	}
	if !isJSON(r) {
		return ErrMediaType
	}
	return in.decode(raw, v.FieldByIndex(in.body))
}

// ReadJSON reads a body as strictly as JSON does, for a Raw route that takes other media types
// too. v points to a struct. It returns ErrMediaType, ErrJSON, ErrFields, ErrTooLarge and ErrSlow.
func ReadJSON(r *http.Request, v any) error {
	raw, err := io.ReadAll(r.Body) // bounded by the edge
	if err != nil {
		return BodyError(err)
	}
	if !isJSON(r) {
		return ErrMediaType
	}
	if _, err := parse(raw); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v, json.RejectUnknownMembers(true)); err != nil {
		return ErrFields
	}
	return nil
}

// BodyError sorts what can go wrong while a body is read.
func BodyError(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return ErrTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrSlow
	default:
		return ErrJSON.WithDetail("The body ended before it was complete.").Wrap(err)
	}
}

// isJSON is strict: a request without a media type, or with one that a plain form can send,
// could come from any page without the browser asking us first.
func isJSON(r *http.Request) bool {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || len(r.Header.Values("Content-Type")) != 1 {
		return false
	}
	charset, named := params["charset"]
	return !named || strings.EqualFold(charset, "utf-8")
}

func (in *inputReader) decode(raw []byte, body reflect.Value) error {
	plain, err := parse(raw)
	if err != nil {
		return err
	}
	schema := in.schema()
	if schema.oddlyCased(schema.root, plain) {
		return ErrJSON
	}
	result := &huma.ValidateResult{}
	path := huma.NewPathBuffer(make([]byte, 0, 64), 0)
	huma.Validate(schema.registry, schema.root, path, huma.ModeWriteToServer, plain, result)
	if len(result.Errors) > 0 {
		return schema.refused(result.Errors, plain)
	}
	if err := json.Unmarshal(raw, body.Addr().Interface(), json.RejectUnknownMembers(true)); err != nil {
		return misfit(err)
	}
	return nil
}

// misfit names the member whose value has the right type and does not fit, such as a number that is
// too large.
func misfit(err error) error {
	var at *json.SemanticError
	if !errors.As(err, &at) {
		return ErrFields
	}
	field := strings.ReplaceAll(strings.TrimPrefix(string(at.JSONPointer), "/"), "/", ".")
	return ErrFields.WithField(cut(field, 64), "invalid", "The value does not have the documented form.")
}

// parse reads one JSON value (RFC 8259), each name once, in UTF-8.
func parse(raw []byte) (plain any, err error) {
	if err := checkShape(raw); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &plain); err != nil {
		return nil, ErrJSON
	}
	return plain, nil
}

// checkShape bounds the depth and refuses NUL before anything is built from raw.
func checkShape(raw []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			if bytes.HasPrefix(raw[i:], []byte(`\u0000`)) {
				return ErrJSON
			}
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return ErrJSON
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// refused turns huma's findings into field errors. Messages that quote the value are replaced: a
// refusal never echoes what was sent.
func (s schema) refused(found []error, plain any) error {
	f := ErrFields
	for _, e := range found {
		var d *huma.ErrorDetail
		if !errors.As(e, &d) {
			return ErrFields
		}
		field, code, detail := explain(d)
		if code == "unknown" && strings.Contains(field, ".") {
			field = field[:strings.LastIndex(field, ".")] // names inside free objects are the caller's words
		}
		if len(f.Fields) < maxFields {
			f = f.WithField(field, code, detail)
		}
	}
	if _, object := plain.(map[string]any); !object {
		return ErrFields.WithField("", "type", "Send a JSON object.")
	}
	return f
}

// oddlyCased reports whether v has a documented member in other letters: {"Email": …} is refused
// as a whole, because parsers disagree about it, huma's own among them.
func (s schema) oddlyCased(part *huma.Schema, v any) bool {
	if part.Ref != "" {
		part = s.registry.SchemaFromRef(part.Ref)
	}
	object, _ := v.(map[string]any)
	for name, member := range object {
		known, ok := part.Properties[name]
		if ok && s.oddlyCased(known, member) {
			return true
		}
		for other := range part.Properties {
			if !ok && strings.EqualFold(other, name) {
				return true
			}
		}
	}
	return false
}

// explain maps one finding of huma to our field, code and sentence. Unknown names are shortened,
// they are the caller's own text.
func explain(d *huma.ErrorDetail) (field, code, detail string) {
	field = strings.TrimPrefix(strings.TrimPrefix(d.Location, "body"), ".")
	m := d.Message
	switch {
	case strings.HasPrefix(m, "expected required property "):
		name, _, _ := strings.Cut(strings.TrimPrefix(m, "expected required property "), " ")
		return strings.TrimPrefix(field+"."+name, "."), "required", "This member is required."
	case m == "unexpected property":
		return cut(field, 64), "unknown", "There is no such member."
	case strings.HasPrefix(m, "expected length <= "):
		return field, "too_long", "At most " + strings.TrimPrefix(m, "expected length <= ") + " characters."
	case strings.HasPrefix(m, "expected length >= "):
		return field, "too_short", "At least " + strings.TrimPrefix(m, "expected length >= ") + " characters."
	case strings.HasPrefix(m, "expected value to be one of "):
		return field, "not_allowed", "One of " + strings.Trim(strings.TrimPrefix(m, "expected value to be one of "), `"`) + "."
	case m == "expected string", m == "expected boolean", m == "expected integer", m == "expected number", m == "expected object", m == "expected array":
		return field, "type", "Send " + article(strings.TrimPrefix(m, "expected ")) + "."
	default:
		return field, "invalid", "The value does not have the documented form."
	}
}

func article(noun string) string {
	if strings.ContainsRune("aeio", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
