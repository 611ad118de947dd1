package tenant

import "strings"

// Letters that are taken for Latin ones, as the keys of names spell them, and, in the same order, those
// that they are taken for. Capitals count: a Greek ν is an N.
const (
	alike = "авгезкмнопрстухёїіјѕһѵүӏәӕԁԛԝь" +
		"αβγεζηικμνορστυχω" +
		"ագզհյոստցօլ" +
		"ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏎᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏳᏴ" +
		"ꭰꭱꭲꭵꭹꭺꭻꭼꮃꮇꮋꮍꮐꮒꮓꮞꮟꮢꮤꮥꮩꮪꮮꮯꮲꮶꮷᏻᏼ" +
		"ⲁⲍⲏⲓⲕⲙⲛⲟⲣⲥⲧⲩⲭ" +
		"ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ"
	latin = "abre3kmhonpctyxëïijshvyləædqwb" +
		"abyezhikmnopotyxw" +
		"wqqhjnusgol" +
		"drtiyajewmhyghz4brwsvslcpkdgb" +
		"drtiyajewmhyghz4brwsvslcpkdgb" +
		"azhikmnopctyx" +
		"abcdefghijklmnoprstuvwxyz"
)

// letters puts Latin letters for all that are taken for them.
var letters = strings.NewReplacer(zip(alike, latin)...)

// shapes puts one for those that are taken for each other.
var shapes = strings.NewReplacer("rn", "m", "vv", "w", "0", "o", "1", "l", "i", "l", "5", "s", "-", "")

// look is what a slug, or the key of a name, looks like at a glance: two with the same look would be taken
// for each other. Letters of other scripts count only where they make up a whole name: no name mixes them
// with Latin ones.
func look(key string) string { return shapes.Replace(letters.Replace(key)) }

// zip returns the letters of two texts of the same length in turn.
func zip(from, to string) (pairs []string) {
	others := []rune(to)
	for i, r := range []rune(from) {
		pairs = append(pairs, string(r), string(others[i]))
	}
	return pairs
}
