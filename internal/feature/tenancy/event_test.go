package tenancy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

func TestMembersReadWhatHappenedInTheirTenantAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		acme, globex := w.Tenant("acme", w.account.ID), w.Tenant("globex", w.account.ID)
		admin := w.member(acme, "pat@example.com", role.Admin)
		gone := w.member(acme, "bo@example.com", role.Admin)
		done(t, w.asks(admin, acme, patch, "/tenants/acme/", `{"color":"#00ff7f"}`), http.StatusOK)
		done(t, w.asks(gone, acme, patch, "/tenants/acme/", `{"color":"#00ff80"}`), http.StatusOK)
		done(t, w.asks(w.me, globex, patch, "/tenants/globex/", `{"color":"#00ff81"}`), http.StatusOK)
		w.Exec(`DELETE FROM membership WHERE account_id = $1`, gone.AccountID)
		staff := audit.NewContext(ctx, audit.Source{Actor: uuid.NewString(), Address: "192.0.2.7", Device: "Staff's browser"})
		if _, err := w.service.SetActive(staff, acme.ID, false, "suspected of fraud, see our files"); err != nil {
			t.Fatal(err)
		}
		cli := audit.NewContext(ctx, audit.Source{Actor: "cli"})
		if _, err := w.service.SetActive(cli, acme.ID, true, ""); err != nil {
			t.Fatal(err)
		}
		w.Within(acme.ID, func(tx *db.Tx) error {
			return audit.Record(audit.NewContext(ctx, audit.Source{Actor: "self", Address: "192.0.2.1"}), tx, audit.Event{Kind: "member.left", TenantID: acme.ID, AccountID: gone.AccountID, Reason: "why"})
		})
		w.Within(acme.ID, func(tx *db.Tx) error {
			return audit.Record(ctx, tx, audit.Event{Kind: "invitation.revoked", TenantID: acme.ID})
		})
		w.Within(acme.ID, func(tx *db.Tx) error {
			return tenant.Record(ctx, tx, tenant.By(admin.AccountID), audit.Event{Kind: "member.role_changed", TenantID: acme.ID, AccountID: w.account.ID})
		})
		page, next, err := w.service.Events(ctx, acme.ID, "", 50)
		if err != nil || next != "" {
			t.Fatal(next, err)
		}
		var got []string
		for _, e := range page {
			got = append(got, fmt.Sprintf("%s about %s %s by %s %s from %s: %s", e.Kind, e.Subject, e.Email, e.By, e.ByEmail, e.Address, e.Reason))
		}
		want := []string{
			fmt.Sprintf("member.role_changed about %s jo@example.com by %s pat@example.com from : ", w.me.Subject, admin.Subject),
			"invitation.revoked about   by system  from : ",
			fmt.Sprintf("member.left about %s  by %s  from 192.0.2.1: why", gone.Subject, gone.Subject),
			"tenant.resumed about   by staff  from : ",
			"tenant.suspended about   by staff  from : ",
			fmt.Sprintf("tenant.changed about   by %s  from 192.0.2.1: ", gone.Subject),
			fmt.Sprintf("tenant.changed about   by %s pat@example.com from 192.0.2.1: ", admin.Subject),
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		a := w.asks(admin, acme, get, "/tenants/acme/audit/?limit=3", "")
		done(t, a, http.StatusOK)
		if strings.Contains(a.Text, `"by":"member"`) || strings.Contains(a.Text, w.account.ID.String()) && w.me.Subject != w.account.ID.String() {
			t.Errorf("it shows what is ours alone: %s", a.Text)
		}
	})
}

func TestPagesOfEventsLoseAndRepeatNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		for range 7 {
			w.Within(acme.ID, func(tx *db.Tx) error {
				return audit.Record(t.Context(), tx, audit.Event{Kind: "member.joined", TenantID: acme.ID, AccountID: w.account.ID})
			})
		}
		seen := map[any]bool{}
		for after, pages := "", 0; ; pages++ {
			a := w.asks(w.me, acme, get, "/tenants/acme/audit/?limit=3&after="+after, "")
			done(t, a, http.StatusOK)
			for _, e := range a.JSON["events"].([]any) {
				id := e.(map[string]any)["id"]
				if seen[id] {
					t.Errorf("%v twice", id)
				}
				seen[id] = true
			}
			if after = a.JSON["next"].(string); after == "" || pages > 7 {
				break
			}
		}
		if len(seen) != 7 {
			t.Errorf("%d events", len(seen))
		}
		_, first, err := w.service.Events(t.Context(), acme.ID, "", 3)
		if err != nil || first == "" {
			t.Fatal(first, err)
		}
		for _, q := range []string{"after=" + first + "A", "after=" + first[:len(first)-1], "after=B" + first[1:], "limit=0", "limit=201", "limit=x", "limit=", "after=x", "after=1", "after=1.2", "after=-1." + uuid.NewString(), "after=01." + uuid.NewString(), "after=99999999999999999999." + uuid.NewString(),
			"limit=1&limit=2", "kind=member.", "after=%00", "%zz", "after=1." + strings.ToUpper(uuid.NewString())} {
			if a := w.asks(w.me, acme, get, "/tenants/acme/audit/?"+q, ""); a.Status != http.StatusBadRequest || a.Code != "query_invalid" {
				t.Errorf("%s: answered %d %s", q, a.Status, a.Text)
			}
		}
		// A cursor answers to the tenant that it was made for.
		globex := w.Tenant("globex", w.account.ID)
		if a := w.asks(w.me, globex, get, "/tenants/globex/audit/?after="+first, ""); a.Status != http.StatusBadRequest || a.Code != "query_invalid" {
			t.Errorf("another tenant's cursor: answered %d %s", a.Status, a.Text)
		}
		if got, _, err := w.service.Events(t.Context(), acme.ID, "", 0); err != nil || len(got) != 1 {
			t.Errorf("%d, %v", len(got), err)
		}
	})
}
