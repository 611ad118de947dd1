package mail

import (
	"fmt"
	"testing"
)

func TestTextOnAnyColourCanBeRead(t *testing.T) {
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				brand := Brand{Color: fmt.Sprintf("#%02x%02x%02x", r, g, b)}
				if c := contrast(brand.Color, brand.OnColor()); c < 4.5 {
					t.Errorf("%s on %s has a contrast of %.2f", brand.OnColor(), brand.Color, c)
				}
			}
		}
	}
}

func TestContrastIsThatOfTheGuidelines(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want string
	}{{"#000000", "#ffffff", "21.00"}, {"#ffffff", "#ffffff", "1.00"}, {"#767676", "#FFFFFF", "4.54"}, {"#ff0000", "#ffffff", "4.00"}} {
		if got := fmt.Sprintf("%.2f", contrast(c.a, c.b)); got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.a, c.b, got, c.want)
		}
	}
}

func TestButtonsAreSeenOnBothCards(t *testing.T) {
	for _, color := range []string{"#ffffff", "#fafafa", "#1c222b", "#101010", "#1d4ed8", "#facc15"} {
		b := Brand{Color: color}
		for _, card := range []string{lightCard, darkCard} {
			if contrast(b.Color, card) < 1.5 && contrast(b.Edge(), card) < 1.5 {
				t.Errorf("a button of %s is lost on %s", color, card)
			}
		}
	}
}

func TestBrandsAreChecked(t *testing.T) {
	good := Brand{Name: "Example", URL: "https://example.com", Color: "#0F766e"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Brand){
		"no name": func(b *Brand) { b.Name = "\n" }, "no URL": func(b *Brand) { b.URL = "" }, "script": func(b *Brand) { b.URL = "javascript:alert(1)" },
		"word": func(b *Brand) { b.Color = "teal" }, "short": func(b *Brand) { b.Color = "#fff" }, "bare": func(b *Brand) { b.Color = "0f766ee" },
		"sign": func(b *Brand) { b.Color = "#+12345" }, "underscore": func(b *Brand) { b.Color = "#1_2_34" }, "alpha": func(b *Brand) { b.Color = "#0f766eff" },
	} {
		bad := good
		change(&bad)
		if bad.Check() == nil {
			t.Errorf("%s: %+v was taken", name, bad)
		}
	}
}

func TestSupportIsALinkOnlyWhenItCanBeOne(t *testing.T) {
	for support, want := range map[string]string{
		"support@example.com": "mailto:support@example.com", "https://example.com/help": "https://example.com/help",
		"javascript:alert(1)": "", "+49 30 123456": "", "": "", "a?bcc=x@example.com": "mailto:a%3Fbcc=x@example.com",
	} {
		if got := (Brand{Support: support}).SupportLink(); got != want {
			t.Errorf("%q leads to %q, want %q", support, got, want)
		}
	}
}
