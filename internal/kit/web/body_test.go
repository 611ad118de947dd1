package web_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

// A sound body, then bodies that a lenient reader would take.
func TestBodiesAreReadStrictly(t *testing.T) {
	e := newEdge(t, nil)
	if a := e.call(http.MethodPost, "/echo/", `{"name":"`+canary[:20]+`","count":3,"kind":"two","free":{"a":[1,{"b":null}]}}`); a.status != http.StatusCreated || a.said != canary[:20] {
		t.Fatalf("a sound body: answered %d %s", a.status, a.text)
	}
	const jsonCode, fieldsCode = "json_invalid", "fields_invalid"
	for _, c := range []struct{ name, body, code string }{
		{"blank", " ", jsonCode},
		{"null", "null", fieldsCode},
		{"array", `["` + canary + `"]`, fieldsCode},
		{"number", "17", fieldsCode},
		{"string", `"` + canary + `"`, fieldsCode},
		{"true", "true", fieldsCode},
		{"truncated", `{"name":"` + canary, jsonCode},
		{"trailing garbage", `{"name":"a"} ` + canary, jsonCode},
		{"two values", `{"name":"a"}{"name":"b"}`, jsonCode},
		{"trailing comma", `{"name":"a",}`, jsonCode},
		{"comment", `{"name":"a"/*` + canary + `*/}`, jsonCode},
		{"single quotes", `{'name':'a'}`, jsonCode},
		{"bare name", `{name:"a"}`, jsonCode},
		{"byte order mark", "\ufeff" + `{"name":"a"}`, jsonCode},
		{"UTF-16", "{\x00\"\x00}\x00", jsonCode},
		{"invalid UTF-8", `{"name":"` + "\xff\xfe" + `"}`, jsonCode},
		{"overlong UTF-8", `{"name":"` + "\xc0\xaf" + `"}`, jsonCode},
		{"encoded surrogate", `{"name":"` + "\xed\xa0\x80" + `"}`, jsonCode},
		{"lone surrogate", `{"name":"\ud800"}`, jsonCode},
		{"surrogates swapped", `{"name":"\udc00\ud800"}`, jsonCode},
		{"raw NUL", "{\"name\":\"a\x00b\"}", jsonCode},
		{"NUL after the end", "{\"name\":\"a\"}\x00", jsonCode},
		{"escaped NUL", `{"name":"a\u0000b"}`, jsonCode},
		{"escaped NUL after a backslash", `{"name":"\\\u0000"}`, jsonCode},
		{"escaped NUL in a name", `{"name":"a","free":{"\u0000":1}}`, jsonCode},
		{"line end in a string", "{\"name\":\"a\nb\"}", jsonCode},
		{"duplicate name", `{"name":"a","name":"b"}`, jsonCode},
		{"duplicate by escape", `{"name":"a","n\u0061me":"b"}`, jsonCode},
		{"duplicate deep inside", `{"name":"a","free":{"x":{"y":1,"y":2}}}`, jsonCode},
		{"oddly cased", `{"Name":"` + canary + `"}`, jsonCode},
		{"oddly cased besides", `{"name":"a","NAME":"` + canary + `"}`, jsonCode},
		{"17 levels", `{"name":"a","free":{"x":` + nested(15) + `}}`, jsonCode},
		{"100,000 levels", nested(30_000), jsonCode},
		{"100,000 open", strings.Repeat("[", 65_000), jsonCode},
		{"objects all the way", strings.Repeat(`{"a":`, 10_000), jsonCode},
		{"missing member", `{}`, fieldsCode},
		{"unknown member", `{"name":"a","is_staff":"` + canary + `"}`, fieldsCode},
		{"prototype", `{"name":"a","__proto__":{"admin":"` + canary + `"}}`, fieldsCode},
		{"member is null", `{"name":null}`, fieldsCode},
		{"array for a string", `{"name":["` + canary + `","b"]}`, fieldsCode},
		{"object for a string", `{"name":{"` + canary + `":1}}`, fieldsCode},
		{"number for a string", `{"name":17}`, fieldsCode},
		{"string for a number", `{"name":"a","count":"3"}`, fieldsCode},
		{"fraction for an integer", `{"name":"a","count":1.5}`, fieldsCode},
		{"number out of range", `{"name":"a","count":1e30}`, fieldsCode},
		{"array for an object", `{"name":"a","free":["` + canary + `"]}`, fieldsCode},
		{"not one of", `{"name":"a","kind":"` + canary + `"}`, fieldsCode},
		{"too long", `{"name":"` + canary + canary + `"}`, fieldsCode},
		{"60,000 characters", `{"name":"` + strings.Repeat("x", 60_000) + `"}`, fieldsCode},
	} {
		a := e.call(http.MethodPost, "/echo/", c.body)
		a.refuses(t, c.name, http.StatusBadRequest, c.code)
		if (len(a.problem.Errors) > 0) != (c.code == fieldsCode) {
			t.Errorf("%s: errors %v", c.name, a.problem.Errors)
		}
		if c.code == jsonCode {
			a := e.call(http.MethodPost, "/optional/", strings.ReplaceAll(c.body, `"Name"`, `"NAME"`))
			a.refuses(t, "optional: "+c.name, http.StatusBadRequest, a.problem.Code)
		}
	}
	for _, huge := range []string{"1e400", "-1e400", strings.Repeat("9", 5000), "0." + strings.Repeat("1", 5000)} {
		a := e.call(http.MethodPost, "/echo/", `{"name":"a","count":`+huge+`}`)
		a.refuses(t, "a huge number", http.StatusBadRequest, a.problem.Code)
	}
	if a := e.call(http.MethodPost, "/echo/", `{"name":"a","free":{"x":`+nested(14)+`}}`); a.status != http.StatusCreated {
		t.Errorf("16 levels: answered %d", a.status)
	}
	if a := e.call(http.MethodPost, "/echo/", `{"name":"\\u0000 [[[[[[[[["}`); a.said != `\u0000 [[[[[[[[[` {
		t.Errorf("what only looks deep or like NUL: answered %d %s", a.status, a.text)
	}
}

