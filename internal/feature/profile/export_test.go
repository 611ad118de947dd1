package profile_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
)

func (w *world) export() domaintest.Answer {
	return w.client.Call(http.MethodGet, "/me/export/", "", domaintest.Bearer(w.me))
}

// list returns the members called name of the objects in a list of an export.
func list(a domaintest.Answer, of, name string) []any {
	var all []any
	entries, _ := a.JSON[of].([]any)
	for _, one := range entries {
		all = append(all, one.(map[string]any)[name])
	}
	return all
}

func TestExportHoldsAllThatIsHeld(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish(t)
		ended := w.Session(w.account.ID)
		w.Exec("UPDATE session SET ended_at = 5, ended_reason = 'signed_out' WHERE id = $1", ended.SessionID)
		w.patch(`{"attributes":{"team":"blue"}}`)
		w.Exec(`UPDATE profile SET attributes = '{"team":"blue","former":"kept"}'`) // its declaration is gone
		a := w.export()
		if a.Status != http.StatusOK || a.Header.Get("Content-Disposition") != `attachment; filename="account.json"` || a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("answered %d %v", a.Status, a.Header)
		}
		who := a.JSON["account"].(map[string]any)
		if who["email"] != "Jo@example.com" || who["full_name"] != "Jo Doe" || who["attributes"].(map[string]any)["former"] != "kept" {
			t.Errorf("account %v", who)
		}
		if a.JSON["password"].(map[string]any)["changed_at"] == nil {
			t.Error("it does not say when the password was changed")
		}
		if got := list(a, "sessions", "id"); len(got) != 3 || !slices.Contains(got, any(ended.SessionID.String())) || !slices.Contains(list(a, "sessions", "ended_reason"), any("signed_out")) {
			t.Errorf("sessions %v", got)
		}
		if got := list(a, "events", "kind"); !slices.Contains(got, any("profile.changed")) || !slices.Contains(got, any("account.exported")) {
			t.Errorf("events %v", got)
		}
		if got := list(a, "letters", "state"); !slices.Equal(got, []any{"waiting"}) {
			t.Errorf("letters %v", got)
		}
		if got := append(list(a, "links", "purpose"), list(a, "links", "email")...); !slices.Equal(got, []any{"email_change", "reset", "new@example.com", ""}) {
			t.Errorf("links %v", got)
		}
		held, _ := a.JSON["second_factors"].(map[string]any)
		totp, _ := held["totp"].([]any)
		passkeys, _ := held["passkeys"].([]any)
		codes, _ := held["backup_codes"].(map[string]any)
		if len(totp) != 2 || len(passkeys) != 1 || codes["left"] != 2.0 || codes["used"] != 1.0 || codes["created_at"] == nil || held["mailed_codes_since"] == nil || held["due_at"] == nil {
			t.Fatalf("second factors %v", held)
		}
		for _, one := range totp {
			d := one.(map[string]any)
			if d["created_at"] == nil || d["last_used_at"] == nil || (d["confirmed_at"] == nil) != (d["name"] == "Tablet") {
				t.Errorf("an app %v", d)
			}
		}
		if key := passkeys[0].(map[string]any); key["name"] != "Laptop" || key["created_at"] == nil || key["last_used_at"] != nil {
			t.Errorf("a passkey %v", key)
		}
		if names, devices, wishes := list(a, "kept_names", "name"), list(a, "devices", "trusted_until"), list(a, "factor_recoveries", "device"); !slices.Equal(names, []any{"former@example.com"}) || len(devices) != 1 || devices[0] == nil || !slices.Equal(wishes, []any{"Lynx"}) {
			t.Errorf("names %v, devices %v, recoveries %v", names, devices, wishes)
		}
		if a.JSON["erase_at"] != nil {
			t.Errorf("it is to be erased at %v", a.JSON["erase_at"])
		}
		if left := a.JSON["left_out"].([]any); len(left) != 0 {
			t.Errorf("left out %v", left)
		}
	})
}

func TestExportHoldsNothingThatGivesAccess(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish(t)
		a := w.export()
		for _, word := range []string{"hash", "token", "secret", "argon2", "payload", "jkt", "a-cookie", "YS10b2tlbi1oYXNo", "YS1jb29raWUtaGFzaA",
			"a-totp-key", "YS10b3RwLWtleQ", "public-key", "a-credential", "YS1jcmVkZW50aWFs", "a-device", "YS1kZXZpY2Ut"} {
			if strings.Contains(strings.ToLower(a.Text), strings.ToLower(word)) {
				t.Errorf("it holds %q", word)
			}
		}
	})
}

func TestExportIsOfOneAccountAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.Account("ann@example.com", "")
		w.Session(ann.ID)
		w.Exec("INSERT INTO audit_event (id, at, kind, account_id, actor, address, device, request_id, reason, detail) VALUES ($1, 1, 'ann.event', $2, 'self', '', '', '', '', '{}')",
			uuid.Must(uuid.NewV7()), ann.ID)
		a := w.export()
		if strings.Contains(a.Text, "ann") || len(list(a, "sessions", "id")) != 1 {
			t.Errorf("it holds another's data:\n%s", a.Text)
		}
	})
}

// Who of the staff did something, and from where, is about them.
func TestExportDoesNotSayWhoOfTheStaff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		staff := uuid.Must(uuid.NewV7())
		w.Exec("INSERT INTO audit_event (id, at, kind, account_id, actor, address, device, request_id, reason, detail) VALUES ($1, 1, 'account.disabled', $2, $3, '192.0.2.77', 'Lynx', '', 'why', '{}')",
			uuid.Must(uuid.NewV7()), w.account.ID, staff.String())
		w.Exec("UPDATE session SET transport = 'look', address = '192.0.2.77', device = 'Lynx' WHERE id = $1", w.Session(w.account.ID).SessionID)
		a := w.export()
		if strings.Contains(a.Text, staff.String()) || strings.Contains(a.Text, "192.0.2.77") || strings.Contains(a.Text, "Lynx") || !slices.Contains(list(a, "events", "actor"), any("staff")) {
			t.Errorf("it says\n%s", a.Text)
		}
	})
}

func TestExportIsCountedAuditedAndAsksWhoseItIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range perExport.Burst {
			if a := w.export(); a.Status != http.StatusOK {
				t.Errorf("answered %d %s", a.Status, a.Code)
			}
		}
		if a := w.export(); a.Status != http.StatusTooManyRequests || a.Header.Get("Content-Disposition") != "" {
			t.Errorf("one too many: %d", a.Status)
		}
		if n := len(w.Audited("account.exported")); n != perExport.Burst {
			t.Errorf("%d events", n)
		}
		w.Clock.Advance(time.Hour)
		w.Exec("UPDATE session SET ended_at = 1")
		if a := w.export(); a.Status != http.StatusUnauthorized {
			t.Errorf("an ended session: %d", a.Status)
		}
		if a := w.client.Call(http.MethodGet, "/me/export/", ""); a.Status != http.StatusUnauthorized {
			t.Errorf("nobody: %d", a.Status)
		}
	})
}

func TestExportSaysWhatItLeavesOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 1001 {
			w.Session(w.account.ID)
		}
		a := w.export()
		if got := a.JSON["left_out"].([]any); len(list(a, "sessions", "id")) != 1000 || !slices.Equal(got, []any{"sessions"}) {
			t.Errorf("%d sessions, left out %v", len(list(a, "sessions", "id")), got)
		}
	})
}
