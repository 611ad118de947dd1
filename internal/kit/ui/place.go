package ui

import (
	_ "embed"
	"slices"
	"strings"

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

// countries has a line for each country: its code, and its names in the order of Languages, with tabs between.
// They are those of golang.org/x/text/language/display, which knows 300 languages more than we do and would be
// a fifteenth of the program; a test compares them.
//
//go:embed countries.txt
var countries string

// countryName returns what a country is called in one of Languages; its code where it has no name.
func countryName(lang, code string) string {
	i := slices.IndexFunc(languages, func(l Language) bool { return l.Tag == lang })
	if _, rest, known := strings.Cut(countries, "\n"+code+"\t"); known && len(code) == 2 && i >= 0 {
		line, _, _ := strings.Cut(rest, "\n")
		return strings.Split(line, "\t")[i]
	}
	return code
}
