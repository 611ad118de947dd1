// Package browser drives Chromium over the real program: one server in development mode and one
// browser serve all tests of the package, and each test has a browser context of its own, as
// separate as a private window.
//
// Every page that a [tab] comes to is held to the same rules, whatever the test is about: the
// status is the expected one, nothing is logged to the console, the content security policy is
// strict and not violated, no request leaves the origin, and there are a language and one heading
// of the first level. The table in pages_test.go names every page; each is looked at by axe-core
// and by an HTML validator there, and its picture is taken.
//
// Environment:
//
//	GATEHOUSE_BROWSER      path of Chromium, or "none" where there cannot be one: the tests are skipped
//	GATEHOUSE_SCREENSHOTS  folder for a picture of every page at each width, in light and dark, English and Arabic
package browser

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// What all tests share.
var (
	site     *server
	chromium context.Context
	scratch  string // goes away with the tests
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	path, err := findChromium()
	if err != nil {
		return 1, err
	}
	if path == "none" {
		fmt.Println("skipped: GATEHOUSE_BROWSER says that there is no browser here")
		return 0, nil
	}
	if scratch, err = os.MkdirTemp("", "gatehouse-browser-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if site, err = serve(); err != nil {
		return 1, err
	}
	defer site.stop()
	stop, err := launch(path)
	if err != nil {
		return 1, err
	}
	defer stop()
	return m.Run(), nil
}

// findChromium returns where Chromium is, or "none".
func findChromium() (string, error) {
	if path := os.Getenv("GATEHOUSE_BROWSER"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("the tests of the pages need Chromium: on Debian run `make setup`, elsewhere install it and put it on the PATH or into GATEHOUSE_BROWSER; GATEHOUSE_BROWSER=none skips these tests")
}

// launch starts the one browser. It ends with this process, however that ends: the pipe between
// them is its lifeline.
func launch(path string) (stop func(), err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(filepath.Join(scratch, "profile")),
		// It opens our own pages only, and its sandbox does not work for root or in most containers.
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("no-proxy-server", true),
	)
	allocated, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocated)
	stop = func() { cancel(); end() }
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	chromium = ctx
	return stop, nil
}
