package verifier

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
)

// The algorithms there are (RFC 7518 section 3.1, RFC 8037 section 3.1). None of them is
// symmetric, so no public key can ever serve as a secret.
const (
	es256 = "ES256"
	edDSA = "EdDSA"
	rs256 = "RS256"
)

// maxSignature is the longest signature there is, in bytes: RS256 with 8192 bits.
const maxSignature = maxRSABits / 8

// key is a public key made ready: copied, checked, and bound to one algorithm.
type key struct {
	id        string
	algorithm string
	public    crypto.PublicKey
	length    int // of a signature, in bytes; RFC 7518 leaves no choice for any algorithm
}

// verify reports whether signature, in base64url, is the key's under signed.
func (k *key) verify(signed []byte, signature string) bool {
	if len(signature) != base64url.EncodedLen(k.length) {
		return false
	}
	var buf [maxSignature]byte
	n, ok := decodeInto(buf[:], signature)
	if !ok {
		return false
	}
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(signed)
		var der [maxDER]byte
		return ecdsa.VerifyASN1(public, digest[:], appendDER(der[:0], buf[:n]))
	case ed25519.PublicKey:
		return ed25519.Verify(public, signed, buf[:n])
	case *rsa.PublicKey:
		digest := sha256.Sum256(signed)
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], buf[:n]) == nil
	}
	return false
}

// maxDER is a SEQUENCE of two INTEGERs of 33 bytes each, with their tags and lengths.
const maxDER = 2 + 2*(2+33)

// appendDER turns the r‖s of JWS (RFC 7518 section 3.4) into the SEQUENCE of two INTEGERs
// that crypto/ecdsa reads. Every length fits one byte.
func appendDER(der, rs []byte) []byte {
	der = append(der, 0x30, 0)
	der = appendInteger(der, rs[:len(rs)/2])
	der = appendInteger(der, rs[len(rs)/2:])
	der[1] = byte(len(der) - 2)
	return der
}

// appendInteger writes a positive INTEGER in its shortest form, as DER demands: no zeros
// in front but the one that keeps it from reading as negative.
func appendInteger(der, n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	if n[0]&0x80 != 0 {
		der = append(der, 0x02, byte(len(n)+1), 0)
	} else {
		der = append(der, 0x02, byte(len(n)))
	}
	return append(der, n...)
}
