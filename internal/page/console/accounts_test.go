package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
)

// crowd makes accounts, the last of which is the newest.
func (w *world) crowd(n int) []*account.Account {
	all := make([]*account.Account, n)
	for i := range all {
		all[i] = w.Account(fmt.Sprintf("p%04d@crowd.example.com", i), "")
	}
	return all
}

var (
	listed   = regexp.MustCompile(`<th scope="row"><a href="[^"]*" aria-label="[^"]*"><bdi>([^<]*)</bdi>`)
	nextPage = regexp.MustCompile(`rel="next" href="([^"]*)"`)
	lastPage = regexp.MustCompile(`rel="prev" href="([^"]*)"`)
)

// names returns the addresses that a page lists.
func names(text string) (all []string) {
	for _, m := range listed.FindAllStringSubmatch(strings.ReplaceAll(text, "<wbr>", ""), -1) {
		all = append(all, m[1])
	}
	return all
}

func link(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

func TestAccountsArePagedForwardsAndBackwards(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.crowd(160)
		w.Clock.Advance(1)
		for _, search := range []string{"", "?by=email&prefix=p&status=active", "?by=name&prefix=jo+d&status="} {
			var pages [][]string
			var addresses []string
			for at := "/console/accounts/" + search; at != ""; {
				a := w.client.Page(at, w.asStaff)
				w.shows(a, 200)
				pages, addresses = append(pages, names(a.Text)), append(addresses, at)
				at = link(nextPage, a.Text)
			}
			seen := map[string]bool{}
			for i, p := range pages {
				if i < len(pages)-1 && len(p) != 50 {
					t.Errorf("page %d has %d rows", i, len(p))
				}
				for _, name := range p {
					if seen[name] {
						t.Errorf("%s is listed twice", name)
					}
					seen[name] = true
				}
			}
			if len(seen) < 160 || len(seen) > 163 || len(pages) != 4 {
				t.Errorf("%q: %d accounts on %d pages", search, len(seen), len(pages))
			}
			at := addresses[len(addresses)-1]
			for i := len(pages) - 1; i >= 0; i-- {
				a := w.client.Page(at, w.asStaff)
				if got := names(a.Text); strings.Join(got, " ") != strings.Join(pages[i], " ") {
					t.Errorf("%q: going back, page %d is %v", search, i, got)
				}
				at = link(lastPage, a.Text)
			}
			if at != "" {
				t.Errorf("there is a page before the first: %s", at)
			}
		}
	})
}

func TestAccountsAreFoundByEveryName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET username = 'Mona', username_key = 'mona', active = FALSE, email_verified = FALSE WHERE id = $1", w.person.ID)
		w.Exec("UPDATE profile SET full_name = 'Ada Ångström', name_key = 'ada ångström' WHERE account_id = $1", w.person.ID)
		for _, search := range []string{"by=email&prefix=JO@", "by=username&prefix=mo", "by=name&prefix=Ada+%C3%85", "by=id&prefix=" + w.person.Subject, "status=disabled", "status=unverified", "by=email&prefix=jo&status=disabled"} {
			a := w.client.Page("/console/accounts/?"+search, w.asStaff)
			w.shows(a, 200, "Disabled", "Not confirmed", "Ada Ångström", "Mona")
			if got := names(a.Text); len(got) != 1 || got[0] != w.person.Email {
				t.Errorf("%s finds %v", search, got)
			}
		}
		for _, search := range []string{"by=email&prefix=nobody", "status=active&prefix=jo"} {
			w.shows(w.client.Page("/console/accounts/?"+search, w.asStaff), 200, "No account matches this", "Show all")
		}
		if got := names(w.client.Page("/console/accounts/?status=staff", w.asStaff).Text); len(got) != 2 {
			t.Errorf("staff are %v", got)
		}
	})
}

func TestASearchThatCannotBeIsSaidOnThePage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, search := range []string{"by=shoe", "status=tired", "prefix=%FF", "prefix=a%00b", "after=x", "after=" + strings.Repeat("A", 10_000), "prefix=jo&after=AQAAAAAAAAAA"} {
			a := w.client.Page("/console/accounts/?"+search, w.asStaff)
			w.shows(a, http.StatusBadRequest, `role="alert"`, `name="prefix"`)
		}
		w.shows(w.client.Page("/console/accounts/?prefix="+strings.Repeat("j", 10_000), w.asStaff), 200, "No account matches this")
	})
}

