package totp

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode/qr"
)

const (
	quiet = 4 // modules of white around a QR code (ISO/IEC 18004 section 9.1)
	scale = 6 // pixels of a module: large enough for a phone before a screen
)

// PNG returns the QR code of the URI as an image.
func (s *Setup) PNG() ([]byte, error) {
	modules, err := s.modules()
	if err != nil {
		return nil, err
	}
	size := len(modules) * scale
	img := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range size {
		for x := range size {
			if modules[y/scale][x/scale] {
				img.Pix[y*img.Stride+x] = 1
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("totp: png: %w", err)
	}
	return out.Bytes(), nil
}

// SVG returns the QR code of the URI as an element for a page, of the class qr. It has no styles, scripts
// or references, so that no policy need allow any, and no text: the page says what it is.
func (s *Setup) SVG() (string, error) {
	modules, err := s.modules()
	if err != nil {
		return "", err
	}
	var path strings.Builder
	for y, row := range modules {
		for x := 0; x < len(row); x++ {
			run := 0 // dark modules from here; the edge is never dark
			for row[x+run] {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x, y, run, run)
				x += run
			}
		}
	}
	size := len(modules)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" class="qr" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dh-%dz"/><path fill="#000" d="%s"/></svg>`,
		size, size, size, size, size, path.String()), nil
}

// modules returns the QR code row by row, with the white around it; true is dark. It is worked out once:
// choosing its mask takes longer than all else.
func (s *Setup) modules() ([][]bool, error) {
	if s.drawn != nil {
		return s.drawn, nil
	}
	code, err := qr.Encode(s.URI.Reveal(), qr.M, qr.Auto)
	if err != nil {
		return nil, errors.New("totp: the URI is too long for a QR code") // the library's words may quote it
	}
	size := code.Bounds().Dx()
	modules := make([][]bool, size+2*quiet)
	for y := range modules {
		modules[y] = make([]bool, len(modules))
		if y < quiet || y >= size+quiet {
			continue
		}
		for x := range size {
			modules[y][x+quiet] = code.At(x, y-quiet) == color.Black
		}
	}
	s.drawn = modules
	return modules, nil
}
