package manage

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
)

// api is the admin API with a token of a person, a member of staff and a superuser.
type api struct {
	world
	staff
	client                    *domaintest.Client
	byPerson, byStaff, byRoot session.Bearer
}

func eachAPI(t *testing.T, fn func(t *testing.T, w api)) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		fn(t, api{w, s, w.Serve(Routes(w.Service), nil), w.Session(s.person.ID), w.Session(s.member.ID), w.Session(s.root.ID)})
	})
}

func (a api) call(by session.Bearer, method, path, body string) domaintest.Answer {
	return a.client.Call(method, path, body, domaintest.Bearer(by))
}

// requests are one of each kind; {account} is a person's.
var requests = []struct{ method, path, body string }{
	{"GET", "/admin/accounts/", ""}, {"POST", "/admin/accounts/bulk/", `{"action":"unlock","accounts":["x"]}`}, {"GET", "/admin/accounts/{account}/", ""},
	{"PATCH", "/admin/accounts/{account}/", `{"is_staff":true}`}, {"POST", "/admin/accounts/{account}/disable/", ""}, {"POST", "/admin/accounts/{account}/enable/", ""},
	{"POST", "/admin/accounts/{account}/sign-out/", ""}, {"POST", "/admin/accounts/{account}/send-reset/", ""}, {"POST", "/admin/accounts/{account}/unlock/", ""},
	{"POST", "/admin/accounts/{account}/reset-factors/", `{"reason":"showed an identity card"}`}, {"POST", "/admin/accounts/{account}/cancel-recovery/", ""},
	{"GET", "/admin/sessions/", ""}, {"DELETE", "/admin/sessions/00000000-0000-7000-8000-000000000000/", ""}, {"GET", "/admin/audit/", ""}, {"GET", "/admin/audit/export/", ""},
	{"GET", "/admin/mails/", ""}, {"POST", "/admin/mails/00000000-0000-7000-8000-000000000000/retry/", ""}, {"DELETE", "/admin/mails/00000000-0000-7000-8000-000000000000/", ""},
}

func TestTheAdminAPIIsForStaff(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		if len(requests) != len(Routes(w.Service)) {
			t.Error("there is a route that this test does not know")
		}
		before := w.state(t)
		for _, r := range requests {
			path := strings.ReplaceAll(r.path, "{account}", w.person.Subject)
			if a := w.client.Call(r.method, path, r.body); a.Status != http.StatusUnauthorized {
				t.Errorf("anonymous %s %s: %d", r.method, r.path, a.Status)
			}
			if a := w.call(w.byPerson, r.method, path, r.body); a.Status != http.StatusForbidden || a.Code != "access_denied" {
				t.Errorf("a person's %s %s: %d %s", r.method, r.path, a.Status, a.Code)
			}
		}
		if a := w.call(w.byStaff, "PATCH", "/admin/accounts/"+w.member.Subject+"/", `{"is_superuser":true}`); a.Status != http.StatusForbidden || a.Code != "access_denied" {
			t.Errorf("staff promoting themselves: %d %s", a.Status, a.Code)
		}
		if w.state(t) != before {
			t.Error("a refused request changed something")
		}
		// A token outlives a demotion; what it opens does not.
		w.Exec("UPDATE account SET staff = FALSE, superuser = FALSE")
		for _, r := range requests {
			path := strings.ReplaceAll(r.path, "{account}", w.person.Subject)
			if a := w.call(w.byRoot, r.method, path, r.body); a.Status != http.StatusForbidden {
				t.Errorf("a stale token's %s %s: %d", r.method, r.path, a.Status)
			}
		}
	})
}

