package manage

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func TestTheAuditOfOneTenant(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		acme, other := w.Tenant("acme", w.person.ID), w.World.Tenant("other", w.person.ID)
		for _, one := range []*tenant.Tenant{acme, other} {
			w.Within(one.ID, func(tx *db.Tx) error {
				return audit.Record(context.Background(), tx, audit.Event{Kind: "tenant.changed", TenantID: one.ID, Reason: one.Slug})
			})
		}
		for _, name := range []string{"acme", acme.ID.String(), strings.ToUpper(acme.ID.String())} {
			a := w.call(w.byStaff, "GET", "/admin/audit/?tenant="+name, "")
			events, _ := a.JSON["events"].([]any)
			if a.Status != http.StatusOK || len(events) != 1 || events[0].(map[string]any)["tenant_id"] != acme.ID.String() || events[0].(map[string]any)["reason"] != "acme" {
				t.Errorf("%s: %d %s", name, a.Status, a.Text)
			}
		}
		w.Exec("DELETE FROM tenant WHERE id = $1", acme.ID)
		for query, status := range map[string]int{"?tenant=" + acme.ID.String(): 200, "?tenant=acme": 404, "?tenant=" + uuid.Nil.String(): 404, "?tenant=%FF": 400, "?tenant=" + strings.Repeat("a", 256): 400} {
			if a := w.call(w.byStaff, "GET", "/admin/audit/"+query, ""); a.Status != status {
				t.Errorf("afterwards %.40s: %d %s", query, a.Status, a.Code)
			}
		}
		page, err := w.Audit(w.ctx, operator, AuditQuery{Tenant: acme.ID.String()})
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("of one that is gone: %d, %v", len(page.Items), err)
		}
		// A cursor answers to the tenant that it was made for.
		w.Within(other.ID, func(tx *db.Tx) error {
			return audit.Record(context.Background(), tx, audit.Event{Kind: "tenant.changed", TenantID: other.ID})
		})
		first, err := w.Audit(w.ctx, operator, AuditQuery{Tenant: "other", Limit: 1})
		if err != nil || first.Next == "" {
			t.Fatalf("%+v, %v", first, err)
		}
		if _, err := w.Audit(w.ctx, operator, AuditQuery{Tenant: acme.ID.String(), Limit: 1, After: first.Next}); !errors.Is(err, web.ErrQuery) {
			t.Errorf("another tenant's cursor: %v", err)
		}
		// It answers to the tenant itself, by whichever name.
		if next, err := w.Audit(w.ctx, operator, AuditQuery{Tenant: other.ID.String(), Limit: 1, After: first.Next}); err != nil || len(next.Items) != 1 || next.Items[0].ID == first.Items[0].ID {
			t.Errorf("by its id: %+v, %v", next, err)
		}
		var out bytes.Buffer
		if err := w.ExportAudit(w.ctx, operator, AuditQuery{Tenant: "other"}, &out); err != nil {
			t.Fatal(err)
		}
		lines := slices.DeleteFunc(strings.Split(out.String(), "\r\n"), func(line string) bool { return line == "" })
		if len(lines) != 3 || !strings.HasSuffix(lines[1], ","+other.ID.String()) || strings.Contains(out.String(), acme.ID.String()) {
			t.Errorf("exported %q", lines)
		}
	})
}
