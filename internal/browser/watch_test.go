package browser

import (
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// watch is what happened in a tab. It is told by the goroutine that reads Chromium's messages,
// in their order, and read by the test.
type watch struct {
	origin string

	mu         sync.Mutex
	changed    chan struct{} // closed when something happened
	loads      int           // pages that were loaded, or restored as they were left
	main       cdp.FrameID
	document   *network.Response // of the page shown
	request    network.RequestID // of the page shown
	bytes      float64           // that came over the wire, headers included
	requests   []string
	complaints []string
}

func newWatch(origin string) *watch { return &watch{origin: origin, changed: make(chan struct{})} }

// hear takes an event.
func (w *watch) hear(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.asked(e)
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument && e.FrameID == w.main {
			w.document, w.request = e.Response, e.RequestID
		}
	case *network.EventLoadingFinished:
		w.bytes += e.EncodedDataLength
	case *page.EventFrameNavigated:
		if e.Type == page.NavigationTypeBackForwardCacheRestore {
			w.loads++
		}
	case *page.EventLoadEventFired:
		w.loads++
	case *runtime.EventExceptionThrown:
		w.complain("an exception: %s", e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		w.complain("console.%s was called", e.Type)
	case *log.EventEntryAdded:
		w.logged(e.Entry)
	case *audits.EventIssueAdded:
		w.issue(e.Issue)
	default:
		return
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watch) complain(format string, args ...any) {
	w.complaints = append(w.complaints, fmt.Sprintf(format, args...))
}

// asked complains about what leaves the origin.
func (w *watch) asked(e *network.EventRequestWillBeSent) {
	u, err := url.Parse(e.Request.URL)
	if err == nil && u.Scheme == "data" {
		return
	}
	if err != nil || u.Scheme+"://"+u.Host != w.origin {
		w.complain("a request left the origin: %s", withoutQuery(e.Request.URL))
	}
	if e.Type == network.ResourceTypeDocument && w.main == "" {
		w.main = e.FrameID
	}
	w.requests = append(w.requests, e.Request.URL)
}

// logged complains about what Chromium has to say about a page. That a page has the status of a
// failure is no complaint: whoever goes there says which status is the right one.
func (w *watch) logged(e *log.Entry) {
	ownStatus := e.Source == log.EntrySourceNetwork && w.request != "" && e.NetworkRequestID == w.request
	advice := strings.HasPrefix(e.Text, "[DOM]") // about forms and password managers
	if !ownStatus && (advice || e.Level == log.EntryLevelError || e.Level == log.EntryLevelWarning) {
		w.complain("the console says: %s (%s)", e.Text, withoutQuery(e.URL))
	}
}

// issue complains about everything that the developer tools would show under Issues.
func (w *watch) issue(i *audits.InspectorIssue) {
	detail := ""
	if i.Details != nil {
		switch d := i.Details; {
		case d.ContentSecurityPolicyIssueDetails != nil:
			p := d.ContentSecurityPolicyIssueDetails
			detail = p.ViolatedDirective + " " + p.BlockedURL
		case d.GenericIssueDetails != nil:
			detail = string(d.GenericIssueDetails.ErrorType)
		case d.CookieIssueDetails != nil && d.CookieIssueDetails.Cookie != nil:
			detail = fmt.Sprint(d.CookieIssueDetails.Cookie.Name, d.CookieIssueDetails.CookieWarningReasons, d.CookieIssueDetails.CookieExclusionReasons)
		case d.DeprecationIssueDetails != nil:
			detail = d.DeprecationIssueDetails.Type
		}
	}
	w.complain("Chromium's %s: %s", i.Code, detail)
}

// arrived returns how many pages were loaded so far, and a channel that is closed when anything
// more happens.
func (w *watch) arrived() (loads int, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.loads, w.changed
}

// shown returns the answer that brought the page, and the request for it.
func (w *watch) shown() (*network.Response, network.RequestID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.document, w.request
}

// frame returns the frame of the page.
func (w *watch) frame() cdp.FrameID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.main
}

// traffic returns what was asked for so far, and how many bytes came.
func (w *watch) traffic() (requests []string, bytes float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests, w.bytes
}

// takeComplaints returns what is wrong and forgets it.
func (w *watch) takeComplaints() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.complaints
	w.complaints = nil
	return taken
}
