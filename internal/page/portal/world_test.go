package portal_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin/signintest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place/placetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/page/portal"
)

const pass = "bright copper kettles"

// passHash is of pass.
var passHash = sync.OnceValues(func() (string, error) {
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		return "", err
	}
	return hasher.Hash(context.Background(), pass)
})

var (
	perAccount = ratelimit.Limit{Name: "signin.account", Burst: 3, Per: 15 * time.Minute}
	perEnrol   = ratelimit.Limit{Name: "enrol.account", Burst: 3, Per: time.Hour}
	perExport  = ratelimit.Limit{Name: "profile.export", Burst: 2, Per: time.Hour}
	declared   = []account.Attribute{
		{Name: "team", Type: "string", OneOf: []string{"red", "blue"}}, {Name: "cost_centre", Type: "string", MaxLength: 10, Required: true},
		{Name: "level", Type: "number"}, {Name: "newsletter", Type: "boolean"}, {Name: "badge", Type: "string", ReadOnly: true},
	}
)

// world is the pages with somebody signed in here and there.
type world struct {
	*domaintest.World
	*domaintest.Client
	t        *testing.T
	flow     *signin.Service
	enrol    *enrol.Service
	account  *account.Account
	here     session.Bearer
	there    session.Bearer
	required atomic.Bool // policy asks for a second factor
}

func each(t *testing.T, fn func(t *testing.T, w *world), tiles ...portal.Tile) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		w := &world{World: d, t: t}
		w.Client = d.Serve(nil, portal.Routes(w.portal(tiles)))
		hash, err := passHash()
		must(t, err)
		w.account = d.Account("jo@example.com", hash)
		w.Exec(`UPDATE profile SET attributes = '{"cost_centre":"A1"}'`)
		w.here, w.there = w.page("a"), w.page("b")
		fn(t, w)
	})
}

func (w *world) portal(tiles []portal.Tile) *portal.Portal {
	hasher, err := password.NewHasher(password.HasherConfig{})
	must(w.t, err)
	schema, err := account.NewSchema(declared)
	must(w.t, err)
	passwords, err := password.New(password.Config{PerAccount: perAccount}, password.Deps{DB: w.DB.DB, Hasher: hasher, Limiter: w.Limiter, Letters: w.Letters})
	must(w.t, err)
	u := w.UI(portal.Pages(), signin.Pages())
	signinDeps := signintest.Deps(w.t, w.World, hasher, u)
	signinDeps.Schema = schema
	w.flow, err = signin.New(signintest.Config(), signinDeps)
	must(w.t, err)
	w.enrol, err = enrol.New(enrol.Config{PerAccount: perEnrol}, enrol.Deps{DB: w.DB.DB, TOTP: signinDeps.TOTP, BackupCodes: signinDeps.BackupCodes,
		EmailCodes: signinDeps.EmailCodes, Passkeys: signinDeps.Passkeys, Letters: w.Letters, Limiter: w.Limiter, Required: func(*account.Account) bool { return w.required.Load() }})
	must(w.t, err)
	profiles, err := profile.New(profile.Config{PerExport: perExport, Fresh: domaintest.Fresh, DeleteURL: domaintest.Origin + "/account/delete/"}, profile.Deps{DB: w.DB.DB, Schema: schema, Limiter: w.Limiter, Letters: w.Letters,
		Prove: func(ctx context.Context, by session.Bearer, given string) error {
			return passwords.Prove(ctx, by, given, perAccount)
		}})
	must(w.t, err)
	identifiers, err := identifier.New(identifier.Config{ChangeLink: domaintest.Origin + "/account/email/confirm/?token={token}", UndoLink: domaintest.Origin + "/account/email/undo/?token={token}",
		PerMailbox: ratelimit.Limit{Name: "mail.address", Burst: 5, Per: time.Hour}, PerNetwork: ratelimit.Limit{Name: "mail.network", Burst: 100, Per: time.Hour},
		PerAddress: ratelimit.Limit{Name: "signin.address", Burst: 3, Per: 15 * time.Minute}, EmailsPerAccount: ratelimit.Limit{Name: "email.change", Burst: 2, Per: 24 * time.Hour},
		UsernamesPerAccount: ratelimit.Limit{Name: "username.change", Burst: 2, Per: 30 * 24 * time.Hour},
	}, identifier.Deps{DB: w.DB.DB, Keys: w.Keys, Schema: schema, Limiter: w.Limiter, Queue: w.Queue, Letters: w.Letters})
	must(w.t, err)
	lost, err := recovery.New(recovery.Config{Lifetime: 30 * time.Minute, PerMailbox: signintest.Config().PerAccount, PerNetwork: signintest.Config().PerAddress,
		PerAccount: signintest.Config().PerAccount, PerStep: signintest.Config().PerStep, PerAddress: signintest.Config().PerAddress},
		recovery.Deps{DB: w.DB.DB, Keys: w.Keys, Hasher: hasher, Limiter: w.Limiter, Queue: w.Queue, Letters: w.Letters, UI: u})
	must(w.t, err)
	return portal.New(portal.Deps{DB: w.DB.DB, UI: u, Profile: profiles, Identifier: identifiers, Usernames: true, Password: passwords, SignIn: w.flow, Enrol: w.enrol, Recovery: lost, Attributes: declared, Tiles: tiles,
		Places: placetest.Finder(w.t, map[string]place.Place{"192.0.2.0/24": {City: "Berlin", Country: "DE"}})})
}

