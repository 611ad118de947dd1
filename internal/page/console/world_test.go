package console_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin/signintest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/internal/page/console"
)

const issuer = domaintest.Origin + "/api/auth"

// world is the console with a person, a member of staff and a superuser who are signed in.
type world struct {
	*domaintest.World
	t       testing.TB
	console *console.Console
	routes  []web.Route
	client  *domaintest.Client
	skew    time.Duration
	proven  published // where the prober finds challenges

	person, staff, super *account.Account
	asPerson             domaintest.Option
	asStaff              domaintest.Option
	asSuper              domaintest.Option
	theirs               session.Bearer // the person's session
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) { fn(t, newWorld(t, d)) })
}

func newWorld(t testing.TB, d *domaintest.World) *world {
	t.Helper()
	w := &world{World: d, t: t, proven: published{}}
	w.console = console.New(w.deps())
	w.routes = console.Routes(w.console)
	w.client = d.Serve(nil, w.routes)
	w.person, w.staff, w.super = d.Account("jo@example.com", ""), d.Account("staff@example.com", ""), d.Account("super@example.com", "")
	w.Exec("UPDATE account SET staff = TRUE, staff_role = 'operator' WHERE id IN ($1, $2)", w.staff.ID, w.super.ID)
	w.Exec("UPDATE account SET superuser = TRUE WHERE id = $1", w.super.ID)
	w.theirs = w.Session(w.person.ID)
	w.asPerson, w.asStaff, w.asSuper = domaintest.As(w.theirs), w.as(w.staff), w.as(w.super)
	return w
}

func (w *world) deps() console.Deps {
	hasher, err := password.NewHasher(password.HasherConfig{})
	w.must(err)
	schema, err := account.NewSchema([]account.Attribute{{Name: "grade", Type: "number", ReadOnly: true}, {Name: "shift", Type: "string", OneOf: []string{"day", "night"}}})
	w.must(err)
	guesses := ratelimit.Limit{Name: "signin.account", Burst: 10, Per: 15 * time.Minute}
	pages := w.UI(console.Pages(), signin.Pages())
	signinDeps := signintest.Deps(w.t, w.World, hasher, pages)
	signinDeps.Schema = schema
	flow, err := signin.New(signintest.Config(), signinDeps)
	w.must(err)
	bucket := func(id account.ID) ratelimit.Bucket { return ratelimit.Bucket{Limit: guesses, Key: id.String()} }
	return console.Deps{
		Govern: w.govern(), DB: w.DB.DB, UI: pages, SignIn: flow, Keys: w.Keys, Queue: w.Queue, Letters: w.Letters, Limiter: w.Limiter, Hashing: hasher.Stats,
		Skew: func() time.Duration { return w.skew }, KeyLifetime: 90 * 24 * time.Hour, API: issuer,
		Manage: manage.NewService(manage.Deps{DB: w.DB.DB, Hasher: hasher, Schema: schema, Letters: w.Letters, Queue: w.Queue, Limiter: w.Limiter, Roles: w.StaffRoles,
			SendReset: func(ctx context.Context, tx *db.Tx, a *account.Account) error {
				return w.Letters.Tell(ctx, tx, letter.PasswordChanged, a.ID)
			},
			Unlock: func(ctx context.Context, tx *db.Tx, id account.ID) error { return w.Limiter.Reset(ctx, tx, bucket(id)) }}),
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// path is where an account's page lies.
func path(a *account.Account, rest string) string {
	return "/console/accounts/" + a.Subject + "/" + rest
}

// text is a page without the places where its words may be divided.
func text(a domaintest.Answer) string { return strings.ReplaceAll(a.Text, "<wbr>", "") }

// content is what a page says besides its frame.
func content(a domaintest.Answer) string {
	_, rest, _ := strings.Cut(text(a), "<main")
	rest, _, _ = strings.Cut(rest, "</main>")
	return rest[:min(len(rest), 1500)]
}

// raw is the key of a text that the catalogue does not have.
var raw = regexp.MustCompile(`console\.[a-z_]+\.[a-z_.-]+`)

// shows asserts that a page came with these texts on it.
func (w *world) shows(a domaintest.Answer, status int, texts ...string) {
	w.t.Helper()
	if a.Status != status {
		w.t.Fatalf("status %d, want %d: %s", a.Status, status, content(a))
	}
	if key := raw.FindString(a.Text); key != "" {
		w.t.Fatalf("there is no text %s", key)
	}
	for _, s := range texts {
		if !strings.Contains(text(a), s) {
			w.t.Errorf("the page does not show %q: %s", s, content(a))
		}
	}
}

// leads asserts that a form led on to a page.
func (w *world) leads(a domaintest.Answer, to string) {
	w.t.Helper()
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != to {
		w.t.Errorf("%d to %q, want 303 to %q: %s", a.Status, a.Header.Get("Location"), to, content(a))
	}
}

// hides asserts that a page does not hold these texts.
func (w *world) hides(a domaintest.Answer, texts ...string) {
	w.t.Helper()
	for _, s := range texts {
		if strings.Contains(text(a), s) {
			w.t.Errorf("the page shows %q: %s", s, content(a))
		}
	}
}

// as signs somebody in now.
func (w *world) as(a *account.Account) domaintest.Option { return domaintest.As(w.Session(a.ID)) }