func TestReadJSONIsAsStrict(t *testing.T) {
	e := newEdge(t, nil)
	if a := e.call(http.MethodPost, "/raw/", `{"name":"a"}`); a.text != "a" {
		t.Fatalf("answered %d %s", a.status, a.text)
	}
	for name, c := range map[string]struct{ body, code string }{
		"empty": {" ", "json_invalid"}, "duplicate": {`{"name":"a","name":"b"}`, "json_invalid"}, "NUL": {`{"name":"\u0000"}`, "json_invalid"},
		"deep": {`{"name":` + nested(17) + `}`, "json_invalid"}, "garbage": {`{"name":"a"}x`, "json_invalid"},
		"unknown": {`{"` + canary + `":1}`, "fields_invalid"}, "odd case": {`{"NAME":"a"}`, "fields_invalid"}, "type": {`{"name":17}`, "fields_invalid"}, "array": {"[]", "fields_invalid"},
	} {
		e.call(http.MethodPost, "/raw/", c.body).refuses(t, name, http.StatusBadRequest, c.code)
	}
	e.call(http.MethodPost, "/raw/", `{}`, header("Content-Type", "text/plain")).refuses(t, "plain text", http.StatusUnsupportedMediaType, "media_type_unsupported")
	e.call(http.MethodPost, "/raw/", `{"name":"`+strings.Repeat("x", web.MaxBody)+`"}`).refuses(t, "too large", http.StatusRequestEntityTooLarge, "body_too_large")
}

func TestFieldErrorsSayWhatToMend(t *testing.T) {
	e := newEdge(t, nil)
	for body, want := range map[string]string{
		`{}`:          "name required",
		`{"name":17}`: "name type",
		`{"name":"` + strings.Repeat("x", 21) + `"}`: "name too_long",
		`{"name":"a","kind":"x"}`:                    "kind not_allowed",
		`{"name":"a","admin":true}`:                  "admin unknown",
		`{"name":"a","count":"1"}`:                   "count type",
		`[]`:                                         " type",
	} {
		got := e.call(http.MethodPost, "/echo/", body).problem.Errors
		if len(got) != 1 || got[0].Field+" "+got[0].Code != want || got[0].Detail == "" {
			t.Errorf("%.40s: %v, want %s", body, got, want)
		}
	}
}

