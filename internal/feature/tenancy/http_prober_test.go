package tenancy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

// nameServer is a name server on loopback that answers what it is told to.
type nameServer struct {
	conn net.PacketConn
	mu   sync.Mutex
	txt  map[string][]string
	ip   map[string][]netip.Addr
	fail dnsmessage.Type // questions of this type, or all, it answers with SERVFAIL
	mute bool            // it does not answer
	asks []string        // names and types, as they came
}

func newNameServer(t *testing.T) *nameServer {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &nameServer{conn: conn, txt: map[string][]string{}, ip: map[string][]netip.Addr{}}
	var done sync.WaitGroup
	done.Go(n.serve)
	t.Cleanup(func() {
		_ = conn.Close()
		done.Wait()
	})
	return n
}

func (n *nameServer) serve() {
	question := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(question)
		if err != nil {
			return
		}
		if answer, err := n.answer(question[:size]); err == nil {
			_, _ = n.conn.WriteTo(answer, from)
		}
	}
}

func (n *nameServer) answer(raw []byte) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var m dnsmessage.Message
	if err := m.Unpack(raw); err != nil || len(m.Questions) != 1 {
		return nil, fmt.Errorf("no question: %w", err)
	}
	if n.mute {
		return nil, errors.New("nothing to say")
	}
	q := m.Questions[0]
	name := q.Name.String()
	n.asks = append(n.asks, name+" "+q.Type.String())
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}
	switch {
	case n.fail == dnsmessage.TypeALL || n.fail == q.Type:
		m.RCode = dnsmessage.RCodeServerFailure
	case n.txt[name] == nil && n.ip[name] == nil:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeTXT:
		for _, text := range n.txt[name] {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.TXTResource{TXT: strings.SplitAfter(text, "|")}})
		}
	default:
		for _, a := range n.ip[name] {
			switch {
			case a.Is4() && q.Type == dnsmessage.TypeA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
			case a.Is6() && q.Type == dnsmessage.TypeAAAA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
			}
		}
	}
	return m.Pack()
}

// set runs fn while nobody is answered.
func (n *nameServer) set(fn func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fn()
}

// world is a name server, a site that everybody who asks for example.com gets to, and a prober that asks
// them. The site's connections are counted.
type world struct {
	*nameServer
	prober *prober
	site   *httptest.Server
	domain *tenant.Domain
	seen   atomic.Pointer[http.Request]
	opened atomic.Int64
}

// newWorld lets the prober connect to the site where within is nil, else as within says.
func newWorld(t *testing.T, within func(to netip.AddrPort) bool, h http.HandlerFunc) *world {
	t.Helper()
	w := &world{nameServer: newNameServer(t), domain: &tenant.Domain{Domain: "example.com", Challenge: "gatehouse-domain=0198.ABC"}}
	w.site = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.seen.Store(r)
		h(rw, r)
	}))
	w.site.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.site.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			w.opened.Add(1)
		}
	}
	w.site.StartTLS()
	t.Cleanup(w.site.Close)
	address := netip.MustParseAddrPort(w.site.Listener.Addr().String())
	in := internet()
	in.resolver.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", w.conn.LocalAddr().String())
	}
	in.port = fmt.Sprint(address.Port())
	in.roots = x509.NewCertPool()
	in.roots.AddCert(w.site.Certificate())
	if in.allowed = within; within == nil {
		in.allowed = func(to netip.AddrPort) bool { return to == address }
	}
	w.prober = newProber("https://id.example.org", in)
	w.set(func() { w.ip["example.com."] = []netip.Addr{address.Addr()} })
	return w
}

