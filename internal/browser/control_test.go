package browser

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Roles of what a person acts on.
var (
	fields  = []string{"textbox", "searchbox", "spinbutton", "combobox", "Date", "listbox"}
	presses = []string{"button", "link", "DisclosureTriangle"}
	ticks   = []string{"checkbox", "radio", "switch"}
)

// control is something on the page that a person can act on.
type control struct {
	tab    *tab
	name   string
	node   cdp.BackendNodeID
	object runtime.RemoteObjectID
}

// find returns the one control of one of the roles that has a name, as a screen reader says it.
func (b *tab) find(name string, roles []string) *control {
	b.t.Helper()
	found := b.findAll(name, roles)
	if len(found) != 1 {
		b.t.Fatalf("%s has %d controls named %q of the kind %v; there are %q", b.path(), len(found), name, roles, b.names(roles))
	}
	return found[0]
}

// findAll returns every control of one of the roles that has a name.
func (b *tab) findAll(name string, roles []string) (found []*control) {
	b.t.Helper()
	for _, n := range b.tree(name) {
		if said(n.Role) == "" || !slices.Contains(roles, said(n.Role)) {
			continue
		}
		object := call(b, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: n.BackendDOMNodeID}).Object.ObjectID
		found = append(found, &control{b, name, n.BackendDOMNodeID, object})
	}
	return found
}

// names returns the names of all controls of some roles.
func (b *tab) names(roles []string) (names []string) {
	b.t.Helper()
	for _, n := range b.tree("") {
		if slices.Contains(roles, said(n.Role)) {
			names = append(names, said(n.Name))
		}
	}
	return names
}

// tree returns what assistive technology is told about the page, or about what has a name.
func (b *tab) tree(name string) (nodes []*accessibility.Node) {
	b.t.Helper()
	document := call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: "document"}).Result.ObjectID
	all := call(b, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: document, AccessibleName: name}).Nodes
	return slices.DeleteFunc(all, func(n *accessibility.Node) bool { return n.Ignored })
}

func said(v *accessibility.Value) (s string) {
	if v != nil {
		_ = json.Unmarshal(v.Value, &s) // other values are not said
	}
	return s
}

// do calls a function with the control's element as this, and returns what it returns.
func (c *control) do(function string, args ...any) (result any) {
	c.tab.t.Helper()
	params := runtime.CallFunctionOnParams{FunctionDeclaration: function, ObjectID: c.object, ReturnByValue: new(true)}
	for _, arg := range args {
		value, err := json.Marshal(arg)
		c.tab.must(err)
		params.Arguments = append(params.Arguments, &runtime.CallArgument{Value: value})
	}
	called := call(c.tab, runtime.CallFunctionOn, params)
	if called.ExceptionDetails != nil {
		c.tab.t.Fatalf("%q: %s", c.name, called.ExceptionDetails.Text)
	}
	if called.Result != nil && len(called.Result.Value) > 0 {
		c.tab.must(json.Unmarshal(called.Result.Value, &result))
	}
	return result
}

// property returns a property of the control's element as a text.
func (c *control) property(name string) string {
	c.tab.t.Helper()
	s, _ := c.do("function(name) { return String(this[name]) }", name).(string)
	return s
}

// query returns the control that a CSS selector names, for pages in a language that the test does
// not speak.
func (b *tab) query(selector string) *control {
	b.t.Helper()
	quoted, err := json.Marshal(selector)
	b.must(err)
	object := call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.querySelector(" + string(quoted) + ")"}).Result.ObjectID
	if object == "" {
		b.t.Fatalf("%s has no %s", b.path(), selector)
	}
	node := call(b, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: object}).Node.BackendNodeID
	return &control{b, selector, node, object}
}

// fill types a value into the field with a label, in place of what is there.
func (b *tab) fill(label, value string) { b.t.Helper(); b.find(label, fields).write(value) }

// enter is fill for the field with a name, which is the same in every language.
func (b *tab) enter(name, value string) {
	b.t.Helper()
	b.query(`main [name="` + name + `"]:not([type=hidden])`).write(value)
}

// write types a value in place of what is there.
func (c *control) write(value string) {
	c.tab.t.Helper()
	c.do("function() { this.scrollIntoView({block: 'center'}); this.focus(); if (this.select) this.select() }")
	if value == "" {
		c.tab.press(kb.Delete)
		return
	}
	call(c.tab, input.InsertText, input.InsertTextParams{Text: value})
}

// tick clicks the box with a label.
func (b *tab) tick(label string) { b.t.Helper(); b.find(label, ticks).click() }

// value returns what the field with a label holds.
func (b *tab) value(label string) string {
	b.t.Helper()
	return b.find(label, fields).property("value")
}

// follow clicks the button or link with a name and waits for the page that it leads to, which
// has to answer with 200.
func (b *tab) follow(name string) {
	b.t.Helper()
	b.followFor(name, 200)
}

// followFor is follow for pages with another status.
func (b *tab) followFor(name string, status int) {
	b.t.Helper()
	c := b.find(name, presses)
	b.leads(strings.TrimSpace(name), status, c.click)
}

// send clicks the button that a CSS selector names and waits for the page that it leads to. What the
// browser itself would find wrong in the form goes to the server all the same.
func (b *tab) send(selector string, status int) {
	b.t.Helper()
	eval[any](b, "[...document.forms].forEach(f => f.noValidate = true)")
	b.leads(selector, status, b.query(selector).click)
}

// has reports whether there is a button or link with a name.
func (b *tab) has(name string) bool { b.t.Helper(); return len(b.findAll(name, presses)) > 0 }

// press presses a key, which acts on what has the focus.
func (b *tab) press(key string) { b.t.Helper(); b.must(chromedp.Do(b.ctx, chromedp.KeyEvent(key))) }

// click clicks the middle of a control with the mouse, where nothing may lie above it.
func (c *control) click() { c.tab.t.Helper(); c.clicks(1) }

// clicks clicks so often that the later ones come while the first one's work is under way.
func (c *control) clicks(n int) {
	c.tab.t.Helper()
	c.do("function() { this.scrollIntoView({block: 'center'}) }")
	quads := call(c.tab, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: c.node}).Quads
	if len(quads) == 0 {
		c.tab.t.Fatalf("%q cannot be seen", c.name)
	}
	q := quads[0]
	x, y := (q[0]+q[4])/2, (q[1]+q[5])/2
	hit := c.do(`function(x, y) {
		const e = document.elementFromPoint(x, y);
		return e !== null && (this.contains(e) || e.contains(this) || [...(this.labels ?? [])].some(l => l.contains(e)));
	}`, x, y)
	if hit != true {
		c.tab.t.Fatalf("something lies above %q", c.name)
	}
	for range n {
		for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
			call(c.tab, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1})
		}
	}
}
