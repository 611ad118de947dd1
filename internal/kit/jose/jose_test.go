package jose_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
)

var algorithms = []jose.Algorithm{jose.ES256, jose.EdDSA, jose.RS256}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, name string) *jose.PrivateKey {
	t.Helper()
	key, err := jose.ParsePEM(read(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signer(t testing.TB, key *jose.PrivateKey) *jose.Signer {
	t.Helper()
	s, err := jose.NewSigner(key, "at+jwt")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnotherLibraryVerifiesWhatWeSign(t *testing.T) {
	claims := []byte(`{"sub":"ü","n":1}`)
	for _, file := range []string{"p256.pem", "ed25519.pem", "rsa2048.pem", "rsa3072.pem"} {
		t.Run(file, func(t *testing.T) {
			key := parse(t, file)
			s := signer(t, key)
			for range 200 { // r and s of ES256 begin with a zero byte now and then
				token, err := s.Sign(claims)
				if err != nil {
					t.Fatal(err)
				}
				jws, err := gojose.ParseSignedCompact(token, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(key.Algorithm())})
				if err != nil {
					t.Fatal(err)
				}
				payload, err := jws.Verify(key.Public().Key)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(payload, claims) {
					t.Fatalf("payload %q", payload)
				}
				header := jws.Signatures[0].Protected
				if header.KeyID != key.ID() || header.ExtraHeaders[gojose.HeaderType] != "at+jwt" || len(header.ExtraHeaders) != 1 {
					t.Fatalf("header %+v", header)
				}
				if file == "rsa3072.pem" || file == "rsa2048.pem" {
					break // deterministic and slow
				}
			}
		})
	}
}

func TestSignIsSafeForConcurrentUse(t *testing.T) {
	for _, file := range []string{"p256.pem", "ed25519.pem", "rsa2048.pem"} {
		key := parse(t, file)
		s := signer(t, key)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				want := fmt.Appendf(nil, `{"i":%d}`, i)
				token, err := s.Sign(want)
				if err != nil {
					t.Error(err)
					return
				}
				jws, err := gojose.ParseSignedCompact(token, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(key.Algorithm())})
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := jws.Verify(key.Public().Key); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %q, %v", file, got, err)
				}
			})
		}
		wg.Wait()
	}
}

func TestKeysOfOpenSSLComeInAndGoOutUnchanged(t *testing.T) {
	for file, alg := range map[string]jose.Algorithm{"p256.pem": jose.ES256, "ed25519.pem": jose.EdDSA, "rsa2048.pem": jose.RS256, "rsa3072.pem": jose.RS256} {
		key := parse(t, file)
		if key.Algorithm() != alg {
			t.Errorf("%s: %s, want %s", file, key.Algorithm(), alg)
		}
		text, err := key.PEM()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text, read(t, file)) {
			t.Errorf("%s: comes out differently", file)
		}
	}
}

func TestGeneratedKeysAreStrongAndReadBack(t *testing.T) {
	for _, alg := range algorithms {
		key, err := jose.Generate(alg)
		if err != nil {
			t.Fatal(err)
		}
		der, err := key.PKCS8()
		if err != nil {
			t.Fatal(err)
		}
		back, err := jose.ParsePKCS8(der)
		if err != nil {
			t.Fatal(err)
		}
		if back.ID() != key.ID() || key.Algorithm() != alg || back.Algorithm() != alg {
			t.Errorf("%s: came back as another key", alg)
		}
		if r, ok := key.Public().Key.(interface{ Size() int }); ok && r.Size()*8 != 3072 {
			t.Errorf("a new RSA key has %d bits, want 3072", r.Size()*8)
		}
	}
	for _, alg := range []jose.Algorithm{"", "none", "HS256", "es256", "ES384"} {
		if _, err := jose.Generate(alg); err == nil || alg.Valid() {
			t.Errorf("algorithm %q was taken", alg)
		}
	}
}

