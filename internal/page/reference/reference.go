// Package reference shows the API to people: every call with who may make it and the members of its bodies,
// and every error code.
package reference

import (
	"embed"
	"net/http"
	"strings"
	"sync"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Deps is what the reference is made from.
type Deps struct {
	UI     *ui.UI
	Issuer string
	Routes []web.Route // the API's
	// Document makes their OpenAPI document. It is called once, when the reference is first asked for.
	Document func() []byte
	Errors   string // docs/errors.md
}

//go:embed pages locales
var files embed.FS

// Pages are the reference's templates and texts; assets is the path it finds the style sheet under.
func Pages(assets string) ui.Set { return ui.Set{Name: "reference", Assets: assets, Files: files} }

// Routes returns the reference pages, below the mount.
func Routes(d Deps) []web.Route {
	errors := errorRows(d.Errors)
	all := sync.OnceValues(func() ([]call, error) { return calls(d.Routes, d.Document()) })
	return []web.Route{
		web.Get("/docs/", web.Public, web.Page(func(w http.ResponseWriter, r *http.Request) error {
			known, err := all()
			if err != nil {
				return err
			}
			return d.UI.Write(w, r, ui.Page{Name: "reference/calls", Data: callsView{d.Issuer, known}})
		})),
		web.Get("/docs/errors/", web.Public, web.Page(func(w http.ResponseWriter, r *http.Request) error {
			return d.UI.Write(w, r, ui.Page{Name: "reference/errors", Data: errors})
		})),
	}
}

// callsView is what the page of calls shows.
type callsView struct {
	Issuer string
	Calls  []call
}

type errorRow struct {
	Code, Status string
	Meaning      string
}

// errorRows reads the table of docs/errors.md: | <a id="x"></a>`x` | 400 | meaning |.
func errorRows(text string) []errorRow {
	var rows []errorRow
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 3 || !strings.HasPrefix(cells[0], "<a id=") {
			continue
		}
		code := strings.Split(cells[0], "`")
		if len(code) == 3 {
			rows = append(rows, errorRow{code[1], cells[1], cells[2]})
		}
	}
	return rows
}
