package survive

import (
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/mail/mailtest"
)

// Kinds of mails, as their subjects or links tell.
const (
	verifyMail  = "verify"
	resetMail   = "reset"
	changedMail = "password changed"
	reuseMail   = "session ended"
	otherMail   = "another"
)

// post is the mail server of a site.
type post struct {
	t      testing.TB
	server *mailtest.Server
	script atomic.Pointer[func(mailtest.Step) error]
}

// letter is one mail that was accepted.
type letter struct {
	id    string // Message-ID
	kind  string
	to    string
	token string // of its link; empty: none
}

func newPost(t testing.TB) *post {
	t.Helper()
	p := &post{t: t}
	p.server = mailtest.Start(t, mailtest.Options{TLS: mailtest.Plain, Script: func(step mailtest.Step, _ string) error {
		if script := p.script.Load(); script != nil {
			return (*script)(step)
		}
		return nil
	}})
	return p
}

var link = regexp.MustCompile(`/account/(verify|reset)/\?token=(\S+)`)

// subjects tell apart the mails that have no link of their own.
var subjects = map[string]string{"Your password for Gatehouse was changed": changedMail, "We ended a session of your Gatehouse account": reuseMail}

func letterOf(m mailtest.Message) letter {
	l := letter{id: m.Header.Get("Message-Id"), to: strings.Join(m.To, " "), kind: otherMail}
	if kind, ok := subjects[m.Subject]; ok {
		l.kind = kind
	}
	if found := link.FindStringSubmatch(m.Text); found != nil {
		l.kind = found[1]
		l.token, _ = url.QueryUnescape(found[2]) // of our own making
	}
	return l
}

// letters returns the mails of a kind to an address, the oldest first, those that came twice too.
// An empty kind or address is any.
func (p *post) letters(kind, to string) []letter {
	var all []letter
	for _, m := range p.server.Messages() {
		if l := letterOf(m); (kind == "" || l.kind == kind) && (to == "" || l.to == to) {
			all = append(all, l)
		}
	}
	return all
}

// await returns the first mail of a kind to an address as soon as it is there.
func (p *post) await(kind, to string) letter { return p.awaitAll(kind, to, 1)[0] }

// awaitAll returns the mails of a kind to an address as soon as there are n.
func (p *post) awaitAll(kind, to string, n int) (found []letter) {
	p.t.Helper()
	await(p.t, kind+" mail", func() bool { found = p.letters(kind, to); return len(found) >= n })
	return found
}

// ids returns the different Message-IDs of mails.
func ids(letters []letter) map[string]bool {
	all := map[string]bool{}
	for _, l := range letters {
		all[l.id] = true
	}
	return all
}
