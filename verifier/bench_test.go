package verifier_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// benchTokens is many times the size of the smallest cache, so none is found there again.
const benchTokens = 512

func benchSigners() map[string]signer {
	return map[string]signer{"ES256": es(), "EdDSA": ed(), "RS256-2048": rs(), "RS256-3072": rs3072()}
}

// BenchmarkVerifyNew verifies tokens never seen before, beside the bare signature check of
// the standard library: the hash, where the algorithm has one apart, and the check, with the
// signature decoded beforehand.
func BenchmarkVerifyNew(b *testing.B) {
	for _, name := range []string{"ES256", "EdDSA", "RS256-2048", "RS256-3072"} {
		s := benchSigners()[name]
		tokens := make([]string, benchTokens)
		for i := range tokens {
			tokens[i] = s.good(claimsAt(start).with("jti", fmt.Sprintf("0197a0b2-0000-7000-8000-%012d", i)))
		}
		b.Run(name+"/verifier", func(b *testing.B) {
			set := keySet(b, s)
			v := newVerifier(b, verifier.WithCacheSize(4), verifier.WithKeySet(func() *verifier.KeySet { return set }))
			ctx := context.Background()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := v.Verify(ctx, tokens[i%benchTokens]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/bare", func(b *testing.B) {
			check := bare(s, tokens)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if !check(i % benchTokens) {
					b.Fatal("wrong signature")
				}
			}
		})
	}
}

// bare checks the signature of one of tokens and nothing else.
func bare(s signer, tokens []string) func(i int) bool {
	texts, signatures := make([][]byte, len(tokens)), make([][]byte, len(tokens))
	for i, token := range tokens {
		dot := strings.LastIndexByte(token, '.')
		sig, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
		must(err)
		texts[i], signatures[i] = []byte(token[:dot]), sig
		if s.alg == "ES256" {
			signatures[i], err = asn1.Marshal([]*big.Int{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
			must(err)
		}
	}
	switch public := s.private.Public().(type) {
	case *ecdsa.PublicKey:
		return func(i int) bool {
			digest := sha256.Sum256(texts[i])
			return ecdsa.VerifyASN1(public, digest[:], signatures[i])
		}
	case ed25519.PublicKey:
		return func(i int) bool { return ed25519.Verify(public, texts[i], signatures[i]) }
	case *rsa.PublicKey:
		return func(i int) bool {
			digest := sha256.Sum256(texts[i])
			return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signatures[i]) == nil
		}
	}
	panic("no such key")
}

// BenchmarkVerifyAgain verifies a token that is in the cache.
func BenchmarkVerifyAgain(b *testing.B) {
	v, ctx := newVerifier(b), context.Background()
	token := es().good(claimsAt(start))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(ctx, token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPermissions asks 50 permissions, at the worst place: the last, or none.
func BenchmarkPermissions(b *testing.B) {
	p := fiftyPermissions()
	same := make(verifier.Permissions, 50) // which differ in their last letters only
	for i := range same {
		same[i] = fmt.Sprintf("documents.archive%02d", i)
	}
	for _, c := range []struct {
		name string
		ask  func() bool
		want bool
	}{
		{"has/last", func() bool { return p.Has("noun49.verb49") }, true},
		{"has/none", func() bool { return p.Has("noun50.verb50") }, false},
		{"has/alike", func() bool { return same.Has("documents.archive99") }, false},
		{"has-all/two", func() bool { return p.HasAll("noun49.verb49", "noun48.verb48") }, true},
		{"has-any/two", func() bool { return p.HasAny("noun50.verb50", "noun49.verb49") }, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c.ask() != c.want {
					b.Fatal("wrong")
				}
			}
		})
	}
}
