package ui

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Set is what one package brings: pages/NAME.html, each beginning with a comment that says its
// version, {{/* version 1 */}}, and defining "title" and "body"; and locales/LANG.json.
type Set struct {
	Name   string // the first part of page names, and the top level of its texts
	Layout string // "card" (default), "home" or "console"
	Assets string // where its pages find the assets; empty: /account/assets/, for console /console/assets/
	Files  fs.FS
}

// Config says how all pages look. The zero value works.
type Config struct {
	Product   string // what people know the service as; empty: Gatehouse
	Home      string // where the product's name leads; empty: nowhere
	Support   string // where help is found, an https: or mailto: address; empty: no link
	Theme     Theme
	Overrides fs.FS // SET/NAME.html instead of a built-in page of the same version; may be nil
	Secure    bool  // browsers come by https: the language cookie is bound to the host and to https
	Logger    *slog.Logger
}

// UI renders pages. It is safe for concurrent use.
type UI struct {
	cfg       Config
	languages catalogue
	engine    engine
	assets    assets
}

// New checks the theme and the overrides. Pages and languages are read when first used.
func New(cfg Config, sets ...Set) (*UI, error) {
	if cfg.Product == "" {
		cfg.Product = "Gatehouse"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	tokens, err := cfg.Theme.tokens()
	if err != nil {
		return nil, err
	}
	for _, link := range []string{cfg.Home, cfg.Support} {
		if !safeLink(link) {
			return nil, fmt.Errorf("ui: %q: a link is a path, or an https:, http: or mailto: address", link)
		}
	}
	sets = append([]Set{builtin}, sets...)
	u := &UI{cfg: cfg, assets: newAssets(tokens, cfg.Theme)}
	u.languages = newCatalogue(cfg.Logger, sets)
	u.engine, err = newEngine(u, sets, cfg.Overrides)
	return u, err
}

// safeLink reports whether a configured address may stand in a link.
func safeLink(s string) bool {
	for _, prefix := range []string{"https://", "http://", "mailto:"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return s == "" || strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//")
}

// Page is one answer.
type Page struct {
	Status     int    // HTTP status; 0 is 200
	Name       string // SET/NAME: "signup/confirm"
	Data       any    // the dot of the page's templates
	Nav        []Link // layouts home and console: where one can go
	Person     string // who is signed in (address); empty: nobody
	Banner     *Banner
	Done       string   // key of a text that says what was just done; ignored unless it is a text without placeholders
	FormAction []string // further origins that a form on this page may lead to, itself or by redirect
	Frames     bool     // the page shows answers of our own in frames
	Connect    bool     // its script asks the API
	Brand      Brand    // of the organisation whose page it is, over the theme's
}

// Link is a place in the navigation. Links of one Group stand together, in the order given.
type Link struct {
	Href    string
	Key     string // of its text
	Current bool
	Group   string // key of the group's name; empty: none
}

// Banner tells that somebody acts in the name of a person.
type Banner struct {
	Who    string    // the person whose account it is
	Until  time.Time // when it ends by itself
	Action string    // where its stop button posts to
	Reason string
}

// Write renders p in the language of r. Nothing is sent unless all of it renders; then the error
// says why, and the caller still can answer.
func (u *UI) Write(w http.ResponseWriter, r *http.Request, p Page) error {
	policy, err := policyFor(p)
	if err != nil {
		return err
	}
	lang := u.Language(r)
	t, err := u.engine.page(p.Name, lang)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := t.ExecuteTemplate(&body, "layout", u.view(r, lang, p)); err != nil {
		return fmt.Errorf("ui: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	if asked := r.URL.Query().Get("lang"); asked == lang {
		http.SetCookie(w, u.languageCookie(lang))
	}
	if p.Status == 0 {
		p.Status = http.StatusOK
	}
	w.WriteHeader(p.Status)
	_, err = body.WriteTo(w)
	return err
}

// policyFor is the Content-Security-Policy of a page. Browsers hold redirects after a form to
// form-action as well (CSP Level 3 section 6.4.1.1), so pages name the origins they end up at.
func policyFor(p Page) (string, error) {
	var more strings.Builder
	for _, origin := range p.FormAction {
		if !isOrigin(origin) {
			return "", errors.New("ui: FormAction: not an origin")
		}
		more.WriteString(" " + origin)
	}
	if p.Frames {
		more.WriteString("; frame-src 'self'")
	}
	if p.Connect {
		more.WriteString("; connect-src 'self'")
	}
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'" +
		more.String() + "; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'", nil
}

// isOrigin reports whether s is scheme://host[:port], or the private scheme of a native app
// (RFC 8252 section 7.1), and nothing that could end the directive.
func isOrigin(s string) bool {
	scheme, host, found := strings.Cut(s, ":")
	if scheme == "" || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return false
	}
	if scheme == "https" || scheme == "http" {
		host, found = strings.CutPrefix(host, "//")
		return found && host != "" && strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-.:[]") == ""
	}
	return found && host == "" && strings.Contains(scheme, ".")
}
