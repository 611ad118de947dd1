package console

import (
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Where the screens lie.
const (
	overviewPath  = "/console/"
	accountsPath  = "/console/accounts/"
	sessionsPath  = "/console/sessions/"
	mailsPath     = "/console/mails/"
	templatesPath = "/console/templates/"
	keysPath      = "/console/keys/"
	auditPath     = "/console/audit/"
	settingsPath  = "/console/settings/"
)

// entry is a screen in the navigation.
type entry struct {
	path, name, group string // the texts are console.nav.NAME and console.group.GROUP
	superuser         bool   // for superusers alone
}

var entries = []entry{
	{path: overviewPath, name: "overview"},
	{path: accountsPath, name: "accounts", group: "people"},
	{path: sessionsPath, name: "sessions", group: "people"},
	{path: mailsPath, name: "mails", group: "mail"},
	{path: templatesPath, name: "templates", group: "mail"},
	{path: keysPath, name: "keys", group: "system"},
	{path: auditPath, name: "audit", group: "system"},
	{path: settingsPath, name: "settings", group: "system", superuser: true},
}

// nav is the navigation on the screen at path. Where a person may not go is left out.
func nav(path string, superuser bool) []ui.Link {
	var links []ui.Link
	for _, p := range entries {
		if p.superuser && !superuser {
			continue
		}
		l := ui.Link{Href: p.path, Key: "console.nav." + p.name, Current: p.path == path || p.path != overviewPath && strings.HasPrefix(path, p.path)}
		if p.group != "" {
			l.Group = "console.group." + p.group
		}
		links = append(links, l)
	}
	return links
}
