package devtools

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// mailsShown is how many mails the mailbox lists at most.
const mailsShown = 200

// part is a piece of a mail's text: an address that can be followed, or not.
type part struct {
	Text string
	Link bool
}

type shownMail struct {
	Subject, To string
	SentAt      time.Time
	Parts       []part
}

type mailboxView struct {
	Form  *ui.Form
	Mails []shownMail
}

func (t *Tools) showMailbox(w http.ResponseWriter, r *http.Request) error {
	if t.Mailbox == nil {
		return web.ErrNotFound.WithDetail("Mails are not caught here, they are sent (GATEHOUSE_SMTP_URL is set).")
	}
	to := r.URL.Query()["to"]
	if len(to) > 1 || strings.Contains(strings.Join(to, ""), "\x00") {
		return web.ErrFields.WithField("to", "invalid", "Name one address.")
	}
	mails, err := t.Mailbox.List(r.Context(), strings.Join(to, ""), mailsShown)
	if err != nil {
		return err
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		return json.MarshalWrite(w, mails)
	}
	v := mailboxView{Form: ui.NewForm(r, "to"), Mails: make([]shownMail, len(mails))}
	for i, m := range mails {
		// People look for the newest.
		v.Mails[len(mails)-1-i] = shownMail{m.Subject, m.To, m.SentAt, links(m.Text)}
	}
	return t.UI.Write(w, r, ui.Page{Name: "devtools/mailbox", Data: v})
}

// links cuts text at the lines that are an address.
func links(text string) []part {
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
