package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// routes are all that are about one tenant, with what they need.
var routes = []struct{ method, path, body, permission string }{
	{get, "", "", role.ReadTenant},
	{patch, "", `{"name":"Other"}`, role.ManageTenant},
	{remove, "", `{"slug":"acme"}`, role.DeleteTenant},
	{get, "domains/", "", role.ReadTenant},
	{post, "domains/", `{"domain":"other.example"}`, role.ManageTenant},
	{post, "domains/example.com/verify/", "", role.ManageTenant},
	{remove, "domains/example.com/", "", role.ManageTenant},
	{get, "audit/", "", role.ReadAudit},
}

func TestATenantIsForItsMembers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, globex := w.Tenant("acme", w.account.ID), w.Tenant("globex", w.Account("al@example.com", "").ID)
		if _, err := w.service.AddDomain(t.Context(), tenant.By(w.account.ID), acme.ID, "example.com"); err != nil {
			t.Fatal(err)
		}
		plain := w.member(acme, "pat@example.com", role.Member)
		bare := w.member(acme, "bo@example.com", "nothing") // a role that is gone
		other := w.member(globex, "eve@example.com", role.Owner)
		before := w.state()
		for _, r := range routes {
			name := r.method + " " + r.path
			for who, ask := range map[string]struct {
				by     session.Bearer
				within tenant.ID
				path   string
			}{
				"another tenant's owner, by slug":        {other, globex.ID, "acme"},
				"another tenant's owner, by id":          {other, globex.ID, acme.ID.String()},
				"another's, with a token made up":        {other, acme.ID, "acme"},
				"a tenant that there is not":             {other, globex.ID, "nowhere"},
				"and by id":                              {other, globex.ID, uuid.NewString()},
				"a token for a tenant that there is not": {w.me, uuid.New(), "acme"},
				"a token for none":                       {w.me, uuid.Nil, "acme"},
			} {
				a := w.Call(r.method, "/tenants/"+ask.path+"/"+r.path, r.body, domaintest.BearerIn(ask.by, ask.within))
				if a.Status != http.StatusForbidden || a.Code != "tenant_required" {
					t.Errorf("%s, %s: answered %d %s", name, who, a.Status, a.Text)
				}
			}
			if a := w.asks(bare, acme, r.method, "/tenants/acme/"+r.path, r.body); a.Code != "permission_required" || a.JSON["permission"] != r.permission {
				t.Errorf("%s, without rights: answered %d %s", name, a.Status, a.Text)
			}
			if a := w.asks(plain, acme, r.method, "/tenants/acme/"+r.path, r.body); r.permission != role.ReadTenant && a.Code != "permission_required" {
				t.Errorf("%s, a member: answered %d %s", name, a.Status, a.Text)
			}
			if a := w.Call(r.method, "/tenants/acme/"+r.path, r.body); a.Status != http.StatusUnauthorized {
				t.Errorf("%s, nobody: answered %d", name, a.Status)
			}
		}
		if after := w.state(); after != before {
			t.Errorf("%s\nbecame\n%s", before, after)
		}
	})
}

// state is all that is held of tenants.
func (w *world) state() string {
	w.t.Helper()
	var rows []string
	for _, q := range []string{`SELECT slug || name || color || join_role || email_domains FROM tenant`, `SELECT slug FROM tenant_slug`, `SELECT domain || challenge FROM tenant_domain`,
		`SELECT role || permissions FROM membership`, `SELECT kind || reason FROM audit_event`} {
		err := w.DB.In(db.All()).Each(context.Background(), q, nil, func(scan func(...any) error) error {
			var row string
			err := scan(&row)
			rows = append(rows, row)
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	slices.Sort(rows)
	return strings.Join(rows, "\n")
}

func TestWhatCannotBeUndoneAsksForAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.Exec(`UPDATE session SET auth_time = auth_time - 600000`)
		refused(t, w.asks(w.me, acme, patch, "/tenants/acme/", `{"name":"Other"}`), http.StatusUnauthorized, "proof_stale")
		refused(t, w.asks(w.me, acme, remove, "/tenants/acme/", `{"slug":"acme"}`), http.StatusUnauthorized, "proof_stale")
	})
}

