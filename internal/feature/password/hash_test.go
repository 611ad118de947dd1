package password

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParamsReportEveryProblemAtOnce(t *testing.T) {
	err := Params{MemoryKiB: 19<<10 - 1, Time: 11, Threads: 0}.validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{"MemoryKiB", "Time", "Threads"} {
		if !strings.Contains(err.Error(), field+":") {
			t.Errorf("%s is not reported in %q", field, err)
		}
	}
}

func TestParamsHaveFloorsAndCeilings(t *testing.T) {
	for _, p := range []Params{
		DefaultParams(),
		{MemoryKiB: 19 << 10, Time: 2, Threads: 1},
		{MemoryKiB: 1 << 20, Time: 10, Threads: 16},
	} {
		if err := p.validate(); err != nil {
			t.Errorf("%v refused: %v", p, err)
		}
	}
	for _, p := range []Params{
		{MemoryKiB: 19<<10 - 1, Time: 2, Threads: 1},
		{MemoryKiB: 1<<20 + 1, Time: 2, Threads: 1},
		{MemoryKiB: 19 << 10, Time: 1, Threads: 1},
		{MemoryKiB: 19 << 10, Time: 11, Threads: 1},
		{MemoryKiB: 19 << 10, Time: 2, Threads: 0},
		{MemoryKiB: 19 << 10, Time: 2, Threads: 17},
	} {
		if p.validate() == nil {
			t.Errorf("%v accepted", p)
		}
	}
}

// RFC 9106 section 5.3 has a vector with secret and associated data, which PHC strings and
// the library do not take; this one is from the reference implementation's test suite.
func TestArgon2MatchesReferenceVector(t *testing.T) {
	const vector = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	a, err := parseArgon2(vector, maxParams)
	if err != nil {
		t.Fatal(err)
	}
	if !a.matches("password") || a.matches("Password") {
		t.Error("the reference vector does not verify as it must")
	}
}

func TestArgon2CodecRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		threads := rapid.Uint8Range(1, 16).Draw(t, "threads")
		want := argon2Hash{
			variant: rapid.SampledFrom([]string{argon2id, argon2i}).Draw(t, "variant"),
			params: Params{
				MemoryKiB: rapid.Uint32Range(8*uint32(threads), 1<<20).Draw(t, "memory"),
				Time:      rapid.Uint32Range(1, 10).Draw(t, "time"),
				Threads:   threads,
			},
			salt: rapid.SliceOfN(rapid.Byte(), 8, 64).Draw(t, "salt"),
			key:  rapid.SliceOfN(rapid.Byte(), 16, 64).Draw(t, "key"),
		}
		got, err := parseArgon2(want.encode(), maxParams)
		if err != nil {
			t.Fatalf("%s: %v", want.encode(), err)
		}
		if got.encode() != want.encode() || got.params != want.params || got.variant != want.variant {
			t.Fatalf("got %s, want %s", got.encode(), want.encode())
		}
	})
}

func TestArgon2CodecTakesOneSpellingOnly(t *testing.T) {
	const head = "$argon2id$v=19$m=19456,t=2,p=1$"
	const salt, key = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if _, err := parseArgon2(head+salt+"$"+key, maxParams); err != nil {
		t.Fatalf("the plain spelling is refused: %v", err)
	}
	for name, encoded := range map[string]string{
		"empty":                 "",
		"text before":           "x" + head + salt + "$" + key,
		"newline after":         head + salt + "$" + key + "\n",
		"newline in the salt":   head + salt[:4] + "\n" + salt[4:] + "$" + key,
		"padding":               head + salt + "==$" + key,
		"loose bits":            head + salt[:21] + "B$" + key,
		"url alphabet":          head + salt + "$" + key[:42] + "-",
		"leading zero":          strings.Replace(head, "m=1", "m=01", 1) + salt + "$" + key,
		"plus sign":             strings.Replace(head, "t=2", "t=+2", 1) + salt + "$" + key,
		"other order":           strings.Replace(head, "t=2,p=1", "p=1,t=2", 1) + salt + "$" + key,
		"further parameter":     strings.Replace(head, "p=1", "p=1,keyid=AA", 1) + salt + "$" + key,
		"other version":         strings.Replace(head, "v=19", "v=16", 1) + salt + "$" + key,
		"no version":            strings.Replace(head, "v=19$", "", 1) + salt + "$" + key,
		"argon2d":               strings.Replace(head, "2id", "2d", 1) + salt + "$" + key,
		"no passes":             strings.Replace(head, "t=2", "t=0", 1) + salt + "$" + key,
		"no lanes":              strings.Replace(head, "p=1", "p=0", 1) + salt + "$" + key,
		"less than 8 KiB/lane":  strings.Replace(head, "m=19456,t=2,p=1", "m=15,t=2,p=2", 1) + salt + "$" + key,
		"short salt":            head + "AAAA$" + key,
		"short key":             head + salt + "$AAAA",
		"long key":              head + salt + "$" + strings.Repeat("A", 88),
		"longer than any":       head + strings.Repeat("A", 500) + "$" + key,
		"further part":          head + salt + "$" + key + "$",
		"negative":              strings.Replace(head, "m=19456", "m=-1", 1) + salt + "$" + key,
		"empty number":          strings.Replace(head, "m=19456", "m=", 1) + salt + "$" + key,
		"number in other digit": strings.Replace(head, "t=2", "t=٢", 1) + salt + "$" + key,
	} {
		if _, err := parseArgon2(encoded, maxParams); !errors.Is(err, ErrHashUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArgon2BoundsAreCheckedBeforeComputing(t *testing.T) {
	const tail = "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, params := range []string{
		"m=1048577,t=2,p=1", "m=4194304,t=1,p=1", "m=4294967295,t=1,p=1", "m=99999999999999999999,t=1,p=1",
		"m=19456,t=11,p=1", "m=19456,t=4294967295,p=1", "m=19456,t=2,p=17", "m=19456,t=2,p=256",
	} {
		if _, err := parseArgon2("$argon2id$v=19$"+params+tail, maxParams); !errors.Is(err, ErrHashTooCostly) {
			t.Errorf("%s: %v", params, err)
		}
	}
}

func FuzzParseArgon2(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2i$v=19$m=512,t=2,p=2$c2Vhc2FsdHNlYXNhbHQyMg$9WQYapPYRChhGc1a851Crw")
	f.Fuzz(func(t *testing.T, encoded string) {
		a, err := parseArgon2(encoded, maxParams)
		if err != nil {
			return
		}
		if a.encode() != encoded {
			t.Errorf("%q is accepted but spelled %q", encoded, a.encode())
		}
		p := a.params
		if p.MemoryKiB > maxParams.MemoryKiB || p.Time > maxParams.Time || p.Threads > maxParams.Threads ||
			p.Time < 1 || p.Threads < 1 || p.MemoryKiB < 8*uint32(p.Threads) {
			t.Errorf("%q is out of bounds", encoded)
		}
	})
}
