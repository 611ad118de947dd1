package browser

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// npmFolder returns where tools/setup.sh put the tools of npm/package-lock.json.
func npmFolder() (string, error) {
	lock, err := os.ReadFile("npm/package-lock.json")
	if err != nil {
		return "", err
	}
	version := sha256.Sum256(lock)
	cache := cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(os.Getenv("HOME"), ".cache"))
	folder := filepath.Join(cache, "gatehouse", "npm-"+hex.EncodeToString(version[:8]), "node_modules")
	if _, err := os.Stat(folder); err != nil {
		return "", errors.New("the tests of the pages need axe-core and html-validate: run `make setup`")
	}
	return folder, nil
}

var axeSource = sync.OnceValues(func() (string, error) {
	folder, err := npmFolder()
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(filepath.Join(folder, "axe-core", "axe.min.js"))
	return string(source), err
})

// axeRun has axe-core look at the page for what breaks WCAG 2.2 at the levels A and AA, and for what
// its authors advise against.
const axeRun = `axe.run(document, {
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"],
	resultTypes: ["violations"],
}).then(r => JSON.stringify(r.violations.map(v => ({Rule: v.id, Help: v.help, Nodes: v.nodes.map(n => n.html + "\n\t" + n.failureSummary)}))))`

// violation is a rule of axe-core that a page breaks.
type violation struct {
	Rule, Help string
	Nodes      []string
}

func (v violation) String() string {
	return fmt.Sprintf("axe %s: %s\n\t%s", v.Rule, v.Help, strings.Join(v.Nodes, "\n\t"))
}

// axe returns what axe-core finds on the page. It runs in a world of its own, which the page's
// policy does not bind and whose scripts the page does not see.
func (b *tab) axe() (found []violation) {
	b.t.Helper()
	source, err := axeSource()
	b.must(err)
	world := call(b, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: b.watch.frame(), WorldName: "axe"})
	for _, expression := range []string{source + ";0", axeRun} {
		r := call(b, runtime.Evaluate, runtime.EvaluateParams{
			Expression: expression, ContextID: world.ExecutionContextID, AwaitPromise: new(true), ReturnByValue: new(true),
		})
		if r.ExceptionDetails != nil {
			b.t.Fatalf("axe: %s %s", r.ExceptionDetails.Text, r.ExceptionDetails.Exception.Description)
		}
		if expression == axeRun {
			var text string
			b.must(json.Unmarshal(r.Result.Value, &text))
			b.must(json.Unmarshal([]byte(text), &found))
		}
	}
	return found
}
