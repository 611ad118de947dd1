package ui

import (
	"cmp"
	"flag"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

var update = flag.Bool("update", false, "write countries.txt anew")

func TestCountriesAreThoseOfUnicode(t *testing.T) {
	var want strings.Builder
	want.WriteByte('\n')
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			region, err := language.ParseRegion(code)
			if err != nil || !region.IsCountry() || region.String() != code || display.English.Regions().Name(region) == "" {
				continue // no country, or none any more
			}
			want.WriteString(code)
			for _, l := range languages {
				want.WriteString("\t" + cmp.Or(display.Regions(language.Make(l.Tag)).Name(region), code))
			}
			want.WriteByte('\n')
		}
	}
	if *update {
		if err := os.WriteFile("countries.txt", []byte(want.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if countries != want.String() {
		t.Error("countries.txt is not what golang.org/x/text has: run this test with -update")
	}
	if n := strings.Count(countries, "\n"); n < 200 || countryName("en", "DE") != "Germany" || countryName("xx", "DE") != "DE" || countryName("de", "D") != "D" {
		t.Errorf("%d lines, or their names are not found", n)
	}
}
