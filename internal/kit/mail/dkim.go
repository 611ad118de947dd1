package mail

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

const minRSABits = 2048 // RFC 8301 section 3.2 demands 1024 and recommends this

// newSigner returns what makes the DKIM signer of one message (RFC 6376; Ed25519:
// RFC 8463), or nil without a key. The key lives in the closure alone, so that
// printing the sender cannot show it. Each message has a signer of its own,
// because the library's changes its state while signing.
func newSigner(key []byte, selector, domain string) (func(at time.Time) *gomail.DKIMSigner, error) {
	if len(key) == 0 {
		return nil, nil
	}
	signer, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	// The library folds the signature every 76 columns, inside a tag where it is
	// longer, which breaks the signature. The list of headers below stays under it.
	if len(domain) > 70 {
		return nil, errors.New("the sender's domain is longer than 70 characters, which cannot be signed")
	}
	return func(at time.Time) *gomail.DKIMSigner {
		s := gomail.NewDKIMSigner(domain, selector, signer)
		s.NowFunc = func() time.Time { return at }
		s.SignHeaders("From", "To", "Subject", "Date", "Message-ID", "Content-Type")
		// Signed once more than present: a second one added on the way breaks the
		// signature (RFC 6376 section 8.15).
		s.OversignHeaders("From", "To", "Subject")
		return s
	}, nil
}

// parseKey reads an RSA or Ed25519 key from PKCS #8 PEM. Its errors say nothing
// of what it read.
func parseKey(data []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("not one PEM block of type PRIVATE KEY (PKCS #8); openssl genpkey -algorithm ed25519 makes one")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the PEM block holds no valid PKCS #8 key")
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key, nil
	case *rsa.PrivateKey:
		if key.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("the RSA key has %d bits, DKIM keys need at least %d", key.N.BitLen(), minRSABits)
		}
		return key, nil
	default:
		return nil, errors.New("the key is neither RSA nor Ed25519, the two that DKIM knows")
	}
}

// validSelector reports whether s is a name under _domainkey (RFC 6376 section 3.1).
func validSelector(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
