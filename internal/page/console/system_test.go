package console_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/page/console"
)

// Whoever took a superuser's cookie must not be rid of the others with it.
func TestWhatIsDoneToStaffNeedsAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		colleague := w.Account("colleague@example.com", "")
		w.Exec("UPDATE account SET staff = TRUE, superuser = TRUE WHERE id = $1", colleague.ID)
		theirs := w.Session(colleague.ID)
		w.Exec("UPDATE session SET auth_time = $1 WHERE account_id = $2", w.Now().Add(-10*time.Minute), w.super.ID)
		for name, submit := range map[string]func() domaintest.Answer{
			"disable":  func() domaintest.Answer { return w.client.Submit(path(colleague, "disable/"), nil, w.asSuper) },
			"sign out": func() domaintest.Answer { return w.client.Submit(path(colleague, "sign-out/"), nil, w.asSuper) },
			"bulk": func() domaintest.Answer {
				return w.client.Submit("/console/accounts/~selected/done/", url.Values{"action": {"disable"}, "account[]": {w.person.Subject, colleague.Subject}}, w.asSuper)
			},
			"a session of an account": func() domaintest.Answer {
				return w.client.Submit(path(colleague, "sessions/"+theirs.SessionID.String()+"/"), nil, w.asSuper)
			},
			"a session under another's path": func() domaintest.Answer {
				return w.client.Submit(path(w.person, "sessions/"+theirs.SessionID.String()+"/"), nil, w.asSuper)
			},
			"a session": func() domaintest.Answer {
				return w.client.Submit("/console/sessions/", url.Values{"session": {theirs.SessionID.String()}}, w.asSuper)
			},
		} {
			if a := submit(); a.Status != http.StatusUnauthorized || !strings.Contains(a.Text, "proof_stale") {
				t.Errorf("%s: answered %d", name, a.Status)
			}
		}
		var active, standing int
		w.Read(&active, "SELECT count(*) FROM account WHERE NOT active")
		w.Read(&standing, "SELECT count(*) FROM session WHERE ended_at IS NOT NULL")
		if active != 0 || standing != 0 {
			t.Errorf("%d accounts are disabled, %d sessions ended", active, standing)
		}
		w.leads(w.client.Submit(path(w.person, "sign-out/"), nil, w.asSuper), path(w.person, "")+"?done=sign-out") // a person's needs none
	})
}

func TestSessionsOfEverybodyCanBeEnded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.shows(w.client.Page("/console/sessions/", w.asStaff), http.StatusOK, "jo@example.com", w.theirs.SessionID.String())
		w.shows(w.client.Page("/console/sessions/?account="+w.person.Subject, w.asStaff), http.StatusOK, "jo@example.com")
		w.hides(w.client.Page("/console/sessions/?account="+w.person.Subject, w.asStaff), "super@example.com</bdi></a>")
		for range 2 { // twice is no mistake
			w.leads(w.client.Submit("/console/sessions/", url.Values{"session": {w.theirs.SessionID.String()}}, w.asStaff), "/console/sessions/?done=session_ended")
		}
		if w.Stands(w.theirs) {
			t.Error("it stands")
		}
		super := w.Session(w.super.ID)
		if a := w.client.Submit("/console/sessions/", url.Values{"session": {super.SessionID.String()}}, w.asStaff); a.Status != http.StatusForbidden || !w.Stands(super) {
			t.Errorf("staff ended a superuser's session: answered %d", a.Status)
		}
	})
}

func TestMailQueueShowsTriesAgainAndDiscards(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.shows(w.client.Page("/console/mails/", w.asStaff), http.StatusOK, `class="empty"`)
		w.Mails.Fail(jobs.Permanent(errors.New("no such mailbox")))
		w.must(w.InTx(t.Context(), func(tx *db.Tx) error { return w.Letters.Tell(t.Context(), tx, letter.PasswordChanged, w.person.ID) }))
		w.Drain()
		dead := w.client.Page("/console/mails/?state=dead", w.asStaff)
		w.shows(dead, http.StatusOK, "jo@example.com", "no such mailbox")
		var id string
		w.Read(&id, "SELECT id FROM job WHERE dead_at IS NOT NULL")
		w.Mails.Fail(nil)
		w.leads(w.client.Submit("/console/mails/retry/", url.Values{"mail": {id}}, w.asStaff), "/console/mails/?state=dead&done=mail_retried")
		w.Drain()
		if sent := w.Mails.Take(); len(sent) != 1 || sent[0].To != "jo@example.com" {
			t.Errorf("%d mails were sent", len(sent))
		}
		w.leads(w.client.Submit("/console/mails/discard/", url.Values{"mail": {id}}, w.asStaff), "/console/mails/?state=dead&done=mail_discarded") // gone already
		w.shows(w.client.Page("/console/mails/?state=nonsense", w.asStaff), http.StatusBadRequest)
	})
}

