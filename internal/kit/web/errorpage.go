package web

import (
	"embed"
	"math"
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
	Retry int    // minutes until trying again may help; 0: unsaid
	Again string // the same page, where asking again may help
	Ways  []Way
}

// Way is where somebody can go on from an error page.
type Way struct {
	Href string
	Key  string // of its text
	// Next makes it a button that posts the address of a page to Href.
	Next string
}

// titled are the statuses whose error page has a title of its own.
var titled = []int{400, 401, 403, 404, 409, 410, 413, 429, 500, 503}

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
	q := FromContext(r.Context())
	view := errorView{Title: titleOf(status), Fault: f, ID: q.ID, Retry: int(math.Ceil(f.Retry.Minutes())), Again: q.again(r, status)}
	if e.cfg.Ways != nil {
		view.Ways = e.cfg.Ways(r, f)
	}
	err := e.cfg.UI.Write(w, r, ui.Page{Status: status, Name: "web/error", Data: view})
	if err != nil {
		e.cfg.Logger.ErrorContext(r.Context(), "error page failed", "error", err)
	}
}

// again returns the address that was asked for, where the same question may be answered another time. A
// mailed token stands in no link.
func (q *Request) again(r *http.Request, status int) string {
	passes := status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
	if !passes || r.Method != http.MethodGet || r.URL.Query().Has("token") {
		return ""
	}
	target, _, _ := q.ReturnTo(r.URL.RequestURI())
	return target
}
