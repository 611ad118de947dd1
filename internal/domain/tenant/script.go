package tenant

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// unseen characters are drawn as nothing or as a blank although package unicode calls them printable: most
// of Default_Ignorable_Code_Point (Unicode Standard Annex #44), and signs that are empty by nature.
var unseen = []*unicode.RangeTable{unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, {
	R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}, {Lo: 0xfffc, Hi: 0xfffc, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x13441, Hi: 0x13442, Stride: 1}, {Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, {Lo: 0x1d159, Hi: 0x1d159, Stride: 1}},
}}

// phonetic are the blocks of letters that transcribe sounds or manuscripts, many of them the shape of a
// Latin letter, and living are those among them that languages of today are written with.
var phonetic = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x01c0, Hi: 0x01c3, Stride: 1}, {Lo: 0x0250, Hi: 0x02af, Stride: 1}, {Lo: 0x1d00, Hi: 0x1dbf, Stride: 1},
		{Lo: 0x2c71, Hi: 0x2c7d, Stride: 1}, {Lo: 0xa720, Hi: 0xa7ff, Stride: 1}, {Lo: 0xab30, Hi: 0xab6f, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x10780, Hi: 0x107bf, Stride: 1}, {Lo: 0x1df00, Hi: 0x1dfff, Stride: 1}},
}

const living = "əɔɛɓɖɗɲɣʋɩʊ"

// readable reports whether a name and its key hold only what a reader sees and can tell from a usual letter:
// nothing invisible, no phonetic letters, of the signs between letters those that looks know, and marks only
// on letters.
func readable(name, key string) bool {
	hidden := func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.In(r, unseen...) || unicode.Is(phonetic, r) && !strings.ContainsRune(living, r)
	}
	if strings.ContainsFunc(name, hidden) || strings.ContainsFunc(key, hidden) {
		return false
	}
	carries := false
	for _, r := range key {
		between := unicode.In(r, unicode.P, unicode.Sk, unicode.Sm) || unicode.IsLetter(r) && unicode.Is(unicode.Common, r)
		if r > unicode.MaxLatin1 && between && !strings.ContainsRune(alike, r) || unicode.IsMark(r) && !carries {
			return false
		}
		carries = unicode.IsLetter(r) || unicode.IsMark(r)
	}
	return true
}

// together are the scripts that one text may mix: those of Japanese, Korean and Chinese, each with Latin
// (Unicode Technical Standard #39, section 5.2, highly restrictive).
var together = [][]string{{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Hangul"}, {"Latin", "Han", "Bopomofo"}}

// oneScript reports whether text is written in one script, or in some that belong together, and with the
// digits of one numbering system: European ones, or those of its script.
func oneScript(text string) bool {
	var seen []string
	digits := rune(-1)
	for _, shown := range text {
		spelled := string(shown)
		if unicode.IsLetter(shown) || unicode.IsDigit(shown) { // a mathematical A is Latin; a ™ is no Latin word
			spelled = norm.NFKC.String(spelled)
		}
		for _, r := range spelled {
			if unicode.IsDigit(r) {
				system := r >> 4 // the digits of a system are within sixteen characters that no other has
				if digits >= 0 && digits != system {
					return false
				}
				digits = system
			}
			if script := scriptOf(r); script != "" && !slices.Contains(seen, script) {
				seen = append(seen, script)
			}
		}
	}
	return len(seen) < 2 || slices.ContainsFunc(together, func(set []string) bool {
		return !slices.ContainsFunc(seen, func(script string) bool { return !slices.Contains(set, script) })
	})
}

// scriptOf returns the script of a character, and nothing for what all scripts share.
func scriptOf(r rune) string {
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}
