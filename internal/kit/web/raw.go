package web

import (
	"mime"
	"net/http"
	"strings"
)

// Raw adapts a handler that writes its own answer in its own format: published keys, documents.
func Raw(fn http.HandlerFunc) handler { return rawHandler{fn} }

type rawHandler struct{ fn http.HandlerFunc }

func (rawHandler) html() bool                            { return false }
func (rawHandler) describe(*document, Route)             {} // huma knows JSON alone
func (h rawHandler) mount(*Edge, Route) http.HandlerFunc { return h.fn }

// Page adapts a function that writes an HTML page. Its error becomes an error page.
func Page(fn func(w http.ResponseWriter, r *http.Request) error) handler { return pageHandler{fn} }

type pageHandler struct {
	fn func(w http.ResponseWriter, r *http.Request) error
}

func (pageHandler) html() bool                { return true }
func (pageHandler) describe(*document, Route) {} // no part of the API

func (h pageHandler) mount(e *Edge, _ Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h.fn(w, r); err != nil && (e.cfg.Refused == nil || !e.cfg.Refused(w, r, err)) {
			Error(w, r, err)
		}
	}
}

// Form is Page for a posted form: urlencoded, from a page of our own origin, each name once.
func Form(fn func(w http.ResponseWriter, r *http.Request) error) handler {
	return pageHandler{func(w http.ResponseWriter, r *http.Request) error {
		if err := ReadForm(r); err != nil {
			return err
		}
		return fn(w, r)
	}}
}

// ReadForm reads a posted form into r.PostForm, on the conditions of Form. Every browser says where
// a form comes from; what says nothing could be anyone's, and the browser adds the cookies.
func ReadForm(r *http.Request) error {
	if !FromContext(r.Context()).FromOwnPage() {
		return ErrOrigin
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return ErrMediaType
	}
	if err := r.ParseForm(); err != nil {
		return BodyError(err)
	}
	for name, values := range r.PostForm {
		if len(values) != 1 && !strings.HasSuffix(name, "[]") {
			return ErrFields
		}
	}
	return nil
}
