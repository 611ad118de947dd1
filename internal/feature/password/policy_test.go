package password_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// reasons returns the codes with which p refuses pw.
func reasons(t *testing.T, p password.Policy, pw string, person password.Person) []string {
	t.Helper()
	err := p.Check(t.Context(), pw, person)
	if err == nil {
		return nil
	}
	f, ok := fault.From(err)
	if !ok || !errors.Is(err, password.ErrRefused) || f.Kind != fault.Invalid || len(f.Fields) == 0 {
		t.Fatalf("refused with %v", err)
	}
	var codes []string
	for _, field := range f.Fields {
		if field.Field != "password" || field.Detail == "" {
			t.Errorf("field %+v", field)
		}
		codes = append(codes, field.Code)
	}
	return codes
}

func TestPolicyAcceptsAnyCompositionAndScript(t *testing.T) {
	for _, pw := range []string{
		"kqvxzmtw",            // lower case only, eight characters
		"7391845526037741",    // digits only
		"plain words in line", // blanks
		"  framed by blanks ", // leading and trailing ones count
		"🔑🌍🎈🧊🪴🧭🥐🪁",            // emoji, one code point each
		"пароли бывают разные",
		strings.Repeat("界", 64), strings.Repeat("é", 256),
		"tab\tand\nnewline",
	} {
		if got := reasons(t, password.Policy{}, pw, password.Person{}); got != nil {
			t.Errorf("%q refused: %v", pw, got)
		}
	}
}

