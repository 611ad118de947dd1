package ui_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

func TestLanguageIsAskedForInOrder(t *testing.T) {
	for _, c := range []struct {
		name, query, account, cookie, header, want string
	}{
		{"nothing", "", "", "", "", "en"},
		{"header", "", "", "", "fr-CA,fr;q=0.8,en;q=0.5", "fr"},
		{"header's second", "", "", "", "nl,pt-BR;q=0.9", "pt"},
		{"header of an unknown", "", "", "", "tlh", "en"},
		{"traditional Chinese", "", "", "", "zh-TW", "zh"},
		{"cookie over header", "", "", "ja", "fr", "ja"},
		{"account over cookie", "", "de", "ja", "fr", "de"},
		{"account of a region", "", "de-AT", "ja", "fr", "de"},
		{"account of an unknown", "", "xx", "ja", "fr", "ja"},
		{"query over all", "?lang=ar", "de", "ja", "fr", "ar"},
		{"hostile query", "?lang=%22%3E%3Cscript%3E", "", "", "fr", "fr"},
		{"query not spelled as offered", "?lang=DE", "", "", "fr", "fr"},
		{"hostile cookie", "", "", "../../etc", "es", "es"},
		{"hostile header", "", "", "", "de\x00;q=,,,;;=", "en"},
		{"huge header", "", "", "", strings.Repeat("de-", 100000), "en"},
		{"many in the header", "", "", "", strings.Repeat("xx,", 10000) + "de", "en"},
	} {
		for _, secure := range []bool{false, true} {
			u := newUI(t, ui.Config{Secure: secure})
			name := map[bool]string{false: "gatehouse-language", true: "__Host-gatehouse-language"}[secure]
			r := get(t, "/account/"+c.query)
			r = r.WithContext(ui.WithLanguage(r.Context(), c.account))
			r.Header.Set("Accept-Language", c.header)
			if c.cookie != "" {
				r.Header.Set("Cookie", name+"="+c.cookie)
			}
			if got := u.Language(r); got != c.want {
				t.Errorf("%s: %s, not %s", c.name, got, c.want)
			}
		}
	}
}

func TestAskingForALanguageIsRemembered(t *testing.T) {
	for name, secure := range map[string]bool{"gatehouse-language": false, "__Host-gatehouse-language": true} {
		u := newUI(t, ui.Config{Secure: secure}, sample("", map[string]string{"page": ""}))
		cookies := write(t, u, get(t, "/?lang=ja"), ui.Page{Name: "sample/page"}).Result().Cookies()
		if len(cookies) != 1 {
			t.Fatalf("%d cookies", len(cookies))
		}
		if c := cookies[0]; c.Name != name || c.Value != "ja" || c.Path != "/" || c.Domain != "" || !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 31536000 {
			t.Errorf("%+v", c)
		}
		for _, target := range []string{"/", "/?lang=", "/?lang=xx", "/?lang=%0d%0aSet-Cookie:x"} {
			if w := write(t, u, get(t, target), ui.Page{Name: "sample/page"}); w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%s sets a cookie", target)
			}
		}
	}
}

func TestLanguagePickerKeepsWhereOneIs(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", map[string]string{"page": ""}))
	hrefs := func(target string) map[string]string {
		found := map[string]string{}
		for _, a := range elements(t, write(t, u, get(t, target), ui.Page{Name: "sample/page"}).Body.String(), "a") {
			if l := attribute(a, "hreflang"); l != "" {
				found[l] = attribute(a, "href")
			}
		}
		return found
	}
	found := hrefs("/account/sign-in/?next=a%26b&done=x&lang=fr")
	if len(found) != 8 || found["ar"] != "?lang=ar&next=a%26b" {
		t.Errorf("%v", found)
	}
	if got := hrefs("/?x=" + strings.Repeat("y", 5000))["de"]; got != "?lang=de" {
		t.Errorf("a page repeats %d bytes of query eight times", len(got))
	}
}

func TestArabicRunsFromTheRight(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("console", map[string]string{"page": ""}))
	w := write(t, u, get(t, "/?lang=ar"), ui.Page{Name: "sample/page"})
	if !strings.Contains(w.Body.String(), `<html lang="ar" dir="rtl">`) || w.Header().Get("Content-Language") != "ar" {
		t.Error("it does not say so")
	}
}

func TestTexts(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", nil))
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	for _, c := range []struct {
		lang, key string
		args      []any
		want      string
	}{
		{"en", "sample.plain", nil, "Good day"},
		{"de", "sample.plain", nil, "Guten Tag"},
		{"de", "sample.hello", []any{"who", "<b>"}, "Hallo <b>"},
		{"de", "sample.only", nil, "Only here"},
		{"ja", "sample.hello", []any{"who", "X"}, "Hello X"},
		{"xx", "sample.plain", nil, "Good day"},
		{"de", "sample.missing", nil, "sample.missing"},
		{"en", "sample.seen", []any{"n", 1}, "1 visit"},
		{"en", "sample.seen", []any{"n", int64(1234567)}, "1,234,567 visits"},
		{"de", "sample.seen", []any{"n", 1234}, "1.234 Besuche"},
		{"ar", "sample.seen", []any{"n", 0}, "Z"},
		{"ar", "sample.seen", []any{"n", 2}, "T"},
		{"ar", "sample.seen", []any{"n", 3}, "F 3"},
		{"ar", "sample.seen", []any{"n", 11}, "M 11"},
		{"ar", "sample.seen", []any{"n", 100}, "X 100"},
		{"en", "sample.hello", []any{"who", at}, "Hello 3 Feb 2026, 03:05 UTC"},
		{"en", "sample.hello", []any{"who"}, "Hello <no value>"},
	} {
		if got := u.Text(c.lang, c.key, c.args...); got != c.want {
			t.Errorf("%s %s %v: %q, not %q", c.lang, c.key, c.args, got, c.want)
		}
	}
}

func TestDetailSpeaksTheLanguageWhereItKnowsTheSentence(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", nil))
	for _, c := range [][4]string{
		{"de", "sample_refused", "This was refused.", "Das wurde abgelehnt."},
		{"de", "sample_refused", "This was refused on Monday.", "This was refused on Monday."},
		{"de", "another", "This was refused.", "Das wurde abgelehnt."},
		{"de", "too_short", "Use at least 15 letters.", "Mindestens 15 Buchstaben."},
		{"de", "too_short", "Use at least many letters.", "Use at least many letters."},
		{"de", "too_short", "Use at least 99999999999999999999999 letters.", "Use at least 99999999999999999999999 letters."},
		{"ja", "sample_refused", "This was refused.", "This was refused."},
		{"de", "", "", ""},
	} {
		if got := u.Detail(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%v: %q", c, got)
		}
	}
}

func TestSharedTextsAreWhole(t *testing.T) { uitest.Texts(t, ui.BuiltinSet) }

func FuzzMatch(f *testing.F) {
	for _, s := range []string{"", "de", "de-AT,en;q=0.5", "*", "zh-Hant-TW", "i-klingon", "x-y-z", "en-u-nu-latn", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, wanted string) {
		if tag, ok := ui.Match(wanted); ok && !ui.Supported(tag) {
			t.Errorf("%q leads to %q", wanted, tag)
		}
	})
}
