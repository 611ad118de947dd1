package team

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

func TestEveryPageIsWholeInEveryLanguage(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 30, 0, 0, time.UTC)
	long := strings.Repeat("long", 40)
	form := func() *ui.Form { return &ui.Form{Values: map[string]string{}, Problems: map[string][]ui.Problem{}} }
	wrong := form()
	for _, field := range []string{"", "permissions", "methods", "name", "slug", "role", "email", "domain", "typed", "join_role", "radius", "font", "max_idle"} {
		wrong.Add(field, "other", "Something is wrong.")
	}
	acme := tenant.Tenant{Name: "Acme", Slug: "acme", Active: true, CreatedAt: now}
	owner := frame{Tenant: acme, Grant: role.Grant{Slug: "acme", Role: role.Owner, FromRole: []string{"*"}}, Form: form()}
	looking := frame{LookOnly: true, Tenant: tenant.Tenant{Name: long, Slug: "acme", Brand: ui.Brand{Color: "#aa3300"}}, Grant: role.Grant{Role: long}, Form: wrong}
	refused := frame{Tenant: acme, Grant: owner.Grant, Form: wrong}
	options := []ui.Option{{Value: "admin", Text: "Administrator"}, {Value: long, Text: long}}
	choices := []choice{{"members.read", "See members", true}, {Entry: "notes.*"}}
	m := &member.Member{Email: long + "@example.com", FullName: long, Subject: "s", JoinedAt: now}
	roleInfo := member.RoleInfo{Role: role.Role{Name: "editor", Permissions: []string{"notes.read", "notes.write"}}, Members: 2}
	domain := tenant.Domain{Domain: "example.com", Challenge: "gatehouse-domain=x", CreatedAt: now}
	shown := domain
	shown.VerifiedAt, domain.CheckedAt = now, now
	invited := invitation.Invitation{ID: uuid.Nil, Email: long + "@example.com", By: long, ExpiresAt: now}
	void := invited
	void.Void = invitation.InviterGone
	u, err := ui.New(ui.Config{}, Pages())
	if err != nil {
		t.Fatal(err)
	}
	fields := account.Fields(u, "en", []account.Attribute{{Name: "level", Type: "number"}, {Name: "job_title", Type: "string", Required: true}}, map[string]any{"job_title": long})
	fields = append(fields, account.Field{Field: "attributes.shift", Label: long, Options: options})
	all := []place{}
	for _, p := range places {
		p.Href = "/account/tenants/acme/" + p.Href
		all = append(all, p)
	}
	uitest.Check(t, Pages(), map[string][]any{
		"choose": {chooseView{Form: form()}, chooseView{Form: form(), MayCreate: true},
			chooseView{LookOnly: true, Form: wrong, MayCreate: true, Waiting: []waiting{{Name: long, Role: "Member", Expires: now}}, Joinable: []tenant.Tenant{acme}, Mine: []mine{{Name: long, Slug: "acme", Path: "/x/", Role: "Owner"}, {Name: "Two", Suspended: true}, {Name: "Three", NeedsFactor: true}}},
			chooseView{Form: form(), Waiting: []waiting{{Name: long, Role: "Member", Expires: now}}, Joinable: []tenant.Tenant{acme}}},
		"new":           {newView{form()}, newView{wrong}},
		"overview":      {overviewView{owner, "Owner", now, nil, all, true}, overviewView{looking, long, now, []string{long, "x"}, nil, false}},
		"members":       {membersView{frame: owner, Roles: options, Rows: []memberRow{{Email: long, FullName: long, Role: "Owner", Path: "/x/", Direct: 1, Active: true, You: true, JoinedAt: now}, {Email: "x", Path: "/y/", Direct: 2}}}, membersView{frame: looking, Narrowed: true, Pager: ui.Pager{Next: "/x/"}}},
		"member":        {memberView{frame: owner, Member: m, MemberPath: "/x/", Changes: true, HandsOver: true, Edited: fields, Entries: []entry{{"*", "Everything", false}, {"notes.read", "", true}}, Permissions: options, Why: &why{Decision: role.Decision{Allowed: true, Permission: "notes.read"}, Key: "team.explain.granted_by_role", RoleName: "Owner"}}, memberView{frame: looking, Member: m, MemberPath: "/x/", Own: true, Beyond: true, Fixed: fields, Why: &why{Key: "team.explain.not_granted"}}},
		"member_change": {changeView{owner, m, "/x/", options, choices}, changeView{refused, m, "/x/", nil, nil}},
		"ask":           {question{frame: owner, Key: "leave", Cancel: "/y/", Barred: true}, question{frame: owner, Key: "leave", Action: "/x/", Cancel: "/y/", Typed: true}, question{frame: refused, Key: "role_delete", Who: long, Action: "/x/", Cancel: "/y/"}},
		"invitations": {invitationsView{frame: owner, Roles: options, Languages: options, Rows: []invitationRow{{invited, "Member", invitation.Expired, "/x/"}, {void, "Member", invitation.IsVoid, ""}}}, invitationsView{frame: owner, Roles: options}, invitationsView{frame: refused, Roles: options},
			invitationsView{frame: looking, Rows: []invitationRow{{invited, "Member", invitation.Waits, ""}}}, invitationsView{frame: looking}},
		"roles":    {rolesView{owner, []roleRow{{roleInfo, "editor", "/x/"}}, []roleRow{{roleInfo, "Owner", ""}}}, rolesView{owner, nil, nil}, rolesView{looking, []roleRow{{RoleInfo: member.RoleInfo{}, Name: long}}, nil}},
		"role":     {roleView{owner, "", "/x/", choices}, roleView{refused, "editor", "/x/", nil}, roleView{refused, "", "/x/", nil}},
		"settings": {settingsView{owner, options, options, options, options}, settingsView{frame: refused}},
		"domains":  {domainsView{owner, []domainView{{domain, "/x/"}, {shown, "/y/"}}}, domainsView{refused, nil}, domainsView{looking, []domainView{{domain, "/x/"}, {shown, "/y/"}}}},
		"activity": {activityView{frame: owner, Rows: []eventRow{{At: now, What: "Member joined", Whom: long, By: "Staff", Reason: "x", Detail: map[string]string{"role": long}}}}, activityView{frame: looking, Pager: ui.Pager{Previous: "/x/"}}},
	})
}