func TestPolicyCountsCharactersOfTheNormalisedForm(t *testing.T) {
	const source = "kqvxzmtwbnhgjrd" // 15 letters
	strict := password.Policy{MinLength: password.StrictMinLength}
	for _, c := range []struct {
		name   string
		policy password.Policy
		pw     string
		want   []string
	}{
		{"7 of 8", password.Policy{}, source[:7], []string{"too_short"}},
		{"8 of 8", password.Policy{}, source[:8], nil},
		{"14 of 15", strict, source[:14], []string{"too_short"}},
		{"15 of 15", strict, source, nil},
		{"no floor below 8", password.Policy{MinLength: 1}, source[:7], []string{"too_short"}},
		{"empty", password.Policy{}, "", []string{"too_short"}},
		{"7 of four bytes", password.Policy{}, strings.Repeat("🔑", 7), []string{"too_short"}},
		{"8 of four bytes", password.Policy{}, strings.Repeat("🔑", 8), nil},
		{"7 characters as 8 code points", password.Policy{}, "kqvxzmu\u0308", []string{"too_short"}},
		{"8 characters as 9 code points", password.Policy{}, "kqvxzmtu\u0308", nil},
		{"7 code points as 8 characters", password.Policy{}, "kqvxzmﬁ", nil},
		{"1024 bytes", password.Policy{}, strings.Repeat("kq", 512), nil},
		{"1025 bytes", password.Policy{}, strings.Repeat("kq", 512) + "x", []string{"too_long"}},
		{"1026 bytes, 342 characters", password.Policy{}, strings.Repeat("界", 342), []string{"too_long"}},
		{"100,000 characters", password.Policy{}, strings.Repeat("k", 100_000), []string{"too_long"}},
	} {
		if got := reasons(t, c.policy, c.pw, password.Person{}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestPolicyRefusesWhatIsNotText(t *testing.T) {
	for _, pw := range []string{"kqvxzmtw\x00", "kqvxzmtw\xff", "\xc0\xafkqvxzmtw"} {
		if got := reasons(t, password.Policy{}, pw, password.Person{}); !slices.Equal(got, []string{"malformed"}) {
			t.Errorf("%q: %v", pw, got)
		}
	}
}

func TestPolicyRefusesCommonPasswords(t *testing.T) {
	for _, pw := range []string{
		"password1", "PASSWORD1", "Ｐａｓｓｗｏｒｄ１", "password1 ", "123456789", " 123456789 ", "qwertyuiop", "iloveyou",
		"Summer2024!", "2024summer!", "pássword", "1q2w3e4r",
	} {
		if got := reasons(t, password.Policy{}, pw, password.Person{}); !slices.Equal(got, []string{"common"}) {
			t.Errorf("%q: %v", pw, got)
		}
	}
	for _, pw := range []string{
		"summer 739 184 552", // a common word beside more than trivial digits
		"summer garden kites",
		"73918455260",
	} {
		if got := reasons(t, password.Policy{}, pw, password.Person{}); got != nil {
			t.Errorf("%q refused: %v", pw, got)
		}
	}
}

func TestPolicyRefusesContextWords(t *testing.T) {
	policy := password.Policy{Words: []string{"Gatehouse", "Example Works"}}
	person := password.Person{
		Email:    "givenname.l4st@mail.examplehost.example",
		Username: "handle99xq",
		FullName: "Givenname Mïddlename Fämily-Other",
	}
	for _, pw := range []string{
		"gatehouse", "GateHouse2024!", "gatehouse gatehouse", "exampleworks", "Example-Works-1",
		"givenname", "GIVENNAME99", "givenname.l4st", "givenname.l4st@mail.examplehost.example",
		"examplehost", "Examplehost1!", "mail.examplehost.example",
		"handle99xq", "Handle99XQ!!",
		"family12", "Fämily12", "family-other", "Givenname Fämily", "middlenamefamily", "123Family456", "givenname@gatehouse",
	} {
		if got := reasons(t, policy, pw, person); !slices.Contains(got, "context") {
			t.Errorf("%q: %v", pw, got)
		}
		if got := reasons(t, password.Policy{}, pw, password.Person{}); slices.Contains(got, "context") {
			t.Errorf("%q is refused without any context", pw)
		}
	}
	for _, pw := range []string{
		"givenname likes kites", // holds a word, is not made of them
		"gatehouse 7391845 52",  // more than trivial digits
		"givennamex",
		"----....", // no word in it
	} {
		if got := reasons(t, policy, pw, person); got != nil {
			t.Errorf("%q refused: %v", pw, got)
		}
	}
}

func TestPolicyIgnoresEmptyAndTinyWords(t *testing.T) {
	policy := password.Policy{Words: []string{"", " ", "ab"}}
	person := password.Person{Email: "a@b.c", Username: "", FullName: "A B"}
	if got := reasons(t, policy, "ababa1234", person); got != nil {
		t.Errorf("refused: %v", got)
	}
}

func TestPolicyNamesEveryReason(t *testing.T) {
	got := reasons(t, password.Policy{MinLength: password.StrictMinLength}, "password1", password.Person{Username: "password1"})
	if !slices.Equal(got, []string{"too_short", "common", "context"}) {
		t.Errorf("%v", got)
	}
}

type breachFunc func(string) (bool, error)

func (f breachFunc) Breached(_ context.Context, pw string) (bool, error) { return f(pw) }

func TestPolicyAsksAboutBreachesLast(t *testing.T) {
	var asked []string
	policy := password.Policy{Breach: breachFunc(func(pw string) (bool, error) {
		asked = append(asked, pw)
		return strings.HasPrefix(pw, "leaked"), nil
	})}
	if got := reasons(t, policy, "leaked\u00a0kqvxz", password.Person{}); !slices.Equal(got, []string{"breached"}) {
		t.Errorf("%v", got)
	}
	if got := reasons(t, policy, "kqvxzmtw", password.Person{}); got != nil {
		t.Errorf("%v", got)
	}
	reasons(t, policy, "password1", password.Person{})
	if !slices.Equal(asked, []string{"leaked kqvxz", "kqvxzmtw"}) {
		t.Errorf("asked about %q", asked)
	}
}

func TestPolicyRefusesWhenTheBreachCheckFails(t *testing.T) {
	policy := password.Policy{Breach: breachFunc(func(string) (bool, error) { return false, password.ErrBreachUnavailable })}
	if err := policy.Check(t.Context(), "kqvxzmtw", password.Person{}); !errors.Is(err, password.ErrBreachUnavailable) {
		t.Errorf("%v", err)
	}
}
