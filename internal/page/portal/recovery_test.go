package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
)

// Whoever is signed in learns on their first page that somebody wants to be rid of their second factors,
// and says no there.
func TestTheFirstPageTellsOfLostFactorsAndStopsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		now, id := w.Now(), uuid.Must(uuid.NewV7())
		w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at)
			SELECT $1, 'factor_cancel', id, email_key, epoch, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT) FROM account WHERE id = $2`, id, w.account.ID, []byte("hash"), now, now.Add(240*time.Hour))
		w.Exec("INSERT INTO factor_recovery (id, account_id, device, address, created_at, ready_at, expires_at) VALUES ($1, $2, 'Firefox on Linux', '203.0.113.9', $3, $4, $5)",
			id, w.account.ID, now, now.Add(72*time.Hour), now.Add(240*time.Hour))
		page := w.Page("/account/", domaintest.As(w.here))
		if page.Status != http.StatusOK || !strings.Contains(page.Text, "203.0.113.9") || !strings.Contains(page.Text, "/account/security/keep/") {
			t.Fatalf("%d: the page does not tell", page.Status)
		}
		if look := w.Page("/account/", domaintest.LookingAs(w.here)); strings.Contains(look.Text, "/account/security/keep/") {
			t.Error("who only looks can stop it")
		}
		a := w.Submit("/account/security/keep/", url.Values{}, domaintest.As(w.here))
		if a.Status != http.StatusSeeOther {
			t.Fatalf("stopping it answers %d", a.Status)
		}
		if w.Count("SELECT count(*) FROM factor_recovery WHERE cancelled_at IS NULL") != 0 || strings.Contains(w.Page("/account/", domaintest.As(w.here)).Text, "203.0.113.9") {
			t.Error("it goes on")
		}
		if a = w.Submit("/account/security/keep/", url.Values{}, domaintest.As(w.here)); a.Status != http.StatusSeeOther {
			t.Errorf("stopping it twice answers %d", a.Status)
		}
	})
}
