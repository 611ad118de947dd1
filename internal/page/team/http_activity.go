package team

import (
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// activityView is one page of what happened in an organisation.
type activityView struct {
	frame
	Rows  []eventRow
	Pager ui.Pager
}

// eventRow is an event as people read it.
type eventRow struct {
	At       time.Time
	What     string
	Whom, By string
	Reason   string
	Detail   map[string]string
}

func (t *Team) showActivity(w http.ResponseWriter, r *http.Request, h here) error {
	view, lang, status := activityView{frame: newFrame(h, ui.NewForm(r))}, t.UI.Language(r), http.StatusOK
	page, next, err := t.Tenancy.Events(r.Context(), h.Tenant.ID, r.URL.Query().Get("after"), web.DefaultPage)
	switch {
	case err == nil:
	case mend(view.Form, err):
		status = web.StatusFor(w, err)
	default:
		return err
	}
	for _, e := range page {
		// An id says nothing to people, and what is empty neither.
		maps.DeleteFunc(e.Detail, func(name, value string) bool { return name == "invitation" || value == "" })
		row := eventRow{At: e.At, What: t.happened(lang, e.Kind), Whom: e.Email, By: e.ByEmail, Reason: e.Reason, Detail: e.Detail}
		switch e.By {
		case tenancy.Staff:
			row.By = t.UI.Text(lang, "team.activity.staff")
		case tenancy.System:
			row.By = t.UI.Text(lang, "team.activity.system")
		}
		view.Rows = append(view.Rows, row)
	}
	view.Pager = ui.PagerOf(r.URL, next)
	return t.write(w, r, h, ui.Page{Status: status, Name: "team/activity", Data: view})
}

// happened says what an event of a kind is; one that has no words is shown as it is.
func (t *Team) happened(lang, kind string) string {
	key := "team.event." + strings.ReplaceAll(kind, ".", "_")
	if text := t.UI.Text(lang, key); text != key {
		return text
	}
	return kind
}
