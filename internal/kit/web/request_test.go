package web_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

const stranger, proxy = "203.0.113.9:4711", "10.0.0.1:4711"

// overTLS is what a proxy says of a request that it took over https.
var overTLS = header("X-Forwarded-Proto", "https")

// garbage is what proxies, scanners and attackers put into forwarded headers.
var garbage = []string{
	"", " ", ",", ",,,", "unknown", "_hidden", "127.0.0.1", "10.0.0.1", "::1", "[::1]:80", "198.51.100.7:80", "198.51.100.7, evil", "for=198.51.100.7;proto=http;host=evil.example.net",
	"999.999.999.999", "1e3", "0x7f000001", "2130706433", "fe80::1%eth0", "\"quoted\"", "'; DROP TABLE account; --", "../../etc/passwd", "<script>", "\u202e1.2.3.4", "\xff\xfe", strings.Repeat("1.2.3.4,", 2000),
}

// Whoever is not a listed proxy cannot say who they are, whom they called or how.
func TestForwardedHeadersOfStrangersChangeNothing(t *testing.T) {
	e := newEdge(t, nil)
	for _, name := range []string{
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "Forwarded", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip",
		"Cf-Connecting-Ip", "X-Original-Url", "X-Rewrite-Url", "X-Original-Host", "X-Host", "X-Http-Method-Override", "X-Method-Override", "X-Cluster-Client-Ip", "Via", "X-Forwarded-Uri",
	} {
		for _, value := range append([]string{"http", "https", "evil.example.net", "/me/", "DELETE"}, garbage...) {
			a := e.call(http.MethodGet, "/address/", "", from(stranger), header(name, value))
			if a.status != http.StatusOK || a.said != "203.0.113.9" {
				t.Errorf("%s: %.40q: answered %d %q", name, value, a.status, a.said)
			}
			if p := e.page(http.MethodGet, "/account/page/", "", from(stranger), header(name, value)); p.status != http.StatusOK || strings.Contains(p.text, "evil") {
				t.Errorf("page, %s: %.40q: answered %d", name, value, p.status)
			}
		}
	}
}

func TestOfAProxysChainTheNearestStrangerCounts(t *testing.T) {
	e := newEdge(t, nil)
	for chain, want := range map[string]string{
		"198.51.100.7":                    "198.51.100.7",
		"1.2.3.4, 198.51.100.7":           "198.51.100.7",
		"1.2.3.4,198.51.100.7, 10.1.1.1":  "198.51.100.7",
		"10.0.0.5, 10.0.0.6":              "10.0.0.5",
		"198.51.100.7, garbage":           "10.0.0.1",
		"198.51.100.7, garbage, 10.1.1.1": "10.1.1.1",
		"garbage, 198.51.100.7":           "198.51.100.7",
		"127.0.0.1":                       "127.0.0.1",
		"2001:db8::1":                     "2001:db8::1",
		"::ffff:198.51.100.7":             "198.51.100.7",
		"fe80::1%eth0":                    "fe80::1",
		"":                                "10.0.0.1",
		strings.Repeat("1.2.3.4, ", 1000) + "198.51.100.7": "198.51.100.7",
	} {
		if a := e.call(http.MethodGet, "/address/", "", from(proxy), overTLS, header("X-Forwarded-For", chain)); a.said != want {
			t.Errorf("%.60s: %s, want %s", chain, a.said, want)
		}
	}
	if a := e.call(http.MethodGet, "/address/", "", from(proxy), overTLS, header("X-Forwarded-For", "1.2.3.4", "198.51.100.7")); a.said != "198.51.100.7" {
		t.Errorf("two headers: %s", a.said)
	}
	for _, name := range []string{"Forwarded", "X-Real-Ip", "X-Forwarded-Host"} {
		for _, value := range garbage {
			if a := e.call(http.MethodGet, "/address/", "", from(proxy), header(name, value)); a.said != "10.0.0.1" || a.status != http.StatusOK {
				t.Errorf("%s from a proxy: %q: answered %d %s", name, value, a.status, a.said)
			}
		}
	}
	for _, value := range garbage {
		if a := e.call(http.MethodGet, "/address/", "", from(proxy), overTLS, header("X-Forwarded-For", value)); a.status != http.StatusOK {
			t.Errorf("%.40q: answered %d", value, a.status)
		}
	}
	for _, peer := range []string{"", "garbage", "@", "10.0.0.1", "[::ffff:10.0.0.1]:80"} {
		if a := e.call(http.MethodGet, "/address/", "", from(peer), overTLS, header("X-Forwarded-For", "198.51.100.7")); a.status != http.StatusOK {
			t.Errorf("peer %q: answered %d", peer, a.status)
		}
	}
}

