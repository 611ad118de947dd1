package member_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
)

// declared are the attributes of members in these tests.
var declared = []account.Attribute{
	{Name: "job_title", Type: "string", MaxLength: 20}, {Name: "level", Type: "number"}, {Name: "remote", Type: "boolean"},
	{Name: "shift", Type: "string", OneOf: []string{"day", "night"}}, {Name: "cost_centre", Type: "string", ReadOnly: true},
}

func schema(t *testing.T, declared ...account.Attribute) account.Schema {
	t.Helper()
	s, err := account.NewSchema(declared)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) me(name string, t *tenant.Tenant, body string) domaintest.Answer {
	if body == "" {
		return w.Call(http.MethodGet, "/tenants/"+t.Slug+"/me/", "", w.as(name, t))
	}
	return w.Call(http.MethodPatch, "/tenants/"+t.Slug+"/me/", body, w.as(name, t))
}

// stored is what the database has of one of the people in a tenant.
func (w *world) stored(name string, t *tenant.Tenant) (text string) {
	w.t.Helper()
	w.Read(&text, `SELECT attributes FROM membership WHERE tenant_id = $1 AND account_id = $2`, t.ID, w.people[name].ID)
	return text
}

// shows reports attributes in an answer that are not those wanted, as fmt writes a map.
func shows(t *testing.T, what string, a domaintest.Answer, want string) {
	t.Helper()
	if got, ok := a.JSON["attributes"].(map[string]any); a.Status != http.StatusOK || !ok || fmt.Sprint(got) != "map["+want+"]" {
		t.Errorf("%s: answered %d %s, want %s", what, a.Status, a.Text, want)
	}
}

func TestAMemberHasAProfileOfEachTenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.World.Join(w.globex, w.people["member"].ID, "admin")
		a := w.me("member", w.acme, "")
		shows(t, "at first", a, "")
		if a.JSON["account"] != w.subject("member") || a.JSON["role"] != "member" || a.JSON["permissions"] == nil || a.JSON["joined_at"] == nil {
			t.Errorf("oneself is %s", a.Text)
		}
		shows(t, "changed", w.me("member", w.acme, `{"attributes":{"job_title":"Clerk","level":2.5,"remote":false,"shift":"night"}}`), "job_title:Clerk level:2.5 remote:false shift:night")
		shows(t, "elsewhere", w.me("member", w.globex, `{"attributes":{"job_title":"Chief"}}`), "job_title:Chief")
		shows(t, "again", w.me("member", w.acme, `{"attributes":{"shift":null,"level":3}}`), "job_title:Clerk level:3 remote:false")
		shows(t, "asked again", w.me("member", w.acme, ""), "job_title:Clerk level:3 remote:false")
		if here, there := w.stored("member", w.acme), w.stored("member", w.globex); here != `{"job_title":"Clerk","level":3,"remote":false}` || there != `{"job_title":"Chief"}` || w.stored("editor", w.acme) != "{}" {
			t.Errorf("stored are %s and %s", here, there)
		}
		if n := w.Count(`SELECT count(*) FROM profile WHERE attributes <> '{}'`); n != 0 {
			t.Error("the account's own profile changed")
		}
	})
}

func TestAttributesOfMembersAreHeldToTheirDeclarations(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.me("member", w.acme, `{"attributes":{"job_title":"Clerk"}}`)
		before := w.snapshot()
		long := strings.Repeat("x", 21)
		for body, blamed := range map[string]string{
			`{"job_title":"` + long + `"}`: "attributes.job_title invalid", `{"job_title":7}`: "attributes.job_title invalid", `{"level":"7"}`: "attributes.level invalid",
			`{"remote":"yes"}`: "attributes.remote invalid", `{"shift":"noon"}`: "attributes.shift invalid", `{"shift":["day"]}`: "attributes.shift invalid", `{"shoe":43}`: "attributes unknown",
			`{"job_title":"a\nb"}`: "attributes.job_title invalid", `{"cost_centre":"A1"}`: "attributes.cost_centre read_only", `{"cost_centre":null}`: "attributes.cost_centre read_only",
			// All at once, and what is right besides does not hold.
			`{"job_title":"Chief","level":true,"remote":1}`: "attributes.level invalid attributes.remote invalid",
		} {
			a := w.me("member", w.acme, `{"attributes":`+body+`}`)
			refused(t, body, a, http.StatusBadRequest, "profile_invalid")
			if got := blames(a); got != blamed {
				t.Errorf("%s: it blames %s", body, got)
			}
		}
		for _, body := range []string{`{"attributes":{"level":NaN}}`, `{"attributes":{"level":1,"level":2}}`} {
			refused(t, body, w.me("member", w.acme, body), http.StatusBadRequest, "json_invalid")
		}
		for _, body := range []string{`{"attributes":"job_title"}`, `{"attributes":["job_title"]}`, `{"role":"owner"}`, `{"attributes":{},"permissions":["*"]}`} {
			refused(t, body, w.me("member", w.acme, body), http.StatusBadRequest, "fields_invalid")
		}
		if after := w.snapshot(); after != before {
			t.Errorf("changed:\n%s\nto\n%s", before, after)
		}
	})
}

