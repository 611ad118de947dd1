// Package ui renders the HTML pages: one layout, one style sheet, no scripts, nothing from
// elsewhere. Pages hold a title and a body of html/template; features own their bodies.
package ui

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed style.css
var style string

//go:embed layout.html
var layoutText string

// policy allows the one style sheet by its hash, and forms to ourselves.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}()

var layout = template.Must(template.New("layout").Parse(layoutText))

// Body is a parsed page body. Make it once with Parse.
type Body struct{ t *template.Template }

// Parse reads a page body. It panics on a mistake in the text: bodies are part of the program.
func Parse(text string) Body { return Body{template.Must(template.New("body").Parse(text))} }

// Page is one answer.
type Page struct {
	Status  int
	Title   string
	Product string
	Body    Body
	Data    any
	Wide    bool // for tables
}

// Write renders p. Nothing is sent unless all of it renders.
func Write(w http.ResponseWriter, p Page) error {
	var body, page bytes.Buffer
	if err := p.Body.t.Execute(&body, p.Data); err != nil {
		return fmt.Errorf("ui: %w", err)
	}
	err := layout.Execute(&page, map[string]any{
		"Title": p.Title, "Product": p.Product, "Wide": p.Wide,
		"Style": template.CSS(style),          //nolint:gosec // our own file
		"Body":  template.HTML(body.String()), //nolint:gosec // escaped by the template just above
	})
	if err != nil {
		return fmt.Errorf("ui: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy)
	w.WriteHeader(p.Status)
	_, err = page.WriteTo(w)
	return err
}
