package portal_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/internal/page/portal"
)

var paths = []string{"/account/", "/account/profile/", "/account/password/", "/account/security/", "/account/sessions/", "/account/language/", "/account/data/"}

// freshPaths ask for a fresh proof even to look, and show nothing to who looks on.
var freshPaths = []string{"/account/email/", "/account/username/", "/account/delete/"}

// publicPaths are for everybody: what mails lead to, and the way out.
var publicPaths = []string{"/account/goodbye/", "/account/email/confirm/", "/account/email/confirm/done/", "/account/email/undo/", "/account/email/undo/done/"}

func everyRoute() []web.Route {
	return portal.Routes(&portal.Portal{Deps: portal.Deps{Usernames: true}})
}

func TestWithoutUserNamesThereIsNoPageForThem(t *testing.T) {
	with, without := everyRoute(), portal.Routes(&portal.Portal{})
	there := func(r web.Route) bool { return r.Path == "/account/username/" }
	if !slices.ContainsFunc(with, there) || slices.ContainsFunc(without, there) {
		t.Error("the page is there without them, or never")
	}
	for _, link := range portal.New(portal.Deps{}).Nav("/account/") {
		if link.Href == "/account/username/" {
			t.Error("the navigation leads there")
		}
	}
}

func TestEveryPageShowsAndSpeaksInWords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, path := range slices.Concat(paths, freshPaths, []string{"/account/goodbye/", "/account/email/confirm/done/", "/account/email/undo/done/"}) {
			d := w.open(path)
			if len(d.all("h1")) != 1 || strings.Contains(d.text(), "portal.") || strings.Contains(d.text(), "ui.") {
				t.Errorf("%s shows\n%s", path, d.text())
			}
		}
	})
}

func TestPagesAskWhoIsThere(t *testing.T) {
	for _, r := range everyRoute() {
		if r.Access != web.Person && r.Access != web.FreshPerson && !slices.Contains(publicPaths, r.Path) {
			t.Errorf("%s %s may be called by %s", r.Method, r.Path, r.Access)
		}
	}
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE session SET ended_at = 1 WHERE id = $1", w.here.SessionID)
		for _, path := range slices.Concat(paths, freshPaths, []string{"/account/data/export/"}) {
			if a := w.Page(path, domaintest.As(w.here)); a.Status != http.StatusUnauthorized || strings.Contains(a.Text, "jo@example.com") {
				t.Errorf("%s: answered %d", path, a.Status)
			}
		}
	})
}

func TestHomeSaysHowThingsStand(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := w.open("/account/").main()
		for _, said := range []string{"Hello, Jo Doe", "jo@example.com", "Signed in on 2 devices", "Changed " + w.Now().Format("2 Jan 2006"), "As my browser says"} {
			if !strings.Contains(d.text(), said) {
				t.Errorf("it does not say %q:\n%s", said, d.text())
			}
		}
		w.Exec("UPDATE profile SET full_name = '', locale = 'de'")
		w.Exec("DELETE FROM password_credential")
		w.Exec("UPDATE session SET ended_at = 1 WHERE id = $1", w.there.SessionID)
		d = w.open("/account/?lang=en").main()
		for _, said := range []string{"No name yet", "Signed in on 1 device", "You have none yet", "Deutsch"} {
			if !strings.Contains(d.text(), said) {
				t.Errorf("it does not say %q:\n%s", said, d.text())
			}
		}
		if strings.Contains(d.text(), "Hello") {
			t.Error("it greets nobody")
		}
	})
}

