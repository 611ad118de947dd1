package totp

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

const exampleKey = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

func example(label string) *Setup {
	return &Setup{URI: secret.NewText(uri("Example", label, exampleKey))}
}

// labels make QR codes of several versions.
var labels = []string{"jo@example.com", "a.longer.name+with-a-tag@department.example.com", "Ünal_Ç@пример.example", strings.Repeat("a", 64) + "@" + strings.Repeat("b", 60) + ".example.com"}

func TestQRCodeSaysTheURIAsPNG(t *testing.T) {
	for _, label := range labels {
		s := example(label)
		picture, err := s.PNG()
		if err != nil {
			t.Fatal(err)
		}
		// As an API carries it.
		decoded, err := base64.StdEncoding.DecodeString(base64.StdEncoding.EncodeToString(picture))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(decoded))
		if err != nil {
			t.Fatal(err)
		}
		size := img.Bounds().Dx()
		if size != img.Bounds().Dy() || size%scale != 0 || img.Bounds().Min.X != 0 {
			t.Fatalf("the picture is %v", img.Bounds())
		}
		modules := grid(size / scale)
		for y := range size {
			for x := range size {
				r, g, b, _ := img.At(x, y).RGBA()
				if r != g || g != b || r != 0 && r != 0xffff {
					t.Fatalf("a pixel is neither black nor white")
				}
				if first := x%scale == 0 && y%scale == 0; first {
					modules[y/scale][x/scale] = r == 0
				} else if modules[y/scale][x/scale] != (r == 0) {
					t.Fatal("a module has two colours")
				}
			}
		}
		says(t, modules, s.URI.Reveal())
	}
}

func TestQRCodeSaysTheURIAsSVG(t *testing.T) {
	for _, label := range labels {
		s := example(label)
		text, err := s.SVG()
		if err != nil {
			t.Fatal(err)
		}
		says(t, drawn(t, text), s.URI.Reveal())
	}
}

// A Content-Security-Policy without exceptions shows it.
func TestSVGHasNothingButPaths(t *testing.T) {
	text, err := example("jo@example.com").SVG()
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"svg xmlns", "svg class", "svg viewBox", "svg shape-rendering", "path fill", "path d"}
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			for _, a := range token.Attr {
				if !slices.Contains(allowed, token.Name.Local+" "+a.Name.Local) {
					t.Errorf("%s has %s", token.Name.Local, a.Name.Local)
				}
			}
		case xml.EndElement:
		default:
			t.Errorf("the element holds a %T", token)
		}
	}
	if strings.Contains(text, exampleKey) {
		t.Error("the secret stands in the element as text")
	}
}

func TestURIOfAnyLabelFitsAQRCode(t *testing.T) {
	long := &Setup{URI: secret.NewText(uri(shown(strings.Repeat("業", 100), maxIssuer), strings.Repeat("業", 1000), exampleKey))}
	if _, err := long.PNG(); err != nil {
		t.Error(err)
	}
	if _, err := long.SVG(); err != nil {
		t.Error(err)
	}
}

func BenchmarkQRCode(b *testing.B) {
	for b.Loop() {
		s := example("somebody.with-a-name@department.example.com")
		if _, err := s.PNG(); err != nil {
			b.Fatal(err)
		}
		if _, err := s.SVG(); err != nil {
			b.Fatal(err)
		}
	}
}

func grid(size int) [][]bool {
	all := make([][]bool, size)
	for i := range all {
		all[i] = make([]bool, size)
	}
	return all
}

// drawn returns the modules that the dark path of an element covers.
func drawn(t *testing.T, text string) [][]bool {
	t.Helper()
	box := regexp.MustCompile(`viewBox="0 0 (\d+) (\d+)"`).FindStringSubmatch(text)
	path := regexp.MustCompile(`<path fill="#000" d="((?:M\d+ \d+h\d+v1h-\d+z)+)"/>`).FindStringSubmatch(text)
	if box == nil || path == nil || box[1] != box[2] {
		t.Fatalf("not the element that was expected: %.200s", text)
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n } // digits by the pattern
	modules := grid(number(box[1]))
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(path[1], -1) {
		if m[3] != m[4] {
			t.Fatal("a run does not end where it began")
		}
		for i := range number(m[3]) {
			modules[number(m[2])][number(m[1])+i] = true
		}
	}
	return modules
}

// says fails the test unless the modules, with white around them, are a QR code of text.
func says(t *testing.T, modules [][]bool, text string) {
	t.Helper()
	size := len(modules) - 2*quiet
	inner := grid(size)
	for y, row := range modules {
		for x, dark := range row {
			if inside := x >= quiet && x < size+quiet && y >= quiet && y < size+quiet; inside {
				inner[y-quiet][x-quiet] = dark
			} else if dark {
				t.Fatal("the edge is not white")
			}
		}
	}
	got, err := read(inner)
	if err != nil {
		t.Fatal(err)
	}
	if got != text {
		t.Errorf("the code says\n%s, not\n%s", got, text)
	}
}

