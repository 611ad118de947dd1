package main

import "testing"

func TestDevelopmentListensOnLoopbackOnly(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8080":        "127.0.0.1:8080",
		"127.0.0.1:0":           "127.0.0.1:0",
		"127.1.2.3:8080":        "127.1.2.3:8080",
		"localhost:8080":        "127.0.0.1:8080",
		"LocalHost:8080":        "127.0.0.1:8080",
		"[::1]:8080":            "[::1]:8080",
		"[0:0:0:0:0:0:0:1]:80":  "[::1]:80",
		"[::ffff:127.0.0.1]:80": "127.0.0.1:80",
	} {
		if got, err := checkListen(address, true); got != want || err != nil {
			t.Errorf("%s became %q, %v; want %q", address, got, err, want)
		}
	}
	for _, address := range []string{
		"", ":", ":8080", "8080", "0:8080", "0.0.0.0:8080", "[::]:8080", "[::0]:8080", "*:8080", "192.0.2.1:8080", "10.0.0.1:8080",
		"[2001:db8::1]:8080", "[::ffff:0.0.0.0]:8080", "[::ffff:192.0.2.1]:8080", "[::127.0.0.1]:8080", "[64:ff9b::127.0.0.1]:8080",
		"[fe80::1%lo]:8080", "[::1%lo]:8080",
		"127.0.0.1.example:8080", "localhost.:8080", "localhost.example:8080", "ip6-localhost:8080", "id.example.com:8080", " localhost:8080",
		// What some resolvers make loopback of, and others something else.
		"127.1:8080", "127:8080", "0x7f.0.0.1:8080", "0177.0.0.1:8080", "2130706433:8080", "127.0.0.01:8080", "127.0.0.1%lo:8080",
		"127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:80:80", "::1:8080", "http://127.0.0.1:8080",
	} {
		if got, err := checkListen(address, true); err == nil {
			t.Errorf("%q was accepted as %q", address, got)
		}
	}
}

func TestProductionListensAnywhere(t *testing.T) {
	for _, address := range []string{":8080", "0.0.0.0:443", "[::]:0", "id.example.com:8080"} {
		if got, err := checkListen(address, false); got != address || err != nil {
			t.Errorf("%s became %q, %v", address, got, err)
		}
	}
	for _, address := range []string{"", "8080", "localhost", ":https", ":65536"} {
		if _, err := checkListen(address, false); err == nil {
			t.Errorf("%q was accepted", address)
		}
	}
}
