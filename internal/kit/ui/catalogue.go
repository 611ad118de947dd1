package ui

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// catalogue holds the texts of all sets, one tongue a language.
type catalogue struct {
	tongues  map[string]*tongue
	problems func() map[string]string // English text of a problem → its key
}

// tongue is one language. It is read at first use.
type tongue struct {
	lang string
	load func()

	plain   map[string]string // texts without placeholders and plurals
	rich    map[string]bool   // keys of the others
	forms   *i18n.Localizer   // of the others
	printer *message.Printer
}

func newCatalogue(log *slog.Logger, sets []Set) catalogue {
	c := catalogue{tongues: make(map[string]*tongue, len(languages))}
	for _, l := range languages {
		t := &tongue{lang: l.Tag}
		t.load = sync.OnceFunc(func() {
			if err := t.read(sets); err != nil {
				log.Error("texts failed to load", "language", t.lang, "error", err) // they are embedded: a test reads them all
			}
		})
		c.tongues[l.Tag] = t
	}
	c.problems = sync.OnceValue(func() map[string]string { return englishProblems(log, sets) })
	return c
}

// read reads locales/LANG.json of every set.
func (t *tongue) read(sets []Set) error {
	tag := language.MustParse(t.lang)
	// Western digits in every language: dates, codes and addresses stand beside them.
	t.printer = message.NewPrinter(language.MustParse(t.lang + "-u-nu-latn"))
	t.plain, t.rich = map[string]string{}, map[string]bool{}
	bundle := i18n.NewBundle(tag)
	t.forms = i18n.NewLocalizer(bundle, t.lang)
	for _, set := range sets {
		messages, err := messages(set, t.lang)
		if err != nil {
			return err
		}
		for _, m := range messages {
			if isPlain(m) {
				t.plain[m.ID] = m.Other
				continue
			}
			t.rich[m.ID] = true
			if err := bundle.AddMessages(tag, m); err != nil {
				return fmt.Errorf("ui: set %s: %w", set.Name, err)
			}
		}
	}
	return nil
}

// messages returns a set's texts in one language: locales/LANG.json, and locales/problem.LANG.json
// for the words of faults; none where a file is missing.
func messages(set Set, lang string) ([]*i18n.Message, error) {
	if set.Files == nil {
		return nil, nil
	}
	var all []*i18n.Message
	for _, file := range []string{"locales/" + lang + ".json", "locales/problem." + lang + ".json"} {
		text, err := fs.ReadFile(set.Files, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ui: set %s: %w", set.Name, err)
		}
		found, err := i18n.ParseMessageBytes(text, func(data []byte, v any) error { return json.Unmarshal(data, v) })
		if err != nil {
			return nil, fmt.Errorf("ui: set %s: %s: %w", set.Name, file, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func isPlain(m *i18n.Message) bool {
	return m.Zero+m.One+m.Two+m.Few+m.Many == "" && !strings.Contains(m.Other, "{{")
}

// has reports whether English has a text for key.
func (c catalogue) has(key string) bool {
	t := c.tongues[languages[0].Tag]
	t.load()
	_, plain := t.plain[key]
	return plain || t.rich[key]
}

// in returns the tongue for lang, or English.
func (c catalogue) in(lang string) *tongue {
	t, ok := c.tongues[lang]
	if !ok {
		t = c.tongues[languages[0].Tag]
	}
	t.load()
	return t
}

// Text returns the text for key in lang. args are names and values of placeholders; n is what
// plurals count by. Whole numbers and times are written as the language does. A text that is
// missing in lang is returned in English, and where it is missing there, its key.
func (u *UI) Text(lang, key string, args ...any) string {
	t := u.languages.in(lang)
	if s, ok := t.plain[key]; ok {
		return s
	}
	if !t.rich[key] {
		if t.lang == languages[0].Tag {
			return key
		}
		return u.Text(languages[0].Tag, key, args...)
	}
	cfg := i18n.LocalizeConfig{MessageID: key}
	data := make(map[string]any, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		name := fmt.Sprint(args[i])
		if count, ok := wholeNumber(args[i+1]); ok && name == "n" {
			cfg.PluralCount = count
		}
		data[name] = u.say(t, args[i+1])
	}
	cfg.TemplateData = data
	// An error here says that a plural form is missing; then s is the general one.
	s, _ := t.forms.Localize(&cfg)
	return s
}

// say writes a placeholder's value.
func (u *UI) say(t *tongue, value any) any {
	if n, ok := wholeNumber(value); ok {
		return t.printer.Sprint(number.Decimal(n))
	}
	if when, ok := value.(time.Time); ok {
		return u.moment(t.lang, when)
	}
	return value
}

func wholeNumber(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	case uint32:
		return int64(n), true
	}
	return 0, false
}

// moment writes a time to the minute, in UTC.
func (u *UI) moment(lang string, when time.Time) string {
	return u.Text(lang, "ui.date", "day", u.day(lang, when), "time", when.UTC().Format("15:04"))
}

// day writes a day, in UTC.
func (u *UI) day(lang string, when time.Time) string {
	when = when.UTC()
	month := u.Text(lang, "ui.months.m"+when.Format("1"))
	return u.Text(lang, "ui.day", "day", when.Format("2"), "month", month, "year", when.Format("2006"))
}

var digits = regexp.MustCompile(`[0-9]+`)

// Detail returns a fault's text in lang. Faults speak English; where detail is an English text
// of the catalogue's problems, its own key problem.CODE first, lang's text for that key is
// returned, else detail itself. One number in it may vary: {{.n}} in the catalogue.
func (u *UI) Detail(lang, code, detail string) string {
	if key := "problem." + code; u.languages.has(key) && u.Text(languages[0].Tag, key) == detail {
		return u.Text(lang, key)
	}
	known := u.languages.problems()
	if key, ok := known[detail]; ok {
		return u.Text(lang, key)
	}
	found := digits.FindString(detail)
	if key, ok := known[strings.Replace(detail, found, "{{.n}}", 1)]; ok && found != "" {
		var n int
		if _, err := fmt.Sscan(found, &n); err == nil {
			return u.Text(lang, key, "n", n)
		}
	}
	return detail
}

// englishProblems turns the English texts of problems around.
func englishProblems(log *slog.Logger, sets []Set) map[string]string {
	keys := map[string]string{}
	for _, set := range sets {
		found, err := messages(set, languages[0].Tag)
		if err != nil {
			log.Error("texts failed to load", "language", languages[0].Tag, "error", err)
		}
		slices.SortFunc(found, func(a, b *i18n.Message) int { return strings.Compare(a.ID, b.ID) })
		for _, m := range found {
			if !strings.HasPrefix(m.ID, "problem.") {
				continue
			}
			for _, form := range []string{m.One, m.Other} {
				if _, taken := keys[form]; !taken && form != "" {
					keys[form] = m.ID
				}
			}
		}
	}
	return keys
}
