package tenancy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

// Bounds of a look. Whoever answers is somebody's choice, and may mean ill.
const (
	lookTime  = 5 * time.Second // real time, in each place
	maxFile   = 4 << 10         // bytes that are read of the file
	maxHeader = 8 << 10         // bytes of the answer's header
)

// surroundings are where a prober looks. Tests bring their own.
type surroundings struct {
	resolver *net.Resolver
	port     string // of sites
	roots    *x509.CertPool
	// allowed reports whether a connection may go there.
	allowed  func(netip.AddrPort) bool
	patience time.Duration
}

// internet is where everybody looks. Half an answer of the name servers is none: a domain is not lost
// because they were slow.
func internet() surroundings {
	return surroundings{resolver: &net.Resolver{PreferGo: true, StrictErrors: true}, port: "443", patience: lookTime,
		allowed: func(to netip.AddrPort) bool { return to.Port() == 443 && public(to.Addr()) }}
}

// prober looks for challenges in the DNS and on sites. It asks servers of strangers' choice, from inside
// of whoever runs the service, so it goes where everybody can go and nowhere else: https on its port, to
// public addresses, which are looked at when the connection is made and not before (a name may change
// what it means in between); no proxy, no redirect, no cookie, nothing of what it was told is repeated.
type prober struct {
	resolver *net.Resolver
	client   *http.Client
	agent    string
	patience time.Duration
}

// errAddress says that a name means an address that is not asked.
var errAddress = errors.New("tenancy: the address is not public")

func newProber(origin string, in surroundings) *prober {
	dialer := &net.Dialer{Resolver: in.resolver, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !in.allowed(to) {
			return errAddress
		}
		return nil
	}}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			// The dot keeps the machine's own search domains out.
			return dialer.DialContext(ctx, network, net.JoinHostPort(host+".", in.port))
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: in.roots},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
	return &prober{resolver: in.resolver, patience: in.patience, agent: "Gatehouse domain check (+" + origin + ")", client: &http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // what a site sends elsewhere is not on it
		},
	}}
}

// Prove looks in the DNS first, and on the site where the challenge is not there.
func (p *prober) Prove(ctx context.Context, d *tenant.Domain) Proof {
	proof := Proof{Record: p.record(ctx, d)}
	if !proof.Holds() {
		proof.File = p.file(ctx, d)
	}
	return proof
}

func (p *prober) record(ctx context.Context, d *tenant.Domain) Finding {
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	values, err := p.resolver.LookupTXT(ctx, d.Record()+".")
	if err != nil {
		return missing(err)
	}
	for _, v := range values {
		if strings.TrimSpace(v) == d.Challenge {
			return Found
		}
	}
	return Absent
}

func (p *prober) file(ctx context.Context, d *tenant.Domain) Finding {
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	text, err := p.fetch(ctx, d.File())
	if err != nil {
		return missing(err)
	}
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == d.Challenge {
			return Found
		}
	}
	return Absent
}

// fetch returns the beginning of a file, or nothing where there is none.
func (p *prober) fetch(ctx context.Context, url string) (string, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	q.Header.Set("User-Agent", p.agent)
	answer, err := p.client.Do(q)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	switch {
	case ctx.Err() != nil: // the site answered to being left
		return "", ctx.Err()
	case answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests:
		return "", fmt.Errorf("tenancy: the site answered %d", answer.StatusCode)
	case answer.StatusCode != http.StatusOK:
		return "", nil
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxFile))
	return string(text), err
}

// missing tells a place that there is not from one that gave no answer.
func missing(err error) Finding {
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound || errors.Is(err, errAddress) {
		return Absent
	}
	return Unreachable
}

// unicast is what is given out of the IPv6 space; what embeds IPv4 addresses (NAT64, 6to4 below, mapped) is
// outside or reserved.
var unicast = netip.MustParsePrefix("2000::/3")

// reserved are the blocks that are nobody's on the Internet (RFC 6890, the IANA registries of special
// addresses), besides those that package netip knows.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"),
}

// public reports whether an address is one of the Internet's, in its own clothing.
func public(a netip.Addr) bool {
	if a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !unicast.Contains(a) {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
