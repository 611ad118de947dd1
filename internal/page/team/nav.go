package team

import (
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// place is a page of an organisation that one can go to.
type place struct {
	Href      string // below the organisation's path
	Key, Hint string // of its name, and of what is there
	Needs     string // a permission
	Fresh     bool   // it asks for a fresh proof, and shows nothing to who looks on
}

// places are all of them, in their order.
var places = []place{
	{"access/", "team.member.own", "team.member.own_hint", role.Enter, false},
	{"members/", "team.members.title", "team.members.hint", role.ReadMembers, false},
	{"invitations/", "team.invitations.title", "team.invitations.hint", role.ReadMembers, false},
	{"roles/", "team.roles.title", "team.roles.hint", role.ReadRoles, false},
	{"domains/", "team.domains.title", "team.domains.hint", role.ManageTenant, false},
	{"activity/", "team.activity.title", "team.activity.hint", role.ReadAudit, false},
	{"settings/", "team.settings.title", "team.settings.hint", role.ManageTenant, true},
}

// placesOf returns the places that whoever looks may go to, with their whole paths.
func placesOf(h here) []place {
	var all []place
	for _, p := range places {
		if h.Allow(p.Needs) == nil && (!p.Fresh || h.Visit.Staff == nil) {
			p.Href = h.path() + p.Href
			all = append(all, p)
		}
	}
	return all
}

// nav is the navigation of an organisation's pages with the place that path belongs to marked.
func nav(h here, path string) []ui.Link {
	links := []ui.Link{
		{Href: accountPath, Key: "team.nav.account"},
		{Href: Path, Key: Title},
		{Href: h.path(), Key: "team.nav.overview", Current: path == h.path(), Group: "team.nav.here"},
	}
	for _, p := range placesOf(h) {
		links = append(links, ui.Link{Href: p.Href, Key: p.Key, Current: strings.HasPrefix(path, p.Href), Group: "team.nav.here"})
	}
	return links
}