func TestWithoutListedProxiesNobodyIsBelieved(t *testing.T) {
	e := newEdge(t, func(c *web.Config) { c.TrustedProxies = nil })
	for _, peer := range []string{proxy, "127.0.0.1:1", "[::1]:1"} {
		a := e.call(http.MethodGet, "/address/", "", from(peer), header("X-Forwarded-For", "198.51.100.7"), header("X-Forwarded-Proto", "http"))
		if a.status != http.StatusOK || a.said == "198.51.100.7" {
			t.Errorf("%s was believed: answered %d %s", peer, a.status, a.said)
		}
	}
}

// Behind a proxy that took a request over http: pages lead to https, programs are told, and neither goes round in circles.
func TestPlainHTTPBehindAProxyIsNotServed(t *testing.T) {
	e := newEdge(t, nil)
	for _, proto := range []string{"http", "HTTP"} {
		plain := []option{from(proxy), header("X-Forwarded-Proto", proto)}
		e.call(http.MethodGet, "/address/", "", plain...).refuses(t, "API over http", http.StatusForbidden, "https_required")
		e.call(http.MethodPost, "/echo/", `{"name":"a"}`, plain...).refuses(t, "API over http", http.StatusForbidden, "https_required")
		a := e.page(http.MethodGet, "/account/page/?token=secret", "", plain...)
		if a.status != http.StatusPermanentRedirect || a.header.Get("Location") != origin+"/account/page/" {
			t.Errorf("a page over http: answered %d, leads to %s", a.status, a.header.Get("Location"))
		}
		if a := e.page(http.MethodGet, "//evil.example.net/", "", plain...); a.status == http.StatusPermanentRedirect && !strings.HasPrefix(a.header.Get("Location"), origin+"/") {
			t.Errorf("leads away to %s", a.header.Get("Location"))
		}
		if a := e.page(http.MethodPost, "/account/page/", "name=a", append(plain, header("Origin", origin))...); a.status != http.StatusForbidden {
			t.Errorf("a form over http: answered %d", a.status)
		}
	}
	if a := e.page(http.MethodGet, "/account/page/", "", from(proxy), header("X-Forwarded-Proto", "https")); a.status != http.StatusOK {
		t.Errorf("over https: answered %d", a.status)
	}
	if a := e.page(http.MethodGet, "/account/page/", "", from(stranger), header("X-Forwarded-Proto", "http")); a.status != http.StatusOK {
		t.Errorf("a stranger says http: answered %d", a.status)
	}
	dev := newEdge(t, func(c *web.Config) { c.PublicURL = "http://id.example.com" })
	if a := dev.call(http.MethodGet, "/address/", "", from(proxy), header("X-Forwarded-Proto", "http")); a.status != http.StatusOK {
		t.Errorf("where http is what is public: answered %d", a.status)
	}
}

