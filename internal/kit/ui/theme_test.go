package ui

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAnyBrandColourCanBeRead(t *testing.T) {
	check := func(t interface{ Errorf(string, ...any) }, color string) {
		inLight, inDark := Brand{Color: color}.schemes()
		for name, p := range map[string]palette{"light": inLight, "dark": inDark} {
			for _, pair := range [][2]string{{"on-brand", "brand"}, {"brand", "page"}, {"brand", "card"}, {"brand", "sunk"}, {"brand", "tint"}, {"text", "tint"}} {
				if got := p.color(pair[0]).contrast(p.color(pair[1])); got < 4.5 {
					t.Errorf("%s in %s: %s on %s has a contrast of %.2f", color, name, pair[0], pair[1], got)
				}
			}
		}
	}
	for _, color := range []string{"#000000", "#ffffff", "#ffff00", "#0000ff", "#00ff00", "#7f7f7f", "#010101", "#fefefe", defaultColor} {
		check(t, color)
	}
	rapid.Check(t, func(t *rapid.T) { check(t, fmt.Sprintf("#%06x", rapid.IntRange(0, 0xffffff).Draw(t, "colour"))) })
}

// Pages of an organisation say nothing but the brand's colours anew, and those are as readable.
func TestAnotherColourChangesTheBrandAlone(t *testing.T) {
	for _, color := range []string{"#ffff00", "#7f7f7f", "#000000"} {
		inLight, inDark := Brand{Color: color}.schemes()
		var want strings.Builder
		for i, p := range []palette{inLight, inDark} {
			fmt.Fprintf(&want, []string{":root{%s}", "@media(prefers-color-scheme:dark){:root{%s}}\n"}[i],
				fmt.Sprintf("--brand:%s;--on-brand:%s;--tint:%s;", p.color("brand"), p.color("on-brand"), p.color("tint")))
		}
		if got := (Brand{Color: color}).over(); got != want.String() {
			t.Errorf("%s: %s", color, got)
		}
	}
}

func TestAnotherShapeChangesNothingElse(t *testing.T) {
	for want, brand := range map[string]Brand{
		":root{--radius:3px;}\n": {Radius: 3}, ":root{--font:" + fonts["serif"] + ";}\n": {Font: "serif"}, ":root{--radius:24px;--font:" + fonts["mono"] + ";}\n": {Radius: 24, Font: "mono"},
	} {
		if got := brand.over(); got != want {
			t.Errorf("%+v: %s", brand, got)
		}
	}
	if got := (Brand{Color: "#aa3300", Radius: 3}).over(); !strings.Contains(got, "--tint:#f7ebe6;--radius:3px;}@media") {
		t.Error(got)
	}
}

func TestEachFontIsOne(t *testing.T) {
	for _, name := range Fonts() {
		if fonts[name] == "" {
			t.Errorf("%s is none", name)
		}
	}
	if len(fonts) != len(Fonts()) {
		t.Error("some are not offered")
	}
}

func TestAColourThatCanBeReadStays(t *testing.T) {
	inLight, _ := Brand{Color: "#2F55D4"}.schemes()
	if got := inLight.color("brand").String(); got != "#2f55d4" {
		t.Errorf("it became %s", got)
	}
}

func TestOwnColoursCanBeRead(t *testing.T) {
	for name, p := range map[string]palette{"light": light, "dark": dark} {
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"text", "page", 7}, {"text", "card", 7}, {"text", "sunk", 7}, {"muted", "page", 4.5}, {"muted", "card", 4.5}, {"muted", "sunk", 4.5},
			{"good", "card", 4.5}, {"warn", "card", 4.5}, {"bad", "card", 4.5}, {"bad", "page", 4.5}, {"good", "good-tint", 4.5}, {"warn", "warn-tint", 4.5}, {"bad", "bad-tint", 4.5},
			{"text", "good-tint", 7}, {"text", "warn-tint", 7}, {"text", "bad-tint", 7}, {"edge", "card", 3}, {"edge", "page", 3},
		} {
			if got := p.color(pair.front).contrast(p.color(pair.back)); got < pair.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f", name, pair.front, pair.back, got)
			}
		}
	}
}

// WCAG's own examples: black on white is 21 to 1, a colour with itself 1 to 1.
func TestContrast(t *testing.T) {
	white, black, grey := mustColor("#ffffff"), mustColor("#000000"), mustColor("#767676")
	for _, c := range []struct {
		a, b rgb
		want string
	}{{white, black, "21.00"}, {black, white, "21.00"}, {grey, grey, "1.00"}, {grey, white, "4.54"}} {
		if got := fmt.Sprintf("%.2f", c.a.contrast(c.b)); got != c.want {
			t.Errorf("%v on %v: %s, not %s", c.a, c.b, got, c.want)
		}
	}
}

func TestThemeRefusesWhatIsNone(t *testing.T) {
	png := []byte("\x89PNG\r\n\x1a\n...")
	for _, theme := range []Theme{{}, {Brand{Color: "#ABCdef", Radius: 24, Font: "serif"}, png}, {Logo: []byte("  <svg xmlns=''/>")}, {Logo: []byte("<?xml version='1.0'?><svg/>")}} {
		if _, err := theme.tokens(); err != nil {
			t.Error(err)
		}
	}
	for _, theme := range []Theme{
		{Brand: Brand{Color: "red"}}, {Brand: Brand{Color: "#fff"}}, {Brand: Brand{Color: "#ffffff;}*{display:none"}}, {Brand: Brand{Color: "#fffffg"}}, {Brand: Brand{Color: " #ffffff"}}, {Brand: Brand{Color: "#ffffff\n"}},
		{Brand: Brand{Radius: -1}}, {Brand: Brand{Radius: 25}}, {Brand: Brand{Font: "Comic Sans"}}, {Brand: Brand{Font: "serif;}"}},
		{Logo: []byte("<html><script>alert(1)</script>")}, {Logo: []byte("GIF89a")}, {Logo: append(bytes.Clone(png), make([]byte, 256<<10)...)},
	} {
		if _, err := theme.tokens(); err == nil {
			t.Errorf("%.40q %d %q was accepted", theme.Color+string(theme.Logo[:min(len(theme.Logo), 20)]), theme.Radius, theme.Font)
		}
	}
}

func FuzzTheme(f *testing.F) {
	for _, s := range []string{"", "#123456", "#12345\x00", "red", "url(x)", "}*{"} {
		f.Add(s, 3, s)
	}
	form := regexp.MustCompile(`^:root\{[^{}<>@\\]*\}@media\(prefers-color-scheme:dark\)\{:root\{(--[a-z-]+:#[0-9a-f]{6};)+\}\}\n$`)
	f.Fuzz(func(t *testing.T, color string, radius int, font string) {
		css, err := Theme{Brand: Brand{Color: color, Radius: radius, Font: font}}.tokens()
		if err == nil && (!form.MatchString(css) || strings.Contains(css, "url(")) {
			t.Errorf("%q %d %q became %s", color, radius, font, css)
		}
	})
}