func TestTheAdminAPIActsOnAccounts(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		path := "/admin/accounts/" + w.person.Subject + "/"
		for _, step := range []struct {
			deed   string
			active bool
		}{{"unlock", true}, {"send-reset", true}, {"sign-out", true}, {"disable", false}, {"enable", true}} {
			a := w.call(w.byStaff, "POST", path+step.deed+"/", "")
			if a.Status != http.StatusOK || a.JSON["is_active"] != step.active || a.JSON["id"] != w.person.Subject {
				t.Errorf("%s: %d %s", step.deed, a.Status, a.Text)
			}
		}
		if w.Stands(w.byPerson) {
			t.Error("still signed in")
		}
		for deed, code := range map[string]string{"disable": "account_protected", "sign-out": "account_protected"} {
			if a := w.call(w.byStaff, "POST", "/admin/accounts/"+w.root.Subject+"/"+deed+"/", ""); a.Status != http.StatusForbidden || a.Code != code {
				t.Errorf("staff: %s a superuser: %d %s", deed, a.Status, a.Code)
			}
		}
		if a := w.call(w.byRoot, "PATCH", path, `{"is_superuser":true}`); a.Status != http.StatusOK || a.JSON["is_staff"] != true {
			t.Errorf("promote: %d %s", a.Status, a.Text)
		}
		for body, code := range map[string]string{`{"is_superuser":true,"is_staff":false}`: "rank_contradictory", `{"is_active":true}`: "fields_invalid", `{"is_staff":"yes"}`: "fields_invalid"} {
			if a := w.call(w.byRoot, "PATCH", path, body); a.Status != http.StatusBadRequest || a.Code != code {
				t.Errorf("%s: %d %s", body, a.Status, a.Code)
			}
		}
		if a := w.call(w.byRoot, "PATCH", "/admin/accounts/"+w.root.Subject+"/", `{"is_superuser":false}`); a.Code != "own_account" {
			t.Errorf("demote oneself: %d %s", a.Status, a.Code)
		}
		a := w.call(w.byStaff, "POST", "/admin/accounts/bulk/", fmt.Sprintf(`{"action":"disable","accounts":["nobody",%q,%q]}`, w.colleague.Subject, w.person.Subject))
		if got := fmt.Sprint(a.JSON["outcomes"]); a.Status != http.StatusOK || strings.Count(got, "done:false") != 3 || !strings.Contains(got, "account_protected") || !strings.Contains(got, "account_not_found") {
			t.Errorf("bulk: %d %s", a.Status, a.Text)
		}
		if a := w.call(w.byRoot, "POST", "/admin/accounts/bulk/", fmt.Sprintf(`{"action":"demote","accounts":[%q]}`, w.second.Subject)); a.Status != http.StatusBadRequest {
			t.Errorf("bulk demotion: %d", a.Status)
		}
	})
}

func TestHostileQueriesAreRefused(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		for range 3 {
			w.Session(w.person.ID)
		}
		first := w.call(w.byStaff, "GET", "/admin/accounts/?limit=2", "")
		cursor, _ := first.JSON["next"].(string)
		if first.Status != http.StatusOK || cursor == "" {
			t.Fatalf("%d %s", first.Status, first.Text)
		}
		flipped := "B" + cursor[1:]
		for _, list := range []string{"accounts", "sessions", "audit", "mails", "audit/export"} {
			for _, q := range []string{
				"after=x", "after=" + flipped, "after=" + cursor + "A", "after=" + cursor[:len(cursor)-1], "after=" + cursor + "%0A", "after=" + strings.Repeat("A", 2000), "after=AAAA", "after=%00",
				"limit=0", "limit=-1", "limit=201", "limit=1e2", "limit=x", "limit=9999999999999999999999", "offset=5", "limit=2&limit=3", "%zz", "after=%ff", "a;b",
			} {
				if list == "audit/export" && strings.HasPrefix(q, "after=") {
					continue // it has no pages
				}
				if a := w.call(w.byStaff, "GET", "/admin/"+list+"/?"+q, ""); a.Status != http.StatusBadRequest || a.Code != "query_invalid" {
					t.Errorf("%s?%s: %d %s", list, q, a.Status, a.Text)
				}
			}
		}
		// A place is good for its own question only.
		for _, q := range []string{"accounts/?status=active&limit=2&after=", "accounts/?prefix=p&after=", "accounts/?by=name&after=", "sessions/?after=", "audit/?after=", "mails/?after="} {
			if a := w.call(w.byStaff, "GET", "/admin/"+q+cursor, ""); a.Code != "query_invalid" {
				t.Errorf("%s: %d %s", q, a.Status, a.Code)
			}
		}
		for q, code := range map[string]string{
			"accounts/?by=password&prefix=x": "search_invalid", "accounts/?status=admin": "search_invalid", "accounts/?by=name&prefix=%F4%8F%BF%BF": "search_invalid",
			"audit/?since=yesterday": "query_invalid", "audit/?until=0001-01-01T00:00:00Z": "query_invalid", "audit/?since=1": "query_invalid", "audit/?kind=" + strings.Repeat("a", 300): "query_invalid",
			"audit/?account=nobody": "account_not_found", "sessions/?account=nobody": "account_not_found", "mails/?state=secret": "job_state_invalid",
		} {
			if a := w.call(w.byStaff, "GET", "/admin/"+q, ""); a.Code != code || a.Status >= 500 {
				t.Errorf("%s: %d %s", q, a.Status, a.Text)
			}
		}
		for _, q := range []string{"audit/?kind=%27%20OR%201=1", "audit/?actor=%25", "audit/?address=1%27", "accounts/?prefix=%25", "accounts/?prefix=%27%3B--"} {
			a := w.call(w.byStaff, "GET", "/admin/"+q, "")
			if a.Status != http.StatusOK || a.JSON["next"] != "" || strings.Contains(a.Text, "example.com") {
				t.Errorf("%s: %d %s", q, a.Status, a.Text)
			}
		}
	})
}

