package strictjson_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/verifier/internal/strictjson"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func nothing(string, string) error { return nil }

func TestObjectRefusesWhatReadersCouldDisagreeOn(t *testing.T) {
	names := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"` + strconv.Itoa(i) + `":0`)
		}
		return "{" + strings.TrimPrefix(b.String(), ",") + "}"
	}
	nested := func(depth int) string {
		return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}"
	}
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"empty object", `{}`, nil},
		{"white space", " \t\r\n{ \"a\" : 1 , \"b\" : [ ] } ", nil},
		{"every kind", `{"a":"","b":-0.5e+1,"c":true,"d":false,"e":null,"f":[1,{}],"g":{"a":{}}}`, nil},
		{"names that differ in case", `{"exp":1,"EXP":2}`, nil},
		{"same name in other objects", `{"a":{"a":1},"b":{"a":1}}`, nil},
		{"surrogate pair", `{"a":"\ud83d\ude00"}`, nil},
		{"names at the limit", names(strictjson.MaxNames), nil},
		{"names over it", names(strictjson.MaxNames + 1), strictjson.ErrNames},
		{"names over it inside", `{"a":` + names(strictjson.MaxNames+1) + `}`, strictjson.ErrNames},
		{"depth at the limit", nested(strictjson.MaxDepth), nil},
		{"depth over it", nested(strictjson.MaxDepth + 1), strictjson.ErrDepth},
		{"depth far over it", strings.Repeat(`{"a":`, 100_000), strictjson.ErrDepth},
		{"duplicate", `{"a":1,"a":1}`, strictjson.ErrDuplicate},
		{"duplicate, spelled otherwise", `{"a":1,"\u0061":1}`, strictjson.ErrDuplicate},
		{"duplicate inside", `{"a":[{"b":1,"b":1}]}`, strictjson.ErrDuplicate},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", strictjson.ErrUTF8},
		{"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", strictjson.ErrUTF8},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", strictjson.ErrUTF8},
		{"high surrogate alone", `{"a":"\ud83d"}`, strictjson.ErrSyntax},
		{"high surrogate before another", `{"a":"\ud83d\u0061"}`, strictjson.ErrSyntax},
		{"low surrogate alone", `{"a":"\ude00"}`, strictjson.ErrSyntax},
		{"NUL escaped", `{"a":"x\u0000"}`, strictjson.ErrNUL},
		{"NUL escaped in a name", `{"\u0000":1}`, strictjson.ErrNUL},
		{"NUL raw", "{\"a\":\"\x00\"}", strictjson.ErrNUL},
		{"NUL after the end", "{}\x00", strictjson.ErrSyntax},
		{"control character", "{\"a\":\"\n\"}", strictjson.ErrSyntax},
		{"unknown escape", `{"a":"\x41"}`, strictjson.ErrSyntax},
		{"array", `[]`, strictjson.ErrKind},
		{"string", `"{}"`, strictjson.ErrSyntax},
		{"nothing", ``, strictjson.ErrSyntax},
		{"byte order mark", "\ufeff{}", strictjson.ErrSyntax},
		{"trailing comma", `{"a":1,}`, strictjson.ErrSyntax},
		{"trailing comma in array", `{"a":[1,]}`, strictjson.ErrSyntax},
		{"second object", `{}{}`, strictjson.ErrSyntax},
		{"comment", `{/**/}`, strictjson.ErrSyntax},
		{"leading zero", `{"a":01}`, strictjson.ErrSyntax},
		{"plus sign", `{"a":+1}`, strictjson.ErrSyntax},
		{"bare point", `{"a":1.}`, strictjson.ErrSyntax},
		{"bare exponent", `{"a":1e}`, strictjson.ErrSyntax},
		{"bare minus", `{"a":-}`, strictjson.ErrSyntax},
		{"not a number", `{"a":NaN}`, strictjson.ErrSyntax},
		{"cased literal", `{"a":True}`, strictjson.ErrSyntax},
		{"literal cut short", `{"a":tru`, strictjson.ErrSyntax},
		{"unquoted name", `{a:1}`, strictjson.ErrSyntax},
		{"no value", `{"a":}`, strictjson.ErrSyntax},
		{"no colon", `{"a" 1}`, strictjson.ErrSyntax},
	} {
		if err := strictjson.Object(c.text, nothing); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestEveryProperPrefixIsRefused(t *testing.T) {
	const text = `{"a":"\ud83d\ude00\n","b":-0.5e+1,"c":[true,false,null,{}]}`
	for i := range len(text) {
		if strictjson.Object(text[:i], nothing) == nil {
			t.Errorf("%q was read", text[:i])
		}
	}
}

func TestObjectStopsAtTheCallersError(t *testing.T) {
	stop := errors.New("stop")
	calls := 0
	err := strictjson.Object(`{"a":1,"b":2}`, func(string, string) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

func TestNaturalTakesPlainDigitsOnly(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "1700000000": 1700000000, "999999999999999": 999999999999999,
		"1000000000000000": -1, "99999999999999999999999": -1, "-1": -1, "-0": -1, "1.0": -1, "1e3": -1,
		"null": -1, "true": -1, `"1"`: -1, "[1]": -1, "{}": -1,
	} {
		var got int64
		err := strictjson.Object(`{"a":`+text+`}`, func(_, value string) error {
			n, ok := strictjson.Natural(value)
			if got = n; !ok {
				got = -1
			}
			return nil
		})
		if err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestBoolTakesTrueAndFalseOnly(t *testing.T) {
	for text, want := range map[string][2]bool{
		"true": {true, true}, "false": {false, true},
		"null": {}, "1": {}, "0": {}, `"true"`: {}, "[true]": {}, "{}": {},
	} {
		err := strictjson.Object(`{"a":`+text+`}`, func(_, value string) error {
			if truth, ok := strictjson.Bool(value); truth != want[0] || ok != want[1] {
				t.Errorf("%s: %v, %v", text, truth, ok)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestStringsTakesAnArrayOfStringsOnly(t *testing.T) {
	for text, want := range map[string][]string{
		`[]`: {}, `["a"]`: {"a"}, `["a,b","\u00e9"]`: {"a,b", "é"},
		`[" " , ""]`: {" ", ""}, `["a",1]`: nil, `["a",null]`: nil, `[["a"]]`: nil, `"a"`: nil, `null`: nil, `{}`: nil,
	} {
		err := strictjson.Object(`{"a":`+text+`}`, func(_, value string) error {
			got, ok := strictjson.Strings(value)
			if ok != (want != nil) || ok && !slices.Equal(got, want) {
				t.Errorf("%s: got %q, %v", text, got, ok)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	const text = `{"iss":"https://id.example.com","exp":1700000000,"aud":["a","b"],"x":{"y":[1,2]}}`
	var last string
	if n := testing.AllocsPerRun(100, func() {
		_ = strictjson.Object(text, func(_, value string) error { last = value; return nil })
	}); n != 0 {
		t.Errorf("%v allocations; last value %s", n, last)
	}
}

// FuzzObject compares with another strict reader. Both must take the same texts, but for
// the limits that are ours alone: depth, number of names, and U+0000. Both must find the
// same names and values.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":"\ud83d\ude00\"\\\/\b\f\n\r\t\u00E9","b":[-0.5E+1,{"c":null}]}`, `{"a":1,"\u0061":2}`,
		`{"exp":1700000000,"aud":["a","b"],"iss":"https://id.example.com"}`, "{\"\xff\":1}", `{"a":"\ud800"}`, `[1]`,
		` { "a" : 1e400 } `, `{"a":"\u0000"}`, "{\"a\":\"\x7f\u2028\"}", `{"a":01}`, `{"a":18446744073709551616}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		type member struct{ name, value string }
		var got []member
		err := strictjson.Object(text, func(name, value string) error {
			got = append(got, member{name, value})
			return nil
		})
		want, valid := readOther(text)
		if (err == nil) != valid {
			t.Fatalf("%q: we say %v, the other reader says valid=%v", text, err, valid)
		}
		if err != nil {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d members, the other reader found %d", text, len(got), len(want))
		}
		for _, m := range got {
			raw, ok := want[m.name]
			if !ok || string(raw) != m.value {
				t.Fatalf("%q: member %q is %q, to the other reader %q", text, m.name, m.value, raw)
			}
			sameValue(t, m.value, raw)
		}
	})
}

func sameValue(t *testing.T, value string, raw jsontext.Value) {
	var text string
	err := json.Unmarshal(raw, &text)
	if got, ok := strictjson.String(value); ok != (err == nil && raw.Kind() == '"') || got != text {
		t.Fatalf("%s: string %q, to the other reader %q, %v", value, got, text, err)
	}
	var list []string
	err = json.Unmarshal(raw, &list)
	sound := err == nil && raw.Kind() == '[' && !hasNull(raw) // to the other reader, null is ""
	if got, ok := strictjson.Strings(value); ok != sound || ok && !slices.Equal(got, list) {
		t.Fatalf("%s: strings %q, to the other reader %q, %v", value, got, list, err)
	}
	if n, ok := strictjson.Natural(value); ok {
		var other int64
		if err := json.Unmarshal(raw, &other); err != nil || n != other {
			t.Fatalf("%s: number %d, to the other reader %d, %v", value, n, other, err)
		}
	}
}

func hasNull(raw jsontext.Value) bool {
	var list []jsontext.Value
	return json.Unmarshal(raw, &list) == nil &&
		slices.ContainsFunc(list, func(v jsontext.Value) bool { return v.Kind() == 'n' })
}

// readOther reads text with go-json-experiment and applies the limits that are ours alone.
func readOther(text string) (map[string]jsontext.Value, bool) {
	var members map[string]jsontext.Value
	if json.Unmarshal([]byte(text), &members) != nil || members == nil {
		return nil, false
	}
	dec := jsontext.NewDecoder(bytes.NewReader([]byte(text)))
	for {
		tok, err := dec.ReadToken()
		if err != nil {
			return members, errors.Is(err, io.EOF)
		}
		if tok.Kind() == '"' && strings.Contains(tok.String(), "\x00") || dec.StackDepth() > strictjson.MaxDepth {
			return nil, false
		}
		if kind, n := dec.StackIndex(dec.StackDepth()); kind == '{' && n > 2*strictjson.MaxNames {
			return nil, false
		}
	}
}
