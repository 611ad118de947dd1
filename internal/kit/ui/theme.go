package ui

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Theme is how the pages of one service look. The zero value is Gatehouse's own look.
type Theme struct {
	Brand
	Logo []byte // SVG or PNG, at most 256 kB
}

// Brand is what a service, or an organisation within one, chooses of how its pages look. What it leaves
// out is Gatehouse's own, or the service's.
type Brand struct {
	Color  string // #rrggbb; pages use the nearest that can be read on their backgrounds
	Radius int    // of corners, in pixels, 1 to MaxRadius
	Font   string // one of Fonts
}

// MaxRadius is how round corners can be, in pixels.
const MaxRadius = 24

const (
	defaultColor  = "#2f55d4"
	defaultRadius = 10
	defaultFont   = "system"
	maxLogo       = 256 << 10
	// readable is the least contrast of text with its background, WCAG 2.2 criterion 1.4.3.
	readable = 4.5
)

// Fonts are the typefaces that there are: each is the first that a reader's machine has of a kind, so
// that none is loaded.
func Fonts() []string { return []string{"system", "humanist", "rounded", "serif", "mono"} }

var fonts = map[string]string{
	"system":   `system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif`,
	"humanist": `Seravek,"Gill Sans Nova",Ubuntu,Calibri,"DejaVu Sans",source-sans-pro,sans-serif`,
	"rounded":  `ui-rounded,"Hiragino Maru Gothic ProN",Quicksand,Comfortaa,Manjari,"Arial Rounded MT",Calibri,sans-serif`,
	"serif":    `"Iowan Old Style","Palatino Linotype","URW Palladio L",P052,Georgia,serif`,
	"mono":     `ui-monospace,"Cascadia Code","Source Code Pro",Menlo,Consolas,"DejaVu Sans Mono",monospace`,
}

// palette is the colours of one scheme. brand, on-brand and tint are computed.
type palette struct{ names, values []string }

func (p palette) color(name string) rgb {
	for i, n := range p.names {
		if n == name {
			return mustColor(p.values[i])
		}
	}
	panic("ui: no colour " + name)
}

// Backgrounds are page, card and sunk, and the tint of each kind for its own text.
var (
	tones = []string{"page", "card", "sunk", "text", "muted", "line", "edge", "good", "warn", "bad", "good-tint", "warn-tint", "bad-tint"}
	light = palette{tones, []string{"#f6f7f9", "#ffffff", "#eef0f4", "#161a23", "#535c6e", "#dfe3ea", "#7f899b", "#126a3d", "#855000", "#b3211b", "#e2f3e9", "#fbefd8", "#fdeae8"}}
	dark  = palette{tones, []string{"#0d1016", "#151a22", "#1e2530", "#e9ecf2", "#a4aebf", "#2a323f", "#707c91", "#5dd397", "#f0b95a", "#ff968c", "#12301f", "#33260d", "#3a1b19"}}
)

// brandTones is how many colours of a scheme the brand's colour decides; they come first.
const brandTones = 3

// brandIn adds the brand's colours to a scheme: the given colour, moved towards black or white
// until it can be read on every background and on its own tint.
func brandIn(p palette, given, towards, on rgb) palette {
	for step := range 51 {
		brand := given.mix(towards, float64(step)/50)
		tint := p.color("card").mix(brand, 0.1)
		ok := on.contrast(brand) >= readable
		for _, background := range []rgb{p.color("page"), p.color("card"), p.color("sunk"), tint} {
			ok = ok && brand.contrast(background) >= readable
		}
		if ok || step == 50 {
			return palette{append([]string{"brand", "on-brand", "tint"}, p.names...),
				append([]string{brand.String(), on.String(), tint.String()}, p.values...)}
		}
	}
	panic("unreachable")
}

func (p palette) css() string {
	var b strings.Builder
	for i, name := range p.names {
		b.WriteString("--" + name + ":" + p.values[i] + ";")
	}
	return b.String()
}

