package console

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
)

// pathless reports whether a path cannot hold a subject as it is: imported ones may be anything.
func pathless(subject string) bool {
	return strings.ContainsAny(subject, `/\`) || subject == "." || subject == ".."
}

// segment is a subject in a path of the console: as it is, or as a tilde and its base64url. The
// screen ~selected is nobody's: its name is the base64url of no text.
func segment(subject string) string {
	if pathless(subject) || strings.HasPrefix(subject, "~") {
		return "~" + base64.RawURLEncoding.EncodeToString([]byte(subject))
	}
	return subject
}

// accountPath is where everything about an account is shown, escaped as the server reads it.
func accountPath(subject string) string {
	return (&url.URL{Path: accountsPath + segment(subject) + "/"}).EscapedPath()
}

// subjectOf returns the subject that a request's path names; empty: what can be nobody's.
func subjectOf(r *http.Request) string {
	s := r.PathValue("account")
	if coded, found := strings.CutPrefix(s, "~"); found {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(coded)
		if err != nil {
			return ""
		}
		s = string(raw)
	}
	if !isSubject(s) {
		return ""
	}
	return s
}

// isSubject reports whether s can be a subject at all (OpenID Connect Core section 2).
func isSubject(s string) bool {
	outside := func(c rune) bool { return c <= ' ' || c > '~' }
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, outside)
}

// find returns the account that a request's path names, or account.ErrNotFound.
func (c *Console) find(ctx context.Context, r *http.Request) (*account.Account, error) {
	found, err := findAll(ctx, c.DB, []string{subjectOf(r)})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, account.ErrNotFound
	}
	return found[0], nil
}
