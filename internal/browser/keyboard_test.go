package browser

import (
	"fmt"

	"github.com/chromedp/chromedp/kb"
)

// tabbable gives, in the page, the controls that the tabulator has to reach. Of
// radio buttons it reaches the chosen one, or the first.
const tabbable = `(() => {
	const groups = new Set();
	return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")].filter(e => {
		if (e.matches(":disabled") || !e.checkVisibility({visibilityProperty: true}) || e.getClientRects().length === 0) return false;
		if (e.type !== "radio") return true;
		const group = [...document.getElementsByName(e.name)].filter(r => r.form === e.form);
		return e === (group.find(r => r.checked) ?? group[0]);
	});
})()`

// focused tells about the element that has the focus.
type focused struct {
	Index   int // among the tabbable ones; -1: none of them
	Name    string
	Visible bool // one sees that it has the focus
	Covered bool // something lies above it
}

const focusedOf = `(() => {
	const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
	const seen = s => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none";
	const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
	return {
		Index: ` + tabbable + `.indexOf(e),
		Name: e.outerHTML.slice(0, 120),
		Visible: seen(style) || [...(e.labels ?? [])].some(l => seen(getComputedStyle(l))),
		Covered: hit !== null && !e.contains(hit) && !hit.contains(e) && ![...(e.labels ?? [])].some(l => l.contains(hit)),
	};
})()`

// keyboardProblems goes through the page with the tabulator and tells where that fails: a control
// that is not reached, or one of which nobody sees that it has the focus.
func (b *tab) keyboardProblems() (problems []string) {
	b.t.Helper()
	eval[any](b, "document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex'), scrollTo(0, 0), null") // from the top
	wanted := eval[int](b, tabbable+".length")
	reached := map[int]bool{}
	for presses := 0; len(reached) < wanted && presses < 2*wanted+10; /* a date is several stops */ presses++ {
		b.press(kb.Tab)
		f := eval[focused](b, focusedOf)
		if f.Index < 0 || reached[f.Index] { // the page itself, or a part of it that scrolls
			continue
		}
		reached[f.Index] = true
		if !f.Visible {
			problems = append(problems, "one does not see that it has the focus: "+f.Name)
		}
		if f.Covered {
			problems = append(problems, "it has the focus and is covered: "+f.Name)
		}
	}
	if len(reached) != wanted {
		problems = append(problems, fmt.Sprintf("the tabulator reaches %d of %d controls", len(reached), wanted))
	}
	return problems
}