// A proxy that is silent may have taken the password over http. No redirect either: one that ends TLS would send the browser round in circles.
func TestAProxyMustSayThatItWasCalledByHTTPS(t *testing.T) {
	e := newEdge(t, nil)
	connection := func(over *tls.ConnectionState) option { return func(r *http.Request) { r.TLS = over } }
	plain, secure := connection(nil), connection(&tls.ConnectionState{})
	forwarded := header("X-Forwarded-For", "198.51.100.7")
	for name, silent := range map[string][]option{
		"no header":            {plain, from(proxy), forwarded},
		"an empty one":         {plain, from(proxy), forwarded, header("X-Forwarded-Proto", "")},
		"nor whom it is for":   {plain, from(proxy)},
		"over TLS of its own":  {secure, from(proxy), forwarded},
		"only Forwarded":       {plain, from(proxy), header("Forwarded", "for=198.51.100.7;proto=https")},
		"one hop of two":       {plain, from(proxy), forwarded, header("X-Forwarded-Proto", "https,")},
		"what is no such word": {plain, from(proxy), forwarded, header("X-Forwarded-Proto", "on")},
	} {
		e.call(http.MethodGet, "/address/", "", silent...).refuses(t, name, http.StatusForbidden, "https_required")
	}
	if a := e.page(http.MethodGet, "/account/page/", "", plain, from(proxy), forwarded); a.status != http.StatusForbidden || !strings.Contains(a.text, "X-Forwarded-Proto") {
		t.Errorf("a page: answered %d", a.status)
	}
	for name, served := range map[string][]option{
		"it says so":                   {plain, from(proxy), forwarded, overTLS},
		"nobody in between, by TLS":    {secure, from(proxy)},
		"no listed proxy, as by plain": {plain, from(stranger)},
	} {
		if a := e.call(http.MethodGet, "/address/", "", served...); a.status != http.StatusOK {
			t.Errorf("%s: answered %d", name, a.status)
		}
	}
	if a := e.call(http.MethodGet, "/.well-known/keys.json", "", plain, from(proxy), header("Host", "gatehouse:8080")); a.status != http.StatusOK {
		t.Errorf("keys, by a service beside the proxy: answered %d", a.status)
	}
	e.call(http.MethodGet, "/.well-known/keys.json", "", plain, from(proxy), header("X-Forwarded-Proto", "http")).refuses(t, "keys over http", http.StatusForbidden, "https_required")
}

// originCases are what browsers and others send; own says whether it may read and set cookies.
var originCases = []struct {
	name   string
	origin []string
	site   []string
	own    bool
}{
	{"a program", nil, nil, true},
	{"own page", []string{origin}, []string{"same-origin"}, true},
	{"own page of an older browser", []string{origin}, nil, true},
	{"own page, GET", nil, []string{"same-origin"}, true},
	{"typed into the address bar", nil, []string{"none"}, true},
	{"allowed page", []string{"https://app.example.com"}, []string{"same-site"}, true},
	{"allowed page elsewhere", []string{"https://app.example.com"}, []string{"cross-site"}, true},
	{"allowed page of an older browser", []string{"https://app.example.com"}, nil, true},
	{"foreign page", []string{"https://evil.example.net"}, []string{"cross-site"}, false},
	{"foreign page of an older browser", []string{"https://evil.example.net"}, nil, false},
	{"foreign page that hides its origin", nil, []string{"cross-site"}, false},
	{"page of a sibling host", nil, []string{"same-site"}, false},
	{"page of a sibling host, named", []string{"https://blog.example.com"}, []string{"same-site"}, false},
	{"sandboxed frame", []string{"null"}, []string{"cross-site"}, false},
	{"sandboxed frame of an older browser", []string{"null"}, nil, false},
	{"says same-origin and another origin", []string{"https://evil.example.net"}, []string{"same-origin"}, false},
	{"says none and another origin", []string{"https://evil.example.net"}, []string{"none"}, false},
	{"suffix", []string{origin + ".evil.example.net"}, nil, false},
	{"prefix", []string{"https://evil-id.example.com"}, nil, false},
	{"userinfo", []string{"https://id.example.com@evil.example.net"}, nil, false},
	{"another port", []string{origin + ":8443"}, nil, false},
	{"the default port", []string{origin + ":443"}, nil, false},
	{"http", []string{"http://id.example.com"}, nil, false},
	{"capitals", []string{"https://ID.example.com"}, nil, false},
	{"a trailing dot", []string{"https://id.example.com."}, nil, false},
	{"a path", []string{origin + "/"}, nil, false},
	{"empty", []string{""}, nil, false},
	{"a list", []string{origin + " https://evil.example.net"}, nil, false},
	{"two headers", []string{origin, "https://evil.example.net"}, nil, false},
	{"two headers, the other way", []string{"https://evil.example.net", origin}, []string{"same-origin"}, false},
	{"two sites", []string{origin}, []string{"same-origin", "cross-site"}, false},
	{"an unknown site", nil, []string{"future-site"}, false},
	{"site in capitals", nil, []string{"Same-Origin"}, false},
	{"an empty site", nil, []string{""}, false},
}