func TestParsePEMRefusesWhatIsNotOneGoodKey(t *testing.T) {
	good := string(read(t, "p256.pem"))
	body := strings.TrimSuffix(strings.TrimPrefix(good, "-----BEGIN PRIVATE KEY-----\n"), "-----END PRIVATE KEY-----\n")
	block, _ := pem.Decode([]byte(good))
	encode := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	cases := map[string]string{
		"empty":               "",
		"not PEM":             "secret",
		"two keys":            good + good,
		"key and certificate": good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"text before":         "subject=example\n" + good,
		"text after":          good + "x",
		"broken block before": "-----BEGIN PRIVATE KEY-----\n!\n" + good,
		"headers":             "-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n" + body + "-----END PRIVATE KEY-----\n",
		"DER with a tail":     encode(append(bytes.Clone(block.Bytes), 0)),
		"DER cut short":       encode(block.Bytes[:len(block.Bytes)-1]),
		"no DER":              encode(nil),
	}
	for _, file := range []string{
		"p384.pem", "x25519.pem", "rsa1024.pem", "rsa2048-e3.pem", "rsa3072-3primes.pem", "rsa2048-pss.pem",
		"p256-sec1.pem", "rsa2048-pkcs1.pem", "p256-encrypted.pem", "p256-public.pem",
	} {
		cases[file] = string(read(t, file))
	}
	for name, text := range cases {
		_, err := jose.ParsePEM([]byte(text))
		if err == nil {
			t.Errorf("%s was taken", name)
		} else if strings.Contains(err.Error(), "MIG") || strings.Contains(err.Error(), "example") {
			t.Errorf("%s: the error shows what was read", name)
		}
	}
	if _, err := jose.ParsePEM([]byte("\r\n" + strings.ReplaceAll(good, "\n", "\r\n") + "\r\n")); err != nil {
		t.Errorf("line ends of another system: %v", err)
	}
}

func TestThumbprintIsThatOfTheRFC(t *testing.T) {
	// RFC 8037 appendix A.1 and A.3: seed, and the thumbprint of its public key.
	seed, _ := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	key, err := jose.ParsePKCS8(append([]byte{0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20}, seed...))
	if err != nil {
		t.Fatal(err)
	}
	if want := "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; key.ID() != want {
		t.Errorf("id %s, want %s", key.ID(), want)
	}
	// RFC 8037 appendix A.4 signs the same text with the same key, under another header.
	if token, err := signer(t, key).Sign([]byte("Example of Ed25519 signing")); err != nil || strings.Split(token, ".")[1] != "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc" {
		t.Errorf("token %q, %v", token, err)
	}
}

func TestMarshalSetPublishesPublicMembersInAnOrderOfItsOwn(t *testing.T) {
	var keys []jose.PublicKey
	for _, file := range []string{"p256.pem", "ed25519.pem", "rsa2048.pem"} {
		keys = append(keys, parse(t, file).Public())
	}
	set := jose.MarshalSet(keys)
	slices.Reverse(keys)
	if !bytes.Equal(set, jose.MarshalSet(keys)) {
		t.Error("the order of the keys shows")
	}
	var got struct{ Keys []map[string]string }
	if err := json.Unmarshal(set, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"EC":  {"alg", "crv", "kid", "kty", "use", "x", "y"},
		"OKP": {"alg", "crv", "kid", "kty", "use", "x"},
		"RSA": {"alg", "e", "kid", "kty", "n", "use"},
	}
	for _, k := range got.Keys {
		var members []string
		for name := range k {
			members = append(members, name)
		}
		slices.Sort(members)
		if !slices.Equal(members, want[k["kty"]]) || k["use"] != "sig" {
			t.Errorf("members of %s: %v", k["kty"], members)
		}
	}
	var parsed gojose.JSONWebKeySet
	if err := json.Unmarshal(set, &parsed); err != nil || len(parsed.Keys) != len(keys) {
		t.Fatalf("%d keys, %v", len(parsed.Keys), err)
	}
	for _, k := range keys {
		found := parsed.Key(k.ID)
		if len(found) != 1 || found[0].Algorithm != string(k.Algorithm) || !found[0].Key.(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Key) {
			t.Errorf("key %s reads back differently", k.ID)
		}
	}
	if got := string(jose.MarshalSet(nil)); got != `{"keys":[]}` {
		t.Errorf("empty set: %s", got)
	}
}

func TestPrivateKeysAreNotPrinted(t *testing.T) {
	for _, file := range []string{"p256.pem", "ed25519.pem", "rsa2048.pem"} {
		key := parse(t, file)
		type holder struct {
			key    *jose.PrivateKey
			Signer *jose.Signer
		}
		h := holder{key, signer(t, key)}
		der, _ := key.PKCS8()
		tail := der[len(der)-16:] // within the private part of each kind
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			for _, value := range []any{key, *key, h, &h, h.Signer} {
				out := fmt.Sprintf(verb, value)
				for _, leak := range []string{fmt.Sprintf("%x", tail), strings.Trim(fmt.Sprint(tail), "[]"), string(tail)} {
					if strings.Contains(out, leak) {
						t.Errorf("%s: %s of %T shows the key", file, verb, value)
					}
				}
			}
		}
	}
}
