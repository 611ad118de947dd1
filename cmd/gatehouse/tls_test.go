package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair writes a new certificate and its key, as if done at a certain time.
func pair(t *testing.T, certFile, keyFile string, serial int64, at time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"id.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), at)
	put(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), at)
}

func put(t *testing.T, file string, b []byte, at time.Time) {
	t.Helper()
	if err := errors.Join(os.WriteFile(file, b, 0o600), os.Chtimes(file, at, at)); err != nil {
		t.Fatal(err)
	}
}

func TestCertificateIsReadAgainWhenItsFilesChange(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	start := time.Now()
	var log bytes.Buffer
	if _, err := loadCertificate(cert, key, slog.Default()); err == nil {
		t.Fatal("files that are not there were loaded")
	}
	pair(t, cert, key, 1, start)
	c, err := loadCertificate(cert, key, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	serves := func(serial int64) {
		t.Helper()
		got, err := c.config().GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := got.Leaf.SerialNumber.Int64(); n != serial {
			t.Errorf("certificate %d serves, want %d", n, serial)
		}
	}
	serves(1)
	pair(t, cert, key, 2, start.Add(time.Second))
	serves(2)

	// In the middle of an exchange, and when one failed, the former pair goes on.
	pair(t, cert, filepath.Join(dir, "other.pem"), 3, start.Add(2*time.Second))
	serves(2)
	serves(2)
	if n := strings.Count(log.String(), "cannot be used"); n != 1 {
		t.Errorf("logged %d times: %s", n, log.String())
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	serves(2)
	pair(t, cert, key, 4, start.Add(3*time.Second))
	serves(4)
}
