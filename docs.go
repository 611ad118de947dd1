package gatehouse

import (
	_ "embed"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

//go:embed docs/errors.md
var errorsText string

// docRoutes are the reference pages below the mount path.
func (g *Gatehouse) docRoutes(api []web.Route) []web.Route {
	return []web.Route{
		web.Get("/docs/", web.Public, web.Page(func(w http.ResponseWriter, _ *http.Request) error {
			return ui.Write(w, ui.Page{Status: http.StatusOK, Title: "API reference", Product: g.cfg.Brand.Name, Body: docsBody, Data: reference{g.Issuer(), api}, Wide: true})
		})),
		web.Get("/docs/errors/", web.Public, web.Page(func(w http.ResponseWriter, _ *http.Request) error {
			return ui.Write(w, ui.Page{Status: http.StatusOK, Title: "Error codes", Product: g.cfg.Brand.Name, Body: errorsBody, Data: errorRows(errorsText), Wide: true})
		})),
	}
}

type reference struct {
	Issuer string
	Routes []web.Route
}

var docsBody = ui.Parse(`<p>Base address: <code>{{.Issuer}}</code>. Send and receive JSON. The full description is an
<a href="../openapi.json">OpenAPI 3.1 document</a>; refusals are explained under <a href="errors/">error codes</a>.</p>
<table><thead><tr><th scope="col">Call</th><th scope="col">What it does</th><th scope="col">Who may</th></tr></thead><tbody>
{{range .Routes}}<tr><td><code>{{.Method}} {{.Path}}</code></td><td>{{.Summary}}</td><td>{{if eq .Access.String "public"}}anyone{{else}}who is signed in{{end}}</td></tr>
{{end}}</tbody></table>`)

var errorsBody = ui.Parse(`<p>Every refusal is a problem document (RFC 9457) with one of these in <code>code</code>.</p>
<table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead><tbody>
{{range .}}<tr id="{{.Code}}"><td><code>{{.Code}}</code></td><td>{{.Status}}</td><td>{{.Meaning}}</td></tr>
{{end}}</tbody></table>`)

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
