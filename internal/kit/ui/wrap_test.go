package ui_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

func TestLongWordsAreDividedWhereTheyShould(t *testing.T) {
	for text, want := range map[string]string{
		"ada.b@example.com": "ada.<wbr>b@<wbr>example.<wbr>com", "a_name": "a_<wbr>name", "ends.": "ends.", "": "",
		`<b>@"x"`: "&lt;b&gt;@<wbr>&#34;x&#34;", "Ø.ß": "Ø.<wbr>ß",
	} {
		page := show(t, "console", `[{{wrap .}}]`, ui.Page{Data: text})
		if !strings.Contains(page, "["+want+"]") {
			t.Errorf("%q is not %q in %s", text, want, page)
		}
	}
}
