package hostile

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/gatehouse-auth/gatehouse"
)

func isAdmin(r pageRoute) bool { return strings.HasPrefix(r.path, "/admin/") }

// adminBody is a sound body where one is taken.
func adminBody(r pageRoute, subject string) string {
	switch r.method + " " + r.path {
	case "PATCH /admin/accounts/{account}/":
		return `{"is_staff":true,"is_superuser":true}`
	case "POST /admin/accounts/{account}/reset-factors/":
		return `{"reason":"a reason of some length"}`
	case "POST /admin/accounts/bulk/":
		return text(map[string]any{"action": "disable", "accounts": []string{subject}})
	case "POST /admin/tenants/":
		return text(map[string]string{"name": "Another", "slug": "another", "owner": subject})
	case "POST /admin/tenants/{tenant}/members/":
		return text(map[string]string{"account": subject, "role": "owner"})
	case "PATCH /admin/tenants/{tenant}/members/{account}/":
		return `{"role":"owner","permissions":["notes.read"],"attributes":{"team":"blue"}}`
	case "PATCH /admin/tenants/{tenant}/":
		return `{"color":"#123456"}`
	case "DELETE /admin/tenants/{tenant}/":
		return `{"slug":"acme","reason":"a reason of some length"}`
	case "POST /admin/tenants/{tenant}/suspend/", "DELETE /admin/tenants/{tenant}/domains/{domain}/", "POST /admin/tenants/{tenant}/resume/":
		return `{"reason":"a reason of some length"}`
	case "POST /admin/permissions/":
		return `{"name":"pages.read"}`
	default:
		return ""
	}
}

// Whoever has no rank, had one, or shows the wrong thing does nothing through the admin API.
func TestTheAdminAPIIsForPresentStaffAlone(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		s := newSite(w)
		staff := func(n *gatehouse.NewAccount) { n.Password, n.Staff = password, true }
		former, present, peer := w.CreateAccount(t, staff), w.CreateAccount(t, staff), w.CreateAccount(t, staff)
		root, jo := w.signIn("root@example.com", "body"), w.signIn("jo@example.com", "cookie")
		old, clerk := w.signIn(former.Email, "body"), w.signIn(present.Email, "body")
		if a := w.call(http.MethodGet, "/admin/accounts/", "", bearer(old.access)); a.status != http.StatusOK {
			t.Fatalf("staff answered %d", a.status)
		}
		if a := w.call(http.MethodPatch, "/admin/accounts/"+former.ID+"/", `{"is_staff":false}`, bearer(root.access)); a.status != http.StatusOK {
			t.Fatalf("demoting answered %d", a.status)
		}
		after := w.signIn(former.Email, "body")
		before := w.digest()
		for _, r := range routes(t, isAdmin) {
			body := adminBody(r, s.jo)
			for _, c := range []struct {
				name   string
				status int
				code   string
				with   option
			}{
				{"nobody", 401, "token_missing", header("X-Nothing", "")},
				{"who was staff", 401, "token_invalid", bearer(old.access)},
				{"who was staff, signed in again", 403, "access_denied", bearer(after.access)},
				{"a person", 403, "access_denied", bearer(jo.access)},
				{"a superuser's page cookie", 401, "token_missing", cookie(s.staff)},
				{"a page cookie as token", 401, "token_invalid", bearer(s.staff.Value)},
				{"a superuser's refresh token", 401, "token_invalid", bearer(root.refresh)},
			} {
				w.refused(w.call(r.method, s.at(r), body, c.with), c.name, c.status, c.code)
			}
			uponStaff := "account_protected"
			if r.access == "superuser-token" {
				uponStaff = "access_denied" // staff get no further than the door, whoever it is about
				w.refused(w.call(r.method, s.at(r), body, bearer(clerk.access)), "staff", http.StatusForbidden, uponStaff)
			}
			if !strings.Contains(r.path, "{") {
				continue
			}
			for _, id := range []string{"nobody", "0198c0de-0000-7000-8000-000000000000", "%00", "..%2f..%2fme", "%ff", "'%3B--", strings.Repeat("x", 5000), "%E2%80%AE" + canary, s.jo + "%20", "%0d%0aX-Evil:%20x"} {
				path := strings.NewReplacer("{tenant}", id, "{permission}", id, "{account}", id, "{domain}", id, "{id}", id).Replace(r.path)
				a := w.call(r.method, path, body, bearer(root.access))
				if strings.HasPrefix(r.path, "/admin/mails/") || strings.HasPrefix(r.path, "/admin/sessions/") {
					if a.status == http.StatusNoContent {
						continue // gone already
					}
				}
				w.problem(a, "the id "+id[:min(len(id), 20)])
			}
			if strings.Contains(r.path, "{account}") && r.method == http.MethodPost {
				for _, protected := range []string{s.root, peer.ID} {
					a := w.call(r.method, strings.Replace(r.path, "{account}", protected, 1), body, bearer(clerk.access))
					w.refused(a, "staff upon staff", http.StatusForbidden, uponStaff)
				}
			}
		}
		if w.digest() != before {
			t.Error("the database changed")
		}
	})
}

// formulas are what a spreadsheet would run.
var formulas = []string{`=HYPERLINK("https://evil.example.net";"x")`, "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\uff1d1+1", " =1+1 and more", "x;=1+1", "x,=1+1"}

// No cell of an export runs, whatever people called themselves, their devices or their reasons.
func TestExportsHoldNoFormula(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		s := newSite(w)
		for i, f := range formulas {
			agent := header("User-Agent", strings.ReplaceAll(f, "\uff1d", "="))
			w.page(http.MethodPost, "/account/profile/", url.Values{"full_name": {f}}, cookie(s.person), agent)
			w.signInPage(f, password, "", agent)
			w.signInPage("=1+1@example.com", password, "", agent)
			w.call(http.MethodPost, "/login/", text(map[string]string{"email": "+" + string(rune('a'+i)) + "@example.com", "password": f}), agent)
			reason := f + ", a reason"
			if a := w.page(http.MethodPost, "/console/accounts/"+s.jo+"/look/", url.Values{"reason": {reason}}, cookie(s.staff), agent); a.status != http.StatusSeeOther {
				t.Fatalf("looking because of %q answered %d", reason, a.status)
			}
			w.page(http.MethodPost, "/account/look/stop/", nil, cookie(s.staff))
		}
		root := w.signIn("root@example.com", "body")
		for _, a := range []answer{w.call(http.MethodGet, "/admin/audit/export/", "", bearer(root.access)), w.page(http.MethodGet, "/console/audit/export/", nil, cookie(s.staff))} {
			rows, err := csv.NewReader(strings.NewReader(a.text)).ReadAll()
			if err != nil || a.status != http.StatusOK || len(rows) < 2*len(formulas) || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") {
				t.Fatalf("%s answered %d with %d rows, %v", a.what, a.status, len(rows), err)
			}
			if !strings.Contains(a.text, "'=HYPERLINK") || !strings.Contains(a.text, "'=1+1") || !strings.Contains(a.text, "'+1+1") {
				t.Errorf("%s holds none of what was tried", a.what)
			}
			for _, row := range rows {
				for _, cell := range row {
					for _, part := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(";,|\t\r\n", r) }) {
						part = strings.TrimLeftFunc(part, func(r rune) bool { return r == '"' || unicode.IsSpace(r) })
						if strings.IndexAny(part, "=+-@\uff1d") == 0 {
							t.Errorf("%s has the cell %q", a.what, cell)
						}
					}
				}
			}
		}
	})
}