// Keys that code puts together.
func TestWhatCodePutsTogetherHasATextEach(t *testing.T) {
	keys := []string{Title, NoState}
	for _, p := range places {
		keys = append(keys, p.Key, p.Hint)
	}
	for _, name := range []string{role.Owner, role.Admin, role.Member} {
		keys = append(keys, "team.role."+name)
	}
	for _, why := range []string{role.ByRole, role.Directly, role.NotGranted, role.NoMember, role.TenantSuspended, role.AccountInactive, role.NotDeclared} {
		keys = append(keys, "team.explain."+why)
	}
	for _, key := range []string{"leave", "delete", "remove", "transfer", "role_delete", "domain_remove"} {
		keys = append(keys, "team."+key+".title", "team."+key+".text", "team."+key+".submit")
	}
	keys = append(keys, "team.leave.barred")
	for _, why := range []string{invitation.InviterGone, invitation.InviterMayNot, invitation.RoleGone, invitation.DomainRefused} {
		keys = append(keys, "team.invitations."+why)
	}
	uitest.Keys(t, Pages(), keys...)
	roles, err := role.NewSet(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := ui.New(ui.Config{}, Pages())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range roles.Declared() {
		if (glossary{ui: u, lang: "en"}).text(p) == "" {
			t.Errorf("nothing says what %s is for", p)
		}
	}
}

// A text that nothing says would be translated seven times for nobody.
func TestEveryTextIsSaid(t *testing.T) {
	var said strings.Builder
	for _, pattern := range []string{"*.go", "pages/*.html"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "_test.go") {
				said.Write(text)
			}
		}
	}
	english, err := files.ReadFile("locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]map[string]any
	if err := json.Unmarshal(english, &texts); err != nil {
		t.Fatal(err)
	}
	for place, all := range texts["team"] {
		// These are put together of what other packages name.
		if slices.Contains([]string{"event", "permission", "explain"}, place) {
			continue
		}
		for name := range all.(map[string]any) {
			wanted := []string{`"team.` + place + "." + name + `"`}
			switch {
			case place == "settings" && slices.Contains(ui.Fonts(), strings.TrimPrefix(name, "font_")):
				wanted = []string{`"team.settings.font_"`}
			case place == "done":
				wanted = []string{`"` + name + `"`}
			case place == "role" && slices.Contains([]string{role.Owner, role.Admin, role.Member}, name):
				wanted = []string{`"team.role."`}
			case place == "invitations" && slices.Contains([]string{invitation.InviterGone, invitation.InviterMayNot, invitation.RoleGone, invitation.DomainRefused}, name):
				wanted = []string{`"team.invitations.%s"`}
			case slices.Contains([]string{"title", "text", "submit"}, name) && !strings.Contains(said.String(), wanted[0]):
				wanted = []string{`"team.%s.` + name + `"`, `"` + place + `"`}
			}
			for _, one := range wanted {
				if !strings.Contains(said.String(), one) {
					t.Errorf("%s.%s is said nowhere: no %s", place, name, one)
				}
			}
		}
	}
}

// The navigation and the overview lead nowhere that is refused.
func TestPlacesAreOfferedToWhomTheyLetIn(t *testing.T) {
	needs := map[string]string{}
	for _, r := range Routes(&Team{}) {
		needs[r.Method+" "+r.Path] = r.Permission
		if fresh := r.Fresh; r.Method == "GET" {
			for _, p := range places {
				if one+p.Href == r.Path && p.Fresh != fresh {
					t.Errorf("%s: asks for a fresh proof: %v", r.Path, fresh)
				}
			}
		}
	}
	for _, p := range places {
		if got := needs["GET "+one+p.Href]; got == "" || got != p.Needs {
			t.Errorf("%s needs %q, and is offered to whoever has %q", p.Href, got, p.Needs)
		}
	}
	h := here{&tenant.Membership{Tenant: tenant.Tenant{Slug: "acme"}, Grant: role.Grant{FromRole: []string{"*"}}}, &session.Visit{Staff: &session.Onlooker{}}}
	if slices.ContainsFunc(placesOf(h), func(p place) bool { return p.Fresh }) {
		t.Error("who looks on is led to what is refused to them")
	}
}