// blames lists the fields of a refusal with their codes.
func blames(a domaintest.Answer) string {
	var all []string
	entries, _ := a.JSON["errors"].([]any)
	for _, one := range entries {
		e := one.(map[string]any)
		all = append(all, fmt.Sprint(e["field"], " ", e["code"]))
	}
	return strings.Join(all, " ")
}

func TestWhoManagesMembersSetsWhatTheyMayNot(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		shows(t, "by an admin", w.patch("admin", w.acme, "member", `{"role":"admin","attributes":{"cost_centre":"A1","job_title":"Clerk"}}`), "cost_centre:A1 job_title:Clerk")
		if w.role("member", w.acme) != "admin" {
			t.Error("the role that came with it was lost")
		}
		shows(t, "of themselves", w.patch("admin", w.acme, "admin", `{"attributes":{"cost_centre":"B2"}}`), "cost_centre:B2")
		shows(t, "seen", w.Call(http.MethodGet, "/tenants/acme/members/"+w.subject("member")+"/", "", w.as("owner", w.acme)), "cost_centre:A1 job_title:Clerk")
		shows(t, "kept", w.me("member", w.acme, `{"attributes":{"job_title":null}}`), "cost_centre:A1")

		before := w.snapshot()
		// Half of a change is none.
		refused(t, "with a role that there is not", w.patch("owner", w.acme, "member", `{"role":"nothing","attributes":{"level":1}}`), http.StatusBadRequest, "role_unknown")
		refused(t, "with a wrong value", w.patch("owner", w.acme, "member", `{"role":"member","attributes":{"level":"1"}}`), http.StatusBadRequest, "profile_invalid")
		// An admin has no command of who may do more, and a member of nobody.
		refused(t, "an owner by an admin", w.patch("admin", w.acme, "owner", `{"attributes":{"level":1}}`), http.StatusForbidden, "role_escalation")
		refused(t, "by an editor", w.patch("editor", w.acme, "member", `{"attributes":{"level":1}}`), http.StatusForbidden, "permission_required")
		refused(t, "of another tenant's member", w.patch("owner", w.acme, "g-member", `{"attributes":{"level":1}}`), http.StatusNotFound, "member_not_found")
		refused(t, "by another tenant's owner", w.Call(http.MethodPatch, "/tenants/acme/members/"+w.subject("member")+"/", `{"attributes":{"level":1}}`, w.as("g-owner", w.globex)), http.StatusForbidden, "tenant_required")
		refused(t, "by another tenant's member", w.Call(http.MethodPatch, "/tenants/acme/me/", `{"attributes":{"level":1}}`, w.as("g-member", w.globex)), http.StatusForbidden, "tenant_required")
		refused(t, "by nobody's member", w.Call(http.MethodPatch, "/tenants/acme/me/", `{"attributes":{"level":1}}`, domaintest.Bearer(w.people["outsider"].session)), http.StatusForbidden, "tenant_required")
		level := map[string]any{"level": 1.0}
		for who, want := range map[string]string{"g-owner": "tenant_required", "outsider": "tenant_required", "": "tenant_required", "admin": "member_not_found"} {
			if _, err := w.members.SetOwn(t.Context(), w.by(who), w.acme.ID, w.subject("member"), level, ""); code(err) != want {
				t.Errorf("as their own by %q: %v", who, err)
			}
		}
		if after := w.snapshot(); after != before {
			t.Errorf("changed:\n%s\nto\n%s", before, after)
		}
	})
}

// The list is what pages of it are read by, so it stays as light as it was.
func TestTheListOfMembersLeavesAttributesOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.me("member", w.acme, `{"attributes":{"job_title":"Clerk"}}`)
		var a domaintest.Answer
		statements := w.Statements(func() { a = w.Call(http.MethodGet, "/tenants/acme/members/", "", w.as("owner", w.acme)) })
		if a.Status != http.StatusOK || strings.Contains(a.Text, "attributes") || strings.Contains(strings.Join(statements, " "), "attributes") {
			t.Errorf("answered %s by\n%s", a.Text, strings.Join(statements, "\n"))
		}
	})
}

