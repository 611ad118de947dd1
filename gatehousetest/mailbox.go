package gatehousetest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailTimeout bounds how long a mail is waited for, in real time.
const mailTimeout = 30 * time.Second

// Mail is a mail that was caught, its parts decoded.
type Mail struct {
	ID      string    `json:"id"`
	To      string    `json:"to"`
	From    string    `json:"from"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	SentAt  time.Time `json:"sent_at"`
}

var (
	linkPattern  = regexp.MustCompile(`https?://\S+`)
	tokenPattern = regexp.MustCompile(`[?&#]token=([A-Za-z0-9_-]+)`)
)

// Link returns the first link in the text of m that carries a token, or "".
func (m Mail) Link() string {
	for _, link := range linkPattern.FindAllString(m.Text, -1) {
		if tokenPattern.MatchString(link) {
			return link
		}
	}
	return ""
}

// Token returns the token of the link in m, or "".
func (m Mail) Token() string {
	found := tokenPattern.FindStringSubmatch(m.Link())
	if found == nil {
		return ""
	}
	return found[1]
}

// Mailbox reads caught mails. It is safe for concurrent use.
type Mailbox struct {
	list func(t testing.TB, to string) []Mail

	mu   sync.Mutex
	seen map[string]bool // ids of mails that Wait has returned
}

func newMailbox(list func(t testing.TB, to string) []Mail) *Mailbox {
	return &Mailbox{list: list, seen: map[string]bool{}}
}

// All returns every mail to an address, the oldest first.
func (b *Mailbox) All(t testing.TB, to string) []Mail {
	t.Helper()
	return b.list(t, to)
}

// Wait returns the oldest mail to an address that no Wait has returned before, and whose subject
// holds each of the given parts. It waits for one to arrive and fails the test after 30 s.
func (b *Mailbox) Wait(t testing.TB, to string, subject ...string) Mail {
	t.Helper()
	deadline := time.Now().Add(mailTimeout)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		all := b.list(t, to)
		if m, ok := b.next(all, subject); ok {
			return m
		}
		if time.Now().After(deadline) {
			t.Fatalf("gatehousetest: no further mail to %s with a subject like %q in %v; there are: %q", to, subject, mailTimeout, subjects(all))
		}
		time.Sleep(pause) // a mailbox cannot tell of a mail, it can only be asked
	}
}

func (b *Mailbox) next(all []Mail, subject []string) (Mail, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range all {
		if !b.seen[m.ID] && holdsAll(m.Subject, subject) {
			b.seen[m.ID] = true
			return m, true
		}
	}
	return Mail{}, false
}

func holdsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

func subjects(all []Mail) []string {
	out := make([]string, len(all))
	for i, m := range all {
		out[i] = m.Subject
	}
	return out
}

// fetchMails reads the mailbox of a server in development mode.
func fetchMails(t testing.TB, client *http.Client, mailbox, to string) []Mail {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, mailbox+"?to="+url.QueryEscape(to), nil)
	if err != nil {
		t.Fatalf("gatehousetest: mailbox: %v", err)
	}
	r.Header.Set("Accept", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("gatehousetest: mailbox: %v", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		t.Fatalf("gatehousetest: mailbox: %v", err)
	}
	var mails []Mail
	if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &mails) != nil {
		t.Fatalf("gatehousetest: %s answers %d, and not with a list of mails: is this the mailbox of a server in development mode?", mailbox, resp.StatusCode)
	}
	return mails
}
