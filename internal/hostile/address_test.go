package hostile

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail/mailtest"
)

// The people of this story. What is kept of an address is its key, which is spelled unlike what was typed:
// looked for is what both have, in any case.
const (
	inAddress    = "canary."
	typedAddress = "Canary.Jo@Bücher.example.com"
	keyOfAddress = "canary.jo@xn--bcher-kva.example.com"
)

// post is a mail server that takes mail, or refuses everybody in words that say whom.
type post struct {
	*mailtest.Server
	t       *testing.T
	read    int // messages that were waited for
	refuses atomic.Bool
	times   atomic.Int32
	refused chan struct{} // one for each mail
}

func newPost(t *testing.T) *post {
	p := &post{t: t, refused: make(chan struct{}, 100)}
	p.Server = mailtest.Start(t, mailtest.Options{TLS: mailtest.Plain, Script: p.answer})
	return p
}

func (p *post) answer(step mailtest.Step, to string) error {
	if step != mailtest.Rcpt || !p.refuses.Load() {
		return nil
	}
	local, domain, _ := strings.Cut(to, "@")
	defer func() { p.refused <- struct{}{} }()
	switch p.times.Add(1) % 3 {
	case 0:
		return mailtest.Reply(450, "4.2.2 mailbox of "+local+" at "+domain+" is over quota")
	case 1:
		return mailtest.Reply(550, "5.1.1 <"+to+">: Recipient address rejected: User unknown\n'"+strings.ToUpper(to)+"'")
	}
	return mailtest.Reply(551, "5.1.6 user has moved, try "+strings.Replace(to, "@", "=", 1)+" or "+typedAddress)
}

// token waits for a mail and returns what its link carries.
func (p *post) token(to, subject string) string {
	p.t.Helper()
	for {
		m := p.Wait(p.t, p.read+1)[p.read]
		p.read++
		if strings.EqualFold(m.To[0], to) && strings.Contains(m.Subject, subject) {
			return gatehousetest.Mail{Text: m.Text}.Token()
		}
	}
}

// Logs go where nobody who may read accounts decides: to files, pipelines and other companies. They name
// people by ids, whatever happens.
func TestAddressesStayOutOfLogs(t *testing.T) {
	for _, refusing := range []bool{false, true} {
		t.Run(fmt.Sprintf("mail server refuses %t", refusing), func(t *testing.T) {
			var p *post
			each(t, func(c *gatehouse.Config) {
				p = newPost(t)
				c.SMTPURL, c.MailFrom, c.AuditRefresh = p.URL, "no-reply@example.com", true
			}, func(t *testing.T, w *world) {
				l := &life{world: w, post: p}
				p.t = t
				l.begins()
				if refusing {
					l.isRefused()
				} else {
					l.goesOn()
				}
				l.left()
			})
		})
	}
}

// life is what happens to people whose addresses are looked for.
type life struct {
	*world
	post *post
	acme acme
}

func (l *life) send(path, by string, members ...string) answer {
	l.t.Helper()
	body := map[string]string{}
	for i := 0; i < len(members); i += 2 {
		body[members[i]] = members[i+1]
	}
	if by == "" {
		return l.call(http.MethodPost, path, text(body))
	}
	return l.call(http.MethodPost, path, text(body), bearer(by))
}

// begins with a registration, a verification and an organisation.
func (l *life) begins() {
	l.must(l.send("/register/", "", "email", typedAddress, "password", password, "full_name", "Jo"), http.StatusCreated)
	l.refused(l.send("/login/", "", "email", typedAddress, "password", password), "too early", http.StatusForbidden, "email_not_verified")
	l.must(l.send("/email/verify/", "", "token", l.post.token(keyOfAddress, "Confirm")), http.StatusOK)
	for _, email := range []string{typedAddress, keyOfAddress} {
		l.must(l.send("/login/", "", "email", email, "password", password), http.StatusOK)
	}
	owner := l.account("canary.owner@example.com")
	l.acme = l.world.acme(owner)
	slog.New(slog.NewJSONHandler(l.log, nil)).Info("somebody logs whom they made", "account", l.find(owner.ID))
}

func (l *life) find(id string) *gatehouse.Account {
	l.t.Helper()
	a, err := l.Gatehouse().FindAccount(l.t.Context(), id)
	if err != nil {
		l.t.Fatal(err)
	}
	return a
}

