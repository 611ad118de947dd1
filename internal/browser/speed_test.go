package browser

import (
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
)

const (
	firstPage = "/account/sign-in/"
	// maxFirstPage is what all of the first page may weigh, in bytes on the wire: with style sheet, script
	// and logo, headers included.
	maxFirstPage = 60_000
)

func TestFirstPageIsLight(t *testing.T) {
	b := open(t)
	b.visit(firstPage)
	requests, bytes := b.watch.traffic()
	t.Logf("%.0f bytes in %d requests: %q", bytes, len(requests), requests)
	if bytes <= 0 || bytes > maxFirstPage {
		t.Errorf("the first page weighs %.0f bytes, want at most %d", bytes, maxFirstPage)
	}
}

// painted is when the largest thing on the page was painted, in milliseconds after the tab asked for
// the page.
const painted = `new Promise(done => new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
	.observe({type: "largest-contentful-paint", buffered: true}))`

// BenchmarkFirstPage measures the first page with an empty cache.
func BenchmarkFirstPage(b *testing.B) {
	tab := open(b)
	var sum, bytes float64
	for b.Loop() {
		call(tab, network.ClearBrowserCache, cdp.Empty{})
		_, before := tab.watch.traffic()
		tab.visit(firstPage)
		sum += eval[float64](tab, painted)
		_, after := tab.watch.traffic()
		bytes = after - before
	}
	b.ReportMetric(sum/float64(b.N), "ms-to-largest-paint/op")
	b.ReportMetric(bytes, "wire-bytes/op")
}
