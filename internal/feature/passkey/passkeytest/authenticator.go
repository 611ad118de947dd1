// Package passkeytest is a browser with an authenticator in software, for tests: it answers the challenges
// of package passkey as real ones do, and wrongly in every way that a test asks for.
package passkeytest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
)

// COSE algorithms that the authenticator has (RFC 9053 section 2).
const (
	ES256 = -7
	EdDSA = -8
)

// Flags of authenticator data (WebAuthn section 6.1).
const (
	UserPresent    = 1 << 0
	UserVerified   = 1 << 2
	BackupEligible = 1 << 3
	BackedUp       = 1 << 4
	attested       = 1 << 6
	extended       = 1 << 7
)

// Authenticator makes passkeys and signs with them. Its fields may be changed at any time; it is not safe
// for concurrent use.
type Authenticator struct {
	// Origin is where the page is that asks.
	Origin string
	// AAGUID is its model; zero: it does not tell.
	AAGUID [16]byte
	// Algorithm is of new keys: ES256 unless set.
	Algorithm int
	// Flags are set in every answer: UserPresent and UserVerified unless set.
	Flags byte
	// Counts: it counts its signatures. Most authenticators of synced passkeys do not.
	Counts bool
	// Keys are the passkeys it has, the oldest first.
	Keys []*Key
}

// Key is a passkey as its authenticator has it.
type Key struct {
	ID         []byte
	RPID       string
	UserHandle []byte
	Counter    uint32

	algorithm int
	private   crypto.Signer
}

// NewAuthenticator returns an authenticator without passkeys, whose browser is at a page of origin, such
// as https://id.example.com.
func NewAuthenticator(origin string) *Authenticator {
	return &Authenticator{Origin: origin, Algorithm: ES256, Flags: UserPresent | UserVerified}
}

// Create makes a passkey and returns the answer to a registration, as PublicKeyCredential.toJSON gives it.
// options are what a page gets from the server as publicKey. It does not look at excludeCredentials: a
// server cannot rely on that. Each edit may change the answer before it is signed. It panics when
// options are none.
func (a *Authenticator) Create(options []byte, edits ...func(*Answer)) []byte {
	var o struct {
		Challenge string
		RP        struct{ ID string }
		User      struct{ ID encoded }
	}
	must(json.Unmarshal(options, &o))
	key := newKey(a.Algorithm)
	key.RPID, key.UserHandle = o.RP.ID, o.User.ID
	a.Keys = append(a.Keys, key)
	x := a.answer(key, "webauthn.create", o.Challenge)
	x.AAGUID, x.Algorithm, x.Format, x.Transports = a.AAGUID, key.algorithm, "none", []string{"internal", "hybrid"}
	for _, edit := range edits {
		edit(x)
	}
	return x.attestation()
}

// Get returns the answer to a sign-in or proof, as PublicKeyCredential.toJSON gives it: by the newest
// passkey that the options allow. Each edit may change the answer before it is signed. It panics when
// options are none, or there is no such passkey.
func (a *Authenticator) Get(options []byte, edits ...func(*Answer)) []byte {
	var o struct {
		Challenge        string
		RPID             string
		AllowCredentials []struct{ ID encoded }
	}
	must(json.Unmarshal(options, &o))
	var key *Key
	for _, k := range a.Keys {
		allowed := len(o.AllowCredentials) == 0
		for _, c := range o.AllowCredentials {
			allowed = allowed || bytes.Equal(c.ID, k.ID)
		}
		if allowed && k.RPID == o.RPID {
			key = k
		}
	}
	if key == nil {
		panic("passkeytest: there is no passkey for this")
	}
	if a.Counts {
		key.Counter++
	}
	x := a.answer(key, "webauthn.get", o.Challenge)
	x.UserHandle = key.UserHandle
	for _, edit := range edits {
		edit(x)
	}
	return x.assertion()
}

// Last returns the newest passkey.
func (a *Authenticator) Last() *Key { return a.Keys[len(a.Keys)-1] }

func (a *Authenticator) answer(key *Key, ceremony, challenge string) *Answer {
	return &Answer{
		Type: ceremony, Challenge: challenge, Origin: a.Origin,
		RPID: key.RPID, Flags: a.Flags, Counter: key.Counter,
		CredentialID: key.ID, ID: text(key.ID), RawID: text(key.ID),
		key: key,
	}
}

func newKey(algorithm int) *Key {
	k := &Key{ID: make([]byte, 32), algorithm: algorithm}
	_, _ = rand.Read(k.ID) // never fails
	var err error
	switch algorithm {
	case ES256:
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	default:
		panic(fmt.Sprintf("passkeytest: there is no algorithm %d", algorithm))
	}
	must(err)
	return k
}

// cose returns the public key as COSE_Key (RFC 9052 section 7), which says that it is for algorithm.
func (k *Key) cose(algorithm int) []byte {
	switch public := k.private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		must(err)
		return encode(map[int]any{1: 2, 3: algorithm, -1: 1, -2: point[1:33], -3: point[33:]})
	case ed25519.PublicKey:
		return encode(map[int]any{1: 1, 3: algorithm, -1: 6, -2: slices.Clone([]byte(public))})
	default:
		panic(fmt.Sprintf("passkeytest: a key of type %T", public))
	}
}

func must(err error) {
	if err != nil {
		panic("passkeytest: " + err.Error())
	}
}