// goesOn with all that is done with an address, rightly and wrongly.
func (l *life) goesOn() {
	for _, email := range []string{typedAddress, keyOfAddress, "canary.nobody@example.com", "canary.no address", "canary.nul\x00@example.com"} {
		l.send("/login/", "", "email", email, "password", "Not-The-1-Password")
		l.send("/login/", "", "username", email, "password", "Not-The-1-Password")
		l.page(http.MethodPost, "/account/sign-in/", url.Values{"name": {email}, "password": {"Not-The-1-Password"}})
		l.send("/register/", "", "email", email, "password", password, "full_name", email)
		l.send("/email/verify/resend/", "", "email", email)
		l.send("/magic-link/", "", "email", email)
		l.send("/password/reset/", "", "email", email)
		l.page(http.MethodPost, "/account/forgot/", url.Values{"email": {email}})
		l.send("/tenants/acme/invitations/", l.acme.token, "email", email, "role", "member")
		l.call(http.MethodGet, "/me/"+url.PathEscape(email)+"/?email="+url.QueryEscape(email), "", bearer(email))
		l.call(http.MethodGet, "/me/", "", header("User-Agent", email), header("X-Forwarded-For", email), header("Origin", email))
		l.call(http.MethodGet, "/me/", "", header("Host", email))
	}
	l.must(l.send("/password/reset/confirm/", "", "token", l.post.token(keyOfAddress, "new password"), "new_password", "Another-Long-2-Secret"), http.StatusOK)
	in := l.must(l.send("/login/", "", "email", typedAddress, "password", "Another-Long-2-Secret"), http.StatusOK)
	l.must(l.send("/me/email/", in.member("access"), "email", "Canary.New@example.com"), http.StatusAccepted)
	l.must(l.send("/me/email/confirm/", "", "token", l.post.token("canary.new@example.com", "Confirm")), http.StatusOK)
	l.must(l.send("/tenants/acme/invitations/", l.acme.token, "email", "Canary.Guest@example.com", "role", "member"), http.StatusCreated)
	l.must(l.send("/invitations/sign-up/", "", "token", l.post.token("canary.guest@example.com", "invited"), "password", password, "full_name", "Guest"), http.StatusCreated)
	l.superuser("canary.root@example.com")
	root := l.signIn("canary.root@example.com", "body")
	for _, path := range []string{"/admin/accounts/?by=email&prefix=canary.", "/admin/accounts/canary.root@example.com/", "/admin/audit/?account=canary.root@example.com"} {
		l.call(http.MethodGet, path, "", bearer(root.access))
	}
	l.must(l.call(http.MethodPost, "/token/refresh/", text(map[string]string{"refresh": root.refresh})), http.StatusOK)
}

// isRefused has mails refused, some of them for now.
func (l *life) isRefused() {
	l.post.refuses.Store(true)
	l.must(l.send("/password/reset/", "", "email", typedAddress), http.StatusAccepted)
	l.must(l.send("/magic-link/", "", "email", typedAddress), http.StatusAccepted)
	l.must(l.send("/register/", "", "email", "Canary.Late@example.com", "password", password, "full_name", "Late"), http.StatusCreated)
	l.must(l.send("/register/", "", "email", typedAddress, "password", password, "full_name", "Again"), http.StatusCreated)
	l.must(l.send("/tenants/acme/invitations/", l.acme.token, "email", "Canary.Lost@example.com", "role", "member"), http.StatusCreated)
	in := l.must(l.send("/login/", "", "email", typedAddress, "password", password), http.StatusOK)
	l.must(l.send("/me/email/", in.member("access"), "email", "Canary.New@example.com"), http.StatusAccepted)
	for range 7 { // the change is told to both addresses
		<-l.post.refused
	}
}

// left is what the log says of all that.
func (l *life) left() {
	if err := l.Close(); err != nil {
		l.t.Error(err)
	}
	log := l.log.String()
	for line := range strings.Lines(log) {
		if strings.Contains(strings.ToLower(line), inAddress) || strings.Contains(line, "@") {
			l.t.Errorf("an address is in the log: %s", line)
		}
	}
	wants := []string{"somebody logs whom they made", "session.refreshed"}
	if l.post.refuses.Load() {
		wants = []string{"job failed for good", "job failed, it will be tried again", "User unknown", "over quota", "has moved"}
	}
	for _, want := range wants {
		if !strings.Contains(log, want) {
			l.t.Errorf("the operator does not learn %q", want)
		}
	}
	for _, e := range l.names(map[string]string{"sqlite": "SELECT last_error FROM job WHERE last_error <> $1", "postgres": "SELECT last_error FROM job WHERE last_error <> $1"}, "") {
		if strings.Contains(strings.ToLower(e), inAddress) || strings.Contains(e, "@") {
			l.t.Errorf("an address is in an error of the queue: %s", e)
		}
	}
}
