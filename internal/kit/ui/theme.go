package ui

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Theme is how the pages of one service look. The zero value is Gatehouse's own look.
type Theme struct {
	Color  string // #rrggbb; pages use the nearest that can be read on their backgrounds
	Logo   []byte // SVG or PNG, at most 256 kB
	Radius int    // of corners, in pixels, 1 to 24; 0 is 10
	Font   string // system (default), humanist, rounded, serif or mono
}

const (
	defaultColor  = "#2f55d4"
	defaultRadius = 10
	maxRadius     = 24
	maxLogo       = 256 << 10
	// readable is the least contrast of text with its background, WCAG 2.2 criterion 1.4.3.
	readable = 4.5
)

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

// schemes returns the theme's colours in light and dark. The theme is valid.
func (t Theme) schemes() (inLight, inDark palette) {
	given := mustColor(defaultColor)
	if t.Color != "" {
		given = mustColor(t.Color)
	}
	white, black := rgb{255, 255, 255}, rgb{0, 0, 0}
	return brandIn(light, given, black, white), brandIn(dark, given, white, mustColor("#0b0e14"))
}

var colorForm = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// tokens checks the theme and returns it as CSS variables. Only values of closed forms get into
// the style sheet.
func (t Theme) tokens() (string, error) {
	var problems []error
	if t.Color != "" && !colorForm.MatchString(t.Color) {
		problems = append(problems, errors.New("ui: theme: the colour is not of the form #rrggbb"))
	}
	if t.Radius < 0 || t.Radius > maxRadius {
		problems = append(problems, fmt.Errorf("ui: theme: the radius is not between 1 and %d pixels", maxRadius))
	}
	font, known := fonts[t.Font]
	if t.Font == "" {
		font, known = fonts["system"], true
	}
	if !known {
		problems = append(problems, errors.New("ui: theme: the font is none of system, humanist, rounded, serif, mono"))
	}
	if _, err := logoType(t.Logo); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return "", errors.Join(problems...)
	}
	radius := t.Radius
	if radius == 0 {
		radius = defaultRadius
	}
	inLight, inDark := t.schemes()
	return ":root{" + inLight.css() + "--radius:" + strconv.Itoa(radius) + "px;--font:" + font + "}" +
		"@media(prefers-color-scheme:dark){:root{" + inDark.css() + "}}\n", nil
}

// inColor returns what of tokens another brand's colour changes, for pages of an organisation within the
// service. It is as readable as the theme's. color is of the form #rrggbb.
func inColor(color string) string {
	inLight, inDark := Theme{Color: color}.schemes()
	inLight.names, inDark.names = inLight.names[:brandTones], inDark.names[:brandTones]
	return ":root{" + inLight.css() + "}@media(prefers-color-scheme:dark){:root{" + inDark.css() + "}}\n"
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
