package web

import (
	"embed"
	"net/http"
	"strconv"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

//go:embed pages locales
var files embed.FS

// Pages are the edge's templates and texts: the error page.
func Pages() ui.Set { return ui.Set{Name: "web", Files: files} }

// errorView is what the error page shows.
type errorView struct {
	Title string // key of its text
	Fault *fault.Error
	ID    string
}

// titled are the statuses whose error page has a title of its own.
var titled = []int{400, 401, 403, 404, 409, 413, 429, 500, 503}

func titleOf(status int) string {
	for _, s := range titled {
		if s == status {
			return "web.error.s" + strconv.Itoa(s)
		}
	}
	if status >= http.StatusInternalServerError {
		return "web.error.s500"
	}
	return "web.error.s400"
}

func (e *Edge) errorPage(w http.ResponseWriter, r *http.Request, status int, f *fault.Error) {
	if e.cfg.UI == nil {
		w.WriteHeader(status)
		return
	}
	err := e.cfg.UI.Write(w, r, ui.Page{Status: status, Name: "web/error", Data: errorView{titleOf(status), f, FromContext(r.Context()).ID}})
	if err != nil {
		e.cfg.Logger.ErrorContext(r.Context(), "error page failed", "error", err)
	}
}
