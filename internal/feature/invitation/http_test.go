package invitation_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
)

const path = "/tenants/acme/invitations/"

func refused(t *testing.T, a domaintest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("answered %d %s, want %d %s", a.Status, a.Code, status, code)
	}
}

func TestInvitationsOverTheAPI(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		admin := domaintest.BearerIn(w.Session(w.admin.ID), w.acme.ID)
		a := w.Call(http.MethodPost, path, `{"email":"guest@example.com","role":"member","locale":"de"}`, admin)
		id, _ := a.JSON["id"].(string)
		if a.Status != http.StatusCreated || id == "" || a.JSON["status"] != "open" || strings.Contains(a.Text, "giv_") {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if m := w.mail(); !strings.Contains(m.Text, "token=giv_") {
			t.Error("no link was mailed")
		}
		if a := w.Call(http.MethodPost, path+id+"/resend/", "", admin); a.Status != http.StatusOK || a.JSON["sent"] != 2.0 {
			t.Errorf("resend answered %d %s", a.Status, a.Text)
		}
		a = w.Call(http.MethodGet, path+"?limit=1", "", admin)
		list, _ := a.JSON["invitations"].([]any)
		if a.Status != http.StatusOK || len(list) != 1 || list[0].(map[string]any)["invited_by"] != "Jo Doe" || strings.Contains(a.Text, "giv_") {
			t.Errorf("list answered %d %s", a.Status, a.Text)
		}
		if a := w.Call(http.MethodDelete, path+id+"/", "", admin); a.Status != http.StatusNoContent {
			t.Errorf("revoke answered %d %s", a.Status, a.Text)
		}
		refused(t, w.Call(http.MethodDelete, path+id+"/", "", admin), http.StatusNotFound, "invitation_not_found")
		refused(t, w.Call(http.MethodPost, path+id+"/resend/", "", admin), http.StatusNotFound, "invitation_not_found")
		refused(t, w.Call(http.MethodDelete, path+"x/", "", admin), http.StatusNotFound, "invitation_not_found")
		refused(t, w.Call(http.MethodPost, path+"x/resend/", "", admin), http.StatusNotFound, "invitation_not_found")
		refused(t, w.Call(http.MethodPost, path, `{"email":"guest@example.com","role":"owner"}`, admin), http.StatusForbidden, "role_escalation")
		refused(t, w.Call(http.MethodPost, path, `{"email":"guest","role":"member"}`, admin), http.StatusBadRequest, "email_invalid")
		for _, query := range []string{"?limit=0", "?limit=201", "?limit=x", "?after=%25", "?after=%00", "?after=%FF", "?limit=", "?after=a&after=b", "?page=2", "?%zz"} {
			refused(t, w.Call(http.MethodGet, path+query, "", admin), http.StatusBadRequest, "query_invalid")
		}
	})
}

func TestInvitationsAreForMembersWithTheRight(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		plain, other := w.Account("plain@example.com", ""), w.Account("other@example.com", "")
		w.Join(w.acme, plain.ID, role.Member)
		globex := w.Tenant("globex", other.ID)
		i, _ := w.invites("guest@example.com", role.Member)
		calls := map[string]string{
			"GET " + path: "", "POST " + path: `{"email":"a@example.com","role":"member"}`,
			"POST " + path + i.ID.String() + "/resend/": "", "DELETE " + path + i.ID.String() + "/": "",
		}
		for call, body := range calls {
			method, at, _ := strings.Cut(call, " ")
			refused(t, w.Call(method, at, body, domaintest.BearerIn(w.Session(plain.ID), w.acme.ID)), http.StatusForbidden, "permission_required")
			for who, option := range map[string]domaintest.Option{
				"another tenant's token": domaintest.BearerIn(w.Session(other.ID), globex.ID), "a stranger's token": domaintest.BearerIn(w.Session(other.ID), w.acme.ID),
				"a token of no tenant": domaintest.Bearer(w.Session(w.owner.ID)),
			} {
				if a := w.Call(method, at, body, option); a.Status != http.StatusForbidden || a.Code != "tenant_required" {
					t.Errorf("%s with %s: %d %s", call, who, a.Status, a.Code)
				}
			}
			if a := w.Call(method, at, body); a.Status != http.StatusUnauthorized {
				t.Errorf("%s without a token: %d", call, a.Status)
			}
		}
		// An id of another tenant's is not there, whoever asks in their own.
		foreign := domaintest.BearerIn(w.Session(other.ID), globex.ID)
		for _, id := range []string{i.ID.String(), uuid.NewString()} {
			refused(t, w.Call(http.MethodPost, "/tenants/globex/invitations/"+id+"/resend/", "", foreign), http.StatusNotFound, "invitation_not_found")
			refused(t, w.Call(http.MethodDelete, "/tenants/globex/invitations/"+id+"/", "", foreign), http.StatusNotFound, "invitation_not_found")
		}
		if w.open() != 1 {
			t.Errorf("%d are open", w.open())
		}
	})
}

func TestInvitingAsksForAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i, _ := w.invites("guest@example.com", role.Member)
		owner := domaintest.BearerIn(w.Session(w.owner.ID), w.acme.ID)
		w.Clock.Advance(domaintest.Fresh + time.Minute)
		refused(t, w.Call(http.MethodPost, path, `{"email":"x@example.com","role":"owner"}`, owner), http.StatusUnauthorized, "proof_stale")
		refused(t, w.Call(http.MethodPost, path+i.ID.String()+"/resend/", "", owner), http.StatusUnauthorized, "proof_stale")
	})
}
