package ui

import (
	"errors"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/number"

	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
)

// functions are what templates call, bound to a language and to where the assets lie.
func (u *UI) functions(lang, assets string) template.FuncMap {
	return template.FuncMap{
		"t":      func(key string, args ...any) string { return u.Text(lang, key, args...) },
		"rich":   func(key string, args ...any) template.HTML { return u.rich(lang, key, args...) },
		"detail": func(code, detail string) string { return u.Detail(lang, code, detail) },
		"date":   func(when time.Time) template.HTML { return u.timeElement(lang, when) },
		"day":    func(when time.Time) template.HTML { return u.dayElement(lang, when) },
		"number": func(n any) (string, error) { return u.number(lang, n) },
		"chart":  func(c Chart) chartView { return u.layOut(lang, c) },
		"device": func(name string) string { return u.device(lang, name) },
		"wrap":   wrap,
		"place":  func(p place.Place) string { return u.place(lang, p) },
		"lang":   func() string { return lang },
		"dir":    func() string { return dirOf(lang) },
		"asset":  func(name string) (string, error) { return u.assets.address(assets, name) },
		"brand":  func(b Brand) (string, error) { return brandAddress(assets, b) },
		"dict":   dict,
		"field":  newField,
		"status": func(kind, text string) (statusView, error) { return newStatus(kind, text) },
	}
}

func dirOf(lang string) string {
	for _, l := range languages {
		if l.Tag == lang {
			return l.Dir
		}
	}
	return languages[0].Dir
}

// dict makes a map of names and values, for templates that take several.
func dict(args ...any) (map[string]any, error) {
	if len(args)%2 != 0 {
		return nil, errors.New("dict: a name without a value")
	}
	m := make(map[string]any, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		name, ok := args[i].(string)
		if !ok {
			return nil, errors.New("dict: a name is a string")
		}
		m[name] = args[i+1]
	}
	return m, nil
}

// rich is Text with its values in bold, each in its own direction: an address stays legible in a
// text that runs the other way. Times become what date makes of them.
func (u *UI) rich(lang, key string, args ...any) template.HTML {
	const first = '\ue000' // of the private use area: no text holds them
	marked, bold := make([]any, len(args)), []string{}
	t := u.languages.in(lang)
	for i := range args {
		marked[i] = args[i]
		if i%2 == 0 || args[i-1] == "n" {
			continue
		}
		mark := string(first + rune(i))
		if when, ok := args[i].(time.Time); ok {
			bold = append(bold, mark, string(u.timeElement(lang, when)))
		} else {
			bold = append(bold, mark, "<strong><bdi>"+template.HTMLEscapeString(fmt.Sprint(u.say(t, args[i])))+"</bdi></strong>")
		}
		marked[i] = mark
	}
	text := template.HTMLEscapeString(u.Text(lang, key, marked...))
	return template.HTML(strings.NewReplacer(bold...).Replace(text)) //nolint:gosec // all of it is escaped above
}

// device words what the edge noted of a browser and its system ("Firefox on Linux"), which is what
// rows hold, in another language.
func (u *UI) device(lang, noted string) string {
	if noted == "" || noted == "an unknown device" {
		return u.Text(lang, "ui.device_unknown")
	}
	if browser, system, both := strings.Cut(noted, " on "); both {
		return u.Text(lang, "ui.device", "browser", browser, "system", system)
	}
	return noted
}

// wrap lets addresses, names and settings go on in another line after what divides them, and so not amid
// a word. Chromium puts a blank there into the name of a link, so one needs an aria-label.
func wrap(text string) template.HTML {
	var b strings.Builder
	for i, c := range text {
		b.WriteString(template.HTMLEscapeString(string(c)))
		if strings.ContainsRune("@._/:,=", c) && i+1 < len(text) {
			b.WriteString("<wbr>")
		}
	}
	return template.HTML(b.String()) //nolint:gosec // escaped
}

// timeElement writes a time in UTC; app.js turns it into the reader's zone.
func (u *UI) timeElement(lang string, when time.Time) template.HTML {
	if when.IsZero() {
		return ""
	}
	return template.HTML(`<time datetime="` + when.UTC().Format(time.RFC3339) + `">` + //nolint:gosec // escaped
		template.HTMLEscapeString(u.moment(lang, when)) + `</time>`)
}

func (u *UI) dayElement(lang string, when time.Time) template.HTML {
	if when.IsZero() {
		return ""
	}
	return template.HTML(`<time datetime="` + when.UTC().Format(time.DateOnly) + `">` + //nolint:gosec // escaped
		template.HTMLEscapeString(u.day(lang, when)) + `</time>`)
}

// number writes a number as the language does, with at most two decimals.
func (u *UI) number(lang string, n any) (string, error) {
	printer := u.languages.in(lang).printer
	if whole, ok := wholeNumber(n); ok {
		return printer.Sprint(number.Decimal(whole)), nil
	}
	if f, ok := n.(float64); ok {
		return printer.Sprint(number.Decimal(f, number.MaxFractionDigits(2))), nil
	}
	return "", fmt.Errorf("number: a %T is none", n)
}

// statusView is a state in a word, told by more than its colour.
type statusView struct{ Kind, Text string }

func newStatus(kind, text string) (statusView, error) {
	switch kind {
	case "good", "warn", "bad", "off", "info":
		return statusView{kind, text}, nil
	}
	return statusView{}, fmt.Errorf("status: %s is none of good, warn, bad, off, info", strconv.Quote(kind))
}

// Same tells how else to do what a page does. Either may be empty.
type Same struct{ CLI, API string }
