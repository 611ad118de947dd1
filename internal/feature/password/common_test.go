package password

import (
	"slices"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestCommonListIsFoldedAndSorted(t *testing.T) {
	list := commonList()
	if !slices.IsSorted(list) {
		t.Error("not sorted by bytes: look-ups will miss")
	}
	if len(slices.Compact(slices.Clone(list))) != len(list) {
		t.Error("holds an entry twice")
	}
	for _, entry := range list {
		if entry == "" || fold(entry) != entry {
			t.Errorf("%q can never be found", entry)
		}
	}
}

// ASVS 6.2.4 asks for the 3,000 most common ones that meet the policy's length.
func TestEveryCommonPasswordOfTheLengthIsRefused(t *testing.T) {
	long := 0
	for _, entry := range commonList() {
		if utf8.RuneCountInString(norm.NFKC.String(entry)) < MinLength {
			continue
		}
		long++
		if !isCommon(entry) {
			t.Errorf("%q is accepted", entry)
		}
	}
	if long < 3000 {
		t.Errorf("only %d entries of at least %d characters", long, MinLength)
	}
}

func TestEveryShortCommonWordIsRefusedWithTrivialDecoration(t *testing.T) {
	for _, entry := range commonList() {
		if utf8.RuneCountInString(entry) < MinLength && !isCommon(fold(entry+"-1999!")) {
			t.Errorf("%q with decoration is accepted", entry)
		}
	}
}