// An answer must not outgrow the question, nor take time that grows with its square.
func TestManyWrongMembersAreNotAllNamed(t *testing.T) {
	e := newEdge(t, nil)
	var body strings.Builder
	body.WriteString(`{"name":"a"`)
	for i := 0; body.Len() < web.MaxBody-100; i++ {
		fmt.Fprintf(&body, `,"x%d":0`, i)
	}
	body.WriteString("}")
	a := e.call(http.MethodPost, "/echo/", body.String())
	a.refuses(t, "thousands of unknown members", http.StatusBadRequest, "fields_invalid")
	if len(a.problem.Errors) == 0 || len(a.text) > 4<<10 {
		t.Errorf("%d errors in %d bytes", len(a.problem.Errors), len(a.text))
	}
	long := e.call(http.MethodPost, "/echo/", `{"name":"a","`+strings.Repeat("y", 60_000)+`":1}`)
	if len(long.text) > 2<<10 {
		t.Errorf("a long name comes back with %d bytes", len(long.text))
	}
}

func TestOnlyJSONIsTaken(t *testing.T) {
	e := newEdge(t, nil)
	const body = `{"name":"a"}`
	for _, kind := range []string{"application/json", "application/json; charset=utf-8", `Application/JSON;charset="UTF-8"`} {
		if a := e.call(http.MethodPost, "/echo/", body, header("Content-Type", kind)); a.status != http.StatusCreated {
			t.Errorf("%s: answered %d", kind, a.status)
		}
	}
	for _, kinds := range [][]string{
		nil, {""}, {"text/plain"}, {"text/json"}, {"application/x-www-form-urlencoded"}, {"multipart/form-data; boundary=x"}, {"application/jsonp"},
		{"application/json; charset=utf-16"}, {"application/json; charset=latin1"}, {"application/json, text/plain"}, {"application/json", "text/plain"},
		{"application/json", "application/json"}, {"*/*"}, {"json"}, {";"}, {"application/problem+json"},
	} {
		for _, path := range []string{"/echo/", "/optional/", "/raw/", "/things/1/"} {
			method := http.MethodPost
			if path == "/things/1/" {
				method = http.MethodDelete
			}
			e.call(method, path, body, header("Content-Type", kinds...)).refuses(t, fmt.Sprintf("%s as %q", path, kinds), http.StatusUnsupportedMediaType, "media_type_unsupported")
		}
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, body)
	_ = z.Close()
	for _, encoding := range []string{"gzip", "deflate", "br", "identity", "x"} {
		e.call(http.MethodPost, "/echo/", zipped.String(), header("Content-Encoding", encoding)).refuses(t, encoding, http.StatusUnsupportedMediaType, "media_type_unsupported")
	}
}

func TestABodyMayBeLeftOutWhereItIsOptional(t *testing.T) {
	e := newEdge(t, nil)
	if a := e.call(http.MethodPost, "/optional/", ""); a.said != "no body" {
		t.Errorf("none: answered %d %s", a.status, a.text)
	}
	if a := e.call(http.MethodPost, "/optional/", "{}"); a.status != http.StatusOK || a.said != "" {
		t.Errorf("{}: answered %d %s", a.status, a.text)
	}
	e.call(http.MethodPost, "/echo/", "").refuses(t, "where it is not", http.StatusUnsupportedMediaType, "media_type_unsupported")
	e.call(http.MethodPost, "/echo/", "", header("Content-Type", "application/json")).refuses(t, "declared and empty", http.StatusBadRequest, "json_invalid")
}

