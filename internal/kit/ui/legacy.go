// The pages of before, until their callers have moved to UI.

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

//go:embed legacy/style.css
var legacyStyle string

//go:embed legacy/layout.html
var legacyLayoutText string

// legacyPolicy allows the one style sheet by its hash, and forms to ourselves.
var legacyPolicy = func() string {
	sum := sha256.Sum256([]byte(legacyStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}()

var legacyLayout = template.Must(template.New("layout").Parse(legacyLayoutText))

// Body is a parsed page body. Make it once with Parse.
type Body struct{ t *template.Template }

// Parse reads a page body. It panics on a mistake in the text: bodies are part of the program.
func Parse(text string) Body { return Body{template.Must(template.New("body").Parse(text))} }

// Page is one answer.
type LegacyPage struct {
	Status  int
	Title   string
	Product string
	Body    Body
	Data    any
	Wide    bool // for tables
}

// Write renders p. Nothing is sent unless all of it renders.
func WriteLegacy(w http.ResponseWriter, p LegacyPage) error {
	var body, page bytes.Buffer
	if err := p.Body.t.Execute(&body, p.Data); err != nil {
		return fmt.Errorf("ui: %w", err)
	}
	err := legacyLayout.Execute(&page, map[string]any{
		"Title": p.Title, "Product": p.Product, "Wide": p.Wide,
		"Style": template.CSS(legacyStyle),    //nolint:gosec // our own file
		"Body":  template.HTML(body.String()), //nolint:gosec // escaped by the template just above
	})
	if err != nil {
		return fmt.Errorf("ui: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", legacyPolicy)
	w.WriteHeader(p.Status)
	_, err = page.WriteTo(w)
	return err
}