func TestATileStandsOnTheFirstPageAndInTheNavigation(t *testing.T) {
	tile := portal.Tile{Href: "/account/passkeys/", Key: "portal.group.security", Group: portal.Security, State: func(_ context.Context, v *session.Visit) (portal.State, error) {
		return portal.State{Key: "portal.sessions.state", Args: []any{"n", 7}}, nil
	}}
	each(t, func(t *testing.T, w *world) {
		d := w.open("/account/")
		var links []string
		for _, a := range d.all("a") {
			if href := attr(a, "href"); strings.HasPrefix(href, "/account/") {
				links = append(links, href)
			}
		}
		want := []string{"/account/", "/account/profile/", "/account/email/", "/account/username/", "/account/language/", "/account/password/", "/account/security/", "/account/sessions/", "/account/passkeys/", "/account/data/"}
		if len(links) < len(want) || !slices.Equal(links[:len(want)], want) {
			t.Errorf("links %v", links)
		}
		if !strings.Contains(d.main().text(), "Signed in on 7 devices") {
			t.Errorf("its state is not shown:\n%s", d.main().text())
		}
	}, tile)
}

func TestThePlaceOneIsAtIsMarked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, path := range slices.Concat(paths, freshPaths) {
			for _, a := range w.open(path).all("a") {
				want := map[bool]string{true: "page"}[attr(a, "href") == path || path == "/account/delete/" && attr(a, "href") == "/account/data/"]
				if nav := a.Parent.Parent.Parent; nav.Data == "nav" && attr(a, "aria-current") != want {
					t.Errorf("%s: the link to %s says %q", path, attr(a, "href"), attr(a, "aria-current"))
				}
			}
		}
	})
}

func TestOnlyOwnWordsCanBeSaidToBeDone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, key := range []string{"portal.delete.gone", "signin.done.signed_out", "portal.done.nonsense", "<b>x"} {
			if d := w.open("/account/?done=" + key); strings.Contains(d.text(), "deleted") || strings.Contains(d.text(), "signed out.") || strings.Contains(d.text(), "nonsense") || strings.Contains(d.text(), "<b>") {
				t.Errorf("%s is said:\n%s", key, d.text())
			}
		}
	})
}

// A member of staff who looks on sees what the owner sees, with nothing to send.
func TestWhoLooksOnFindsNothingToSend(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, path := range paths {
			a := w.Page(path, domaintest.LookingAs(w.here))
			d := parse(t, a)
			if a.Status != http.StatusOK || !strings.Contains(d.text(), "asked for help with the profile") || len(d.all("time")) == 0 {
				t.Errorf("%s: answered %d without saying why\n%s", path, a.Status, d.text())
			}
			if len(d.main().all("button")) != 0 || !slices.Equal(d.actions(), []string{"/account/look/stop/"}) && !slices.Contains([]string{"/account/profile/", "/account/language/"}, path) {
				t.Errorf("%s: %d buttons, forms %v", path, len(d.main().all("button")), d.actions())
			}
		}
		for _, path := range freshPaths {
			if a := w.Page(path, domaintest.LookingAs(w.here)); a.Status != http.StatusForbidden || a.Code != "" || strings.Contains(a.Text, "jo@example.com") {
				t.Errorf("%s: answered %d\n%s", path, a.Status, a.Text)
			}
		}
		if a := w.Page("/account/data/export/", domaintest.LookingAs(w.here)); a.Status != http.StatusForbidden || strings.Contains(a.Text, "jo@example.com") {
			t.Errorf("export: answered %d", a.Status)
		}
		if a := w.Submit("/account/profile/", map[string][]string{"full_name": {"X"}}, domaintest.LookingAs(w.here)); a.Status != http.StatusForbidden {
			t.Errorf("a form: answered %d", a.Status)
		}
	})
}

func TestNoFormOfAnotherOriginIsBelieved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, r := range everyRoute() {
			if r.Method != http.MethodPost {
				continue
			}
			a := w.Submit(strings.ReplaceAll(r.Path, "{id}", w.account.ID.String()), map[string][]string{"password": {pass}}, domaintest.As(w.here), domaintest.Header("Origin", "https://evil.example.net"), domaintest.Header("Sec-Fetch-Site", "cross-site"))
			if a.Status != http.StatusForbidden {
				t.Errorf("%s: answered %d", r.Path, a.Status)
			}
		}
		if !w.Stands(w.there) {
			t.Error("a session ended")
		}
	})
}
