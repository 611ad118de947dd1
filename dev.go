package gatehouse

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Failures of the development tools.
var (
	errClockBackwards = fault.New(fault.Conflict, "clock_backwards", "The clock only goes forward.")
	errClockFixed     = fault.New(fault.Conflict, "clock_fixed", "This server's clock cannot be driven.")
	errNotLocal       = fault.New(fault.Forbidden, "loopback_only", "Development tools answer only on this machine, under a loopback name.")
)

// mailsShown is how many mails the mailbox lists at most.
const mailsShown = 200

// Dev serves the development tools under /dev/: the mailbox and the clock. It answers requests
// from this machine, under a loopback name and from no foreign page; without Config.Dev, none.
func (g *Gatehouse) Dev() http.Handler {
	if !g.cfg.Dev {
		return http.NotFoundHandler()
	}
	return g.edge.Site([]web.Route{
		web.Get("/dev/", web.Public, web.Page(local(g.showDev))),
		web.Get("/dev/mailbox/", web.Public, web.Page(local(g.showMailbox))),
		web.Get("/dev/clock/", web.Public, web.Page(local(g.showClock))),
		web.Post("/dev/clock/", web.Public, web.JSON(g.handleClock)),
	})
}

// local refuses whoever is not on this machine or is led here by a foreign page.
func local(next func(w http.ResponseWriter, r *http.Request) error) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := isLocal(r); err != nil {
			return err
		}
		return next(w, r)
	}
}

func isLocal(r *http.Request) error {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	host := r.Host
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		host = h
	}
	if err != nil || !peer.Addr().Unmap().IsLoopback() || !loopback(strings.ToLower(strings.Trim(host, "[]"))) {
		return errNotLocal
	}
	return web.FromContext(r.Context()).CheckOrigin()
}

var devBody = ui.Parse(`<p>Gatehouse runs in development mode. Nothing here exists in production.</p>
<ul>
<li><a href="/dev/mailbox/">Mailbox</a>: every mail that would have been sent. As JSON: <code>curl -H 'Accept: application/json' {{.URL}}/dev/mailbox/?to=ADDRESS</code></li>
<li><a href="/dev/clock/">Clock</a>: <code>curl --json '{"advance": "36h"}' {{.URL}}/dev/clock/</code></li>
<li><a href="{{.Issuer}}/docs/">API reference</a> and <a href="{{.Issuer}}/openapi.json">OpenAPI document</a></li>
</ul>`)

func (g *Gatehouse) showDev(w http.ResponseWriter, _ *http.Request) error {
	return ui.Write(w, ui.Page{Status: http.StatusOK, Title: "Development tools", Product: g.cfg.Brand.Name, Body: devBody,
		Data: map[string]string{"URL": g.cfg.PublicURL, "Issuer": g.Issuer()}})
}

var mailboxBody = ui.Parse(`{{range .}}<article>
<h2>{{.Subject}}</h2>
<p class="muted">To {{.To}}, {{.SentAt}}</p>
<pre>{{range .Parts}}{{if .Link}}<a href="{{.Text}}">{{.Text}}</a>{{else}}{{.Text}}{{end}}{{end}}</pre>
</article>{{else}}<p>No mail yet. Register an account, and its mail appears here.</p>{{end}}`)

// part is a piece of a mail's text: a link of ours or not.
type part struct {
	Text string
	Link bool
}

type shownMail struct {
	Subject, To, SentAt string
	Parts               []part
}

func (g *Gatehouse) showMailbox(w http.ResponseWriter, r *http.Request) error {
	if g.mailbox == nil {
		return web.ErrNotFound.WithDetail("Mails are not caught here, they are sent (GATEHOUSE_SMTP_URL is set).")
	}
	to := r.URL.Query()["to"]
	if len(to) > 1 || strings.Contains(strings.Join(to, ""), "\x00") {
		return web.ErrFields.WithField("to", "invalid", "Name one address.")
	}
	mails, err := g.mailbox.List(r.Context(), strings.Join(to, ""), mailsShown)
	if err != nil {
		return err
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		return json.MarshalWrite(w, mails)
	}
	shown := make([]shownMail, len(mails))
	for i, m := range mails {
		// People look for the newest.
		shown[len(mails)-1-i] = shownMail{m.Subject, m.To, m.SentAt.Format(time.RFC1123), g.links(m.Text)}
	}
	return ui.Write(w, ui.Page{Status: http.StatusOK, Title: "Mailbox", Product: g.cfg.Brand.Name, Body: mailboxBody, Data: shown, Wide: true})
}

// links cuts text at what looks like an address on this server or one that mails are set up to lead to.
func (g *Gatehouse) links(text string) []part {
	var parts []part
	for line := range strings.Lines(text) {
		link := strings.TrimSpace(line)
		if strings.HasPrefix(link, "http://") || strings.HasPrefix(link, "https://") {
			parts = append(parts, part{link, true}, part{"\n", false})
			continue
		}
		parts = append(parts, part{line, false})
	}
	return parts
}

var clockBody = ui.Parse(`<p>Gatehouse's clock says <strong>{{.}}</strong>.</p>
<p class="muted">Move it with <code>POST /dev/clock/</code> and <code>{"advance": "36h"}</code> or <code>{"now": "2030-01-01T00:00:00Z"}</code>. It only goes forward.</p>`)

type clockJSON struct {
	Now time.Time `json:"now"`
}

func (g *Gatehouse) showClock(w http.ResponseWriter, r *http.Request) error {
	now := g.db.Now()
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		return ui.Write(w, ui.Page{Status: http.StatusOK, Title: "Clock", Product: g.cfg.Brand.Name, Body: clockBody, Data: now.Format(time.RFC1123)})
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	return json.MarshalWrite(w, clockJSON{now})
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

// driven is a clock that can be moved.
type driven interface {
	Advance(step time.Duration) error
}

func (g *Gatehouse) handleClock(ctx context.Context, in *clockRequest) (*clockResponse, error) {
	if err := isLocal(web.FromContext(ctx).HTTP()); err != nil {
		return nil, err
	}
	c, ok := g.cfg.Clock.(driven)
	if !ok {
		return nil, errClockFixed
	}
	step := in.Body.Now.Sub(g.db.Now())
	switch {
	case (in.Body.Advance == "") == in.Body.Now.IsZero():
		return nil, web.ErrFields.WithField("advance", "required", "Send either advance or now.")
	case in.Body.Advance != "":
		var err error
		if step, err = time.ParseDuration(in.Body.Advance); err != nil {
			return nil, web.ErrFields.WithField("advance", "invalid", "A duration such as 90s, 15m or 36h.")
		}
	}
	if step < 0 {
		return nil, errClockBackwards
	}
	if step > maxStep {
		return nil, web.ErrFields.WithField("advance", "too_long", "At most 100 years at once.")
	}
	if err := c.Advance(step); err != nil {
		return nil, err
	}
	return &clockResponse{clockJSON{g.db.Now()}}, nil
}
