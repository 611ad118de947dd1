package main

import (
	"maps"
	"strings"
	"testing"
)

func TestDotenvVectors(t *testing.T) {
	outer := map[string]string{"HOME": "/home/ada", "EMPTY": "", "WINS": "outside"}
	for _, c := range []struct {
		name, text string
		want       map[string]string
	}{
		{"nothing", "", nil},
		{"blank lines and comments", "\n  \n# A=1\n\t# B=2\n", nil},
		{"plain", "A=1\nB=two words\n", map[string]string{"A": "1", "B": "two words"}},
		{"no newline at the end", "A=1", map[string]string{"A": "1"}},
		{"carriage returns and a byte order mark", "\ufeffA=1\r\nB=2\r\n", map[string]string{"A": "1", "B": "2"}},
		{"export", "export A=1\n  export\tB=2", map[string]string{"A": "1", "B": "2"}},
		{"a name that begins with export", "exported=1", map[string]string{"exported": "1"}},
		{"blanks around", "  A =  1  \n", map[string]string{"A": "1"}},
		{"empty", "A=\nB=''\nC=\"\"\nD= # none", map[string]string{"A": "", "B": "", "C": "", "D": ""}},
		{"the last one counts", "A=1\nA=2", map[string]string{"A": "2"}},
		{"equals signs in a value", "A=b=c==", map[string]string{"A": "b=c=="}},
		{"comment after a bare value", "A=1 # one\nB=1#2\nC=#3", map[string]string{"A": "1", "B": "1#2", "C": ""}},
		{"comment after a quoted value", "A='1 # 2' # 3\nB=\"1 # 2\"#3", map[string]string{"A": "1 # 2", "B": "1 # 2"}},
		{"single quotes are literal", `A='a\n${HOME} "b" \'`, map[string]string{"A": `a\n${HOME} "b" \`}},
		{"single quotes over lines", "A='a\n b'\nB=1", map[string]string{"A": "a\n b", "B": "1"}},
		{"double quotes with escapes", `A="a\nb\t\"c\" \\ \$ \q 'd'"`, map[string]string{"A": "a\nb\t\"c\" \\ $ \\q 'd'"}},
		{"double quotes over lines", "A=\"-----BEGIN\nx\n-----END\"\nB=1", map[string]string{"A": "-----BEGIN\nx\n-----END", "B": "1"}},
		{"backslashes in a bare value", `A=C:\new`, map[string]string{"A": `C:\new`}},
		{"quotes inside of a bare value", `A=it's "so"`, map[string]string{"A": `it's "so"`}},
		{"interpolation", "A=${HOME}/x\nB=\"${A}/y\"\nC=${A}${B}", map[string]string{"A": "/home/ada/x", "B": "/home/ada/x/y", "C": "/home/ada/x/home/ada/x/y"}},
		{"interpolation of what is unknown", "A=a${NONE}b\nB=${NONE:-c d}\nC=${EMPTY:-e}\nD=${NONE:-}", map[string]string{"A": "ab", "B": "c d", "C": "e", "D": ""}},
		{"the outside wins in interpolation too", "WINS=inside\nA=${WINS}", map[string]string{"WINS": "inside", "A": "outside"}},
		{"what is no interpolation", `A=$HOME $ ${ ${1} {HOME}` + "\n" + `B="\${HOME}"`, map[string]string{"A": "$HOME $ ${ ${1} {HOME}", "B": "${HOME}"}},
		{"no second round", "A='${HOME}'\nB=${A}", map[string]string{"A": "${HOME}", "B": "${HOME}"}},
		{"other scripts", "A=grüße\nB=\"日本\"", map[string]string{"A": "grüße", "B": "日本"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseDotenv(c.text, outer)
			if err != nil || !maps.Equal(got, c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestDotenvErrorsNameTheLineAlone(t *testing.T) {
	for text, line := range map[string]string{
		"canary":                           "line 1:",
		"A=1\n\ncanary value":              "line 3:",
		"=canary":                          "line 1:",
		"1A=canary":                        "line 1:",
		"A-B=canary":                       "line 1:",
		"export canary":                    "line 1:",
		"A=\"a\nb\"\nB='canary":            "line 3:",
		"A=\"canary\\\"":                   "line 1:",
		"A='canary' canary":                "line 1:",
		"A=\"canary\"canary":               "line 1:",
		"# one\n# two\nA='it's a canary's": "line 3:",
	} {
		if _, err := parseDotenv(text, nil); err == nil || !strings.HasPrefix(err.Error(), line) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want %s…", text, err, line)
		}
	}
}
