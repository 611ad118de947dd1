package web

import (
	"net/url"
	"strings"
	"unicode"
)

// maxNext is how long a return address may be, in bytes.
const maxNext = 2048

// ReturnTo returns where a browser may be sent after it is done here: a path of our own, or an
// address on an allowed origin, which origin then names. Anything else is no place: an open
// redirect lends our name to strangers (CWE-601). The result is spelled anew, so that browser and
// server read the same.
func (q *Request) ReturnTo(next string) (target, origin string, ok bool) {
	for _, c := range next {
		if c <= ' ' || c == '\\' || c == 0x7f {
			return "", "", false // browsers drop some of these, and then read something else
		}
	}
	if next == "" || len(next) > maxNext {
		return "", "", false
	}
	u, err := url.Parse(next)
	if err != nil || u.User != nil || u.Opaque != "" || strings.ContainsFunc(u.Path, unicode.IsControl) {
		return "", "", false
	}
	if u.Scheme == "" && u.Host == "" {
		if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") {
			return "", "", false
		}
		// Read once it must be one path; how its characters are spelled is for whoever serves it.
		if _, ok := canonical(u.Path, ""); !ok {
			return "", "", false
		}
		return u.String(), "", true
	}
	origin = u.Scheme + "://" + u.Host
	if !q.edge.origins[origin] {
		return "", "", false
	}
	if origin == q.edge.origin {
		origin = ""
	}
	return u.String(), origin, true
}
