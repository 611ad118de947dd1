package web

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

var errorBody = ui.Parse(`<p>{{.Detail}}</p>
{{range .Fields}}<p class="bad">{{.Detail}}</p>{{end}}
<p class="muted">Code <code>{{.Code}}</code>, request <code>{{.ID}}</code>.</p>`)

func (e *Edge) errorPage(w http.ResponseWriter, r *http.Request, status int, f *fault.Error) {
	err := ui.Write(w, ui.Page{Status: status, Title: http.StatusText(status), Body: errorBody, Data: map[string]any{
		"Detail": f.Detail, "Fields": f.Fields, "Code": f.Code, "ID": FromContext(r.Context()).ID,
	}})
	if err != nil {
		e.cfg.Logger.ErrorContext(r.Context(), "error page failed", "error", err)
	}
}
