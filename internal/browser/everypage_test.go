package browser

import (
	"cmp"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"
)

// cast are the people of the table.
type cast struct {
	viewer  person // who is signed in
	owner   person // whose password is reset again and again
	guarded person // who has every second factor
	mailed  person // whose second step is a mailed code
	team    string // short name of the viewer's organisation, which the owner belongs to as well
}

// Every page in every state, as it looks to everyone: axe-core and the validator find nothing, the
// keyboard reaches all of it, and it keeps the rules of check.
func TestEveryPage(t *testing.T) {
	m := newMarkup(t)
	for _, l := range looks() {
		t.Run(l.String(), func(t *testing.T) {
			for _, who := range []string{anonymous, member, guarded, staff, superuser} {
				t.Run(who, func(t *testing.T) { lookAtAll(t, l, who, m) })
			}
		})
	}
	found, n := m.problems(t)
	for _, problem := range found {
		t.Error(problem)
	}
	t.Logf("%d pages validated", n)
}

func lookAtAll(t *testing.T, l look, who string, m *markup) {
	c := &cast{}
	c.owner, c.viewer = couple(t, flags[who]...)
	b := open(t)
	b.wear(l)
	switch who {
	case anonymous:
		c.guarded, _ = newGuardedAccount(t)
		c.mailed = newMailedAccount(t)
	case guarded:
		var key string
		c.viewer, key = newGuardedAccount(t)
		b.begins(c.viewer)
		b.visit(secondStep + "?method=totp")
		b.enter("code", site.code(t, key))
		b.send(mainButton, http.StatusOK)
	default:
		b.signIn(c.viewer)
	}
	if who == member || who == superuser {
		c.team = newTeam(t, c.viewer, c.owner)
		b.furnishes(c.team, c.viewer, stranger().email)
	}
	for _, p := range pages {
		if p.who != who {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			b.t = t
			p.lookAt(b, c)
			m.add(t, p.name+"."+l.String(), b.source())
		})
	}
	b.t = t
}

var wildcard = regexp.MustCompile(`\{\w+\}`)

// mounted returns where a route of routes.golden lies.
func mounted(route string) string {
	if strings.HasPrefix(route, "/docs/") {
		return mountPath + route
	}
	return route
}

// path returns where a page lies that is about the people of the table.
func (c *cast) path(route string) string {
	return strings.NewReplacer("{account}", c.owner.id, "{tenant}", c.team, "{role}", teamRole, "{domain}", teamDomain).Replace(mounted(route))
}

func (p shown) lookAt(b *tab, c *cast) {
	if p.reach != nil {
		p.reach(b, c)
	} else {
		b.visitFor(c.path(p.route), cmp.Or(p.status, http.StatusOK))
	}
	if ok, _ := path.Match(wildcard.ReplaceAllString(mounted(p.route), "*"), b.path()); !ok && p.route != "" {
		b.t.Errorf("came to %s, want %s", b.path(), p.route)
	}
	b.picture(p.name)
	for _, v := range b.axe() {
		b.t.Error(v)
	}
	if b.look != plain {
		return
	}
	for _, problem := range b.keyboardProblems() {
		b.t.Error(problem)
	}
}
