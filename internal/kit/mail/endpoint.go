package mail

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// security is how the connection is protected.
type security uint8

const (
	startTLS  security = iota // plain first, then upgraded; refused where the server cannot
	directTLS                 // TLS from the first byte (RFC 8314 section 3)
	plaintext                 // none at all, asked for by tls=off
)

// endpoint is a mail server as its URL names it.
type endpoint struct {
	host     string // a name in ASCII or an address
	port     string
	security security
	user     string
	password string
	ca       string // file with the PEM certificates to trust instead of the system's
}

const urlForm = "write smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465, " +
	"and percent-encode special characters in user and password"

// errURL never quotes the URL: the standard parser's errors do, password included.
var errURL = errors.New("not a valid address; " + urlForm)

// parseEndpoint reads the URL of a mail server and returns all its problems at once.
func parseEndpoint(raw string) (endpoint, error) {
	if raw == "" {
		return endpoint{}, errors.New("missing; " + urlForm)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.Fragment != "" || (u.Path != "" && u.Path != "/") {
		return endpoint{}, errURL
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return endpoint{}, errURL
	}
	e := endpoint{host: u.Hostname(), port: u.Port()}
	e.user = u.User.Username()
	e.password, _ = u.User.Password()
	// In this order: each reads what those before it have set.
	err = errors.Join(e.setScheme(u.Scheme), e.setQuery(query), e.setHost(), e.checkCredentials())
	return e, err
}

func (e *endpoint) setScheme(scheme string) error {
	standard := "587"
	switch scheme {
	case "smtp":
		e.security = startTLS
	case "smtps":
		e.security, standard = directTLS, "465"
	default:
		return errors.New("the scheme is smtp (STARTTLS) or smtps (TLS from the start)")
	}
	if e.port == "" {
		e.port = standard
	}
	if n, err := strconv.Atoi(e.port); err != nil || n < 1 || n > 65535 {
		return errors.New("the port is not between 1 and 65535")
	}
	return nil
}

func (e *endpoint) setQuery(query url.Values) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		switch {
		case len(values) > 1:
			problems = append(problems, fmt.Errorf("parameter %q is given twice", name))
		case name == "ca" && values[0] != "":
			e.ca = values[0]
		case name == "tls" && values[0] == "off" && e.security == startTLS:
			e.security = plaintext
		case name == "tls":
			problems = append(problems, errors.New("parameter tls knows one value, off, and only with the scheme smtp"))
		default:
			problems = append(problems, fmt.Errorf("unknown or empty parameter %q; there are tls=off and ca=FILE", name))
		}
	}
	if e.security == plaintext && e.ca != "" {
		problems = append(problems, errors.New("tls=off and ca=FILE contradict each other"))
	}
	return errors.Join(problems...)
}

func (e *endpoint) setHost() error {
	if _, err := netip.ParseAddr(e.host); err == nil {
		return nil
	}
	host, err := asciiDomain(e.host)
	if err != nil {
		return errors.New("the host is not a valid name or address")
	}
	e.host = host
	return nil
}

func (e *endpoint) checkCredentials() error {
	switch {
	case (e.user == "") != (e.password == ""):
		return errors.New("user and password come together or not at all")
	case strings.ContainsAny(e.user+e.password, "\x00\r\n"):
		return errors.New("user and password must not contain NUL or line breaks")
	case e.user != "" && e.security == plaintext && !loopback(e.host):
		return errors.New("tls=off would send the password in the clear; use smtp without it, or smtps")
	}
	return nil
}

// loopback reports whether host cannot leave this machine (RFC 6761 section 6.3).
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.Unmap().IsLoopback())
}

func (e *endpoint) addr() string { return net.JoinHostPort(e.host, e.port) }

// tlsConfig verifies the server's certificate for its name, always.
func (e *endpoint) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: e.host, MinVersion: tls.VersionTLS12}
	if e.ca == "" {
		return config, nil
	}
	data, err := os.ReadFile(e.ca)
	if err != nil {
		return nil, fmt.Errorf("the ca file cannot be read: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(data) {
		return nil, errors.New("the ca file holds no PEM certificate")
	}
	return config, nil
}
