package console

import (
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Where the screens lie.
const (
	overviewPath    = "/console/"
	accountsPath    = "/console/accounts/"
	sessionsPath    = "/console/sessions/"
	tenantsPath     = "/console/tenants/"
	permissionsPath = "/console/permissions/"
	mailsPath       = "/console/mails/"
	templatesPath   = "/console/templates/"
	keysPath        = "/console/keys/"
	auditPath       = "/console/audit/"
	settingsPath    = "/console/settings/"
)

// entry is a screen in the navigation.
type entry struct {
	path, name, group string // the texts are console.nav.NAME and console.group.GROUP
	needs             string // the permission, as its route says
}

var entries = []entry{
	{overviewPath, "overview", "", role.StaffReadConsole},
	{accountsPath, "accounts", "people", role.StaffReadAccounts},
	{sessionsPath, "sessions", "people", role.StaffReadSessions},
	{tenantsPath, "tenants", "tenants", role.StaffReadTenants},
	{permissionsPath, "permissions", "tenants", role.StaffReadTenants},
	{mailsPath, "mails", "mail", role.StaffReadMails},
	{templatesPath, "templates", "mail", role.StaffReadTemplates},
	{keysPath, "keys", "system", role.StaffReadKeys},
	{auditPath, "audit", "system", role.StaffReadAudit},
	{settingsPath, "settings", "system", role.StaffReadSettings},
}

// nav is the navigation on the screen at path. Where by may not go is left out.
func nav(path string, by manage.Actor) []ui.Link {
	var links []ui.Link
	for _, p := range entries {
		if !by.May(p.needs) {
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

// open returns path where by may go to the screen there, else nothing.
func open(by manage.Actor, path string) string {
	for _, p := range entries {
		if p.path != overviewPath && strings.HasPrefix(path, p.path) && by.May(p.needs) {
			return path
		}
	}
	return ""
}