func TestSettingsChangeWhereTheyAreGiven(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.Exec(`UPDATE session SET amr = 'hwk', aal = 2`)
		a := w.asks(w.me, acme, patch, "/tenants/acme/", `{"name":"Acme Corp","color":"#00ff7f","radius":4,"font":"serif","policy":{"second_factor":true,"max_age":3600,"max_idle":1800,"refuse_methods":["password","email"],"email_domains":["Example.com"],"join_role":"member"}}`)
		done(t, a, http.StatusOK)
		want := tenant.Policy{SecondFactor: true, MaxAge: time.Hour, MaxIdle: 30 * time.Minute, NoPassword: true, NoMail: true, EmailDomains: []string{"example.com"}, JoinRole: "member"}
		if got := w.now(acme.ID); fmt.Sprint(got.Policy) != fmt.Sprint(want) || got.Name != "Acme Corp" || got.Slug != "acme" || got.Brand != (ui.Brand{Color: "#00ff7f", Radius: 4, Font: "serif"}) {
			t.Errorf("it is %+v", got)
		}
		before := w.now(acme.ID).Policy
		done(t, w.asks(w.me, acme, patch, "/tenants/acme/", `{"slug":"acme-2","policy":{}}`), http.StatusOK)
		if got := w.now(acme.ID); fmt.Sprint(got.Policy) != fmt.Sprint(before) || got.Slug != "acme-2" || got.Name != "Acme Corp" || got.Radius != 4 || got.Font != "serif" {
			t.Errorf("it is %+v", got)
		}
		if a = w.asks(w.me, acme, get, "/tenants/acme-2/", ""); a.JSON["radius"] != 4.0 || a.JSON["font"] != "serif" || a.JSON["policy"].(map[string]any)["max_idle"] != 1800.0 {
			t.Errorf("it is %s", a.Text)
		}
		done(t, w.asks(w.me, acme, patch, "/tenants/acme-2/", `{"color":"","radius":0,"font":"","policy":{"max_age":0,"max_idle":0,"refuse_methods":[],"email_domains":[],"join_role":""}}`), http.StatusOK)
		a = w.asks(w.me, acme, get, "/tenants/acme-2/", "")
		if p := a.JSON["policy"].(map[string]any); a.JSON["color"] != "" || a.JSON["radius"] != 0.0 || a.JSON["font"] != "" || fmt.Sprint(p) != fmt.Sprint(map[string]any{"second_factor": true, "max_age": 0.0, "max_idle": 0.0, "refuse_methods": []any{}, "email_domains": []any{}, "join_role": ""}) {
			t.Errorf("it is %s", a.Text)
		}
		refused(t, w.asks(w.me, acme, get, "/tenants/acme/", ""), http.StatusForbidden, "tenant_required") // the former slug names nobody
		done(t, w.asks(w.me, acme, patch, "/tenants/acme-2/", `{"name":"Acme Corp"}`), http.StatusOK)      // nothing changes
		var details []string
		err := w.DB.In(db.Tenant(acme.ID)).Each(t.Context(), `SELECT detail FROM audit_event WHERE kind = 'tenant.changed' ORDER BY id`, nil, func(scan func(...any) error) error {
			var d string
			err := scan(&d)
			details = append(details, d)
			return err
		})
		if err != nil || fmt.Sprint(details) != fmt.Sprint([]string{
			`{"by":"member","members":"name color radius font policy.second_factor policy.max_age policy.max_idle policy.refuse_methods policy.email_domains policy.join_role","slug":"acme"}`,
			`{"by":"member","members":"slug","slug":"acme-2"}`,
			`{"by":"member","members":"color radius font policy.max_age policy.max_idle policy.refuse_methods policy.email_domains policy.join_role","slug":"acme-2"}`}) {
			t.Errorf("audited %s, %v", details, err)
		}
	})
}

func TestSettingsThatCannotBeAreRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.Tenant("globex", w.Account("al@example.com", "").ID)
		for body, want := range map[string][2]string{
			`{"name":"globex"}`:                          {"", "tenant_name_taken"},
			`{"slug":"g1obex"}`:                          {"", "tenant_slug_taken"},
			`{"slug":"api"}`:                             {"slug", "tenant_slug_invalid"},
			`{"color":"red"}`:                            {"color", "color_invalid"},
			`{"color":"#00ff7f;"}`:                       {"color", "too_long"},
			`{"policy":{"max_age":10}}`:                  {"max_age", "max_age_invalid"},
			`{"policy":{"max_age":9223372036854775807}}`: {"policy.max_age", "invalid"},
			`{"policy":{"max_idle":1799}}`:               {"max_idle", "max_idle_invalid"},
			`{"policy":{"max_idle":34560001}}`:           {"policy.max_idle", "invalid"},
			`{"policy":{"max_idle":-1800}}`:              {"policy.max_idle", "invalid"},
			`{"radius":25}`:                              {"radius", "invalid"},
			`{"radius":-1}`:                              {"radius", "invalid"},
			`{"font":"comic"}`:                           {"font", "font_invalid"},
			`{"font":"serif;}*{display:none"}`:           {"font", "too_long"},
			`{"policy":{"max_age":-300}}`:                {"policy.max_age", "invalid"},
			`{"policy":{"refuse_methods":["password","passkey","email"]}}`: {"methods", "methods_invalid"},
			`{"policy":{"refuse_methods":["face"]}}`:                       {"policy.refuse_methods[0]", "not_allowed"},
			`{"policy":{"email_domains":["com"]}}`:                         {"email_domains", "domain_invalid"},
			`{"policy":{"join_role":"owner"}}`:                             {"join_role", "join_role_invalid"},
			`{"policy":{"join_role":"nobody"}}`:                            {"join_role", "role_unknown"},
			`{"policy":{"second_factor":"yes"}}`:                           {"policy.second_factor", "type"},
			`{"is_active":false}`:                                          {"is_active", "unknown"},
			`{"policy":{"max_age":300,"extra":1}}`:                         {"policy", "unknown"},
		} {
			a := w.asks(w.me, acme, patch, "/tenants/acme/", body)
			if want[0] == "" && a.Code != want[1] || want[0] != "" && fields(a)[want[0]] != want[1] || a.Status < 400 || a.Status > 409 {
				t.Errorf("%s: answered %d %s", body, a.Status, a.Text)
			}
		}
		if got := w.now(acme.ID); fmt.Sprint(*got) != fmt.Sprint(*acme) {
			t.Errorf("it is %+v", got)
		}
	})
}

// Whoever lets others join gives them a role, and nobody gives what they do not have.
func TestNobodyLetsOthersJoinWithMoreThanTheyHave(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.grows(acme, "deleter", role.DeleteTenant)
		w.grows(acme, "reader", role.ReadTenant)
		admin := w.member(acme, "pat@example.com", role.Admin)
		keeper := w.member(acme, "bo@example.com", role.Member)
		w.lets(acme, keeper, role.ManageTenant)
		joinAs := func(by session.Bearer, name string) domaintest.Answer {
			return w.asks(by, acme, patch, "/tenants/acme/", `{"policy":{"join_role":"`+name+`"}}`)
		}
		for _, name := range []string{"editor", "deleter"} {
			refused(t, joinAs(admin, name), http.StatusForbidden, "role_escalation")
		}
		for _, name := range []string{"admin", "editor"} {
			refused(t, joinAs(keeper, name), http.StatusForbidden, "role_escalation")
		}
		if reasons := w.Audited("tenant.change_refused"); fmt.Sprint(reasons) != "[role_escalation role_escalation]" {
			t.Errorf("audited %v", reasons)
		}
		done(t, joinAs(keeper, "reader"), http.StatusOK)
		done(t, joinAs(admin, "admin"), http.StatusOK)
		// What another let others join with stands; one can change the rest.
		done(t, w.asks(keeper, acme, patch, "/tenants/acme/", `{"color":"#000000","policy":{"join_role":"admin"}}`), http.StatusOK)
		done(t, joinAs(w.me, "deleter"), http.StatusOK)
	})
}

func TestOfTwoTenantsThatRenameThemselvesAtOnceOneGetsTheSlug(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, globex := w.Tenant("acme", w.account.ID), w.Tenant("globex", w.account.ID)
		rename := func(one *tenant.Tenant) func() error {
			return func() error {
				_, err := w.service.Change(context.Background(), tenant.By(w.account.ID), one.ID, func(s *tenant.Settings) { s.Slug = "initech" })
				return err
			}
		}
		came := together(rename(acme), rename(globex))
		if (came[0] == nil) == (came[1] == nil) || !errors.Is(errors.Join(came...), tenant.ErrSlugTaken) {
			t.Errorf("%v", came)
		}
		if w.Count(`SELECT count(*) FROM tenant WHERE slug = 'initech'`) != 1 {
			t.Error("not one tenant has it")
		}
	})
}

