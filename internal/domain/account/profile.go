package account

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Limits of a profile, in characters.
const (
	maxFullName  = 255
	maxPhone     = 20
	maxLocale    = 35
	maxAttribute = 1024
)

// Attribute declares one custom member of every profile: of an account's, or of the one that a member has in
// a tenant. Adding, changing or removing a declaration needs no migration: values are checked when they are
// written, and one that its declaration does not allow, or whose declaration is gone, stays where it is and is
// not shown.
type Attribute struct {
	// Name is the member's name: lower-case letters, digits and _, at most 64.
	Name string
	// Type is "string", "number" or "boolean".
	Type string
	// Required members must be given at registration, and in a tenant with the member's own first change.
	Required bool
	// MaxLength bounds a string in characters; 0 means 1,024, which is also the most. Others have none.
	MaxLength int
	// OneOf, if not empty, lists the strings allowed. Others than strings have none.
	OneOf []string
	// ReadOnly members can be set by staff and the command line, not by the person; in a tenant also by
	// who manages its members.
	ReadOnly bool
}

// Label makes words of the name for people: "cost_centre" reads "Cost centre".
func (a Attribute) Label() string {
	words := strings.ReplaceAll(a.Name, "_", " ")
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:]
}

// Read returns what a form's text means. What cannot be the attribute's value stays text, which a
// Schema refuses.
func (a Attribute) Read(text string) any {
	switch a.Type {
	case "number":
		// Go's own notations, as of hexadecimal numbers, are nobody's here.
		if n, err := strconv.ParseFloat(text, 64); err == nil && strings.Trim(text, "0123456789+-.eE") == "" {
			return n
		}
	case "boolean":
		if text == "yes" || text == "no" {
			return text == "yes"
		}
	}
	return text
}

// Schema is the declared attributes.
type Schema struct{ attributes []Attribute }

// Attributes returns the declarations.
func (s Schema) Attributes() []Attribute { return s.attributes }

// NewSchema checks the declarations. All problems are reported at once.
func NewSchema(attributes []Attribute) (Schema, error) {
	var problems []string
	seen := map[string]bool{}
	for _, a := range attributes {
		valid := a.Name != "" && len(a.Name) <= 64 && strings.Trim(a.Name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
		switch {
		case !valid:
			problems = append(problems, fmt.Sprintf("attribute %q: a name has 1 to 64 of a-z, 0-9 and _", a.Name))
		case seen[a.Name]:
			problems = append(problems, fmt.Sprintf("attribute %q is declared twice", a.Name))
		case !slices.Contains([]string{"string", "number", "boolean"}, a.Type):
			problems = append(problems, fmt.Sprintf("attribute %q: type must be string, number or boolean", a.Name))
		case a.MaxLength < 0 || a.MaxLength > maxAttribute:
			problems = append(problems, fmt.Sprintf("attribute %q: max length must be 0 to %d", a.Name, maxAttribute))
		case a.Required && a.ReadOnly:
			problems = append(problems, fmt.Sprintf("attribute %q cannot be required of people who may not set it", a.Name))
		case a.Type != "string" && (a.MaxLength != 0 || len(a.OneOf) > 0):
			problems = append(problems, fmt.Sprintf("attribute %q: only a string has a max length or a list of what it may be", a.Name))
		case !a.offers():
			problems = append(problems, fmt.Sprintf("attribute %q: what it may be is listed once each, not blank, without control characters and within its max length", a.Name))
		}
		seen[a.Name] = true
	}
	if problems != nil {
		return Schema{}, fmt.Errorf("account: %s", strings.Join(problems, "; "))
	}
	return Schema{attributes: slices.Clone(attributes)}, nil
}

// offers reports whether each of OneOf can be the attribute's value.
func (a Attribute) offers() bool {
	for i, one := range a.OneOf {
		if blank(one) || !a.accepts(one) || slices.Contains(a.OneOf[:i], one) {
			return false
		}
	}
	return true
}

// Change is a wish to change a profile: nil members stay as they are, a nil attribute is removed.
type Change struct {
	FullName   *string
	Phone      *string
	Locale     *string
	Attributes map[string]any
}

// Apply returns p with c applied and checked. byPerson holds the change to what people may set
// themselves. All problems are reported at once, as fields of ErrProfile.
func (s Schema) Apply(p Profile, c Change, byPerson bool) (Profile, error) {
	err := ErrProfile
	if c.FullName != nil {
		p.FullName = strings.TrimSpace(*c.FullName)
		if !printable(p.FullName, maxFullName) {
			err = err.WithField("full_name", "invalid", "At most 255 characters, none of them control characters.")
		}
	}
	if c.Phone != nil {
		p.Phone = strings.TrimSpace(*c.Phone)
		if !validPhone(p.Phone) {
			err = err.WithField("phone", "invalid", "At most 20 digits, blanks and + - ( ) . characters.")
		}
	}
	if c.Locale != nil {
		tag, bad := parseLocale(*c.Locale)
		if bad {
			err = err.WithField("locale", "invalid", "A language tag such as en or pt-BR (BCP 47).")
		}
		p.Locale = tag
	}
	attributes, err := s.apply(p.Attributes, c.Attributes, byPerson, err)
	p.Attributes = attributes
	if len(err.Fields) > 0 {
		return Profile{}, err
	}
	return p, nil
}

// Complete reports, as fields of ErrProfile, which required attributes p lacks.
func (s Schema) Complete(p Profile) error {
	if err := s.complete(p.Attributes, nil, ErrProfile); len(err.Fields) > 0 {
		return err
	}
	return nil
}

// complete adds to err which required attributes values lack, but for those that were spoken of.
func (s Schema) complete(values, spoken map[string]any, err *fault.Error) *fault.Error {
	shown := s.Shown(values)
	for _, a := range s.attributes {
		_, held := shown[a.Name]
		if _, said := spoken[a.Name]; a.Required && !held && !said {
			err = err.WithField(a.FieldName(), "required", "This member is required.")
		}
	}
	return err
}

// Set returns values with change applied and checked; a nil in it removes one. byPerson holds the change to
// what people may set themselves, and asks that nothing required is missing afterwards. All problems are
// reported at once, as fields of ErrProfile. A value that change does not name stays as it is, also one that
// is not shown: a server may have other declarations than the one beside it, for as long as an upgrade takes.
func (s Schema) Set(values, change map[string]any, byPerson bool) (map[string]any, error) {
	out, err := s.apply(values, change, byPerson, ErrProfile)
	if byPerson {
		err = s.complete(out, change, err)
	}
	if len(err.Fields) > 0 {
		return nil, err
	}
	return out, nil
}

// Changed names, as audit events do, which attributes of change hold something else after than before, or
// nothing any more.
func Changed(change, before, after map[string]any) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(change)) {
		if before[name] != after[name] {
			names = append(names, "attributes."+name)
		}
	}
	return names
}