func TestWhereNoAttributeIsDeclaredNobodyHasAny(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.me("member", w.acme, `{"attributes":{"job_title":"Clerk"}}`)
		w.members.Schema = account.Schema{}
		if a := w.me("member", w.acme, ""); a.Status != http.StatusOK || strings.Contains(a.Text, "attributes") {
			t.Errorf("answered %d %s", a.Status, a.Text)
		}
		if a := w.me("member", w.acme, `{"attributes":{"job_title":"Chief"}}`); blames(a) != "attributes unknown" || w.stored("member", w.acme) != `{"job_title":"Clerk"}` {
			t.Errorf("answered %d %s", a.Status, a.Text)
		}
	})
}

// What is declared no more is kept until attributes change again, and not shown.
func TestDeclarationsOfMembersAttributesComeAndGo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`UPDATE membership SET attributes = '{"former":"x","job_title":"Clerk","level":"high"}' WHERE account_id = $1`, w.people["member"].ID)
		shows(t, "seen", w.me("member", w.acme, ""), "job_title:Clerk")
		w.patch("owner", w.acme, "member", `{"permissions":["audit.read"]}`)
		if got := w.stored("member", w.acme); !strings.Contains(got, "former") {
			t.Errorf("another change left %s", got)
		}
	})
}

func TestRequiredAttributesAreAskedForWithTheFirstChange(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.members.Schema = schema(t, append(slices.Clone(declared), account.Attribute{Name: "badge", Type: "string", Required: true})...)
		shows(t, "before", w.me("member", w.acme, ""), "")
		a := w.me("member", w.acme, `{"attributes":{"level":"x"}}`)
		refused(t, "without it", a, http.StatusBadRequest, "profile_invalid")
		if got := blames(a); got != "attributes.level invalid attributes.badge required" {
			t.Errorf("it blames %s", got)
		}
		if got := blames(w.me("member", w.acme, `{"attributes":{"badge":null}}`)); got != "attributes.badge required" {
			t.Errorf("said to be none, it blames %s", got)
		}
		// It is asked of the member, not of who sets something else of them.
		shows(t, "by an admin", w.patch("admin", w.acme, "member", `{"attributes":{"cost_centre":"A1"}}`), "cost_centre:A1")
		shows(t, "with it", w.me("member", w.acme, `{"attributes":{"badge":"7"}}`), "badge:7 cost_centre:A1")
		shows(t, "after", w.me("member", w.acme, `{"attributes":{"level":1}}`), "badge:7 cost_centre:A1 level:1")
		for _, nothing := range []string{`null`, `""`, `" "`, `"\u200b"`} {
			if got := blames(w.patch("admin", w.acme, "member", `{"attributes":{"badge":`+nothing+`}}`)); got != "attributes.badge required" {
				t.Errorf("%s: it blames %s", nothing, got)
			}
		}
	})
}