func TestForeignPagesAreRefused(t *testing.T) {
	e := newEdge(t, nil)
	for _, c := range originCases {
		options := []option{header("Cookie", "__Host-sample=value")}
		if c.origin != nil {
			options = append(options, header("Origin", c.origin...))
		}
		if c.site != nil {
			options = append(options, header("Sec-Fetch-Site", c.site...))
		}
		for _, call := range [][2]string{{http.MethodGet, "/origin/"}, {http.MethodGet, "/cookie/"}, {http.MethodPost, "/cookie/"}, {http.MethodDelete, "/cookie/"}} {
			a := e.call(call[0], call[1], "", options...)
			what := fmt.Sprint(c.name, " ", call)
			if c.own && a.status != http.StatusOK {
				t.Errorf("%s: answered %d", what, a.status)
			}
			if !c.own {
				a.refuses(t, what, http.StatusForbidden, "origin_refused")
				if len(a.cookies) != 0 {
					t.Errorf("%s: sets a cookie", what)
				}
			}
		}
		// The browser adds cookies to a form, so a form must say where it comes from.
		// Origins that may use the API are still none of our pages.
		believed := (c.origin != nil || c.site != nil) && c.own && !strings.HasPrefix(c.name, "allowed")
		a := e.page(http.MethodPost, "/account/page/", "name=a", options[1:]...)
		if (a.status == http.StatusOK) != believed {
			t.Errorf("form, %s: answered %d", c.name, a.status)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("form, %s: the answer is readable elsewhere", c.name)
		}
		// Whatever carries no cookie is nobody's but the sender's.
		if a := e.call(http.MethodPost, "/echo/", `{"name":"a"}`, options[1:]...); a.status != http.StatusCreated {
			t.Errorf("%s, without cookies: answered %d", c.name, a.status)
		}
	}
}

func TestAnswersAreReadableForListedOriginsAlone(t *testing.T) {
	e := newEdge(t, nil)
	for _, o := range []string{origin, "https://app.example.com"} {
		a := e.call(http.MethodGet, "/fail/denied/", "", header("Origin", o))
		if a.header.Get("Access-Control-Allow-Origin") != o || a.header.Get("Access-Control-Allow-Credentials") != "true" || a.header.Get("Vary") != "Origin" {
			t.Errorf("%s: %v", o, a.header)
		}
		a = e.call(http.MethodOptions, "/echo/", "", header("Origin", o), header("Access-Control-Request-Method", "POST"), header("Access-Control-Request-Headers", "content-type"))
		if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != o || !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Content-Type") {
			t.Errorf("preflight of %s: answered %d %v", o, a.status, a.header)
		}
	}
	for _, c := range originCases {
		listed := len(c.origin) == 1 && (c.origin[0] == origin || c.origin[0] == "https://app.example.com")
		if listed || c.origin == nil {
			continue
		}
		for _, a := range []reply{
			e.call(http.MethodGet, "/fail/denied/", "", header("Origin", c.origin...)),
			e.call(http.MethodOptions, "/echo/", "", header("Origin", c.origin...), header("Access-Control-Request-Method", "POST")),
		} {
			for name := range a.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s: %s: %s", c.name, name, a.header.Get(name))
				}
			}
			if a.status < http.StatusBadRequest || a.header.Get("Vary") != "Origin" {
				t.Errorf("%s: answered %d, Vary %q", c.name, a.status, a.header.Get("Vary"))
			}
		}
	}
	if a := e.page(http.MethodGet, "/account/page/", "", header("Origin", "https://app.example.com")); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a page is readable for another origin")
	}
}

