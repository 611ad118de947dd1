package member_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

func (w *world) leave(at string, as domaintest.Option) domaintest.Answer {
	return w.Call(http.MethodPost, "/tenants/"+at+"/leave/", "", as)
}

// Whoever wants to go goes, whatever the tenant asks of those who come in.
func TestOneMayAlwaysLeave(t *testing.T) {
	for name, spoil := range map[string]string{
		"a policy that the session does not meet": `UPDATE tenant SET second_factor = TRUE, no_password = TRUE, max_age_ms = 1`,
		"a tenant that is suspended":              `UPDATE tenant SET active = FALSE`,
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.Exec(spoil)
				if a := w.leave("acme", domaintest.Bearer(w.people["member"].session)); a.Status != http.StatusNoContent || w.Count(`SELECT count(*) FROM membership WHERE account_id = $1`, w.people["member"].ID) != 0 {
					t.Errorf("answered %d %s", a.Status, a.Text)
				}
				if a := w.leave(w.acme.ID.String(), w.as("editor", w.acme)); a.Status != http.StatusNoContent {
					t.Errorf("with a token of the tenant: %d %s", a.Status, a.Text)
				}
				refused(t, "the last owner", w.leave("acme", domaintest.Bearer(w.people["owner"].session)), http.StatusConflict, "last_owner")
			})
		})
	}
}

func TestNobodyIsTakenOutByATokenOfAnotherTenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.World.Join(w.globex, w.people["member"].ID, "member")
		refused(t, "another's token", w.leave("acme", w.as("member", w.globex)), http.StatusForbidden, "tenant_required")
		for _, name := range []string{"globex", w.globex.ID.String(), "nowhere", w.people["admin"].ID.String(), "No Name"} {
			refused(t, name, w.leave(strings.ReplaceAll(name, " ", "%20"), domaintest.Bearer(w.people["admin"].session)), http.StatusForbidden, "tenant_required")
		}
		if w.role("member", w.acme) != "member" {
			t.Error("they are out")
		}
	})
}

// An owner who cannot sign in is no owner that a tenant can be left to.
func TestTheLastOwnerIsTheLastWhoseAccountIsActive(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.give("admin", "owner")
		w.Exec(`UPDATE account SET active = FALSE WHERE id = $1`, w.people["owner"].ID)
		refused(t, "leave", w.leave("acme", w.as("admin", w.acme)), http.StatusConflict, "last_owner")
		refused(t, "demote", w.patch("admin", w.acme, "admin", `{"role":"member"}`), http.StatusConflict, "last_owner")
		// Where none was active before, nobody is held.
		w.Exec(`UPDATE membership SET role = 'admin' WHERE account_id = $1`, w.people["admin"].ID)
		if a := w.leave("acme", w.as("admin", w.acme)); a.Status != http.StatusNoContent {
			t.Errorf("answered %d %s", a.Status, a.Text)
		}
	})
}

func TestChangesInARowBringOneLetterAnHour(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		told := func() []string { return w.mailed()["member@example.com"] }
		changed := []string{w.says(letter.TenantRoleChanged)}
		w.give("member", "owner") // brings another letter
		if got := told(); !slices.Equal(got, []string{w.says(letter.TenantOwner)}) {
			t.Errorf("told %q", got)
		}
		for i := range 6 {
			w.give("member", []string{"editor", "admin"}[i%2])
		}
		w.give("member", "owner")
		if got := told(); !slices.Equal(got, changed) {
			t.Errorf("told %q", got)
		}
		if n := len(w.Audited("member.role_changed")); n != 8 {
			t.Errorf("%d events", n)
		}
		w.give("editor", "member")
		if got := w.mailed()["editor@example.com"]; !slices.Equal(got, changed) {
			t.Errorf("another is told %q", got)
		}
		w.Clock.Advance(time.Hour)
		w.give("member", "editor")
		w.give("member", "editor") // changes nothing
		if got := told(); !slices.Equal(got, changed) {
			t.Errorf("an hour later: told %q", got)
		}
	})
}

// What is refused or changes nothing keeps no letter from whoever it would be for.
func TestWhatChangesNothingCostsNoLetter(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		refused(t, "escalation", w.patch("admin", w.acme, "member", `{"role":"owner"}`), http.StatusForbidden, "role_escalation")
		w.give("member", "member")
		w.give("member", "editor")
		if got := w.mailed()["member@example.com"]; !slices.Equal(got, []string{w.says(letter.TenantRoleChanged)}) {
			t.Errorf("told %q", got)
		}
	})
}

// A stranger's try locks no tenant, and asks the same whether or not it is there.
func TestStrangersWhoTryToJoinLockNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.opens(w.acme, "member")
		w.Exec(`UPDATE account SET email = 'x@example.org', email_key = 'x@example.org' WHERE id = $1`, w.people["outsider"].ID)
		asked := map[string]string{}
		for _, name := range []string{"acme", "nowhere", w.acme.ID.String()} {
			var refusal domaintest.Answer
			all := w.Statements(func() { refusal = w.join("outsider", name) })
			refused(t, name, refusal, http.StatusForbidden, "tenant_required")
			asked[name] = strings.Join(all, "\n")
			if strings.Contains(asked[name], "UPDATE tenant") {
				t.Errorf("%s is locked:\n%s", name, asked[name])
			}
		}
		if asked["acme"] != asked["nowhere"] || asked["acme"] != asked[w.acme.ID.String()] {
			t.Errorf("different things are asked: %q", asked)
		}
	})
}

func TestTriesToJoinAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.opens(w.acme, "member")
		for i := range 20 {
			refused(t, "a try", w.join("outsider", []string{"globex", "nowhere"}[i%2]), http.StatusForbidden, "tenant_required")
		}
		if _, err := w.members.Join(t.Context(), w.people["outsider"].ID, "acme"); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("one more: %v", err)
		}
		if a := w.join("g-member", "acme"); a.Status != http.StatusOK {
			t.Errorf("another pays for it: %d", a.Status)
		}
	})
}

// An account cannot be erased that leaves a tenant to owners who cannot sign in.
func TestDisabledOwnersDoNotCountWhenAnAccountIsErased(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.give("admin", "owner")
		for _, disabled := range []bool{false, true} {
			w.Exec(`UPDATE account SET active = $2 WHERE id = $1`, w.people["admin"].ID, !disabled)
			w.Within(w.acme.ID, func(tx *db.Tx) error {
				rest, err := tenant.Without(t.Context(), tx, w.acme, w.people["owner"].ID)
				if rest.Orphaned != disabled || rest.Members != 3 {
					t.Errorf("disabled %v: %+v", disabled, rest)
				}
				return err
			})
		}
	})
}
