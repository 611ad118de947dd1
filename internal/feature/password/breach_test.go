package password_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
)

const leaked = "kqvxzmtw leaked"

// rangeService is a double of the public range service. It answers about every prefix with
// padding, and about that of leaked with its suffix and count.
func rangeService(t *testing.T, count int) *httptest.Server {
	t.Helper()
	digest := fmt.Sprintf("%X", sha1.Sum([]byte(leaked)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		prefix, ok := strings.CutPrefix(r.URL.Path, "/range/")
		if !ok || len(prefix) != 5 || r.Method != http.MethodGet || r.Header.Get("Add-Padding") != "true" {
			t.Errorf("asked %s %s, Add-Padding %q", r.Method, r.URL, r.Header.Get("Add-Padding"))
		}
		for i := range 900 {
			fmt.Fprintf(w, "%035X:0\r\n", i)
		}
		if prefix == digest[:5] {
			fmt.Fprintf(w, "%s:%d\r\n", digest[5:], count)
		}
		fmt.Fprintf(w, "%035X:3", 901)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// pwned returns a checker for base, and what it logs.
func pwned(t *testing.T, c password.PwnedConfig) (*password.Pwned, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	p, err := password.NewPwned(c)
	if err != nil {
		t.Fatal(err)
	}
	return p, log
}

func TestPwnedFindsWhatIsListed(t *testing.T) {
	p, log := pwned(t, password.PwnedConfig{BaseURL: rangeService(t, 12).URL})
	if found, err := p.Breached(t.Context(), leaked); !found || err != nil {
		t.Errorf("listed: %v, %v", found, err)
	}
	if found, err := p.Breached(t.Context(), leaked+" not"); found || err != nil {
		t.Errorf("not listed: %v, %v", found, err)
	}
	if log.Len() > 0 {
		t.Errorf("logged %s", log)
	}
}

func TestPwnedIgnoresPadding(t *testing.T) {
	p, _ := pwned(t, password.PwnedConfig{BaseURL: rangeService(t, 0).URL, FailClosed: true})
	if found, err := p.Breached(t.Context(), leaked); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
}

// answer writes a range that would do, lines times.
func answer(w io.Writer, lines int) {
	_, _ = io.WriteString(w, strings.Repeat(fmt.Sprintf("%035X:%013d\n", 1, 0), lines))
}

// brokenServices are ways not to answer.
var brokenServices = map[string]http.HandlerFunc{
	"error": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		answer(w, 1)
	},
	"too many": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests); answer(w, 1) },
	"empty":    func(http.ResponseWriter, *http.Request) {},
	"page": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html>Sign in to the network</html>")
	},
	"half a line":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%035X:1\r\n%020X", 1, 2) },
	"no count":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%035X:\r\n", 1) },
	"short suffix": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%034X:1\r\n", 1) },
	"odd digits":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%034XG:1\r\n", 1) },
	"cut off":      func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "999"); answer(w, 1) },
	// Lines of 50 bytes: cut at the limit, the last one would still pass for a whole one.
	"huge":          func(w http.ResponseWriter, _ *http.Request) { answer(w, 20_000) },
	"huge one line": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("A", 1<<20)) },
	"redirect": func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			answer(w, 1)
			return
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	},
}

func TestPwnedWithoutAnAnswerFailsAsConfigured(t *testing.T) {
	for name, handler := range brokenServices {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(handler)
			defer srv.Close()

			open, log := pwned(t, password.PwnedConfig{BaseURL: srv.URL})
			if found, err := open.Breached(t.Context(), leaked); found || err != nil {
				t.Errorf("open: %v, %v", found, err)
			}
			if !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("open: no warning in %q", log)
			}
			closed, log := pwned(t, password.PwnedConfig{BaseURL: srv.URL, FailClosed: true})
			if found, err := closed.Breached(t.Context(), leaked); found || !errors.Is(err, password.ErrBreachUnavailable) {
				t.Errorf("closed: %v, %v", found, err)
			}
			if log.Len() > 0 {
				t.Errorf("closed: logged %q, the caller has the error", log)
			}
		})
	}
}

func TestPwnedGivesUpOnASlowService(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%035X:0\r\n", 1)
		w.(http.Flusher).Flush()
		<-release
	}))
	defer srv.Close()
	defer close(release)
	p, _ := pwned(t, password.PwnedConfig{BaseURL: srv.URL, FailClosed: true, Timeout: 50 * time.Millisecond})
	if _, err := p.Breached(t.Context(), leaked); !errors.Is(err, password.ErrBreachUnavailable) {
		t.Errorf("%v", err)
	}
}

func TestPwnedReturnsTheCallersContextError(t *testing.T) {
	p, log := pwned(t, password.PwnedConfig{BaseURL: rangeService(t, 1).URL})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Breached(ctx, leaked); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if log.Len() > 0 {
		t.Errorf("logged %q about a caller who left", log)
	}
}

func TestPwnedTellsNobodyTheDigest(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close() // nobody listens: the client's error names the address it asked
	prefix := fmt.Sprintf("%X", sha1.Sum([]byte(leaked)))[:5]

	open, log := pwned(t, password.PwnedConfig{BaseURL: srv.URL})
	_, _ = open.Breached(t.Context(), leaked)
	if log.Len() == 0 || strings.Contains(strings.ToUpper(log.String()), prefix) {
		t.Errorf("log: %q", log)
	}
	closed, _ := pwned(t, password.PwnedConfig{BaseURL: srv.URL, FailClosed: true})
	_, err := closed.Breached(t.Context(), leaked)
	if err == nil || strings.Contains(strings.ToUpper(err.Error()), prefix) {
		t.Errorf("error: %v", err)
	}
}

func TestNewPwnedTakesOnlySafeAddresses(t *testing.T) {
	for _, base := range []string{
		"", "https://pwned.example.com", "https://pwned.example.com/mirror/", "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost",
	} {
		if _, err := password.NewPwned(password.PwnedConfig{BaseURL: base}); err != nil {
			t.Errorf("%q: %v", base, err)
		}
	}
	for _, base := range []string{
		"http://pwned.example.com", "pwned.example.com", "ftp://127.0.0.1", "https://", "https://user:pass@pwned.example.com",
		"https://pwned.example.com/?key=1", "http://localhost.example.com", "://",
	} {
		if _, err := password.NewPwned(password.PwnedConfig{BaseURL: base}); err == nil || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%q: %v", base, err)
		}
	}
	if _, err := password.NewPwned(password.PwnedConfig{Timeout: time.Minute}); err == nil {
		t.Error("a time-out of a minute is accepted")
	}
}
