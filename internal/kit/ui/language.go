package ui

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/text/language"
)

// Language is one that people can choose.
type Language struct {
	Tag  string // BCP 47
	Name string // in the language itself
	Dir  string // ltr or rtl
}

// English stands first: whoever asks for none of these gets it.
var languages = []Language{
	{"en", "English", "ltr"},
	{"de", "Deutsch", "ltr"},
	{"fr", "Français", "ltr"},
	{"es", "Español", "ltr"},
	{"pt", "Português", "ltr"},
	{"ja", "日本語", "ltr"},
	{"zh", "简体中文", "ltr"},
	{"ar", "العربية", "rtl"},
}

// Languages returns those that people can choose, English first.
func Languages() []Language { return slices.Clone(languages) }

// Supported reports whether tag is one of Languages, spelled the same.
func Supported(tag string) bool {
	return slices.ContainsFunc(languages, func(l Language) bool { return l.Tag == tag })
}

// matcher takes a while to build, which a process that shows no page need not wait for.
var matcher = sync.OnceValue(func() language.Matcher {
	tags := make([]language.Tag, len(languages))
	for i, l := range languages {
		tags[i] = language.MustParse(l.Tag)
	}
	return language.NewMatcher(tags)
})

// Match returns the one of Languages that is nearest to wanted, a tag or an Accept-Language header
// (RFC 9110 section 12.5.4), and false where none is near.
func Match(wanted string) (tag string, ok bool) {
	const maxWanted = 512 // parsing takes time by length, and nobody reads that many languages
	if wanted == "" || len(wanted) > maxWanted {
		return "", false
	}
	tags, _, err := language.ParseAcceptLanguage(wanted)
	if err != nil || len(tags) == 0 {
		return "", false
	}
	_, i, confidence := matcher().Match(tags...)
	return languages[i].Tag, confidence > language.No
}

type languageKey struct{}

// WithLanguage returns a context for the pages of a person who chose lang for their account.
func WithLanguage(ctx context.Context, lang string) context.Context {
	return context.WithValue(ctx, languageKey{}, lang)
}

// Language returns the language to answer r in: what the query asks for, then what the account
// says, the cookie of an earlier choice, the browser's languages, and English.
func (u *UI) Language(r *http.Request) string {
	if asked := r.URL.Query().Get("lang"); Supported(asked) {
		return asked
	}
	account, _ := r.Context().Value(languageKey{}).(string)
	if tag, ok := Match(account); ok {
		return tag
	}
	if c, err := r.Cookie(u.languageCookie("").Name); err == nil && Supported(c.Value) {
		return c.Value
	}
	if tag, ok := Match(r.Header.Get("Accept-Language")); ok {
		return tag
	}
	return languages[0].Tag
}

// languageCookie remembers a choice for a year. It names nobody.
func (u *UI) languageCookie(lang string) *http.Cookie {
	const year = 365 * 24 * 60 * 60
	c := &http.Cookie{Name: "gatehouse-language", Value: lang, Path: "/", MaxAge: year, HttpOnly: true, Secure: u.cfg.Secure, SameSite: http.SameSiteLaxMode} //nolint:gosec // Secure wherever browsers come by https
	if u.cfg.Secure {
		c.Name = "__Host-" + c.Name
	}
	return c
}
