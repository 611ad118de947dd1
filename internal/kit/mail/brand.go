package mail

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
)

// Brand is whose mail it is.
type Brand struct {
	Name    string // product or organisation, required
	URL     string // where it lives, absolute http or https, required
	Support string // address or URL for questions; empty leaves it out
	Color   string // of the button, #rrggbb; empty is a blue
}

const defaultColor = "#1d4ed8"

// Check reports what makes b unfit for mails.
func (b Brand) Check() error {
	_, err := b.clean()
	return err
}

// clean returns b with each text on one line and a colour.
func (b Brand) clean() (Brand, error) {
	b.Name = clip(oneLine(b.Name), maxName)
	b.Support = clip(oneLine(b.Support), maxAddress)
	if b.Name == "" {
		return Brand{}, errors.New("the brand has no name")
	}
	if b.Color == "" {
		b.Color = defaultColor
	}
	if _, err := luminance(b.Color); err != nil {
		return Brand{}, fmt.Errorf("the brand's colour: %w", err)
	}
	if _, err := link(b.URL); err != nil {
		return Brand{}, fmt.Errorf("the brand's URL: %w", err)
	}
	return b, nil
}

// Contact returns where a person turns to who did not cause what a mail tells: the
// support address, or failing that the front page.
func (b Brand) Contact() string {
	if b.Support != "" {
		return b.Support
	}
	return b.URL
}

// SupportLink returns the address of a link to Support; empty when it is neither a mail
// address nor a URL.
func (b Brand) SupportLink() string {
	if _, err := link(b.Support); err == nil {
		return b.Support
	}
	if a, err := parseAddress(b.Support); err == nil {
		return (&url.URL{Scheme: "mailto", Opaque: url.PathEscape(a.String())}).String()
	}
	return ""
}

// The cards that a mail is drawn on, in the light and in the dark.
const (
	lightCard = "#ffffff"
	darkCard  = "#1c222b"
)

// OnColor returns the colour of text on Color. One of the two has a contrast of at least
// 4.5:1 to any colour (WCAG 2.2, 1.4.3): the products of both contrasts is 21.
func (b Brand) OnColor() string {
	if contrast(b.Color, "#ffffff") >= 4.5 {
		return "#ffffff"
	}
	return "#000000"
}

// Edge returns the colour of the button's border: a grey where Color would be lost on a card.
func (b Brand) Edge() string {
	if contrast(b.Color, lightCard) < 1.5 || contrast(b.Color, darkCard) < 1.5 {
		return "#7c8696"
	}
	return b.Color
}

// contrast is the ratio of two colours that are known to be such (WCAG 2.2, contrast ratio).
func contrast(a, b string) float64 {
	x, _ := luminance(a)
	y, _ := luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance returns the relative luminance of #rrggbb, 0 to 1 (WCAG 2.2, relative luminance).
func luminance(color string) (float64, error) {
	rgb, err := strconv.ParseUint(color[min(len(color), 1):], 16, 24)
	if err != nil || len(color) != 7 || color[0] != '#' {
		return 0, errors.New("not of the form #rrggbb")
	}
	linear := func(c uint64) float64 {
		s := float64(c&0xff) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(rgb>>16) + 0.7152*linear(rgb>>8) + 0.0722*linear(rgb), nil
}
