package passkey

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this feature answers by itself: the document of related origins. The ceremonies
// belong to the flows.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Get("/.well-known/webauthn", web.Public, web.Raw(WellKnown(s).ServeHTTP)).Says("Where passkeys may be used (WebAuthn Level 3, section 5.11)"),
	}
}

// WellKnown serves the document of related origins (WebAuthn section 5.11.1). Browsers ask for it at
// https://{RPID}/.well-known/webauthn when another origin wants to use our passkeys.
func WellKnown(s *Service) http.Handler {
	body, err := json.Marshal(struct {
		Origins []string `json:"origins"`
	}{s.origins})
	if err != nil {
		panic(err) // strings only: it can't fail
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		_, _ = w.Write(body) // the caller may be gone
	})
}
