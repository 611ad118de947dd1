package password

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // the range protocol is defined over SHA-1
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// PwnedConfig sets up [NewPwned].
type PwnedConfig struct {
	// BaseURL is where `/range/` lies, by https, or by http on a loopback address.
	// Empty: https://api.pwnedpasswords.com.
	BaseURL string
	// FailClosed refuses new passwords while the service gives no answer. Off, they are
	// accepted and a warning is logged: nobody is kept from signing up by a third party.
	FailClosed bool
	// Timeout bounds one question, up to 10 s of real time. Zero: 2 s.
	Timeout time.Duration
	// Logger takes the warnings. Nil: [slog.Default].
	Logger *slog.Logger
}

// Pwned asks a service with the range protocol of Have I Been Pwned whether a password is
// known from a breach. The service learns the first 20 bits of the password's SHA-1 and
// answers with all the suffixes it knows, padded so that the answer's size tells nothing.
// It is safe for concurrent use and keeps no connection open.
type Pwned struct {
	ranges     string
	client     *http.Client
	failClosed bool
	log        *slog.Logger
}

// maxRange bounds an answer: one has 800 to 1,000 lines of about 40 bytes.
const maxRange = 256 << 10

// NewPwned returns a checker, or what is wrong with c. It makes no connection.
func NewPwned(c PwnedConfig) (*Pwned, error) {
	if c.BaseURL == "" {
		c.BaseURL = "https://api.pwnedpasswords.com"
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errors.New("BaseURL: not usable, give an https URL without query, or http on loopback")
	}
	if c.Timeout < 0 || c.Timeout > 10*time.Second {
		return nil, fmt.Errorf("Timeout: %v is out of range, use up to 10s", c.Timeout)
	}
	return &Pwned{
		ranges:     u.JoinPath("range").String() + "/",
		failClosed: c.FailClosed,
		log:        c.Logger,
		client: &http.Client{
			// An idle connection would outlive whoever owns the checker.
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
			Timeout:   c.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse // the question is for this service alone
			},
		},
	}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Breached reports whether password is known from a breach. When the service gives no
// usable answer it is [ErrBreachUnavailable] or, failing open, false and a logged warning.
// When ctx ends it is ctx's error either way.
func (p *Pwned) Breached(ctx context.Context, password string) (bool, error) {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // the range protocol is defined over SHA-1
	digest := strings.ToUpper(hex.EncodeToString(sum[:]))
	found, err := p.ask(ctx, digest[:5], digest[5:])
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	case p.failClosed:
		return false, ErrBreachUnavailable.Wrap(err)
	}
	p.log.WarnContext(ctx, "password breach check skipped: no usable answer", "error", err)
	return false, nil
}

// ask fetches the range of prefix and looks for suffix.
func (p *Pwned) ask(ctx context.Context, prefix, suffix string) (bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.ranges+prefix, nil)
	if err != nil {
		return false, withoutURL(err)
	}
	r.Header.Set("Add-Padding", "true")
	r.Header.Set("User-Agent", "gatehouse")
	resp, err := p.client.Do(r)
	if err != nil {
		return false, withoutURL(err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("status %d", resp.StatusCode)
	}
	return scanRange(resp.Body, suffix)
}

// scanRange looks for suffix among lines of SUFFIX:COUNT. A count of zero is padding. The
// whole answer is checked: half of one, or a page of something else, is no answer.
func scanRange(body io.Reader, suffix string) (found bool, err error) {
	limited := &io.LimitedReader{R: body, N: maxRange + 1}
	lines := bufio.NewScanner(limited)
	seen := false
	for lines.Scan() {
		known, count, _ := strings.Cut(lines.Text(), ":")
		n, err := strconv.ParseUint(count, 10, 64)
		if err != nil || len(known) != len(suffix) || strings.Trim(known, "0123456789ABCDEFabcdef") != "" {
			return false, errors.New("the answer is not a range")
		}
		seen = true
		if n > 0 && strings.EqualFold(known, suffix) {
			found = true
		}
	}
	if err := lines.Err(); err != nil {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	if limited.N <= 0 {
		return false, errors.New("the answer is too large")
	}
	if !seen {
		return false, errors.New("the answer is empty")
	}
	return found, nil
}

// withoutURL drops the address from a client's error: it holds the prefix of the digest.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
