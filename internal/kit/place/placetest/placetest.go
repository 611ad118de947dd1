// Package placetest makes databases of places for tests.
package placetest

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
)

// Finder returns one that knows where these networks lie.
func Finder(t testing.TB, networks map[string]place.Place) *place.Finder {
	t.Helper()
	records := map[string]mmdbtype.Map{}
	for network, p := range networks {
		records[network] = mmdbtype.Map{
			"country":      mmdbtype.Map{"iso_code": mmdbtype.String(p.Country)},
			"subdivisions": mmdbtype.Slice{Names(p.Region)},
			"city":         Names(p.City),
		}
	}
	f, err := place.Open(Write(t, records))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Names is what a database in MaxMind's layout calls something.
func Names(english string) mmdbtype.Map {
	return mmdbtype.Map{"names": mmdbtype.Map{"de": mmdbtype.String("x"), "en": mmdbtype.String(english)}}
}

// Write makes a database of networks and what it says of them, and returns where it lies.
func Write(t testing.TB, networks map[string]mmdbtype.Map) (path string) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test", IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, record := range networks {
		_, n, err := net.ParseCIDR(network)
		if err == nil {
			err = tree.Insert(n, record)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path = filepath.Join(t.TempDir(), "places.mmdb")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