func TestListsAreReadPageByPage(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		for range 7 {
			w.Session(w.person.ID)
			w.Clock.Advance(time.Second)
			if err := audit.RecordAlone(t.Context(), w.DB.DB, audit.Event{Kind: "signin.refused", AccountID: w.person.ID}); err != nil {
				t.Fatal(err)
			}
			if err := w.Queue.Submit(t.Context(), jobs.Job{Kind: "nobody.does.this", Recipient: w.person.ID.String(), Payload: "canary"}); err != nil {
				t.Fatal(err)
			}
		}
		for list, want := range map[string]int{"accounts": 5, "sessions": 10, "audit": 12, "mails": 7, "sessions?account=" + w.person.Subject: 8, "audit?account=" + w.person.Subject: 8, "audit?kind=signin.": 7,
			"audit?actor=cli": 5, "audit?actor=system": 7, "mails?state=waiting": 7, "mails?state=dead": 0, "accounts?status=staff": 4, "accounts?prefix=s": 1,
			"audit?until=2000-01-01T00:00:00Z": 0, "audit?since=2000-01-01T00:00:00Z&kind=account": 5, "audit?actor=nobody": 0} {
			name, q, _ := strings.Cut(list, "?")
			var ids []string
			for after, first := "", true; first || after != ""; first = false {
				a := w.call(w.byStaff, "GET", "/admin/"+name+"/?limit=3&after="+after+"&"+q, "")
				if after == "" {
					a = w.call(w.byStaff, "GET", "/admin/"+name+"/?limit=3&"+q, "")
				}
				items, _ := a.JSON[map[string]string{"audit": "events"}[name]+map[bool]string{true: name}[name != "audit"]].([]any)
				if a.Status != http.StatusOK || items == nil || strings.Contains(a.Text, "canary") {
					t.Fatalf("%s: %d %s", list, a.Status, a.Text)
				}
				for _, item := range items {
					ids = append(ids, item.(map[string]any)["id"].(string))
				}
				after = a.JSON["next"].(string)
			}
			all := len(ids)
			slices.Sort(ids)
			if len(slices.Compact(ids)) != all || all != want {
				t.Errorf("%s: %d, want %d", list, all, want)
			}
		}
		a := w.call(w.byStaff, "GET", "/admin/accounts/"+w.person.Subject+"/", "")
		sessions, events, mails := a.JSON["sessions"].([]any), a.JSON["events"].([]any), a.JSON["mails"].([]any)
		if a.Status != http.StatusOK || len(sessions) != 8 || len(events) != 8 || len(mails) != 7 || strings.Contains(a.Text, "canary") {
			t.Errorf("detail: %d, %d sessions, %d events, %d mails", a.Status, len(sessions), len(events), len(mails))
		}
	})
}

func TestDeadLettersAreRetriedAndDiscarded(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		if err := w.Queue.Submit(t.Context(), jobs.Job{Kind: "letter", Recipient: w.person.ID.String(), Payload: "no letter"}); err != nil {
			t.Fatal(err)
		}
		w.Drain()
		a := w.call(w.byStaff, "GET", "/admin/mails/?state=dead", "")
		if a.Status != http.StatusOK || !strings.Contains(a.Text, `"recipient":"person@example.com"`) || !strings.Contains(fmt.Sprint(a.JSON["counts"]), "dead:1") {
			t.Fatalf("%d %s", a.Status, a.Text)
		}
		path := "/admin/mails/" + a.JSON["mails"].([]any)[0].(map[string]any)["id"].(string) + "/"
		if a := w.call(w.byStaff, "POST", path+"retry/", ""); a.Status != http.StatusNoContent {
			t.Errorf("retry: %d %s", a.Status, a.Text)
		}
		if a := w.call(w.byStaff, "DELETE", path, ""); a.Status != http.StatusNotFound || a.Code != "job_not_found" {
			t.Errorf("discarding what waits: %d %s", a.Status, a.Code)
		}
		w.Drain()
		if a := w.call(w.byStaff, "DELETE", path, ""); a.Status != http.StatusNoContent {
			t.Errorf("discard: %d %s", a.Status, a.Text)
		}
		if a := w.call(w.byStaff, "DELETE", "/admin/mails/none/", ""); a.Code != "job_not_found" {
			t.Errorf("no id: %d %s", a.Status, a.Code)
		}
		for _, kind := range []string{"mail.retried", "mail.discarded"} {
			if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = $1 AND account_id = $2 AND actor = $3", kind, w.person.ID, w.member.ID.String()); n != 1 {
				t.Errorf("%s audited %d times", kind, n)
			}
		}
	})
}