// page makes a page session of the account.
func (w *world) page(cookie string) session.Bearer {
	b := w.Session(w.account.ID)
	w.Exec("UPDATE session SET transport = 'page', device = $2, address = '192.0.2.9' WHERE id = $1", b.SessionID, "Browser "+cookie)
	w.Exec("INSERT INTO page_cookie (session_id, token_hash, remembered, reason) VALUES ($1, $2, FALSE, '')", b.SessionID, []byte(cookie))
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open shows a page to who is signed in here.
func (w *world) open(path string) dom {
	w.t.Helper()
	a := w.Page(path, domaintest.As(w.here))
	if a.Status != http.StatusOK {
		w.t.Fatalf("%s: answered %d\n%s", path, a.Status, a.Text)
	}
	return parse(w.t, a)
}

// send posts a form as who is signed in here; pairs are names and values.
func (w *world) send(path string, pairs ...string) domaintest.Answer {
	w.t.Helper()
	form := map[string][]string{}
	for i := 0; i < len(pairs); i += 2 {
		form[pairs[i]] = []string{pairs[i+1]}
	}
	return w.Submit(path, form, domaintest.As(w.here))
}

// did reports an answer that does not lead to path, or to a page that says nothing.
func (w *world) did(a domaintest.Answer, path, said string) {
	w.t.Helper()
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), path+"?done=portal.done.") {
		w.t.Fatalf("answered %d to %q\n%s", a.Status, a.Header.Get("Location"), a.Text)
	}
	if d := w.open(a.Header.Get("Location")); !strings.Contains(d.text(), said) {
		w.t.Errorf("it does not say %q:\n%s", said, d.text())
	}
}

// dom is a parsed page.
type dom struct{ root *html.Node }

func parse(t *testing.T, a domaintest.Answer) dom {
	t.Helper()
	n, err := html.Parse(strings.NewReader(a.Text))
	must(t, err)
	return dom{n}
}

// all returns every element with this tag.
func (d dom) all(tag string) (found []*html.Node) {
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

// main is what the page itself shows, without what stands around it.
func (d dom) main() dom { return dom{d.all("main")[0]} }

// text is all that can be read.
func (d dom) text() string {
	var b strings.Builder
	for n := range d.root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// field returns the element of a form's member.
func (d dom) field(name string) *html.Node {
	for _, tag := range []string{"input", "select", "textarea"} {
		for _, n := range d.all(tag) {
			if attr(n, "name") == name {
				return n
			}
		}
	}
	return nil
}

// value is what a member of a form holds now.
func (d dom) value(name string) string {
	n := d.field(name)
	if n == nil {
		return "none"
	}
	if n.Data != "select" && attr(n, "type") != "radio" {
		return attr(n, "value")
	}
	for _, tag := range []string{"option", "input"} {
		for _, o := range d.all(tag) {
			chosen := slices.ContainsFunc(o.Attr, func(a html.Attribute) bool { return a.Key == "selected" || a.Key == "checked" })
			if chosen && (attr(o, "name") == name || o.Parent == n) {
				return attr(o, "value")
			}
		}
	}
	return "unchosen"
}

// blames returns the text that is tied to a member of a form as its problem.
func (d dom) blames(name string) string {
	n := d.field(name)
	if n == nil || attr(n, "aria-invalid") == "" {
		return ""
	}
	for id := range strings.FieldsSeq(attr(n, "aria-describedby")) {
		for _, p := range d.all("div") {
			if attr(p, "id") == id {
				return dom{p}.text()
			}
		}
	}
	return ""
}

// actions returns where the forms of the page post to.
func (d dom) actions() (all []string) {
	for _, f := range d.all("form") {
		all = append(all, attr(f, "action"))
	}
	return all
}
