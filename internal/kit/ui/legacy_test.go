package ui_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

func writeLegacy(t *testing.T, p ui.LegacyPage) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := ui.WriteLegacy(w, p); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestLegacyPagesEscapeWhatTheyShow(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	body := ui.Parse(`<p title="{{.}}">{{.}}</p><a href="{{.}}">x</a><input value="{{.}}">`)
	w := writeLegacy(t, ui.LegacyPage{Status: http.StatusTeapot, Title: evil, Product: evil, Body: body, Data: evil})
	if w.Code != http.StatusTeapot || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("status %d, type %q", w.Code, w.Header().Get("Content-Type"))
	}
	for _, tag := range []string{"script", "img"} {
		if len(elements(t, w.Body.String(), tag)) != 0 {
			t.Errorf("what was shown became <%s>", tag)
		}
	}
	link := writeLegacy(t, ui.LegacyPage{Status: http.StatusOK, Body: ui.Parse(`<a href="{{.}}">x</a>`), Data: "javascript:alert(1)"})
	if strings.Contains(link.Body.String(), `href="javascript:`) {
		t.Error("a link runs a script")
	}
}

// Nothing but our style sheet may run or load, and the policy names exactly that.
func TestLegacyThePolicyAllowsTheOneStyleSheet(t *testing.T) {
	w := writeLegacy(t, ui.LegacyPage{Status: http.StatusOK, Title: "T", Product: "P", Body: ui.Parse("<p>x</p>")})
	styles := elements(t, w.Body.String(), "style")
	if len(styles) != 1 || styles[0].FirstChild == nil {
		t.Fatalf("%d style sheets", len(styles))
	}
	sum := sha256.Sum256([]byte(styles[0].FirstChild.Data))
	policy := w.Header().Get("Content-Security-Policy")
	if want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
		t.Errorf("the policy %s does not allow the style sheet: want %s", policy, want)
	}
	for _, part := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy lacks %s", part)
		}
	}
	for _, tag := range []string{"script", "link", "img", "iframe", "object", "base"} {
		if len(elements(t, w.Body.String(), tag)) != 0 {
			t.Errorf("the layout has <%s>", tag)
		}
	}
	if strings.Contains(w.Body.String(), "ZgotmplZ") {
		t.Error("the layout holds what its template refused")
	}
}

func TestLegacyAPageThatCannotBeRenderedSendsNothing(t *testing.T) {
	w := httptest.NewRecorder()
	err := ui.WriteLegacy(w, ui.LegacyPage{Status: http.StatusOK, Body: ui.Parse(`<p>begun</p>{{.Missing.Member}}`), Data: struct{}{}})
	if err == nil || w.Body.Len() != 0 || len(w.Header()) != 0 {
		t.Errorf("err %v, sent %q %v", err, w.Body, w.Header())
	}
}

func TestLegacyABodyWithAMistakePanicsAtOnce(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was accepted")
		}
	}()
	ui.Parse("{{")
}