func (s Schema) apply(old, change map[string]any, byPerson bool, err *fault.Error) (map[string]any, *fault.Error) {
	out, unknown := maps.Clone(old), false
	if out == nil {
		out = map[string]any{}
	}
	for _, name := range slices.Sorted(maps.Keys(change)) {
		i := slices.IndexFunc(s.attributes, func(a Attribute) bool { return a.Name == name })
		if i < 0 {
			unknown = true
			continue
		}
		a, value := s.attributes[i], change[name]
		text, isText := value.(string)
		switch {
		case byPerson && a.ReadOnly:
			err = err.WithField(a.FieldName(), "read_only", "You may not change this.")
		case a.Required && (value == nil || isText && blank(text)):
			err = err.WithField(a.FieldName(), "required", "This member is required.")
		case value == nil:
			delete(out, name)
		case !a.accepts(value):
			err = err.WithField(a.FieldName(), "invalid", "The value does not have the declared form.")
		default:
			out[name] = value
		}
	}
	if unknown { // said once, however many there are: the request chose their number
		err = err.WithField("attributes", "unknown", "There is no such attribute.")
	}
	return out, err
}

// Shown returns the values whose declaration still stands.
func (s Schema) Shown(values map[string]any) map[string]any {
	out := map[string]any{}
	for _, a := range s.attributes {
		if v, ok := values[a.Name]; ok && a.accepts(v) {
			out[a.Name] = v
		}
	}
	return out
}

func (a Attribute) accepts(v any) bool {
	switch v := v.(type) {
	case string:
		limit := a.MaxLength
		if limit == 0 {
			limit = maxAttribute
		}
		return a.Type == "string" && printable(v, limit) && (len(a.OneOf) == 0 || slices.Contains(a.OneOf, v))
	case float64:
		return a.Type == "number" && !math.IsNaN(v) && !math.IsInf(v, 0)
	case bool:
		return a.Type == "boolean"
	default:
		return false
	}
}

// blank reports whether there is nothing in s to be seen.
func blank(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }) < 0
}

func printable(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && strings.IndexFunc(s, unicode.IsControl) < 0
}

func validPhone(s string) bool {
	return len(s) <= maxPhone && strings.Trim(s, "0123456789 +-().") == ""
}

func parseLocale(s string) (tag string, bad bool) {
	if s == "" {
		return "", false
	}
	t, err := language.Parse(s)
	if err != nil || len(s) > maxLocale {
		return "", true
	}
	return t.String(), false
}