// blocks are how many data codewords each block has at level M, by version (ISO/IEC 18004 table 9),
// and placed is where alignment patterns are (annex E).
var (
	blocks = map[int][]int{
		7: {31, 31, 31, 31}, 8: {38, 38, 39, 39}, 9: {36, 36, 36, 37, 37}, 10: {43, 43, 43, 43, 44},
		11: {50, 51, 51, 51, 51}, 12: {36, 36, 36, 36, 36, 36, 37, 37}, 13: {37, 37, 37, 37, 37, 37, 37, 37, 38}, 14: {40, 40, 40, 40, 41, 41, 41, 41, 41},
	}
	placed = map[int][]int{
		7: {6, 22, 38}, 8: {6, 24, 42}, 9: {6, 26, 46}, 10: {6, 28, 50},
		11: {6, 30, 54}, 12: {6, 32, 58}, 13: {6, 34, 62}, 14: {6, 26, 46, 66},
	}
)

// read is a small reader of QR codes at level M without errors: it finds out the mask, collects the
// codewords in their order (ISO/IEC 18004 section 7.7.3), puts the blocks one after another and reads one
// segment of bytes.
func read(m [][]bool) (string, error) {
	size := len(m)
	version := (size - 17) / 4
	counts, known := blocks[version]
	if !known {
		return "", fmt.Errorf("the reader does not know version %d", version)
	}
	format := 0 // around the finder in the top left corner, most significant bit first
	for _, at := range [][2]int{{0, 8}, {1, 8}, {2, 8}, {3, 8}, {4, 8}, {5, 8}, {7, 8}, {8, 8}, {8, 7}, {8, 5}, {8, 4}, {8, 3}, {8, 2}, {8, 1}, {8, 0}} {
		format <<= 1
		if m[at[1]][at[0]] {
			format |= 1
		}
	}
	format ^= 0b101010000010010
	if level := format >> 13; level != 0b00 {
		return "", fmt.Errorf("the level is %02b, not M", level)
	}
	words := codewords(m, version, format>>10&7)
	data := deinterleave(words, counts)
	if len(data) < 3 || data[0]>>4 != 0b0100 {
		return "", errors.New("not a segment of bytes")
	}
	bits := func(at int) byte { return data[at]<<4 | data[at+1]>>4 } // all is shifted by the mode's four bits
	length, from := int(bits(0)), 1
	if version > 9 {
		length, from = length<<8|int(bits(1)), 2
	}
	out := make([]byte, length)
	for i := range out {
		out[i] = bits(from + i)
	}
	return string(out), nil
}

// codewords reads the modules in pairs of columns, upwards and downwards in turn, from the right.
func codewords(m [][]bool, version, mask int) []byte {
	size := len(m)
	var words []byte
	bit := 0
	for pair, right := 0, size-1; right > 0; pair, right = pair+1, right-2 {
		if right == 6 {
			right-- // the timing pattern
		}
		for i := range size {
			y := i
			if pair%2 == 0 {
				y = size - 1 - i
			}
			for _, x := range []int{right, right - 1} {
				if function(x, y, size, version) {
					continue
				}
				if bit%8 == 0 {
					words = append(words, 0)
				}
				if m[y][x] != masked(mask, x, y) {
					words[bit/8] |= 0x80 >> (bit % 8)
				}
				bit++
			}
		}
	}
	return words
}

// function reports whether a module is of a pattern and holds no data.
func function(x, y, size, version int) bool {
	corner := x < 9 && y < 9 || x < 9 && y >= size-8 || x >= size-8 && y < 9
	versions := version >= 7 && (x < 6 && y >= size-11 || y < 6 && x >= size-11)
	if corner || versions || x == 6 || y == 6 {
		return true
	}
	for _, cx := range placed[version] {
		for _, cy := range placed[version] {
			finder := cx == 6 && cy == 6 || cx == 6 && cy == size-7 || cx == size-7 && cy == 6
			if !finder && max(x-cx, cx-x) <= 2 && max(y-cy, cy-y) <= 2 {
				return true
			}
		}
	}
	return false
}

func masked(mask, x, y int) bool {
	switch mask {
	case 0:
		return (x+y)%2 == 0
	case 1:
		return y%2 == 0
	case 2:
		return x%3 == 0
	case 3:
		return (x+y)%3 == 0
	case 4:
		return (y/2+x/3)%2 == 0
	case 5:
		return x*y%2+x*y%3 == 0
	case 6:
		return (x*y%2+x*y%3)%2 == 0
	default:
		return ((x+y)%2+x*y%3)%2 == 0
	}
}

// deinterleave puts the data of blocks one after another: words hold the first of each, the second of each,
// and so on.
func deinterleave(words []byte, counts []int) []byte {
	parts := make([][]byte, len(counts))
	for i := 0; i < slices.Max(counts); i++ {
		for b, n := range counts {
			if i < n {
				parts[b] = append(parts[b], words[0])
				words = words[1:]
			}
		}
	}
	return slices.Concat(parts...)
}

func TestJSONHasThePictureTheSecretAndTheURI(t *testing.T) {
	s := (&Service{issuer: "Example"}).setup(&device{}, []byte("12345678901234567890"), "jo@example.com")
	j, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	picture, err := base64.StdEncoding.DecodeString(j.PNG)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil {
		t.Error(err)
	}
	says(t, drawn(t, j.SVG), j.URI)
	if j.Secret != exampleKey || !strings.Contains(j.URI, exampleKey) {
		t.Error("the set-up has another secret")
	}
}
