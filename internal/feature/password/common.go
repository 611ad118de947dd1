package password

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"slices"
	"strings"
	"sync"
)

// commonGzip holds about 14,500 common passwords in the form that fold gives, sorted by
// bytes, one a line: those of eight characters and more, and the shorter ones of letters
// alone, which digits and signs lengthen. It derives from common-passwords.txt.gz of the
// Django project (BSD-3-Clause, see LICENSE.common), compiled by Royce Williams.
//
//go:embed common.txt.gz
var commonGzip []byte

// commonList unpacks the list at its first use, so that commands and start-up don't pay for it.
var commonList = sync.OnceValue(func() []string {
	r, err := gzip.NewReader(bytes.NewReader(commonGzip))
	if err != nil {
		panic("password: embedded list of common passwords: " + err.Error())
	}
	text, err := io.ReadAll(r)
	if err != nil {
		panic("password: embedded list of common passwords: " + err.Error())
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
})

// common reports whether the list holds folded.
func common(folded string) bool {
	_, found := slices.BinarySearch(commonList(), folded)
	return found
}