// Whatever people call themselves is text on a page.
func TestScriptInEveryFieldIsShownAsText(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const evil = `<script>alert("x")</script>`
		w.Exec("UPDATE account SET email = $2, username = $2 WHERE id = $1", w.person.ID, evil)
		w.Exec("UPDATE profile SET full_name = $2, phone = $2, locale = $2, attributes = $3 WHERE account_id = $1", w.person.ID, evil, `{"<script>":"<script>alert(\"x\")</script>"}`)
		w.Exec("UPDATE session SET device = $1, address = $1", evil)
		w.Exec("INSERT INTO audit_event (id, at, kind, account_id, actor, address, device, request_id, reason, detail) VALUES ($1, $2, $3, $1, $3, $3, $3, $3, $3, '{}')", w.person.ID, w.Now(), evil)
		w.Exec("INSERT INTO job (id, kind, recipient, payload, attempt, run_at, leased_until, created_at, last_error) VALUES ($1, $3, $4, NULL, 1, $2, 0, $2, $3)", w.person.ID, w.Now(), evil, w.person.ID.String())
		w.Exec("UPDATE account SET email = $2 WHERE id = $1", w.super.ID, evil)
		form := url.Values{"action": {"disable"}, "account[]": {w.person.Subject}}
		pages := map[string]string{
			"list": w.client.Page("/console/accounts/", w.asSuper).Text, "one": w.client.Page(path(w.person, ""), w.asSuper).Text,
			"search":  w.client.Page("/console/accounts/?prefix="+url.QueryEscape(evil)+"&by="+url.QueryEscape(evil)+"&status="+url.QueryEscape(evil), w.asSuper).Text,
			"done":    w.client.Page(path(w.person, "?done="+url.QueryEscape(evil)), w.asSuper).Text,
			"session": w.client.Page(path(w.person, "sessions/"+w.theirs.SessionID.String()+"/"), w.asSuper).Text,
			"bulk":    w.client.Submit("/console/accounts/~selected/", form, w.asSuper).Text, "nothing": w.client.Submit("/console/accounts/~selected/", url.Values{"action": {evil}, "account[]": {evil}}, w.asSuper).Text,
			"bulk done": w.client.Submit("/console/accounts/~selected/done/", form, w.asSuper).Text,
			"overview":  w.client.Page("/console/", w.asSuper).Text,
		}
		for _, action := range []string{"disable", "enable", "sign-out", "send-reset", "unlock", "rank", "look"} {
			pages[action] = w.client.Page(path(w.person, action+"/"), w.asSuper).Text
		}
		for name, text := range pages {
			if strings.Contains(strings.ToLower(text), "<script>") || strings.Contains(text, "ZgotmplZ") || !strings.Contains(text, "&lt;script&gt;") {
				t.Errorf("%s shows it wrongly: %s", name, text)
			}
		}
	})
}

func TestPagesTakeABoundedNumberOfStatements(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		crowd := w.crowd(210)
		for range 60 {
			w.Session(w.person.ID)
		}
		form := url.Values{"action": {"sign-out"}}
		for _, a := range crowd[:200] {
			form.Add("account[]", a.Subject)
		}
		ask := map[string]func() int{
			"overview": func() int { return w.client.Page("/console/", w.asSuper).Status },
			"list":     func() int { return w.client.Page("/console/accounts/", w.asSuper).Status },
			"search":   func() int { return w.client.Page("/console/accounts/?prefix=p&status=active", w.asSuper).Status },
			"one":      func() int { return w.client.Page(path(w.person, ""), w.asSuper).Status },
			"confirm":  func() int { return w.client.Page(path(w.person, "disable/"), w.asSuper).Status },
			"bulk":     func() int { return w.client.Submit("/console/accounts/~selected/", form, w.asSuper).Status },
		}
		for name, fn := range ask {
			var status int
			statements := w.Statements(func() { status = fn() })
			if status != 200 || len(statements) > 12 {
				t.Errorf("%s: %d after %d statements: %s", name, status, len(statements), strings.Join(statements, "\n"))
			}
		}
	})
}
