package browser

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
)

// look is how somebody sees the pages.
type look struct {
	device string // desktop, phone
	scheme string // light, dark
	lang   string // what the browser asks for
}

func (l look) String() string { return l.device + "-" + l.scheme + "-" + l.lang }

// plain is the look of tests that are about something else.
var plain = look{"desktop", "light", "en"}

// looks returns how every page is looked at: in both directions of writing, both schemes and
// both widths, and in all combinations when somebody wants the pictures.
func looks() []look {
	if os.Getenv("GATEHOUSE_SCREENSHOTS") == "" {
		return []look{plain, {"phone", "dark", "ar"}}
	}
	var all []look
	for _, lang := range []string{"en", "ar"} {
		for _, device := range []string{"desktop", "phone"} {
			for _, scheme := range []string{"light", "dark"} {
				all = append(all, look{device, scheme, lang})
			}
		}
	}
	return all
}

// wear sets the look of the pages that the tab comes to from now on.
func (b *tab) wear(l look) {
	b.t.Helper()
	b.look = l
	screen := emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 900, DeviceScaleFactor: 1}
	if l.device == "phone" {
		screen = emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 2, Mobile: true}
	}
	call(b, emulation.SetDeviceMetricsOverride, screen)
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: l.scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // a picture of a movement is a picture of chance
	}})
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": l.lang}})
}

// picture writes the whole page, as far down as it goes, into the folder of pictures, if any.
func (b *tab) picture(name string) {
	b.t.Helper()
	folder := os.Getenv("GATEHOUSE_SCREENSHOTS")
	if folder == "" {
		return
	}
	shot := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: new(true), OptimizeForSpeed: new(true)})
	b.must(os.MkdirAll(folder, 0o755))
	b.must(os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s.%s.png", name, b.look)), shot.Data, 0o644))
}
