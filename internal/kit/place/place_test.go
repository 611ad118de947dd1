package place_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place/placetest"
)

func code(of string) mmdbtype.Map { return mmdbtype.Map{"iso_code": mmdbtype.String(of)} }

func open(t *testing.T, path string) *place.Finder {
	t.Helper()
	f, err := place.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var (
	nested = map[string]mmdbtype.Map{
		"81.2.69.0/24":   {"country": code("GB"), "city": placetest.Names("London"), "subdivisions": mmdbtype.Slice{placetest.Names("England"), placetest.Names("Greater London")}},
		"2a02:cf40::/29": {"country": code("NO")},
		"81.2.70.0/24":   {"registered_country": code("FR")},
		"81.2.71.0/24":   {"country": code("gb"), "city": mmdbtype.Map{"names": mmdbtype.Slice{}}},
		"81.2.72.0/24":   {"country": code("ZZ")},
		"81.2.73.0/24":   {"country": code("SE"), "city": placetest.Names("\xff")},
		"10.0.0.0/8":     {"country": code("DE")},
		"127.0.0.0/8":    {"country": code("DE")},
		"fd00::/8":       {"country": code("DE")},
	}
	flat = map[string]mmdbtype.Map{
		"81.2.69.0/24": {"country_code": mmdbtype.String("GB")},
		"81.2.70.0/24": {"country_code": mmdbtype.String("US"), "state1": mmdbtype.String("California"), "city": mmdbtype.String("Fresno")},
	}
)

func TestFindReadsBothLayouts(t *testing.T) {
	london := place.Place{City: "London", Region: "England", Country: "GB"}
	for name, c := range map[string]struct {
		networks map[string]mmdbtype.Map
		want     map[string]place.Place
	}{
		"nested": {nested, map[string]place.Place{
			"81.2.69.142": london, "::ffff:81.2.69.142": london, "2a02:cf40::1": {Country: "NO"},
			"81.2.70.1": {}, "81.2.71.1": {}, "81.2.72.1": {}, "81.2.73.1": {Country: "SE"},
			"9.9.9.9": {}, "2001:db8::1": {},
		}},
		"flat": {flat, map[string]place.Place{
			"81.2.69.142": {Country: "GB"}, "::ffff:81.2.69.142": {Country: "GB"}, "81.2.70.1": {City: "Fresno", Region: "California", Country: "US"}, "9.9.9.9": {},
		}},
	} {
		f := open(t, placetest.Write(t, c.networks))
		for addr, want := range c.want {
			if got := f.Find(addr); got != want {
				t.Errorf("%s: %s is in %+v, want %+v", name, addr, got, want)
			}
		}
	}
}

func TestFindKnowsNothingOfWhatIsNoPublicAddress(t *testing.T) {
	f := open(t, placetest.Write(t, nested))
	for _, addr := range []string{"10.0.0.1", "127.0.0.1", "::ffff:10.0.0.1", "fd00::1", "fe80::1%eth0", "0.0.0.0", "::", "", "x", "81.2.69.142:443", "81.2.69", "[::1]", "81.2.69.142\x00"} {
		if got := f.Find(addr); got != (place.Place{}) {
			t.Errorf("%q is in %+v", addr, got)
		}
	}
}

func TestWithoutAFileNothingIsKnown(t *testing.T) {
	var none *place.Finder
	for _, f := range []*place.Finder{none, {}, open(t, "")} {
		if got := f.Find("81.2.69.142"); got != (place.Place{}) {
			t.Errorf("it is in %+v", got)
		}
	}
}

func TestOpenRefusesWhatHoldsNoPlaces(t *testing.T) {
	whole, err := os.ReadFile(placetest.Write(t, nested))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"empty": {}, "cut off": whole[:len(whole)/2], "a page": []byte("<!doctype html><title>Sign in to download</title>"),
		"the end alone": whole[len(whole)-200:],
	}
	for name, networks := range map[string]map[string]mmdbtype.Map{
		"owners": {"81.2.69.0/24": {"autonomous_system_number": mmdbtype.Uint32(20712)}}, "nothing": {},
	} {
		if files[name], err = os.ReadFile(placetest.Write(t, networks)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		path := filepath.Join(t.TempDir(), "file.mmdb")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := place.Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := place.Open(filepath.Join(t.TempDir(), "none.mmdb")); err == nil {
		t.Error("a file that is not there was opened")
	}
}

// Countries need not come first: some networks are in none.
func TestOpenLooksForCountriesPastTheFirstNetwork(t *testing.T) {
	networks := maps.Clone(flat)
	networks["1.0.0.0/24"] = mmdbtype.Map{"country_code": mmdbtype.String("")}
	if got := open(t, placetest.Write(t, networks)).Find("81.2.69.1").Country; got != "GB" {
		t.Errorf("it is in %q", got)
	}
}

// A file that is written over under a running server must not take it down.
func TestFindSurvivesTheFileBeingCutOff(t *testing.T) {
	path := placetest.Write(t, nested)
	f := open(t, path)
	if err := os.Truncate(path, 0); err != nil {
		t.Skip("this system keeps mapped files from being written over")
	}
	if got := f.Find("81.2.69.142"); got != (place.Place{}) {
		t.Errorf("it is in %+v", got)
	}
}

func TestFindIsSafeForConcurrentUse(t *testing.T) {
	f := open(t, placetest.Write(t, nested))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if f.Find("81.2.69.142").City != "London" {
					t.Error("it is elsewhere")
				}
			}
		})
	}
	all.Wait()
}