func TestBodiesEndAt64KiB(t *testing.T) {
	e := newEdge(t, nil)
	of := func(size int) string { return `{"name":"` + strings.Repeat(" ", size-11) + `"}` }
	e.call(http.MethodPost, "/echo/", of(web.MaxBody)).refuses(t, "64 KiB", http.StatusBadRequest, "fields_invalid")
	e.call(http.MethodPost, "/echo/", of(web.MaxBody+1)).refuses(t, "one byte more", http.StatusRequestEntityTooLarge, "body_too_large")

	// The length that is announced is believed before anything is read; without one reading stops.
	read := 0
	endless := readerFunc(func(b []byte) (int, error) {
		read += len(b)
		return copy(b, bytes.Repeat([]byte(" "), len(b))), nil
	})
	for _, length := range []int64{10 << 20, -1} {
		read = 0
		r := httptest.NewRequest(http.MethodPost, origin+mount+"/echo/", endless)
		r.ContentLength = length
		r.Header.Set("Content-Type", "application/json")
		send(t, e.api, r).refuses(t, "10 MB", http.StatusRequestEntityTooLarge, "body_too_large")
		if limit := map[bool]int{true: 0, false: 2*web.MaxBody + 1024}[length > 0]; read > limit {
			t.Errorf("announced as %d: read %d bytes", length, read)
		}
	}
}

func TestASlowBodyIsGivenUp(t *testing.T) {
	t.Parallel() // it waits 10 s
	e := newEdge(t, nil)
	srv := httptest.NewServer(e.api)
	defer srv.Close()
	conn := dial(t, srv)
	began := time.Now()
	_, _ = io.WriteString(conn, "POST /api/auth/echo/ HTTP/1.1\r\nHost: id.example.com\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"name\":")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer after %v: %v", time.Since(began), err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusRequestTimeout || !bytes.Contains(text, []byte("body_timeout")) {
		t.Errorf("answered %d %s", resp.StatusCode, text)
	}
}

func dial(t *testing.T, srv *httptest.Server) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// What two programs may cut apart differently is answered once, and the connection ends.
func TestNoRequestIsSmuggledBehindAnother(t *testing.T) {
	e := newEdge(t, nil)
	srv := httptest.NewServer(e.api)
	defer srv.Close()
	const next = "GET /api/auth/address/ HTTP/1.1\r\nHost: id.example.com\r\n\r\n"
	for name, head := range map[string]string{
		"both lengths":          "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"both, the other way":   "Transfer-Encoding: chunked\r\nContent-Length: 100\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"two lengths":           "Content-Length: 2\r\nContent-Length: 30\r\n\r\n{}",
		"two encodings":         "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"a list of encodings":   "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"an odd encoding":       "Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"a blank before colon":  "Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}",
		"a negative length":     "Content-Length: -2\r\n\r\n{}",
		"a length with a sign":  "Content-Length: +2\r\n\r\n{}",
		"a folded header":       "X-A: b\r\n Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"a bad chunk":           "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"a second host":         "Host: evil.example.net\r\nContent-Length: 2\r\n\r\n{}",
		"NUL in a header":       "X-A: \x00\r\nContent-Length: 2\r\n\r\n{}",
		"a chunk beyond bounds": "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}\r\n0\r\n\r\n",
	} {
		conn := dial(t, srv)
		_, _ = io.WriteString(conn, "POST /api/auth/optional/ HTTP/1.1\r\nHost: id.example.com\r\nContent-Type: application/json\r\n"+head+next)
		_ = conn.(*net.TCPConn).CloseWrite()
		all, _ := io.ReadAll(conn)
		if n := strings.Count(string(all), "HTTP/1.1 "); n != 1 {
			t.Errorf("%s: %d answers on one connection\n%.600s", name, n, all)
		}
		if strings.Contains(string(all), "HTTP/1.1 5") && !strings.Contains(string(all), "HTTP/1.1 501") {
			t.Errorf("%s: %.80s", name, all)
		}
	}
}

func FuzzBodies(f *testing.F) {
	for _, s := range []string{`{"name":"a"}`, `{"name":"a","free":{"x":[1,null]}}`, `{"NAME":"a"}`, "[]", "null", `{"name":"\u0000"}`, nested(17), "\xff", `{"a.b":{"c":1}}`, `{"":1}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		e := newEdge(t, nil)
		for _, path := range []string{"/echo/", "/optional/", "/raw/"} {
			a := e.call(http.MethodPost, path, body, header("Content-Type", "application/json"))
			if a.status >= http.StatusInternalServerError {
				t.Errorf("%s: answered %d for %q", path, a.status, body)
			}
			if a.status >= http.StatusBadRequest && (a.problem.Status != a.status || a.problem.Code == "") {
				t.Errorf("%s: no problem for %q", path, body)
			}
		}
	})
}
