// Package doctest keeps the documents true: it runs their commands, compiles their Go, loads
// their settings, follows their links, and compares their tables with the source.
//
// A fenced block in README.md, ARCHITECTURE.md, SECURITY.md, CHANGELOG.md or docs/ says in its
// first line what it is. Any other first line fails.
//
//	sh run         run by a shell, beside `gatehouse serve --dev`. All of a page run in one shell,
//	               in order, in an empty folder; localhost:8080 stands for the server.
//	sh alone       the same with no server: for production's commands. Port 8080 is a free one and
//	               a database at db.example.com a throwaway PostgreSQL.
//	sh elsewhere   not run: it needs a checkout, root, or a machine of one's own. Its make targets
//	               and gatehouse commands must exist.
//	sql run        run by the superuser of that PostgreSQL, before the page's commands
//	text shows     what the sh block before it must print, among other things; … is any text of a line
//	go             a file, declarations or statements that must type-check
//	yaml           a file of settings that must be accepted
//	text, http, html, json, python, nginx, ini   shown as it is; so is a block without a word, which holds no
//	               command of ours
package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the top of the checkout.
const root = "../.."

// block is one fenced block of a document.
type block struct {
	line int    // of its first line, from 1
	info string // after the fence
	text string
}

// page is one document.
type page struct {
	name   string // from the root
	text   string
	blocks []block
}

var kinds = []string{
	"sh run", "sh alone", "sh elsewhere", "sql run", "text shows", "go", "yaml", "text", "http", "html", "json", "python", "nginx", "ini",
}

// pages reads every document.
func pages(t *testing.T) []page {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	if len(names) < 20 {
		t.Fatalf("only %d documents found", len(names))
	}
	all := make([]page, len(names))
	for i, name := range names {
		all[i] = read(t, strings.TrimPrefix(filepath.ToSlash(name), root+"/"))
	}
	return all
}

// read reads one document, by its name from the root.
func read(t *testing.T, name string) page {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	p := page{name: name, text: string(b)}
	var open *block
	number := 0
	for line := range strings.Lines(p.text) {
		number++
		switch info, fence := strings.CutPrefix(line, "```"); {
		case fence && open == nil:
			open = &block{line: number, info: strings.TrimSpace(info)}
		case fence:
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block does not end", name, open.line)
	}
	return p
}

func (p page) has(infos ...string) bool {
	return slices.ContainsFunc(p.blocks, func(b block) bool { return slices.Contains(infos, b.info) })
}

// prose returns the text outside of blocks.
func (p page) prose() string {
	var out strings.Builder
	inside := false
	for line := range strings.Lines(p.text) {
		if strings.HasPrefix(line, "```") {
			inside = !inside
			continue
		}
		if !inside {
			out.WriteString(line)
		}
	}
	return out.String()
}

// ours finds commands that could be tried.
var ours = regexp.MustCompile(`(?m)^(gatehouse|curl) `)

func TestEveryBlockSaysWhatItIs(t *testing.T) {
	for _, p := range pages(t) {
		for i, b := range p.blocks {
			if b.info == "" && !ours.MatchString(b.text) {
				continue
			}
			if !slices.Contains(kinds, b.info) {
				t.Errorf("%s:%d: %q is no kind of block; see the comment of this package", p.name, b.line, b.info)
			}
			if b.info == "text shows" && (i == 0 || !strings.HasPrefix(p.blocks[i-1].info, "sh ")) {
				t.Errorf("%s:%d: shows what? There is no sh block before it", p.name, b.line)
			}
		}
	}
}
