package devtools

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

type clockJSON struct {
	Now time.Time `json:"now"`
}

type clockView struct {
	Form  *ui.Form
	Now   time.Time
	Steps []string
}

// The steps that the clock's page offers: past the limits of most things in turn.
var steps = []string{"1m", "15m", "1h", "24h", "168h", "720h"}

func (t *Tools) showClock(w http.ResponseWriter, r *http.Request) error {
	now := t.Now()
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		return t.UI.Write(w, r, ui.Page{Name: "devtools/clock", Done: r.URL.Query().Get("done"), Data: clockView{ui.NewForm(r), now, steps}})
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	return json.MarshalWrite(w, clockJSON{now})
}

// postClock is the page's button.
func (t *Tools) postClock(w http.ResponseWriter, r *http.Request) error {
	step, err := duration(r.PostForm.Get("advance"))
	if err == nil {
		err = t.advance(step)
	}
	if err != nil {
		v := clockView{ui.NewForm(r, "advance"), t.Now(), steps}
		if !v.Form.Fail(err) {
			return err
		}
		return t.UI.Write(w, r, ui.Page{Status: web.StatusFor(w, err), Name: "devtools/clock", Data: v})
	}
	http.Redirect(w, r, "/dev/clock/?done=devtools.done.clock", http.StatusSeeOther)
	return nil
}

type clockRequest struct {
	Body struct {
		Advance string    `json:"advance,omitempty" doc:"A duration such as 36h"`
		Now     time.Time `json:"now,omitzero"`
	}
}

type clockResponse struct{ Body clockJSON }

// maxStep keeps the clock within what times and tokens can say.
const maxStep = 100 * 365 * 24 * time.Hour

func (t *Tools) handleClock(ctx context.Context, in *clockRequest) (*clockResponse, error) {
	if err := isLocal(web.FromContext(ctx).HTTP()); err != nil {
		return nil, err
	}
	step := in.Body.Now.Sub(t.Now())
	switch {
	case (in.Body.Advance == "") == in.Body.Now.IsZero():
		return nil, web.ErrFields.WithField("advance", "required", "Send either advance or now.")
	case in.Body.Advance != "":
		var err error
		if step, err = duration(in.Body.Advance); err != nil {
			return nil, err
		}
	}
	if err := t.advance(step); err != nil {
		return nil, err
	}
	return &clockResponse{clockJSON{t.Now()}}, nil
}

func duration(text string) (time.Duration, error) {
	step, err := time.ParseDuration(text)
	if err != nil {
		return 0, web.ErrFields.WithField("advance", "invalid", "A duration such as 90s, 15m or 36h.")
	}
	return step, nil
}

func (t *Tools) advance(step time.Duration) error {
	c, ok := t.Clock.(interface {
		Advance(step time.Duration) error
	})
	switch {
	case !ok:
		return ErrClockFixed
	case step < 0:
		return ErrClockBackwards
	case step > maxStep:
		return web.ErrFields.WithField("advance", "too_long", "At most 100 years at once.")
	}
	return c.Advance(step)
}