func TestASessionIsEndedByItsID(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		if a := w.call(w.byStaff, "DELETE", "/admin/sessions/"+w.byPerson.SessionID.String()+"/", ""); a.Status != http.StatusNoContent || w.Stands(w.byPerson) {
			t.Errorf("%d %s", a.Status, a.Text)
		}
		for id, code := range map[string]string{w.byPerson.SessionID.String(): "session_not_found", "none": "session_not_found", uuid.NewString(): "session_not_found", w.byRoot.SessionID.String(): "account_protected"} {
			if a := w.call(w.byStaff, "DELETE", "/admin/sessions/"+id+"/", ""); a.Code != code {
				t.Errorf("%s: %d %s", id, a.Status, a.Code)
			}
		}
	})
}

func TestTheExportIsAnAttachmentWithoutFormulas(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		evil := []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u00a0=1", "＝1", "﹢1", "−1", "\ufeff=1", "\u200b@x", `x";=1`, "x, =1", "x\n=1", `"=1"`, "x|+1", "a\tb", "safe - it is", "Zoë, \"quoted\"\r\nnext"}
		for _, text := range evil {
			err := w.DB.InTx(audit.NewContext(t.Context(), audit.Source{Actor: "self", Device: text}), func(tx *db.Tx) error {
				return audit.Record(audit.NewContext(t.Context(), audit.Source{Actor: "self", Device: text}), tx, audit.Event{Kind: "evil", Reason: text, Detail: map[string]string{text: text}})
			})
			if err != nil {
				t.Fatal(err)
			}
			w.Clock.Advance(time.Second)
		}
		a := w.call(w.byStaff, "GET", "/admin/audit/export/?kind=evil", "")
		if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || a.Header.Get("Content-Disposition") != `attachment; filename="audit.csv"` ||
			a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("%d %v", a.Status, a.Header)
		}
		rows, err := csv.NewReader(strings.NewReader(a.Text)).ReadAll()
		if err != nil || len(rows) != len(evil)+1 || strings.Join(rows[0], ",") != strings.Join(exportHead, ",") {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, row := range rows[1:] {
			for _, cell := range row {
				for _, part := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(";,|\t\r\n", r) }) {
					if runs(part) {
						t.Errorf("%q runs in %q", part, cell)
					}
				}
				if strings.HasPrefix(cell, "\t") || strings.HasPrefix(cell, "\r") {
					t.Errorf("%q", cell)
				}
			}
		}
		if !strings.Contains(a.Text, "safe - it is") || strings.Contains(a.Text, "'safe") {
			t.Error("what is harmless was changed")
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'audit.exported' AND actor = $1", w.member.ID.String()); n != 1 {
			t.Errorf("%d exports audited", n)
		}
		a = w.call(w.byStaff, "GET", "/admin/audit/export/?account="+url.QueryEscape("nobody"), "")
		if a.Status != http.StatusNotFound || a.Header.Get("Content-Disposition") != "" {
			t.Errorf("a refused export: %d %v", a.Status, a.Header)
		}
	})
}

// runs is written otherwise than what it checks: a cell is trimmed and looked at.
func runs(cell string) bool {
	cell = strings.Trim(cell, " \u00a0\u200b\ufeff\"")
	for _, begin := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠", "﹢", "﹣", "﹦", "﹫", "−"} {
		if strings.HasPrefix(cell, begin) {
			return true
		}
	}
	return false
}

func TestALongExportSaysWhereItEnds(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		w.Exec(`INSERT INTO audit_event (id, at, kind, actor, address, device, request_id, reason, detail)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 317)
			SELECT ` + madeID(w) + `, 1700000000000 + a.i / 7, 'flood', 'self', '', '', '', '', '{}' FROM n a CROSS JOIN n b`)
		export := func(q string) [][]string {
			t.Helper()
			a := w.call(w.byStaff, "GET", "/admin/audit/export/?"+q, "")
			rows, err := csv.NewReader(strings.NewReader(a.Text)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		rows := export("kind=flood")
		last := rows[len(rows)-1]
		if len(rows) != MaxExport+2 || !strings.HasPrefix(last[0], "There is more: this export ends after 100000 events.") || len(last) != len(exportHead) {
			t.Errorf("%d rows, the last %q", len(rows), last)
		}
		if rows := export("kind=flood&since=2023-11-14T22:13:20.001Z&until=2023-11-14T22:13:20.003Z"); len(rows) != 14*317+1 {
			t.Errorf("%d rows of two milliseconds", len(rows))
		}
	})
}

// madeID is an expression for an id of its own in each row.
func madeID(w api) string {
	if w.Engine() == "sqlite" {
		return "printf('%08d-%04d-7000-8000-000000000000', a.i, b.i)"
	}
	return "CAST(lpad(CAST(a.i AS TEXT), 8, '0') || '-' || lpad(CAST(b.i AS TEXT), 4, '0') || '-7000-8000-000000000000' AS UUID)"
}
