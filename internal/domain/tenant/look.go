package tenant

import "strings"

// Characters that are taken for Latin letters, as the keys of names spell them, and, in the same order, those
// that they are taken for; what may stand between words, or hardly shows, is a dash. Keys have one case, so
// capitals count: a Greek ν is an N.
const (
	alike = "авгезкмнопрстухёїіјѕһѵүӏәӕԁԛԝь" +
		"αβγεζηικμνορστυχω" +
		"ագզհյոստցօլ" +
		"ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏎᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏳᏴ" +
		"ꭰꭱꭲꭵꭹꭺꭻꭼꮃꮇꮋꮍꮐꮒꮓꮞꮟꮢꮤꮥꮩꮪꮮꮯꮲꮶꮷᏻᏼ" +
		"ⲁⲍⲏⲓⲕⲙⲛⲟⲣⲥⲧⲩⲭ" +
		"ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ" +
		"ıȷƅƨƽǝɣʋɩʊ" +
		"〇〆丨\u1175\u110bㄨ|∣│┃×" +
		" _.,:;!?&#%@*/\\\"'^`()[]{}¡¿§¶·«»‐‒–—―−˗⁃─━➖▬‘’‚‛“”„‹›′•‧∙⋅†‡‰∕⁄〜〝〟、。〃・゠「」『』【】〈〉《》〔〕־׳״،؛؟۔।॥։֊་།፡።፣၊။។ʹʺʻʼʽʾʿˀˁˈˊˋːـー一\u1173\u0307"
	latin = "abre3kmhonpctyxëïijshvyləædqwb" +
		"abyezhikmnopotyxw" +
		"wqqhjnusgol" +
		"drtiyajewmhyghz4brwsvslcpkdgb" +
		"drtiyajewmhyghz4brwsvslcpkdgb" +
		"azhikmnopctyx" +
		"abcdefghijklmnoprstuvwxyz" +
		"ijbssəyviu" +
		"oxlloxllllx" +
		"------------------------------------------------------------------------------------------------------------------------"
)

// letters puts Latin letters for all that are taken for them.
var letters = strings.NewReplacer(zip(alike, latin)...)

// shapes puts one for those that are taken for each other.
var shapes = strings.NewReplacer("rn", "m", "vv", "w", "0", "o", "1", "l", "i", "l", "5", "s", "-", "")

// look is what a slug, or the key of a name, looks like at a glance, without blanks, dashes and other
// punctuation: two with the same look would be taken for each other. Letters of most other scripts count only
// where they make up a whole name, which does not mix them with Latin ones.
func look(key string) string { return shapes.Replace(letters.Replace(key)) }

// zip returns the letters of two texts of the same length in turn.
func zip(from, to string) (pairs []string) {
	others := []rune(to)
	for i, r := range []rune(from) {
		pairs = append(pairs, string(r), string(others[i]))
	}
	return pairs
}
