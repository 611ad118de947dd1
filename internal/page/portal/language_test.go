package portal_test

import (
	"net/http"
	"strings"
	"testing"
)

func (w *world) locale() (tag string) {
	w.Read(&tag, "SELECT locale FROM profile")
	return tag
}

func TestLanguageIsChosenByItsOwnName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := w.open("/account/language/").main()
		for _, name := range []string{"As my browser says", "English", "Deutsch", "日本語", "العربية"} {
			if !strings.Contains(d.text(), name) {
				t.Errorf("%s is missing", name)
			}
		}
		if got := d.value("locale"); got != "" {
			t.Errorf("%q is chosen", got)
		}
		w.did(w.send("/account/language/", "locale", "fr"), "/account/language/", "")
		if got := w.open("/account/language/").main().value("locale"); got != "fr" || w.locale() != "fr" {
			t.Errorf("%q is chosen", got)
		}
		w.did(w.send("/account/language/", "locale", ""), "/account/language/", "")
		if w.locale() != "" {
			t.Errorf("stored %q", w.locale())
		}
	})
}

// An API may have set a tag that is none of ours; it is shown, and stays until another is chosen.
func TestLanguageKeepsATagThatIsNotOffered(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE profile SET locale = 'pt-BR'")
		d := w.open("/account/language/").main()
		if d.value("locale") != "pt-BR" || !strings.Contains(d.text(), "Português (pt-BR)") {
			t.Errorf("%q is chosen\n%s", d.value("locale"), d.text())
		}
	})
}

func TestLanguageRefusesWhatIsNone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.send("/account/language/", "locale", "!!")
		if d := parse(t, a); a.Status != http.StatusBadRequest || !strings.Contains(d.text(), "language tag") || w.locale() != "" {
			t.Errorf("answered %d, stored %q\n%s", a.Status, w.locale(), d.text())
		}
	})
}
