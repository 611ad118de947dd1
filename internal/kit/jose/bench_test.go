package jose_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"testing"
)

// BenchmarkSign measures a token of 450 bytes of claims beside the bare signature.
func BenchmarkSign(b *testing.B) {
	claims := bytes.Repeat([]byte("c"), 450)
	for _, file := range []string{"p256.pem", "ed25519.pem", "rsa2048.pem", "rsa3072.pem"} {
		key := parse(b, file)
		s := signer(b, key)
		b.Run(file+"/token", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Sign(claims); err != nil {
					b.Fatal(err)
				}
			}
		})
		der, err := key.PKCS8()
		if err != nil {
			b.Fatal(err)
		}
		bare, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			b.Fatal(err)
		}
		message, opts := claims, crypto.SignerOpts(crypto.Hash(0))
		if file != "ed25519.pem" {
			digest := sha256.Sum256(claims)
			message, opts = digest[:], crypto.SHA256
		}
		b.Run(file+"/bare", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bare.(crypto.Signer).Sign(rand.Reader, message, opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
