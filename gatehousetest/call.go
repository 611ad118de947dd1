package gatehousetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// option changes a request before it is sent.
type option func(*http.Request)

func header(name, value string) option { return func(r *http.Request) { r.Header.Add(name, value) } }

func bearerToken(token string) option { return header("Authorization", "Bearer "+token) }

func cookie(c *http.Cookie) option {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value}) }
}

func rawBody(mediaType, text string) option {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", mediaType)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
}

func jsonBody(t testing.TB, body any) option {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatalf("gatehousetest: %v", err)
	}
	return rawBody("application/json", string(text))
}

// problem is the body of a refusal (RFC 9457).
type problem struct {
	Type      string `json:"type"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
}

// answer is what came back.
type answer struct {
	what    string // method and path, for people
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    []byte
	problem problem // empty unless the body is one
}

// call sends a request and reads the whole answer. It fails the test when there is none.
func call(t testing.TB, client *http.Client, method, address string, options ...option) answer {
	t.Helper()
	a, err := try(t, client, method, address, options...)
	if err != nil {
		t.Fatalf("gatehousetest: %v", err)
	}
	return a
}

// try is call for goroutines that must not end the test.
func try(t testing.TB, client *http.Client, method, address string, options ...option) (answer, error) {
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		return answer{}, err
	}
	for _, o := range options {
		o(r)
	}
	resp, err := client.Do(r)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, r.URL.Path, bare(err))
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, r.URL.Path, err)
	}
	a := answer{what: method + " " + r.URL.Path, status: resp.StatusCode, header: resp.Header, cookies: resp.Cookies(), body: body}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		if err := json.Unmarshal(body, &a.problem); err != nil {
			return a, fmt.Errorf("%s: the problem document is no JSON", a.what)
		}
	}
	return a, nil
}

// bare takes the address out of an error of http.Client: its query may hold a token.
func bare(err error) error {
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // http.Client returns it bare
		return u.Err
	}
	return err
}

// String says what was answered, without the body: it may hold tokens.
func (a answer) String() string {
	if a.problem.Code == "" {
		return fmt.Sprintf("%s answers %d", a.what, a.status)
	}
	return fmt.Sprintf("%s answers %d, code %s: %s", a.what, a.status, a.problem.Code, a.problem.Detail)
}

// decode reads the body into out. It fails the test when it is no JSON of that shape.
func (a answer) decode(t testing.TB, out any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(a.body))
	if err := d.Decode(out); err != nil {
		t.Fatalf("%s, but the body is not what was expected: %s", a, shape(err))
	}
}

// shape says what is wrong with a body without quoting it.
func shape(err error) string {
	if e, ok := err.(*json.UnmarshalTypeError); ok { //nolint:errorlint // json returns it bare
		return fmt.Sprintf("member %q is no %s", e.Field, e.Type)
	}
	return "it is no JSON"
}

// object returns the body as a JSON object.
func (a answer) object(t testing.TB) map[string]any {
	t.Helper()
	var o map[string]any
	a.decode(t, &o)
	return o
}
