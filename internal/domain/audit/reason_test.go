package audit

import (
	"errors"
	"strings"
	"testing"
)

func TestReasonsAreOneLineOfSomeLength(t *testing.T) {
	for typed, want := range map[string]string{
		"ten letter":                       "ten letter",
		"  asked\tfor it \n in  writing  ": "asked for it in writing",
		strings.Repeat("é", 300):           strings.Repeat("é", 300),
	} {
		if got, err := Reason(typed); err != nil || got != want {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"", "too short", "         blanks        ", strings.Repeat("x", 301), "a nul\x00 in the middle", "not text \xff\xff\xff"} {
		if got, err := Reason(typed); !errors.Is(err, ErrReason) || got != "" {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
}