func (w *world) proves(t *testing.T) Proof { return w.prober.Prove(t.Context(), w.domain) }

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func TestAChallengeIsFoundInTheDNS(t *testing.T) {
	w := newWorld(t, nil, http.NotFound)
	name := "_gatehouse-challenge.example.com."
	for text, want := range map[string]Finding{
		w.domain.Challenge:                     Found,
		" " + w.domain.Challenge + " ":         Found,
		"gatehouse-domain=|0198.ABC":           Absent, // what came in parts is joined as it is
		w.domain.Challenge + "D":               Absent,
		"gatehouse-domain=0199.ABC":            Absent,
		strings.ToLower(w.domain.Challenge):    Absent,
		"v=spf1 include:" + w.domain.Challenge: Absent,
		"":                                     Absent,
		"x" + strings.Repeat("y", 250):         Absent,
		"gatehouse-domain=0198.ABC\nsomething": Absent,
		"gatehouse-domain=0198.ABC something":  Absent,
		"\"gatehouse-domain=0198.ABC\"":        Absent,
	} {
		w.set(func() { w.txt[name] = []string{"something else", text} })
		if p := w.proves(t); p.Record != want {
			t.Errorf("%q: %v", text, p.Record)
		}
	}
	w.set(func() {
		w.txt = map[string][]string{"example.com.": {w.domain.Challenge}, "_gatehouse-challenge.www.example.com.": {w.domain.Challenge}}
	})
	if p := w.proves(t); !p.Absent() {
		t.Errorf("at other names: %+v", p)
	}
	w.set(func() { w.fail = dnsmessage.TypeALL })
	if p := w.proves(t); p.Record != Unreachable || p.File != Unreachable || p.Absent() || p.Holds() {
		t.Errorf("a name server that fails: %+v", p)
	}
	w.set(func() { w.fail = dnsmessage.TypeA })
	if p := w.proves(t); p.Record != Absent || p.File != Unreachable {
		t.Errorf("a name server that knows half of it: %+v", p)
	}
	w.set(func() {
		for _, asked := range w.asks {
			if !strings.HasPrefix(asked, name) && !strings.HasPrefix(asked, "example.com. ") {
				t.Errorf("it asked for %s", asked)
			}
		}
	})
}

func TestWhatIsInTheDNSNeedsNoSite(t *testing.T) {
	w := newWorld(t, nil, says("anything"))
	w.set(func() { w.txt["_gatehouse-challenge.example.com."] = []string{w.domain.Challenge} })
	if p := w.proves(t); !p.Holds() || w.opened.Load() != 0 {
		t.Errorf("%+v, %d connections", p, w.opened.Load())
	}
}

func TestAChallengeIsFoundInTheFile(t *testing.T) {
	var say atomic.Value
	w := newWorld(t, nil, func(rw http.ResponseWriter, r *http.Request) { says(say.Load().(string))(rw, r) })
	for text, want := range map[string]Finding{
		w.domain.Challenge: Found,
		"another\r\n" + w.domain.Challenge + " \r\nyet another": Found,
		"":                         Absent,
		w.domain.Challenge + "D":   Absent,
		"<p>" + w.domain.Challenge: Absent,
		strings.Repeat("x", maxFile) + "\n" + w.domain.Challenge: Absent,
	} {
		say.Store(text)
		if p := w.proves(t); p.File != want || p.Record != Absent {
			t.Errorf("%.40q: %+v", text, p)
		}
	}
	r := w.seen.Load()
	if r.Method != http.MethodGet || r.Host != "example.com" || r.RequestURI != "/.well-known/gatehouse-challenge.txt" || r.TLS.ServerName != "example.com" {
		t.Errorf("it asked %s %s of %s, %s", r.Method, r.RequestURI, r.Host, r.TLS.ServerName)
	}
	if a := r.Header.Get("User-Agent"); a != "Gatehouse domain check (+https://id.example.org)" || len(r.Header) > 2 || r.Header.Get("Cookie") != "" {
		t.Errorf("it sent %v", r.Header)
	}
}

func TestOnlyAPlainAnswerCounts(t *testing.T) {
	challenge := "gatehouse-domain=0198.ABC"
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  Finding
	}{
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				says(challenge)(w, r)
				return
			}
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, Absent},
		"a redirect that says it": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1/")
			w.WriteHeader(http.StatusMovedPermanently)
			says(challenge)(w, r)
		}, Absent},
		"an error page that says it": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			says(challenge)(w, r)
		}, Absent},
		"a broken server":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, Unreachable},
		"a busy server":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, Unreachable},
		"a broken connection": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Unreachable},
		"half an answer": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			says("gatehouse")(w, r)
		}, Unreachable},
		"a header without end": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 4*maxHeader))
			says(challenge)(w, r)
		}, Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, c.serve)
			if p := w.proves(t); p.File != c.want {
				t.Errorf("%+v", p)
			}
			if w.seen.Load().RequestURI == "/elsewhere" {
				t.Error("it followed")
			}
		})
	}
}

func TestASiteWithoutEndIsLeft(t *testing.T) {
	gone := make(chan struct{})
	w := newWorld(t, nil, func(rw http.ResponseWriter, r *http.Request) {
		defer close(gone)
		for _, err := io.WriteString(rw, strings.Repeat("x", 1<<20)); err == nil && r.Context().Err() == nil; {
			_, err = io.WriteString(rw, strings.Repeat("x", 1<<20))
		}
	})
	if p := w.proves(t); p.File != Absent {
		t.Errorf("%+v", p)
	}
	<-gone
}

