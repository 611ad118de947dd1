package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// enrolLimit is how long a page may take that sets up a second factor, in milliseconds.
const enrolLimit = 20

// benchEnrol measures, over HTTP and from the outside, what sets up second factors: pages with their QR
// code or challenge, and the API that returns both pictures.
func benchEnrol(ctx context.Context, l *lab) ([]row, error) {
	binary, err := l.build()
	if err != nil {
		return nil, err
	}
	s, err := l.startDev(ctx, binary, filepath.Join(l.dir, "enrol"))
	if err != nil {
		return nil, err
	}
	defer s.stop()
	const password = "a password of seven words at least"
	v := &visitor{ctx: ctx, base: "http://" + strings.Replace(s.address, "127.0.0.1", "localhost", 1)}
	v.send("POST", mount+"/register/", object("email", "person@example.com", "password", password, "full_name", "A Person"))
	v.read(v.sent("/email/verify/", object("token", v.mailed("person@example.com", "verify"))), &struct{}{})
	v.read(v.sent("/login/", object("email", "person@example.com", "password", password)), &v.tokens)
	p, err := newPerson(ctx, v, password)
	if err != nil {
		return nil, err
	}
	n := 60
	if l.quick {
		n = 3
	}
	var rows []row
	for _, m := range []struct {
		what string
		do   func() error
	}{
		{"POST 2fa/setup/, with PNG and SVG", func() error { v.send("POST", mount+"/2fa/setup/", "{}"); return v.err }},
		{"page that sets up an app", func() error {
			return p.form("/account/security/app/add/", url.Values{"name": {"Phone"}}, "<svg")
		}},
		{"page that adds a passkey", func() error { return p.page("/account/security/passkeys/add/", "data-passkey-create") }},
		{"page of what is set up", func() error { return p.page("/account/security/", "/account/security/") }},
	} {
		var took []float64
		for i := range n + 1 {
			begun := time.Now()
			if err := m.do(); err != nil {
				return nil, fmt.Errorf("%s: %w", m.what, err)
			}
			if i > 0 {
				took = append(took, float64(time.Since(begun))/float64(time.Millisecond))
			}
		}
		t := median(took)
		r := row{path: m.what, ours: number(t) + " ms", result: number(t) + " ms", rounds: rounds(took), note: "SQLite, over HTTP"}.bounded(atMost(enrolLimit), t)
		r.gate = fmt.Sprintf("under %d ms", enrolLimit)
		rows = append(rows, r)
	}
	return rows, nil
}

// sent posts to the API, unless something failed before.
func (v *visitor) sent(path, body string) []byte {
	if v.err != nil {
		return nil
	}
	return v.send("POST", mount+path, body)
}

// person is somebody signed in with a browser.
type person struct {
	ctx    context.Context
	base   string
	client *http.Client
}

func newPerson(ctx context.Context, v *visitor, password string) (*person, error) {
	if v.err != nil {
		return nil, v.err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	p := &person{ctx: ctx, base: v.base, client: &http.Client{Jar: jar}}
	return p, p.form("/account/sign-in/", url.Values{"name": {"person@example.com"}, "password": {password}}, "/account/security/")
}

func (p *person) page(path, wanted string) error { return p.ask(http.MethodGet, path, "", wanted) }

func (p *person) form(path string, values url.Values, wanted string) error {
	return p.ask(http.MethodPost, path, values.Encode(), wanted)
}

// ask wants a page that holds a text.
func (p *person) ask(method, path, body, wanted string) error {
	r, err := http.NewRequestWithContext(p.ctx, method, p.base+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", p.base)
	}
	answer, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it is read whole
	text, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(text), wanted)) {
		err = fmt.Errorf("%s %s: %s, without %q", method, path, answer.Status, wanted)
	}
	return err
}
