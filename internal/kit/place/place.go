// Package place tells roughly where a network address lies, so that people recognise their own
// devices. It looks into a file that whoever runs the service brings, in the MaxMind DB format; without
// one it knows nothing. Such files are often wrong: nothing may be decided by what is found here.
package place

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"unicode/utf8"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Place is where an address lies. What is not known is empty.
type Place struct {
	City    string `json:"city,omitempty" doc:"In English, as the database spells it"`
	Region  string `json:"region,omitempty" doc:"Such as a state; in English, as the database spells it"`
	Country string `json:"country,omitempty" doc:"ISO 3166-1 alpha-2"`
}

// Finder finds places. It is safe for concurrent use; nil and the zero value know none.
type Finder struct{ db *maxminddb.Reader }

// Open returns a Finder with the file at path; an empty path is none. The file has the layout of
// MaxMind's City and Country databases (country.iso_code, subdivisions, city.names.en), or the flat one
// of free databases (country_code, state1, city). One that is cut off, of another format or without
// countries is an error. It is mapped into memory and read as long as the process runs: a newer one is
// put in its place by renaming, and found after a restart.
func Open(path string) (*Finder, error) {
	if path == "" {
		return &Finder{}, nil
	}
	db, err := maxminddb.Open(path)
	if err == nil {
		err = holdsCountries(db)
	}
	if err != nil {
		return nil, fmt.Errorf("place: %s: %w", path, err)
	}
	return &Finder{db}, nil
}

// Check returns what Open would object to, and keeps nothing open.
func Check(path string) error {
	f, err := Open(path)
	if err != nil || f.db == nil {
		return err
	}
	return f.db.Close()
}

// holdsCountries tells a database of places from one of networks' owners or the like. Reading all of it
// would find more, and take seconds where it is large.
func holdsCountries(db *maxminddb.Reader) error {
	const tries = 1000 // some networks are in no country
	n := 0
	for r := range db.Networks() {
		if err := r.Err(); err != nil {
			return err
		}
		if country(r) != "" {
			return nil
		}
		if n++; n == tries {
			break
		}
	}
	return errors.New("it names no countries: bring a City or Country database")
}

// Find returns where addr lies. Of a private address, of what is none, and of one that the file
// does not know, nothing is known.
func (f *Finder) Find(addr string) (found Place) {
	if f == nil || f.db == nil {
		return Place{}
	}
	ip, err := netip.ParseAddr(addr)
	if ip = ip.Unmap(); err != nil || !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return Place{}
	}
	// Whoever writes over the file instead of renaming takes the mapped pages away. That must cost no
	// more than the place.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			found = Place{}
		}
	}()
	r := f.db.Lookup(ip)
	return Place{
		City:    cmp.Or(text(r, "city", "names", "en"), text(r, "city")),
		Region:  cmp.Or(text(r, "subdivisions", 0, "names", "en"), text(r, "state1")),
		Country: country(r),
	}
}

func country(r maxminddb.Result) string {
	code := cmp.Or(text(r, "country", "iso_code"), text(r, "country_code"))
	letter := func(i int) bool { return 'A' <= code[i] && code[i] <= 'Z' }
	if len(code) != 2 || !letter(0) || !letter(1) || code == "ZZ" { // ZZ: none is known
		return ""
	}
	return code
}

// text returns a member of what was found; empty where there is none, or something else.
func text(r maxminddb.Result, path ...any) string {
	var s string
	if r.DecodePath(&s, path...) != nil || !utf8.ValidString(s) {
		return ""
	}
	return s
}
