package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// client speaks HTTP/1.1 over one kept-alive connection: the least that a load generator needs,
// because it shares the cores with what it measures. It is not safe for concurrent use.
type client struct {
	host string
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	body []byte
}

func (s *server) dial() (*client, error) {
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return nil, err
	}
	return &client{host: s.host, conn: conn, in: bufio.NewReaderSize(conn, 8<<10)}, nil
}

// proxied is what a proxy in front of a production server says, of the program and the address that the
// accounts' sessions are of: who signs in from a device that an account does not know is written a mail.
const proxied = "\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.1\r\n"

// do sends a request and returns the answer's body, good until the next call. Any status but 200
// is an error.
func (c *client) do(method, path, bearer, body string) ([]byte, error) {
	c.out = append(c.out[:0], method...)
	c.out = append(append(c.out, ' '), path...)
	c.out = append(append(append(c.out, " HTTP/1.1\r\nHost: "...), c.host...), proxied...)
	if bearer != "" {
		c.out = append(append(append(c.out, "Authorization: Bearer "...), bearer...), "\r\n"...)
	}
	if body != "" {
		c.out = append(c.out, "Content-Type: application/json\r\nContent-Length: "...)
		c.out = append(strconv.AppendInt(c.out, int64(len(body)), 10), "\r\n"...)
	}
	c.out = append(append(c.out, "\r\n"...), body...)
	if _, err := c.conn.Write(c.out); err != nil {
		return nil, err
	}
	return c.answer(method + " " + path)
}

func (c *client) answer(to string) ([]byte, error) {
	status, err := c.line()
	if err != nil {
		return nil, err
	}
	ok := strings.HasPrefix(status, "HTTP/1.1 200 ")
	if !ok {
		status = strings.Clone(status)
	}
	length := -1
	for {
		line, err := c.line()
		if err != nil {
			return nil, err
		}
		if line == "" {
			break
		}
		if name, value, _ := strings.Cut(line, ": "); strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(value); err != nil {
				return nil, err
			}
		}
	}
	if length < 0 {
		return nil, errors.New(to + ": an answer without Content-Length")
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	if _, err := io.ReadFull(c.in, c.body); err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s: %s: %s", to, status, c.body)
	}
	return c.body, nil
}

// line returns the next line without its end.
func (c *client) line() (string, error) {
	b, err := c.in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(b), "\r\n"), nil
}

func (s *server) dialAll(n int) ([]*client, error) {
	all := make([]*client, n)
	for i := range all {
		var err error
		if all[i], err = s.dial(); err != nil {
			closeAll(all[:i])
			return nil, err
		}
	}
	return all, nil
}

func closeAll(clients []*client) {
	for _, c := range clients {
		_ = c.conn.Close() // nothing to lose
	}
}
