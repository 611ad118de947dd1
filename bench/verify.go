package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

const (
	verifyOps    = 16  // operations in a block
	verifyRounds = 800 // blocks of a side
	verifyTokens = 512 // different ones, far more than the verifier is told to remember here
)

// sample is a set of tokens of one key, and the bare check of their signatures.
type sample struct {
	name   string
	public verifier.Key
	tokens []string
	check  func(i int) bool
}

func benchVerify(ctx context.Context, l *lab) ([]row, error) {
	var rows []row
	for _, kind := range []struct {
		name string
		make func() (crypto.Signer, error)
	}{
		{"ES256", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }},
		{"EdDSA", func() (crypto.Signer, error) { _, k, err := ed25519.GenerateKey(rand.Reader); return k, err }},
		{"RS256, 2048 bits", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }},
		{"RS256, 3072 bits", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 3072) }},
	} {
		private, err := kind.make()
		if err != nil {
			return nil, err
		}
		s, err := newSample(kind.name, private)
		if err != nil {
			return nil, err
		}
		first, err := s.firstTime(ctx, l.quick)
		if err != nil {
			return nil, err
		}
		again, err := s.again(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, first, again)
	}
	return rows, nil
}

// newSample signs tokens like those that signing in gives.
func newSample(name string, private crypto.Signer) (*sample, error) {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	key, err := jose.ParsePKCS8(der)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(key, "at+jwt")
	if err != nil {
		return nil, err
	}
	s := &sample{name: name, public: verifier.Key{ID: key.ID(), Algorithm: string(key.Algorithm()), Public: private.Public()}}
	for i := range verifyTokens {
		token, err := signer.Sign(claims(i))
		if err != nil {
			return nil, err
		}
		s.tokens = append(s.tokens, token)
	}
	s.check, err = bareCheck(private.Public(), s.tokens)
	return s, err
}

// claims are those of a first-party access token.
func claims(i int) []byte {
	at := time.Now()
	account := idOf(accountPrefix, i).String()
	text, err := json.Marshal(map[string]any{
		"iss": publicURL + mount, "sub": account, "aud": publicURL, "client_id": session.FirstParty, "iat": at.Unix(), "exp": at.Add(15 * time.Minute).Unix(),
		"jti": fmt.Sprintf("%022d", i), "sid": idOf(sessionPrefix, i).String(), "user_id": account, "amr": []string{authn.Password}, "acr": "aal1",
		"auth_time": at.Unix(), "token_type": "access",
	})
	if err != nil {
		panic(err) // strings and numbers: it can't fail
	}
	return text
}

// bareCheck returns the standard library's check of token i's signature and nothing else: all
// that can be decoded beforehand is.
func bareCheck(public crypto.PublicKey, tokens []string) (func(i int) bool, error) {
	signed, signatures := make([][]byte, len(tokens)), make([][]byte, len(tokens))
	for i, t := range tokens {
		cut := strings.LastIndexByte(t, '.')
		raw, err := base64.RawURLEncoding.DecodeString(t[cut+1:])
		if err != nil {
			return nil, err
		}
		if _, ec := public.(*ecdsa.PublicKey); ec {
			half := len(raw) / 2
			if raw, err = asn1.Marshal([]*big.Int{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])}); err != nil {
				return nil, err
			}
		}
		signed[i], signatures[i] = []byte(t[:cut]), raw
	}
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return func(i int) bool {
			digest := sha256.Sum256(signed[i])
			return ecdsa.VerifyASN1(key, digest[:], signatures[i])
		}, nil
	case ed25519.PublicKey:
		return func(i int) bool { return ed25519.Verify(key, signed[i], signatures[i]) }, nil
	case *rsa.PublicKey:
		return func(i int) bool {
			digest := sha256.Sum256(signed[i])
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signatures[i]) == nil
		}, nil
	}
	return nil, fmt.Errorf("no check for %T", public)
}

func (s *sample) verifier(opts ...verifier.Option) (*verifier.Verifier, error) {
	set, err := verifier.NewKeySet(s.public)
	if err != nil {
		return nil, err
	}
	return verifier.New(publicURL+mount, publicURL, append(opts, verifier.WithKeySet(func() *verifier.KeySet { return set }))...)
}

// firstTime compares the check of tokens that were not seen before with that of their signatures.
func (s *sample) firstTime(ctx context.Context, quick bool) (row, error) {
	v, err := s.verifier(verifier.WithCacheSize(4))
	if err != nil {
		return row{}, err
	}
	failed := false
	ours := func(i int) { _, err := v.Verify(ctx, s.tokens[i]); failed = failed || err != nil }
	bare := func(i int) { failed = failed || !s.check(i) }
	blocks := verifyRounds
	if quick {
		blocks = 8
	}
	var ratios []float64
	var a, b []time.Duration
	for round := range blocks {
		sides := [2]func(int){ours, bare}
		var took [2]time.Duration
		for i := range sides {
			at := (i + round) % 2
			began := time.Now()
			for n := range verifyOps {
				sides[at]((round*verifyOps + n) % len(s.tokens))
			}
			took[at] = time.Since(began) / verifyOps
		}
		a, b = append(a, took[0]), append(b, took[1])
		ratios = append(ratios, float64(took[0])/float64(took[1]))
	}
	if failed {
		return row{}, errors.New("a good token was refused")
	}
	ratio := median(ratios)
	r := row{
		path: "verify a token, " + s.name, beside: "the bare signature check", ours: us(median(a)) + " µs", limit: us(median(b)) + " µs", result: number(ratio),
		rounds: fmt.Sprintf("%d of %d", blocks, verifyOps), note: fmt.Sprintf("tokens of %d bytes", len(s.tokens[0])),
	}
	return r.bounded(atMost(1.10), ratio), nil
}

// again measures the check of a token that passed before.
func (s *sample) again(ctx context.Context) (row, error) {
	v, err := s.verifier()
	if err != nil {
		return row{}, err
	}
	const blocks, ops = 15, 100_000
	token := s.tokens[0]
	var took []float64
	for range blocks {
		began := time.Now()
		for range ops {
			if _, err := v.Verify(ctx, token); err != nil {
				return row{}, err
			}
		}
		took = append(took, float64(time.Since(began))/ops/float64(time.Microsecond))
	}
	allocations := testing.AllocsPerRun(1000, func() { _, _ = v.Verify(ctx, token) }) // it passed above
	t := median(took)
	r := row{
		path: "verify it again, " + s.name, ours: number(t) + " µs", result: fmt.Sprintf("%s µs, %s allocations", number(t), number(allocations)),
		rounds: fmt.Sprintf("%d of %s", blocks, grouped(ops)),
	}
	r.gate, r.missed = "under 0.5 µs, 0 allocations", atMost(0.5).missedBy(t) || allocations > 0
	return r, nil
}
