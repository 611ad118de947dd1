package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// material is a key that no draw gives and every test may know.
func material(seed byte) []byte {
	b := make([]byte, secret.KeyBytes)
	for i := range b {
		b[i] = seed + byte(i*i)
	}
	return b
}

func key(t testing.TB, seed byte) secret.Key {
	t.Helper()
	k, err := secret.NewKey(secret.NewKeyID(), material(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func kek(t testing.TB, seed byte) secret.KEK {
	t.Helper()
	k, err := secret.NewKEK(base64.StdEncoding.EncodeToString(material(seed)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTokensAreLongAndNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token := secret.NewToken()
		b, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(b) != 32 || seen[token] {
			t.Fatalf("%d bytes, %v, seen before: %v", len(b), err, seen[token])
		}
		seen[token] = true
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	const canary = "canary-4711"
	text := secret.NewText(canary)
	data, k := key(t, 1), kek(t, 1)
	type holder struct {
		Text   secret.Text
		text   secret.Text
		Key    secret.Key
		key    secret.Key
		keys   secret.Keys
		ring   secret.KEKRing
		kek    secret.KEK
		sealer *secret.Sealer
		hasher secret.Hasher
	}
	keys := secret.Keys{data}
	h := holder{text, text, data, data, keys, secret.KEKRing{Current: k, Previous: []secret.KEK{k}}, k, secret.NewSealer(keys), *secret.NewHasher(keys, "p")}
	leaks := []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)}
	for _, format := range []string{"%s", "%x", "%X", "%v", "%q", "%#v"} {
		for _, part := range []any{material(1)[4:20], [4]byte(material(1)[8:12])} {
			leaks = append(leaks, strings.Trim(fmt.Sprintf(format, part), "[]{}"))
		}
	}
	check := func(how, out string) {
		t.Helper()
		for _, leak := range leaks {
			if strings.Contains(out, leak) {
				t.Errorf("%s shows a secret", how)
			}
		}
	}
	for _, value := range []any{text, &text, data, &data, k, h, &h, []secret.Text{text}, map[string]secret.Text{"a": text}, h.ring, keys, h.sealer} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%U"} {
			check(fmt.Sprintf("%s of %T", verb, value), fmt.Sprintf(verb, value))
		}
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "value", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "value", value)
		check(fmt.Sprintf("slog of %T", value), out.String())
		encoded, _ := json.Marshal(value)
		check(fmt.Sprintf("JSON of %T", value), string(encoded))
	}
	if out := fmt.Sprintf("%v %s %+v", text, text, data); out != "*** *** ***" {
		t.Errorf("printed %q", out)
	}
}

func TestTextIsReadAndRevealed(t *testing.T) {
	var in struct{ Password secret.Text }
	if err := json.Unmarshal([]byte(`{"Password":"hunter2"}`), &in); err != nil || in.Password.Reveal() != "hunter2" {
		t.Errorf("%v", err)
	}
	if (secret.Text{}).Reveal() != "" || fmt.Sprint(secret.Text{}) != "***" {
		t.Error("the zero value is not an empty secret")
	}
}

