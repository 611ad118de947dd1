package main

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// checkListen checks an address to listen on, HOST:PORT, and returns it in its one form. An empty
// host is every interface. In development mode only loopback will do, spelled as a number or as
// localhost: any other name is what a resolver makes of it.
func checkListen(address string, dev bool) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", errors.New("must be HOST:PORT, such as 127.0.0.1:8080")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", errors.New("must end with a port from 0 to 65535")
	}
	if !dev {
		return address, nil
	}
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	a, err := netip.ParseAddr(host)
	if err != nil || a.Zone() != "" || !a.Unmap().IsLoopback() {
		return "", errors.New("must be a loopback address such as 127.0.0.1:8080, because in development mode mails and keys are open to whoever reaches it")
	}
	return net.JoinHostPort(a.Unmap().String(), port), nil
}