func TestStaffSuspendAndResume(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		for range 2 {
			if got, err := w.service.SetActive(t.Context(), acme.ID, false, "did not pay for a year"); err != nil || got.Active {
				t.Fatal(got, err)
			}
		}
		refused(t, w.asks(w.me, acme, get, "/tenants/acme/", ""), http.StatusForbidden, "tenant_required")
		if mine := w.Call(get, "/tenants/", "", domaintest.Bearer(w.me)); mine.JSON["tenants"].([]any)[0].(map[string]any)["is_active"] != false {
			t.Errorf("listed %s", mine.Text)
		}
		if _, err := w.service.Change(t.Context(), tenant.By(w.account.ID), acme.ID, func(s *tenant.Settings) { s.Name = "Mine" }); !errors.Is(err, tenant.ErrNotMember) {
			t.Errorf("its owner: %v", err)
		}
		if _, err := w.service.Change(t.Context(), tenant.ByStaff(), acme.ID, func(s *tenant.Settings) { s.Name = "Theirs" }); err != nil {
			t.Errorf("staff: %v", err)
		}
		if got, err := w.service.SetActive(t.Context(), acme.ID, true, ""); err != nil || !got.Active {
			t.Fatal(got, err)
		}
		done(t, w.asks(w.me, acme, get, "/tenants/acme/", ""), http.StatusOK)
		if s, r := w.Audited("tenant.suspended"), w.Audited("tenant.resumed"); !slices.Equal(s, []string{"did not pay for a year"}) || !slices.Equal(r, []string{""}) {
			t.Errorf("audited %v, %v", s, r)
		}
		if _, err := w.service.SetActive(t.Context(), uuid.New(), true, ""); !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("a tenant that there is not: %v", err)
		}
	})
}

func TestDeletingATenantLeavesNothingAndTellsItsMembers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, globex := w.Tenant("acme", w.account.ID), w.Tenant("globex", w.account.ID)
		admin := w.member(acme, "pat@example.com", role.Admin)
		w.member(acme, "bo@example.com", role.Member)
		w.grows(acme, "reader", role.ReadTenant)
		if _, err := w.service.AddDomain(t.Context(), tenant.By(w.account.ID), acme.ID, "example.com"); err != nil {
			t.Fatal(err)
		}
		refused(t, w.asks(admin, acme, remove, "/tenants/acme/", `{"slug":"acme"}`), http.StatusForbidden, "permission_required")
		for _, typed := range []string{"", "ACME", "globex", "acme "} {
			a := w.asks(w.me, acme, remove, "/tenants/acme/", `{"slug":"`+typed+`"}`)
			refused(t, a, http.StatusBadRequest, "tenant_slug_mismatch")
		}
		done(t, w.asks(w.me, acme, remove, "/tenants/acme/", `{"slug":"acme"}`), http.StatusNoContent)
		for _, table := range []string{"tenant_domain", "tenant_role", "membership"} {
			if n := w.Count(`SELECT count(*) FROM `+table+` WHERE tenant_id = $1`, acme.ID); n != 0 {
				t.Errorf("%s has %d rows", table, n)
			}
		}
		w.Drain()
		subject, _, _, err := w.Letters.Preview(letter.TenantDeleted, "")
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, m := range w.Mails.Take() {
			if m.Subject != subject || !strings.Contains(m.Text, "acme") {
				t.Errorf("to %s: %q\n%s", m.To, m.Subject, m.Text)
			}
			told = append(told, m.To)
		}
		slices.Sort(told)
		if fmt.Sprint(told) != "[bo@example.com jo@example.com pat@example.com]" {
			t.Errorf("told %v", told)
		}
		refused(t, w.asks(w.me, acme, get, "/tenants/acme/", ""), http.StatusForbidden, "tenant_required")
		refused(t, w.asks(w.me, acme, get, "/tenants/"+acme.ID.String()+"/", ""), http.StatusForbidden, "tenant_required")
		done(t, w.asks(w.me, globex, get, "/tenants/globex/", ""), http.StatusOK)
		if w.Count(`SELECT count(*) FROM account`) != 3 || w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'tenant.deleted' AND tenant_id = $1`, acme.ID) != 1 {
			t.Error("accounts are gone, or there is no trace")
		}
		refused(t, w.creates(`{"name":"Acme again","slug":"acme"}`), http.StatusConflict, "tenant_slug_taken")
	})
}

func TestChangesAreNotCountedAndGuessesAre(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.Tenant("globex", w.Account("al@example.com", "").ID)
		change := func(fn func(*tenant.Settings)) error {
			_, err := w.service.Change(t.Context(), tenant.By(w.account.ID), acme.ID, fn)
			return err
		}
		for i := range 30 {
			if err := change(func(s *tenant.Settings) { s.Color = fmt.Sprintf("#0000%02d", i) }); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			if err := change(func(s *tenant.Settings) { s.Slug = "globex" }); !errors.Is(err, tenant.ErrSlugTaken) {
				t.Fatal(err)
			}
		}
		if err := change(func(s *tenant.Settings) { s.Slug = "initech" }); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("one guess more: %v", err)
		}
	})
}