func TestWhoSaysNothingIsLeft(t *testing.T) {
	w := newWorld(t, nil, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	w.prober.patience = 50 * time.Millisecond
	if p := w.proves(t); p.File != Unreachable {
		t.Errorf("a silent site: %+v", p)
	}
	w.set(func() { w.mute = true })
	if p := w.proves(t); p.Record != Unreachable || p.File != Unreachable {
		t.Errorf("a silent name server: %+v", p)
	}
}

func TestACertificateOfAnotherIsNotBelieved(t *testing.T) {
	w := newWorld(t, nil, says("gatehouse-domain=0198.ABC"))
	w.domain.Domain = "example.edu" // the site's certificate is for example.com
	w.set(func() { w.ip["example.edu."] = w.ip["example.com."] })
	if p := w.proves(t); p.File != Unreachable || w.opened.Load() == 0 || w.seen.Load() != nil {
		t.Errorf("%+v after %d connections", p, w.opened.Load())
	}
	old := newWorld(t, nil, says("gatehouse-domain=0198.ABC"))
	old.site.TLS.MaxVersion = tls.VersionTLS11
	old.site.TLS.MinVersion = tls.VersionTLS10
	if p := old.proves(t); p.File != Unreachable {
		t.Errorf("TLS 1.1: %+v", p)
	}
}

// The site is there and would answer: the address alone is refused, when the connection is made.
func TestNoConnectionGoesInside(t *testing.T) {
	inside := map[string][]netip.Addr{
		"loopback":         {netip.MustParseAddr("127.0.0.1")},
		"mapped loopback":  {netip.MustParseAddr("::ffff:127.0.0.1")},
		"IPv6 loopback":    {netip.MustParseAddr("::1")},
		"this host":        {netip.MustParseAddr("0.0.0.0")},
		"loopback, twice":  {netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")},
		"metadata service": {netip.MustParseAddr("169.254.169.254")},
	}
	for name, addresses := range inside {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(to netip.AddrPort) bool { return public(to.Addr()) }, says("gatehouse-domain=0198.ABC"))
			w.set(func() { w.ip["example.com."] = addresses })
			if p := w.proves(t); p.File != Absent {
				t.Errorf("%+v", p)
			}
			if w.opened.Load() != 0 {
				t.Errorf("%d connections were opened", w.opened.Load())
			}
		})
	}
}

func TestConnectionsGoToPublicAddressesOnTheirPort(t *testing.T) {
	allowed := internet().allowed
	for address, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "93.184.216.34": true, "172.32.0.1": true, "100.128.0.1": true, "2606:4700::1111": true, "2a00:1450:4001::1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "100.127.255.255": false, "127.0.0.1": false, "127.255.0.1": false, "169.254.169.254": false,
		"172.16.0.1": false, "172.31.255.255": false, "192.0.0.1": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false, "198.19.255.255": false,
		"198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.1.2.3": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:8.8.8.8": false, "::ffff:10.0.0.1": false, "::8.8.8.8": false, "64:ff9b::a00:1": false, "64:ff9b:1::1": false, "100::1": false,
		"2001::1": false, "2001:db8::1": false, "2002:a00:1::1": false, "3fff::1": false, "fc00::1": false, "fd12:3456::1": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false,
		"ff02::1": false, "2606:4700::1111%eth0": false, "5f00::1": false,
	} {
		if got := allowed(netip.AddrPortFrom(netip.MustParseAddr(address), 443)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	for _, port := range []uint16{0, 22, 80, 8443, 6379} {
		if allowed(netip.AddrPortFrom(netip.MustParseAddr("8.8.8.8"), port)) {
			t.Errorf("port %d", port)
		}
	}
	if allowed(netip.AddrPort{}) {
		t.Error("no address")
	}
}

func TestNoProxyIsAsked(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:9")
	if newProber("https://id.example.org", internet()).client.Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy would connect to where we do not")
	}
}

func TestTheRealProberIsTheDefault(t *testing.T) {
	s, err := New(Config{Create: ByStaff, PerAccount: looks, Origin: "https://id.example.org", DomainsPage: "https://id.example.org/{tenant}/"}, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if _, real := s.Prover.(*prober); !real {
		t.Errorf("it is %T", s.Prover)
	}
}
