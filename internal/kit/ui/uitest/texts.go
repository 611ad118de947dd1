package uitest

import (
	"errors"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Texts checks the texts of set: every key that its templates name has an English text with the
// placeholders that they fill; every language file that is there has exactly the keys and
// placeholders of English and the plural forms of its language; no text holds HTML.
func Texts(t testing.TB, set ui.Set) {
	t.Helper()
	u := newUI(t, sets(set)...)
	for name, text := range templates(t, set) {
		for _, c := range calls(t, name, text) {
			checkCall(t, u, name, c)
		}
	}
	english := read(t, set, "en")
	for key, text := range english {
		if top, _, _ := strings.Cut(key, "."); top != set.Name && top != "problem" {
			t.Errorf("locales/en.json: %s belongs under %s or problem", key, set.Name)
		}
		checkText(t, "en", key, text, text)
	}
	for _, l := range ui.Languages()[1:] {
		if texts := read(t, set, l.Tag); texts != nil {
			compare(t, l.Tag, english, texts)
		}
	}
}

// Translated fails where a set lacks a language.
func Translated(t testing.TB, sets ...ui.Set) {
	t.Helper()
	for _, set := range sets {
		for _, l := range ui.Languages() {
			if read(t, set, l.Tag) == nil {
				t.Errorf("set %s: locales/%s.json is missing", set.Name, l.Tag)
			}
		}
	}
}

// Keys fails where one of keys, which code names, has no English text in set or the shared words.
func Keys(t testing.TB, set ui.Set, keys ...string) {
	t.Helper()
	u := newUI(t, sets(set)...)
	for _, key := range keys {
		if u.Text("en", key) == key {
			t.Errorf("%s has no English text", key)
		}
	}
}

// sets leaves the shared set to ui.New, which brings it.
func sets(set ui.Set) []ui.Set {
	if set.Name == "ui" {
		return nil
	}
	return []ui.Set{set}
}

// call is one use of a text in a template. names is nil where they are not all literal.
type call struct {
	key   string
	names []string
}

// calls returns the uses of texts with a literal key.
func calls(t testing.TB, name, text string) (found []call) {
	t.Helper()
	tree := parse.New(name)
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		t.Errorf("page %s: %v", name, err)
		return nil
	}
	for _, tree := range trees {
		if tree.Root == nil {
			continue
		}
		walk(tree.Root, func(c *parse.CommandNode) {
			fn, ok := c.Args[0].(*parse.IdentifierNode)
			if !ok || len(c.Args) < 2 || fn.Ident != "t" && fn.Ident != "rich" {
				return
			}
			if key, ok := c.Args[1].(*parse.StringNode); ok {
				found = append(found, call{key.Text, literalNames(c.Args[2:])})
			}
		})
	}
	return found
}

func literalNames(args []parse.Node) []string {
	names := []string{}
	for i := 0; i < len(args); i += 2 {
		name, ok := args[i].(*parse.StringNode)
		if !ok {
			return nil
		}
		names = append(names, name.Text)
	}
	return names
}

// walk visits every command below n.
func walk(n parse.Node, visit func(*parse.CommandNode)) {
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe, visit)
		walk(b.List, visit)
		if b.ElseList != nil {
			walk(b.ElseList, visit)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			walk(child, visit)
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			walk(n.Pipe, visit)
		}
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			visit(c)
			for _, arg := range c.Args {
				walk(arg, visit)
			}
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	}
}

// checkCall checks that the English text exists, with placeholders that are all filled.
func checkCall(t testing.TB, u *ui.UI, page string, c call) {
	t.Helper()
	args := []any{}
	for _, name := range c.names {
		args = append(args, name, 2)
	}
	text := u.Text("en", c.key, args...)
	switch {
	case text == c.key:
		t.Errorf("page %s: %s has no English text", page, c.key)
	case c.names != nil && strings.Contains(text, "<no value>"):
		t.Errorf("page %s: the text %s has a placeholder that the page does not fill", page, c.key)
	}
}

// forms are the plural forms of a text, by CLDR category; a plain text has other alone.
type forms map[string]string

var categories = []string{"zero", "one", "two", "few", "many", "other"}

// needed are the categories of whole numbers (CLDR 42 and later).
var needed = map[string][]string{
	"en": {"one", "other"}, "de": {"one", "other"}, "fr": {"one", "many", "other"}, "es": {"one", "many", "other"}, "pt": {"one", "many", "other"},
	"ja": {"other"}, "zh": {"other"}, "ar": {"zero", "one", "two", "few", "many", "other"},
}

// read returns the texts of a language by key; nil where there is no file.
func read(t testing.TB, set ui.Set, lang string) map[string]forms {
	t.Helper()
	data, err := fs.ReadFile(set.Files, "locales/"+lang+".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatalf("locales/%s.json: %v", lang, err)
	}
	texts := map[string]forms{}
	flatten(t, texts, "", tree)
	return texts
}

func flatten(t testing.TB, into map[string]forms, prefix string, tree map[string]any) {
	t.Helper()
	for key, value := range tree {
		switch v := value.(type) {
		case string:
			into[prefix+key] = forms{"other": v}
		case map[string]any:
			if _, plural := v["other"].(string); !plural {
				flatten(t, into, prefix+key+".", v)
				continue
			}
			f := forms{}
			for category, text := range v {
				s, ok := text.(string)
				if !ok || !slices.Contains(categories, category) {
					t.Errorf("%s%s: %s is no plural form", prefix, key, category)
				}
				f[category] = s
			}
			into[prefix+key] = f
		default:
			t.Errorf("%s%s is neither a text nor a group of them", prefix, key)
		}
	}
}

func compare(t testing.TB, lang string, english, texts map[string]forms) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(english)) {
		if _, ok := texts[key]; !ok {
			t.Errorf("locales/%s.json lacks %s", lang, key)
			continue
		}
		checkText(t, lang, key, english[key], texts[key])
	}
	for key := range texts {
		if _, ok := english[key]; !ok {
			t.Errorf("locales/%s.json has %s, which English has not", lang, key)
		}
	}
}

var (
	placeholder = regexp.MustCompile(`\{\{\.([a-zA-Z]+)\}\}`)
	markup      = regexp.MustCompile(`[<>]|&[a-zA-Z#0-9]+;`)
)

// checkText compares one text with the English one.
func checkText(t testing.TB, lang, key string, english, own forms) {
	t.Helper()
	want := []string{"other"}
	if len(english) > 1 {
		want = needed[lang]
	}
	if got := slices.Sorted(maps.Keys(own)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("locales/%s.json: %s has the forms %v, not %v", lang, key, got, want)
	}
	for category, text := range own {
		switch {
		case strings.TrimSpace(text) == "":
			t.Errorf("locales/%s.json: %s is empty", lang, key)
		case markup.MatchString(text):
			t.Errorf("locales/%s.json: %s holds HTML", lang, key)
		case strings.Contains(placeholder.ReplaceAllString(text, ""), "{{"):
			t.Errorf("locales/%s.json: %s holds more than {{.name}}", lang, key)
		case !slices.Equal(filled(text, category), filled(english["other"], category)):
			t.Errorf("locales/%s.json: %s (%s) has the placeholders %v, English %v", lang, key, category, filled(text, category), filled(english["other"], category))
		}
	}
}

// filled returns the placeholders of a text. The forms for few numbers may leave out the number.
func filled(text, category string) []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if m[1] != "n" || category != "zero" && category != "one" && category != "two" {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
