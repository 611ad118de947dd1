package main

import (
	"embed"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// longest is how many characters a note has at most.
const longest = 2000

// errNote refuses what is no note. Refusals of this service look like those of Gatehouse.
var errNote = &verifier.Error{Code: "note_invalid", Status: http.StatusBadRequest, Detail: "Send JSON with a body of 1 to 2,000 characters."}

type notes struct {
	store  *store
	issuer string
}

// action is one thing that can be done with notes. Whoever gets this far may do it: by is who.
type action func(s *store, by *verifier.Identity, w http.ResponseWriter, r *http.Request) error

func (n *notes) handle(do action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, _ := verifier.FromContext(r.Context()) // gatehouse
		if err := do(n.store, by, w, r); err != nil {
			if !errors.Is(err, errNote) {
				slog.ErrorContext(r.Context(), "notes", "error", err)
			}
			verifier.WriteError(w, n.issuer, err) // gatehouse
		}
	})
}

func list(s *store, by *verifier.Identity, w http.ResponseWriter, r *http.Request) error {
	all, err := s.list(r.Context(), by.TenantID)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]any{"notes": all})
}

func add(s *store, by *verifier.Identity, w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Body string `json:"body"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in); err != nil {
		return errNote.Wrap(err)
	}
	if in.Body = strings.TrimSpace(in.Body); in.Body == "" || utf8.RuneCountInString(in.Body) > longest || strings.Contains(in.Body, "\x00") {
		return errNote
	}
	made, err := s.add(r.Context(), by.TenantID, by.Subject, in.Body)
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, made)
}

func deleteAll(s *store, by *verifier.Identity, w http.ResponseWriter, r *http.Request) error {
	if err := s.deleteAll(r.Context(), by.TenantID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func answer(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(body)
}

//go:embed page
var page embed.FS

// policy lets the page run its own script and call its own origin, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// mountPage serves one page for all organisations: its script finds out which one from its address.
func mountPage(mux *http.ServeMux) {
	for pattern, file := range map[string]string{
		"GET /{$}": "page/notes.html", "GET /tenants/{tenant}/{$}": "page/notes.html", "GET /notes.js": "page/notes.js", "GET /notes.css": "page/notes.css",
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", policy)
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, page, file)
		})
	}
}
