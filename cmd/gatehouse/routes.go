package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

// routes says which handler answers which path. It is no [http.ServeMux], which answers odd
// spellings of a path with a redirect: each of these refuses them itself. What is left goes to
// the API, which thus also works behind a proxy that strips the mount path.
func routes(gh *gatehouse.Gatehouse, dev bool) http.Handler {
	probes := map[string]http.Handler{"/healthz": word(http.StatusOK, "ok"), "/readyz": ready(gh)}
	sites := map[string]http.Handler{".well-known": gh.WellKnown(), "account": gh.Pages(), "console": gh.Console()}
	front := "/account/"
	if dev {
		sites["dev"] = gh.Dev()
		front = "/dev/"
	}
	probes[""] = http.RedirectHandler(front, http.StatusSeeOther) // for whoever opens the bare address
	api := gh.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, ok := probes[strings.TrimSuffix(r.URL.Path, "/")]; ok {
			h.ServeHTTP(w, r)
			return
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if h, ok := sites[first]; ok {
			h.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// metricsRoutes answers on GATEHOUSE_METRICS_LISTEN.
func metricsRoutes(gh *gatehouse.Gatehouse) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", gh.Metrics())
	return mux
}

// readyTimeout bounds how long a probe waits, in real time.
const readyTimeout = 2 * time.Second

func ready(gh *gatehouse.Gatehouse) http.Handler {
	yes, no := word(http.StatusOK, "ready"), word(http.StatusServiceUnavailable, "not ready")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if gh.Ready(ctx) != nil {
			no.ServeHTTP(w, r)
			return
		}
		yes.ServeHTTP(w, r)
	})
}

// word answers a probe. Strangers learn nothing else.
func word(status int, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text+"\n") // the caller may be gone
	})
}