func TestTemplatesArePreviewedAndTried(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.shows(w.client.Page("/console/templates/", w.asStaff), http.StatusOK, "/console/templates/reset/ar/")
		page := w.client.Page("/console/templates/reset/ar/", w.asStaff)
		w.shows(page, http.StatusOK, `src="/console/templates/reset/ar/preview/"`, `dir="rtl"`, "sandbox")
		if !strings.Contains(page.Header.Get("Content-Security-Policy"), "frame-src 'self'") {
			t.Error("the page may not show its frame")
		}
		preview := w.client.Page("/console/templates/reset/ar/preview/", w.asStaff)
		policy := preview.Header.Get("Content-Security-Policy")
		if preview.Status != http.StatusOK || !strings.Contains(policy, "sandbox") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script") || preview.Header.Get("X-Frame-Options") != "SAMEORIGIN" {
			t.Errorf("answered %d, policy %s", preview.Status, policy)
		}
		for _, path := range []string{"/console/templates/nonsense/en/", "/console/templates/reset/xx/", "/console/templates/reset/xx/preview/"} {
			if a := w.client.Page(path, w.asStaff); a.Status != http.StatusNotFound {
				t.Errorf("%s: answered %d", path, a.Status)
			}
		}
		for range 10 {
			w.leads(w.client.Submit("/console/templates/reset/de/test/", nil, w.asStaff), "/console/templates/reset/de/?done=mail_tested")
		}
		if a := w.client.Submit("/console/templates/reset/de/test/", nil, w.asStaff); a.Status != http.StatusTooManyRequests {
			t.Errorf("the eleventh: answered %d", a.Status)
		}
		w.Drain()
		for _, m := range w.Mails.Take() {
			if m.To != "staff@example.com" {
				t.Errorf("a sample went to %s", m.To)
			}
		}
	})
}

func TestKeysAreShownAndReplacedBySuperusers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.shows(w.client.Page("/console/keys/", w.asStaff), http.StatusOK, "ES256")
		w.hides(w.client.Page("/console/keys/", w.asStaff), "/console/keys/rotate/")
		form := url.Values{"purpose": {"sign"}, "when": {"in_turn"}}
		if a := w.client.Submit("/console/keys/rotate/", form, w.asStaff); a.Status != http.StatusForbidden {
			t.Errorf("staff: answered %d", a.Status)
		}
		for _, wrong := range []url.Values{nil, {"purpose": {"sign"}}, {"purpose": {"nonsense"}, "when": {"at_once"}}, {"purpose": {"sign"}, "when": {"now"}}} {
			w.shows(w.client.Submit("/console/keys/rotate/", wrong, w.asSuper), http.StatusBadRequest, `role="alert"`)
		}
		before := len(w.Keys.Published().Keys)
		w.leads(w.client.Submit("/console/keys/rotate/", form, w.asSuper), "/console/keys/?done=key_rotated")
		if n := len(w.Keys.Published().Keys); n != before+1 {
			t.Errorf("%d keys are published, %d before", n, before)
		}
		// Keys are published, and a set that is too large is refused by those who read it.
		status := 0
		for range 10 {
			status = w.client.Submit("/console/keys/rotate/", form, w.asSuper).Status
		}
		if status != http.StatusTooManyRequests {
			t.Errorf("key after key: answered %d", status)
		}
	})
}

func TestAuditIsFilteredAndExported(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.must(audit.RecordAlone(t.Context(), w.DB.DB, audit.Event{Kind: "signin.refused", AccountID: w.person.ID, Reason: "=HYPERLINK(1)"}))
		w.must(audit.RecordAlone(t.Context(), w.DB.DB, audit.Event{Kind: "account.disabled", AccountID: w.staff.ID}))
		w.shows(w.client.Page("/console/audit/", w.asStaff), http.StatusOK, "signin.refused", "account.disabled")
		page := w.client.Page("/console/audit/?kind=signin.refused&account="+w.person.Subject, w.asStaff)
		w.shows(page, http.StatusOK, "jo@example.com", "--kind=signin.refused")
		w.hides(page, "<code>account.disabled</code>")
		w.shows(w.client.Page("/console/audit/?since=2999-01-01", w.asStaff), http.StatusOK, `class="empty"`)
		w.shows(w.client.Page("/console/audit/?since=yesterday", w.asStaff), http.StatusBadRequest, `role="alert"`)
		a := w.client.Page("/console/audit/export/?kind=signin.refused", w.asStaff)
		if a.Status != http.StatusOK || !strings.Contains(a.Header.Get("Content-Disposition"), "attachment") || !strings.Contains(a.Text, ",'=HYPERLINK(1),") {
			t.Errorf("answered %d %v\n%s", a.Status, a.Header, a.Text)
		}
		followed := []domaintest.Option{w.asStaff, domaintest.Header("Sec-Fetch-Site", "cross-site"), domaintest.Header("Sec-Fetch-Mode", "navigate"), domaintest.Header("Sec-Fetch-Dest", "document")}
		w.leads(w.client.Page("/console/audit/export/", followed...), "/console/audit/") // a link elsewhere starts no download
		if a := w.client.Page("/console/audit/export/?until=never", w.asStaff); a.Status != http.StatusBadRequest {
			t.Errorf("a wrong filter: answered %d", a.Status)
		}
	})
}

func TestSettingsAreForSuperusersAndHoldNoSecret(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.console.Settings = []console.Setting{
			{Name: "schema", Variable: "GATEHOUSE_SCHEMA", Value: "gatehouse", Default: true}, {Name: "brand.name", Variable: "GATEHOUSE_BRAND__NAME", Value: "<b>Acme", Source: "GATEHOUSE_BRAND__NAME"},
			{Name: "smtp_url", Variable: "GATEHOUSE_SMTP_URL", Secret: true, Set: true}, {Name: "secret_key_previous", Secret: true},
		}
		w.shows(w.client.Page("/console/settings/", w.asSuper), http.StatusOK, "&lt;b&gt;Acme", "set, and kept secret")
		if a := w.client.Page("/console/settings/", w.asStaff); a.Status != http.StatusForbidden {
			t.Errorf("staff: answered %d", a.Status)
		}
	})
}
