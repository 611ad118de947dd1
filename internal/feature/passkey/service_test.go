package passkey_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
)

func TestNewChecksWhereItIs(t *testing.T) {
	for _, c := range []struct {
		rpID    string
		origins []string
		good    bool
	}{
		{"example.com", []string{"https://example.com"}, true},
		{"example.com", []string{"https://id.example.com"}, true},
		{"example.com", []string{"https://id.example.com:8443", "https://example.org", "https://app.example.net"}, true},
		{"localhost", []string{"http://localhost:8080"}, true},
		{"localhost", []string{"https://localhost:8080"}, true},
		{"127.0.0.1", []string{"http://127.0.0.1:8080"}, true},
		{"::1", []string{"http://[::1]:8080"}, true},
		{"Example.com", []string{"https://ID.example.com:443"}, true},
		{"localhost", []string{"http://localhost:80"}, true},
		{"example.com", nil, false},
		{"", []string{"https://id.example.com"}, false},
		{"example.org", []string{"https://id.example.com", "https://example.org"}, false},
		{"ple.com", []string{"https://id.example.com"}, false},
		{"id.example.com", []string{"https://example.com"}, false},
		{"192.0.2.1", []string{"https://192.0.2.1"}, true},
		{"192.0.2.1", []string{"https://192.0.2.2"}, false},
		{"192.0.2.1", []string{"https://id.example.com"}, false},
		{"localhost", []string{"https://id.example.com"}, false},
		{"example.com", []string{"http://id.example.com"}, false},
		{"example.com", []string{"https://id.example.com/"}, false},
		{"example.com", []string{"https://a@id.example.com"}, false},
		{"example.com", []string{"https://id.example.com?"}, false},
		{"example.com", []string{"https://id.exämple.com"}, false},
		{"example.com", []string{"https://"}, false},
		{"example.com", []string{"https://id.example.com", "example.org"}, false},
		{"example.com", []string{"https://id.example.com", "android:apk-key-hash:AAAA"}, false},
	} {
		if _, err := passkey.New(passkey.Config{RPID: c.rpID, Name: "Example", Origins: c.origins}, passkey.Deps{}); (err == nil) != c.good {
			t.Errorf("%s at %q: %v", c.rpID, c.origins, err)
		}
	}
	if _, err := passkey.New(passkey.Config{RPID: "example.com", Origins: []string{origin}}, passkey.Deps{}); err == nil {
		t.Error("a relying party without a name")
	}
}

// An origin in the settings may be spelt otherwise than browsers spell it; one in an answer may not.
func TestOriginsAreSpeltAsBrowsersDo(t *testing.T) {
	s, err := passkey.New(passkey.Config{RPID: "example.com", Name: "Example", Origins: []string{"https://ID.Example.com:443", "https://example.org:8443"}}, passkey.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	passkey.WellKnown(s).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if got := w.Body.String(); got != `{"origins":["https://id.example.com","https://example.org:8443"]}` {
		t.Error(got)
	}
}

func TestRelatedOriginsArePublished(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		answer := w.Serve(passkey.Routes(w.service), nil).Call(http.MethodGet, "/.well-known/webauthn", "", domaintest.Header("Origin", "https://example.net"))
		if answer.Status != http.StatusOK || answer.Text != `{"origins":["https://id.example.com","https://example.org"]}` {
			t.Errorf("%d %s", answer.Status, answer.Text)
		}
		for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "public, max-age=3600"} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
	})
}