func TestKeyIDHasOneSpelling(t *testing.T) {
	id := secret.NewKeyID()
	if got, err := secret.ParseKeyID(id.String()); err != nil || got != id || got.IsZero() {
		t.Errorf("%v came back as %v, %v", id, got, err)
	}
	for _, bad := range []string{"", "0102030", "010203040", "0102030g", "0102030A", " 01020304"} {
		if _, err := secret.ParseKeyID(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if _, err := secret.NewKey(secret.KeyID{}, material(1)); err == nil {
		t.Error("a key without an id was taken")
	}
	if _, err := secret.NewKey(id, material(1)[1:]); err == nil {
		t.Error("a short key was taken")
	}
}

func TestHashNamesItsKeyAndIsFoundAfterRotation(t *testing.T) {
	old, young := key(t, 1), key(t, 2)
	before := secret.NewHasher(secret.Keys{old}, "reset")
	after := secret.NewHasher(secret.Keys{young, old}, "reset")
	sum := before.Sum("token")
	if len(sum) != 36 || !bytes.Equal(sum[:4], idBytes(old)) {
		t.Fatalf("the hash has %d bytes and does not begin with its key's id", len(sum))
	}
	candidates := after.Candidates("token")
	if len(candidates) != 2 || !bytes.Equal(candidates[0], after.Sum("token")) || !bytes.Equal(candidates[1], sum) {
		t.Error("candidates are not one for each key, newest first")
	}
	if bytes.Equal(after.Sum("token"), sum) || !bytes.Equal(before.Sum("token"), sum) || bytes.Equal(before.Sum("Token"), sum) {
		t.Error("the hash does not depend on key and token alone")
	}
	after.Sum("x")[0]++
	if id := old.ID(); !bytes.Equal(before.Sum("token")[:4], id[:]) {
		t.Error("a hash shares memory with its key")
	}
}

func TestHashOfOnePurposeMatchesNoOther(t *testing.T) {
	keys := secret.Keys{key(t, 1)}
	seen := map[string]string{}
	// Without its length a purpose would run into the token.
	for _, c := range [][2]string{{"reset", "token"}, {"verify", "token"}, {"resett", "oken"}, {"", "resettoken"}, {"rese", "ttoken"}} {
		sum := string(secret.NewHasher(keys, c[0]).Sum(c[1]))
		if other, ok := seen[sum]; ok {
			t.Errorf("purpose %q gives the hash of purpose %q", c[0], other)
		}
		seen[sum] = c[0]
	}
}

func idBytes(k secret.Key) []byte { id := k.ID(); return id[:] }

func TestSealedValueOpensOnlyWhereItBelongs(t *testing.T) {
	old, young := key(t, 1), key(t, 2)
	aad := secret.AAD("job", "1", "payload")
	sealed, err := secret.NewSealer(secret.Keys{old}).Seal([]byte("plain"), aad)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("plain")) || !bytes.Equal(sealed[1:5], idBytes(old)) {
		t.Error("a sealed value hides its key's id or shows its content")
	}
	s := secret.NewSealer(secret.Keys{young, old})
	if plain, err := s.Open(sealed, aad); err != nil || string(plain) != "plain" {
		t.Fatalf("after a rotation: %v", err)
	}
	refuse := func(how string, s *secret.Sealer, sealed, aad []byte) {
		t.Helper()
		plain, err := s.Open(sealed, aad)
		if plain != nil || err != secret.ErrOpen { //nolint:errorlint // it must be this very error, without a reason
			t.Errorf("%s: %v", how, err)
		}
	}
	for _, other := range [][]byte{nil, secret.AAD("job", "2", "payload"), secret.AAD("job", "1", "error"), secret.AAD("jobs", "1", "payload")} {
		refuse("another place", s, sealed, other)
	}
	refuse("key is gone", secret.NewSealer(secret.Keys{young}), sealed, aad)
	swapped, err := secret.NewKey(old.ID(), material(2))
	if err != nil {
		t.Fatal(err)
	}
	refuse("another key of that id", secret.NewSealer(secret.Keys{swapped}), sealed, aad)
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		refuse(fmt.Sprintf("byte %d changed", i), s, changed, aad)
		refuse(fmt.Sprintf("cut to %d bytes", i), s, sealed[:i], aad)
	}
	refuse("extended", s, append(bytes.Clone(sealed), 0), aad)
}

func TestSealingTwiceGivesTwoValues(t *testing.T) {
	s := secret.NewSealer(secret.Keys{key(t, 1)})
	a, _ := s.Seal(nil, nil)
	b, _ := s.Seal(nil, nil)
	if bytes.Equal(a, b) {
		t.Error("the nonce is not random")
	}
	if plain, err := s.Open(a, nil); err != nil || len(plain) != 0 {
		t.Errorf("nothing, sealed, came back as %q, %v", plain, err)
	}
}

func TestAADTellsPartsApart(t *testing.T) {
	seen := map[string][]string{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"ab"}, {"a", "b"}, {"a\x01b"}, {"\x01a"}, {strings.Repeat("a", 300)}} {
		text := string(secret.AAD(parts...))
		if other, ok := seen[text]; ok {
			t.Errorf("%q and %q are encoded alike", parts, other)
		}
		seen[text] = parts
	}
}

func TestKEKRingSealsWithCurrentAndOpensWithFormer(t *testing.T) {
	former, current := kek(t, 1), kek(t, 2)
	if former.ID() == current.ID() || len(current.ID()) != 16 || kek(t, 2).ID() != current.ID() {
		t.Fatal("ids do not tell keys apart")
	}
	aad := []byte("row")
	sealed, err := secret.KEKRing{Current: former}.Seal([]byte("plain"), aad)
	if err != nil {
		t.Fatal(err)
	}
	ring := secret.KEKRing{Current: current, Previous: []secret.KEK{former}}
	if plain, err := ring.Open(former.ID(), sealed, aad); err != nil || string(plain) != "plain" {
		t.Errorf("former key: %v", err)
	}
	again, err := ring.Seal([]byte("plain"), aad)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (secret.KEKRing{Current: current}).Open(current.ID(), again, aad); err != nil {
		t.Errorf("did not seal with the current key: %v", err)
	}
	for how, open := range map[string]func() ([]byte, error){
		"unknown id":    func() ([]byte, error) { return ring.Open("0000000000000000", sealed, aad) },
		"wrong id":      func() ([]byte, error) { return ring.Open(current.ID(), sealed, aad) },
		"another place": func() ([]byte, error) { return ring.Open(former.ID(), sealed, []byte("other")) },
	} {
		if plain, err := open(); plain != nil || !errors.Is(err, secret.ErrOpen) {
			t.Errorf("%s: %v", how, err)
		}
	}
	if !ring.Knows(former.ID()) || ring.Knows("0000000000000000") {
		t.Error("the ring does not know its keys")
	}
}