func TestCookiesAreForThisHostAlone(t *testing.T) {
	secure, plain := newEdge(t, nil), newEdge(t, func(c *web.Config) { c.PublicURL = "http://id.example.com" })
	for _, c := range []struct {
		e            *edge
		method, want string
	}{
		{secure, http.MethodPost, "__Host-sample=value; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{secure, http.MethodDelete, "__Host-sample=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"},
		{plain, http.MethodPost, "sample=value; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{plain, http.MethodDelete, "sample=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"},
	} {
		if got := c.e.call(c.method, "/cookie/", "").header.Values("Set-Cookie"); len(got) != 1 || got[0] != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestAPlantedCookieIsRefused(t *testing.T) {
	e := newEdge(t, nil)
	for _, c := range []struct{ cookie, said string }{
		{"__Host-sample=v", "v"}, {"other=x; __Host-sample=v", "v"}, {"sample=x", ""}, {"__host-sample=x", ""}, {"__HOST-SAMPLE=x", ""}, {"__Secure-sample=x", ""}, {"", ""},
	} {
		if a := e.call(http.MethodGet, "/cookie/", "", header("Cookie", c.cookie)); a.status != http.StatusOK || a.said != c.said {
			t.Errorf("%s: answered %d %q", c.cookie, a.status, a.said)
		}
	}
	for _, two := range [][]string{{"__Host-sample=a; __Host-sample=b"}, {"__Host-sample=a", "__Host-sample=b"}, {"__Host-sample=a; x=y; __Host-sample=a"}} {
		a := e.call(http.MethodGet, "/cookie/", "", header("Cookie", two...))
		a.refuses(t, fmt.Sprint(two), http.StatusForbidden, "origin_refused")
	}
}

func TestTwoAuthorizationHeadersAreOneThatIsNoGood(t *testing.T) {
	var q *web.Request
	e := newEdge(t, func(c *web.Config) {
		c.Enrich = func(ctx context.Context, r *web.Request) context.Context { q = r; return ctx }
	})
	for _, c := range []struct {
		headers []string
		token   string
		found   bool
	}{
		{nil, "", false}, {[]string{"Bearer a"}, "a", true}, {[]string{"bearer  a "}, "a", true}, {[]string{"Basic a"}, "a", false}, {[]string{"Bearer"}, "", false},
		{[]string{"Bearer a", "Bearer a"}, "", true}, {[]string{"Basic x", "Bearer a"}, "", true},
	} {
		options := []option{}
		if c.headers != nil {
			options = append(options, header("Authorization", c.headers...))
		}
		e.call(http.MethodGet, "/address/", "", options...)
		if token, found := q.Bearer(); found != c.found || found && token != c.token {
			t.Errorf("%q: %q %v", c.headers, token, found)
		}
	}
}

func TestDeviceNamesWhatTheCallerClaimsToBe(t *testing.T) {
	var q *web.Request
	e := newEdge(t, func(c *web.Config) {
		c.Enrich = func(ctx context.Context, r *web.Request) context.Context { q = r; return ctx }
	})
	for agent, want := range map[string]string{
		"": "an unknown device", "curl/8.0": "curl", "<script>alert(1)</script>": "an unknown device",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                    "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":                 "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile/15E148 Safari/604.1":            "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537": "Samsung Internet on Android",
		"SomeApp (Android)": "Android",
	} {
		e.call(http.MethodGet, "/address/", "", header("User-Agent", agent))
		if got := q.Device(); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
	e.call(http.MethodGet, "/address/", "", header("User-Agent", strings.Repeat("\xffé", 1000)))
	if len(q.UserAgent) > 256 || strings.Contains(q.UserAgent, "\xff") {
		t.Errorf("user agent of %d bytes", len(q.UserAgent))
	}
}
