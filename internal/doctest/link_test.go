package doctest

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	linkTo   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	anchorID = regexp.MustCompile(`<a id="([^"]+)">`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range linkTo.FindAllStringSubmatch(p.prose(), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue // the internet's to keep
			}
			name := p.name
			if target != "" {
				name = path.Join(path.Dir(p.name), target)
			}
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("%s: %s leads nowhere", p.name, m[1])
				continue
			}
			if anchor != "" && !anchors(t, name)[anchor] {
				t.Errorf("%s: %s: there is no such heading", p.name, m[1])
			}
		}
	}
}

// anchors are what a link into a document can name, as GitHub makes them of headings.
func anchors(t *testing.T, name string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	text := read(t, name).prose()
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		all[slug(h[1])] = true
	}
	for _, a := range anchorID.FindAllStringSubmatch(text, -1) {
		all[a[1]] = true
	}
	return all
}

func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
			return r
		}
		return -1
	}, strings.ToLower(strings.TrimSpace(heading)))
}

// Every page is reached from the README, in one or more steps.
func TestEveryPageIsReached(t *testing.T) {
	reached := map[string]bool{"README.md": true}
	for todo := []string{"README.md"}; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		for _, m := range linkTo.FindAllStringSubmatch(read(t, name).prose(), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			next := path.Join(path.Dir(name), target)
			if strings.HasSuffix(target, ".md") && !strings.Contains(target, "://") && !reached[next] {
				reached[next] = true
				todo = append(todo, next)
			}
		}
	}
	for _, p := range pages(t) {
		if !reached[p.name] {
			t.Errorf("%s: no link leads here from README.md", p.name)
		}
	}
}
