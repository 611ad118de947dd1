package audit_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
)

func TestTheFirstRefusalOfAFloodIsWrittenDown(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		var noted audit.Noted
		refuse := func(actor string, e audit.Event) {
			t.Helper()
			e.Kind += ".refused"
			if err := noted.RecordAlone(audit.NewContext(t.Context(), audit.Source{Actor: actor}), w.DB.DB, e); err != nil {
				t.Fatal(err)
			}
		}
		here, there, jo, pat := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
		all := func() {
			for range 3 {
				refuse(jo.String(), audit.Event{Kind: "a", TenantID: here, AccountID: pat})
				refuse(jo.String(), audit.Event{Kind: "a", TenantID: here}) // whom it is about makes no difference
				refuse(pat.String(), audit.Event{Kind: "a", TenantID: here})
				refuse(jo.String(), audit.Event{Kind: "b", TenantID: here})
				refuse(jo.String(), audit.Event{Kind: "a", TenantID: there})
				refuse(jo.String(), audit.Event{Kind: "a", TenantID: here, Reason: "another"})
				refuse("self", audit.Event{Kind: "a", TenantID: here, AccountID: jo})
				refuse("self", audit.Event{Kind: "a", TenantID: here, AccountID: pat})
			}
		}
		count := func() int { return w.Count(`SELECT count(*) FROM audit_event WHERE kind LIKE '%.refused'`) }
		all()
		if n := count(); n != 7 {
			t.Errorf("%d rows, want 7", n)
		}
		if err := w.Clock.Advance(15 * time.Minute); err != nil {
			t.Fatal(err)
		}
		if all(); count() != 14 {
			t.Errorf("%d rows after a while, want 14", count())
		}
	})
}
