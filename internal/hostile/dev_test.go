package hostile

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// dev asks the development tools as a peer with a Host.
func (w *world) dev(method, path, body, peer string, options ...option) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, w.URL+path, strings.NewReader(body))
	r.RemoteAddr = peer
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	return w.send(w.Gatehouse().Dev(), r, options)
}

// The development tools read everybody's mail: they are for whoever sits at the machine.
func TestDevelopmentToolsAreForThisMachineAlone(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		const here = "127.0.0.1:4711"
		before := w.Clock.Now()
		for _, path := range []string{"/dev/", "/dev/mailbox/", "/dev/clock/"} {
			if a := w.dev(http.MethodGet, path, "", here); a.status != http.StatusOK && path != "/dev/" {
				t.Errorf("%s from here: answered %d", path, a.status)
			}
			for name, a := range map[string]answer{
				"another machine":             w.dev(http.MethodGet, path, "", stranger),
				"another machine, forwarded":  w.dev(http.MethodGet, path, "", stranger, header("X-Forwarded-For", "127.0.0.1"), header("X-Real-Ip", "127.0.0.1")),
				"a proxy's client":            w.dev(http.MethodGet, path, "", proxy, header("X-Forwarded-For", "127.0.0.1")),
				"a name that leads here":      w.dev(http.MethodGet, path, "", here, header("Host", "evil.example.net")),
				"a foreign page":              w.dev(http.MethodGet, path, "", here, header("Origin", "https://evil.example.net"), header("Sec-Fetch-Site", "cross-site")),
				"a foreign page that hides":   w.dev(http.MethodGet, path, "", here, header("Sec-Fetch-Site", "cross-site")),
				"a foreign page sets a clock": w.dev(http.MethodPost, "/dev/clock/", `{"advance":"1h"}`, here, header("Origin", "https://evil.example.net")),
				"a stranger sets a clock":     w.dev(http.MethodPost, "/dev/clock/", `{"advance":"1h"}`, stranger),
			} {
				if a.status != http.StatusForbidden && a.status != http.StatusMisdirectedRequest {
					t.Errorf("%s for %s: answered %d", path, name, a.status)
				}
			}
		}
		for _, query := range []string{"?to=%00", "?to=%ff", "?to=a&to=b", "?to=" + strings.Repeat("x", 10_000), "?to='--", "?to=%e2%80%ae"} {
			if a := w.dev(http.MethodGet, "/dev/mailbox/"+query, "", here); a.status >= 500 {
				t.Errorf("%.20s: answered %d", query, a.status)
			}
		}
		for _, body := range []string{"{}", `{"advance":"1h","now":"2030-01-01T00:00:00Z"}`, `{"advance":"-1h"}`, `{"advance":"1e9h"}`, `{"advance":""}`, `{"now":"yesterday"}`, `{"now":"0001-01-01T00:00:00Z"}`, "[]"} {
			if a := w.dev(http.MethodPost, "/dev/clock/", body, here); a.status < 400 || a.status >= 500 {
				t.Errorf("the clock with %s: answered %d", body, a.status)
			}
		}
		if moved := w.Clock.Now().Sub(before); moved.Hours() > 0.5 {
			t.Errorf("the clock moved by %v", moved)
		}
	})
}
