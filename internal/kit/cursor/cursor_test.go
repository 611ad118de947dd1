package cursor

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

var (
	question = Of("members", "0197c3a0-0000-7000-8000-000000000001", "jo")
	place    = Place{ID: uuid.MustParse("0197c3a0-0000-7000-8000-00000000000a"), At: time.UnixMilli(1_750_000_000_123).UTC(), Key: "jo döe"}
)

// encoded is the cursor with these bytes, whatever they say.
func encoded(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// changed is a sound cursor after a change of its bytes.
func changed(t *testing.T, change func(raw []byte) []byte) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(question.Write(place))
	if err != nil {
		t.Fatal(err)
	}
	return encoded(change(raw))
}

func refused(t *testing.T, name string, p *Place, err error) {
	t.Helper()
	f, _ := fault.From(err)
	if p != nil || !errors.Is(err, web.ErrQuery) || len(f.Fields) != 1 || f.Fields[0].Field != "after" {
		t.Errorf("%s: %+v, %v", name, p, err)
	}
}

func TestACursorLeadsBackToItsPlace(t *testing.T) {
	for _, p := range []Place{
		place, {ID: place.ID, At: place.At}, {ID: uuid.Max, At: time.UnixMilli(0).UTC(), Key: "\U0010FFFF"},
		{ID: place.ID, At: time.UnixMilli(1 << 62).UTC()}, {ID: place.ID, At: place.At, Key: strings.Repeat("\uFDFA", 960)},
	} {
		got, err := question.Read(question.Write(p))
		if err != nil || *got != p {
			t.Errorf("%+v became %+v, %v", p, got, err)
		}
	}
	if p, err := question.Read(""); p != nil || err != nil {
		t.Errorf("the beginning: %+v, %v", p, err)
	}
}

func TestTheFormatIsFixed(t *testing.T) {
	const want = "AevJYCES9fSmAZfDoAAAcACAAAAAAAAACgAAAZd0INx7am8gZMO2ZQ"
	if got := question.Write(place); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestACursorAnswersToItsQuestionAlone(t *testing.T) {
	const acme, globex = "0197c3a0-0000-7000-8000-000000000001", "0197c3a0-0000-7000-8000-000000000002"
	asked := [][]string{
		{"members", acme, "jo", ""}, {"members", globex, "jo", ""}, {"invitations", acme, "jo", ""}, {"members", acme, "", "jo"}, {"members", acme, "jo"},
		{"members", acme, "j", "o"}, {"members" + acme, "jo", ""}, {"members", acme, "jo\x00"}, {"members", acme, "jo", "", ""}, {},
	}
	for i, one := range asked {
		for j, other := range asked {
			p, err := Of(other...).Read(Of(one...).Write(place))
			switch {
			case i != j:
				refused(t, strings.Join(one, "|")+" at "+strings.Join(other, "|"), p, err)
			case err != nil || *p != place:
				t.Errorf("%q: %+v, %v", one, p, err)
			}
		}
	}
}

func TestCursorsThatNobodyGaveAreRefused(t *testing.T) {
	sound := question.Write(place)
	for i := range sound {
		p, err := question.Read(sound[:i])
		if i > 0 && i < base64.RawURLEncoding.EncodedLen(head) {
			refused(t, "cut to "+sound[:i], p, err)
		}
	}
	for name, cursor := range map[string]string{
		"other version":     changed(t, func(raw []byte) []byte { raw[0]++; return raw }),
		"other digest":      changed(t, func(raw []byte) []byte { raw[8] ^= 1; return raw }),
		"without a digest":  changed(t, func(raw []byte) []byte { return raw[9:] }),
		"no id":             changed(t, func(raw []byte) []byte { clear(raw[9:25]); return raw }),
		"before 1970":       changed(t, func(raw []byte) []byte { raw[25] = 0x80; return raw }),
		"not UTF-8":         changed(t, func(raw []byte) []byte { return append(raw, 0xFF) }),
		"half a character":  changed(t, func(raw []byte) []byte { return append(raw, 0xC3) }),
		"NUL":               changed(t, func(raw []byte) []byte { return append(raw, 0) }),
		"too long":          question.Write(Place{ID: place.ID, At: place.At, Key: strings.Repeat("x", longest)}),
		"padded":            sound + "=",
		"one more":          sound + "A",
		"line break inside": sound[:10] + "\n" + sound[10:],
		"line break after":  sound + "\r\n",
		"blank":             " " + sound,
		"another alphabet":  strings.Replace(changed(t, func(raw []byte) []byte { return append(raw[:head], "???>>>"...) }), "_", "/", 1),
		"letters":           "x", "zeroes": strings.Repeat("A", 60), "text": "not a cursor", "percent": "%", "NUL alone": "\x00", "no text": "\xFF",
	} {
		p, err := question.Read(cursor)
		refused(t, name, p, err)
	}
}

// The last character of a cursor whose bytes do not fill it has spare bits.
func TestACursorHasOneSpelling(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, key := range []string{"a", "ab", "abc"} {
		sound := question.Write(Place{ID: place.ID, At: place.At, Key: key})
		for _, last := range alphabet {
			other := sound[:len(sound)-1] + string(last)
			p, err := question.Read(other)
			if err == nil && question.Write(*p) != other {
				t.Errorf("%s is read as %s", other, question.Write(*p))
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", "x", question.Write(place), question.Write(Place{ID: place.ID}), Of().Write(place), strings.Repeat("A", 44)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		// A fuzzer does not guess a digest, so whatever it makes is also tried with the right one.
		tries := []string{cursor}
		if raw, err := base64.RawURLEncoding.DecodeString(cursor); err == nil && len(raw) > 9 {
			tries = append(tries, encoded(append(append([]byte{version}, question[:]...), raw[9:]...)))
		}
		for _, one := range tries {
			p, err := question.Read(one)
			switch {
			case err != nil:
				refused(t, one, p, err)
			case one == "":
			case question.Write(*p) != one || p.ID == uuid.Nil || p.At.UnixMilli() < 0 || len(one) > longest:
				t.Errorf("%q was taken for %+v", one, p)
			}
		}
	})
}