func TestChangesOfAttributesAreAuditedByName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.me("member", w.acme, `{"attributes":{"job_title":"Canary","level":7}}`)
		w.me("member", w.acme, `{"attributes":{"job_title":"Canary"}}`) // the same is no change
		w.me("member", w.acme, `{"attributes":{"shift":null}}`)         // nor is nothing
		w.me("member", w.acme, `{}`)
		w.patch("admin", w.acme, "member", `{"attributes":{"job_title":"Canary","level":null,"cost_centre":"Canary"}}`)
		member := w.people["member"].ID
		for detail, actor := range map[string]string{`{"members":"attributes.job_title attributes.level"}`: "self", `{"by":"member","members":"attributes.cost_centre attributes.level"}`: w.people["admin"].ID.String()} {
			if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'member.profile_changed' AND tenant_id = $1 AND account_id = $2 AND actor = $3 AND detail = $4`, w.acme.ID, member, actor, detail); n != 1 {
				t.Errorf("%d events of %s by %s", n, detail, actor)
			}
		}
		if all := w.Audited("member.profile_changed"); len(all) != 2 || strings.Contains(strings.Join(all, " "), "Canary") {
			t.Errorf("events %v", all)
		}
		if mails := w.mailed(); len(mails) != 0 {
			t.Errorf("it is nothing to be told of: %v", mails)
		}
	})
}

func TestAttributesChangedAtTheSameTimeAllHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var group sync.WaitGroup
		for _, change := range []func(){
			func() { w.me("member", w.acme, `{"attributes":{"job_title":"Clerk"}}`) },
			func() { w.me("member", w.acme, `{"attributes":{"level":1}}`) },
			func() { w.me("member", w.acme, `{"attributes":{"remote":true}}`) },
			func() { w.patch("owner", w.acme, "member", `{"attributes":{"shift":"day"}}`) },
			func() { w.patch("admin", w.acme, "member", `{"attributes":{"cost_centre":"A1"}}`) },
			func() { w.patch("owner", w.acme, "member", `{"permissions":["audit.read"]}`) },
		} {
			group.Go(change)
		}
		group.Wait()
		shows(t, "afterwards", w.me("member", w.acme, ""), "cost_centre:A1 job_title:Clerk level:1 remote:true shift:day")
	})
}

// The server beside this one may have other declarations, for as long as an upgrade takes.
func TestWhatIsNotShownStaysWhenSomethingElseChanges(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.me("member", w.acme, `{"attributes":{"job_title":"Clerk","level":1,"remote":true}}`)
		before := w.members.Schema
		w.members.Schema = schema(t, account.Attribute{Name: "level", Type: "string", Required: true}, account.Attribute{Name: "remote", Type: "boolean"})
		if got := blames(w.me("member", w.acme, `{"attributes":{"remote":false}}`)); got != "attributes.level required" {
			t.Errorf("a value of another type was taken for one: it blames %s", got)
		}
		shows(t, "with the new ones", w.me("member", w.acme, `{"attributes":{"remote":false,"level":"one"}}`), "level:one remote:false")
		w.members.Schema = before
		shows(t, "with the former ones", w.me("member", w.acme, ""), "job_title:Clerk remote:false")
	})
}

// Each change is an event in the audit of the tenant, which a member does not get to bury.
func TestAMemberChangesTheirOwnThirtyTimesAnHour(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for n := range 30 {
			if a := w.me("member", w.acme, fmt.Sprintf(`{"attributes":{"level":%d}}`, n)); a.Status != http.StatusOK {
				t.Fatalf("change %d: %d %s", n, a.Status, a.Text)
			}
			if n < 3 { // what is refused is no change
				w.me("member", w.acme, `{"attributes":{"level":"high"}}`)
			}
		}
		refused(t, "once more", w.me("member", w.acme, `{"attributes":{"level":1}}`), http.StatusTooManyRequests, "rate_limited")
		w.World.Join(w.globex, w.people["member"].ID, "member")
		for what, a := range map[string]domaintest.Answer{"in another tenant": w.me("member", w.globex, `{"attributes":{"level":1}}`), "another's": w.me("editor", w.acme, `{"attributes":{"level":1}}`)} {
			shows(t, what, a, "level:1")
		}
	})
}

// A form that was opened before another change is not taken.
func TestAMarkStandsForAttributesToo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		get := func() *member.Member {
			m, err := w.members.Get(context.Background(), w.acme.ID, w.subject("member"))
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		seen := get().Mark()
		w.me("member", w.acme, `{"attributes":{"level":1}}`)
		level := map[string]any{"level": 2.0}
		_, own := w.members.SetOwn(t.Context(), w.by("member"), w.acme.ID, w.subject("member"), level, seen)
		_, managed := w.members.Set(t.Context(), w.by("owner"), w.acme.ID, w.subject("member"), member.Change{Attributes: level, Was: seen})
		if code(own) != "member_changed" || code(managed) != "member_changed" || get().Attributes["level"] != 1.0 {
			t.Errorf("%v, %v", own, managed)
		}
		if _, err := w.members.SetOwn(t.Context(), w.by("member"), w.acme.ID, w.subject("member"), level, get().Mark()); err != nil || get().Attributes["level"] != 2.0 {
			t.Error(err)
		}
	})
}

// Who leaves takes their profile with them: coming back is a new beginning.
func TestAttributesGoWithTheMembership(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.me("member", w.acme, `{"attributes":{"job_title":"Clerk"}}`)
		w.Call(http.MethodPost, "/tenants/acme/leave/", "", w.as("member", w.acme))
		if n := w.Count(`SELECT count(*) FROM membership WHERE attributes <> '{}'`); n != 0 {
			t.Errorf("%d are left", n)
		}
		w.World.Join(w.acme, w.people["member"].ID, "member")
		shows(t, "back", w.me("member", w.acme, ""), "")
	})
}

// Staff who are no superusers change nothing of their own membership, also of what they are there.
func TestStaffSetNoAttributesOfTheirOwn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		officer := w.people["member"]
		change := member.Change{Attributes: map[string]any{"cost_centre": "A1"}}
		if _, err := w.members.Set(t.Context(), tenant.ByOfficer(officer.ID), w.acme.ID, officer.Subject, change); code(err) != "own_membership" {
			t.Errorf("their own: %v", err)
		}
		if m, err := w.members.Set(t.Context(), tenant.ByOfficer(officer.ID), w.acme.ID, w.subject("owner"), change); err != nil || m.Attributes["cost_centre"] != "A1" {
			t.Errorf("an owner's: %v", err)
		}
	})
}