// schemes returns the brand's colours in light and dark. The brand is valid.
func (b Brand) schemes() (inLight, inDark palette) {
	given := mustColor(cmp.Or(b.Color, defaultColor))
	white, black := rgb{255, 255, 255}, rgb{0, 0, 0}
	return brandIn(light, given, black, white), brandIn(dark, given, white, mustColor("#0b0e14"))
}

var colorForm = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// check returns all that is wrong with a brand. Only values of closed forms get into a style sheet.
func (b Brand) check() error {
	var problems []error
	if b.Color != "" && !colorForm.MatchString(b.Color) {
		problems = append(problems, errors.New("ui: brand: the colour is not of the form #rrggbb"))
	}
	if b.Radius < 0 || b.Radius > MaxRadius {
		problems = append(problems, fmt.Errorf("ui: brand: the radius is not between 1 and %d pixels", MaxRadius))
	}
	if _, known := fonts[b.Font]; !known && b.Font != "" {
		problems = append(problems, fmt.Errorf("ui: brand: the font is none of %s", strings.Join(Fonts(), ", ")))
	}
	return errors.Join(problems...)
}

// tokens checks the theme and returns it as CSS variables.
func (t Theme) tokens() (string, error) {
	_, err := logoType(t.Logo)
	if err := errors.Join(t.check(), err); err != nil {
		return "", err
	}
	inLight, inDark := t.schemes()
	return sheet(inLight.css()+shape(cmp.Or(t.Radius, defaultRadius), cmp.Or(t.Font, defaultFont)), inDark.css()), nil
}

// over returns what of tokens another brand changes, for pages of an organisation within the service. It
// is as readable as the theme's. The brand is valid.
func (b Brand) over() string {
	given := shape(b.Radius, b.Font)
	if b.Color == "" {
		return sheet(given, "")
	}
	inLight, inDark := b.schemes()
	inLight.names, inDark.names = inLight.names[:brandTones], inDark.names[:brandTones]
	return sheet(inLight.css()+given, inDark.css())
}

// shape is the variables of a radius and a font, where they are given.
func shape(radius int, font string) (css string) {
	if radius != 0 {
		css += "--radius:" + strconv.Itoa(radius) + "px;"
	}
	if font != "" {
		css += "--font:" + fonts[font] + ";"
	}
	return css
}

// sheet is a style sheet of variables, and of what is another in dark.
func sheet(variables, inDark string) string {
	css := ":root{" + variables + "}"
	if inDark != "" {
		css += "@media(prefers-color-scheme:dark){:root{" + inDark + "}}"
	}
	return css + "\n"
}

// logoType returns the extension of a logo's type; svg for none, as the built-in one.
func logoType(logo []byte) (string, error) {
	start := bytes.TrimSpace(logo[:min(len(logo), 512)])
	switch {
	case len(logo) > maxLogo:
		return "", errors.New("ui: theme: the logo is larger than 256 kB")
	case len(logo) == 0, bytes.HasPrefix(start, []byte("<svg")), bytes.HasPrefix(start, []byte("<?xml")):
		return "svg", nil
	case bytes.HasPrefix(logo, []byte("\x89PNG\r\n\x1a\n")):
		return "png", nil
	}
	return "", errors.New("ui: theme: the logo is neither SVG nor PNG")
}

// rgb is a colour in sRGB, 0 to 255 each.
type rgb [3]float64

func mustColor(s string) rgb {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 24)
	if err != nil || len(s) != 7 {
		panic("ui: not a colour")
	}
	return rgb{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}
}

func (c rgb) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(c[0]), int(c[1]), int(c[2]))
}

// mix moves c towards d by share, in whole steps, as it will be written.
func (c rgb) mix(d rgb, share float64) (m rgb) {
	for i := range c {
		m[i] = math.Round(c[i] + (d[i]-c[i])*share)
	}
	return m
}

// luminance is WCAG 2.2's relative luminance.
func (c rgb) luminance() float64 {
	linear := func(v float64) float64 {
		if v /= 255; v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is WCAG 2.2's contrast ratio, 1 to 21.
func (c rgb) contrast(d rgb) float64 {
	a, b := c.luminance(), d.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}
