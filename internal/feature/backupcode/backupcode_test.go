package backupcode

import (
	"encoding/base32"
	"regexp"
	"strings"
	"testing"
)

func TestCodesAreEightyRandomBitsInGroupsOfFour(t *testing.T) {
	form := regexp.MustCompile(`^[0-9abcdefghjkmnpqrstvwxyz]{4}(-[0-9abcdefghjkmnpqrstvwxyz]{4}){3}$`)
	var ones [codeBytes * 8]int
	const many = 2000
	for range many {
		code := generate()
		if !form.MatchString(written(code)) {
			t.Fatalf("%q is not of the form", written(code))
		}
		raw, err := base32.NewEncoding(alphabet).DecodeString(code)
		if err != nil || len(raw)*8 != 80 {
			t.Fatalf("%d bits, %v", len(raw)*8, err)
		}
		for i := range ones {
			ones[i] += int(raw[i/8] >> (i % 8) & 1)
		}
	}
	for i, n := range ones { // 10 standard deviations
		if n < many/2-224 || n > many/2+224 {
			t.Errorf("bit %d is set in %d of %d codes", i, n, many)
		}
	}
}

func TestTypedCodesHaveOneForm(t *testing.T) {
	const code = "0123456789abcdef"
	for _, typed := range []string{
		"0123-4567-89ab-cdef", "0123456789abcdef", "0123-4567-89AB-CDEF", " 0123 4567 89ab cdef\n", "O123-4567-89ab-cdef", "oi23-4567-89ab-cdef", "oL23 4567 89ab cdef",
		"0123\u20134567\u201489ab\u2212cdef", "0123\u00a04567\u300089ab\tcdef", "01-23-45-67-89-ab-cd-ef-", "o I 2 3 4567-89ab--cdef",
	} {
		if got, ok := canonical(typed); !ok || got != code {
			t.Errorf("%q becomes %q, %v", typed, got, ok)
		}
	}
}

func TestWhatCanBeNoCodeIsRefused(t *testing.T) {
	for _, typed := range []string{
		"", "----", "0123-4567-89ab-cde", "0123-4567-89ab-cdef0", "0123-4567-89ab-cdeu", "0123_4567_89ab_cdef", "0123-4567-89ab-cde\u00e9", "0123-4567-89ab-cde\xff",
		"\uff10123-4567-89ab-cdef", "0123-4567-89ab-cde\u212a", "0123-4567-89ab-cde\x00", "0123-4567-89ab-cdef" + strings.Repeat(" ", 64),
	} {
		if got, ok := canonical(typed); ok {
			t.Errorf("%q becomes %q", typed, got)
		}
	}
}
