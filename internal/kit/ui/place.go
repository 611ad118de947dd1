package ui

import (
	"cmp"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
)

// place words where an address lies, the nearest first. Countries have their names in the language of
// the page, cities those of the database.
func (u *UI) place(lang string, p place.Place) string {
	var parts []string
	for _, part := range []string{p.City, p.Region, countryName(lang, p.Country)} {
		if part != "" && (len(parts) == 0 || part != parts[len(parts)-1]) { // Berlin lies in Berlin
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}

// countryName returns what a country is called in a language; its code where it has no name.
func countryName(lang, code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	return cmp.Or(display.Regions(language.Make(lang)).Name(region), code)
}
