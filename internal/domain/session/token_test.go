package session

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func macKey(t testing.TB, id secret.KeyID, fill byte) secret.Key {
	t.Helper()
	k, err := secret.NewKey(id, bytes.Repeat([]byte{fill}, secret.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mint(t testing.TB, tokens *RefreshTokens, c RefreshClaims) string {
	t.Helper()
	token, err := tokens.Mint(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestRefreshTokenHasTheDocumentedForm(t *testing.T) {
	tokens := NewRefreshTokens(secret.Keys{macKey(t, secret.KeyID{1, 2, 3, 4}, 7)})
	id := uuid.MustParse("01234567-89ab-7def-8123-456789abcdef")
	token := mint(t, tokens, RefreshClaims{SessionID: id, Counter: 258})
	// version, key id, session id, counter, and HMAC-SHA-256 as `openssl mac` computes it
	const want = "grt_AQECAwQBI0Vniat974EjRWeJq83vAAAAAAAAAQINDtt25NSlyiSScuUQQLTefaAz9PwW7vpgrSO8nLsRYQ"
	if token != want {
		t.Errorf("token is %s, want %s", token, want)
	}
}

func TestRefreshTokenReadsBack(t *testing.T) {
	key := macKey(t, secret.NewKeyID(), 1)
	tokens := NewRefreshTokens(secret.Keys{key})
	for _, counter := range []uint64{0, 1, 1 << 40, math.MaxInt64} {
		want := RefreshClaims{KeyID: key.ID(), SessionID: uuid.Must(uuid.NewV7()), Counter: counter}
		token := mint(t, tokens, want)
		got, err := tokens.Parse(token)
		if err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		if mint(t, tokens, got) != token {
			t.Error("the same claims give another token")
		}
	}
	if _, err := tokens.Mint(RefreshClaims{Counter: math.MaxInt64 + 1}); err == nil {
		t.Error("a counter that the table cannot hold was taken")
	}
}

func TestSuccessorKeepsItsPredecessorsKey(t *testing.T) {
	old, young := macKey(t, secret.NewKeyID(), 1), macKey(t, secret.NewKeyID(), 2)
	before, after := NewRefreshTokens(secret.Keys{old}), NewRefreshTokens(secret.Keys{young, old})
	first := mint(t, before, RefreshClaims{SessionID: uuid.New(), Counter: 1})
	claims, err := after.Parse(first)
	if err != nil || claims.KeyID != old.ID() {
		t.Fatalf("after a rotation: %+v, %v", claims, err)
	}
	claims.Counter++
	if mint(t, after, claims) != mint(t, before, claims) {
		t.Error("the successor's text depends on when it is made")
	}
	fresh, err := after.Parse(mint(t, after, RefreshClaims{SessionID: uuid.New()}))
	if err != nil || fresh.KeyID != young.ID() {
		t.Errorf("a new session takes key %v, want the newest", fresh.KeyID)
	}
	gone := NewRefreshTokens(secret.Keys{young})
	if _, err := gone.Parse(first); !errors.Is(err, ErrNotRefreshToken) {
		t.Errorf("key is gone: %v", err)
	}
	if _, err := gone.Mint(claims); !errors.Is(err, ErrNotRefreshToken) {
		t.Errorf("successor with a key that is gone: %v", err)
	}
}

func TestParseRefusesEveryOtherText(t *testing.T) {
	key := macKey(t, secret.NewKeyID(), 1)
	tokens := NewRefreshTokens(secret.Keys{key})
	token := mint(t, tokens, RefreshClaims{SessionID: uuid.New(), Counter: 5})
	refuse := func(how, text string) {
		t.Helper()
		if claims, err := tokens.Parse(text); !errors.Is(err, ErrNotRefreshToken) || claims != (RefreshClaims{}) {
			t.Errorf("%s: %+v, %v", how, claims, err)
		}
	}
	for i := range token {
		refuse(fmt.Sprintf("cut to %d", i), token[:i])
		refuse(fmt.Sprintf("without the first %d", i+1), token[i+1:])
		for _, c := range base64url + "+/=. \r\n\t\x00é" {
			if changed := token[:i] + string(c) + token[i+1:]; changed != token {
				refuse(fmt.Sprintf("%q at %d", c, i), changed)
			}
			refuse(fmt.Sprintf("%q put in at %d", c, i), token[:i]+string(c)+token[i:])
		}
	}
	body := strings.TrimPrefix(token, refreshPrefix)
	for how, text := range map[string]string{
		"extended":       token + "A",
		"padded":         token + "==",
		"line end":       token + "\n",
		"two tokens":     token + token,
		"upper case":     "GRT_" + body,
		"prefix twice":   refreshPrefix + token,
		"line for chars": refreshPrefix + body[:80] + "\r\n",
		"huge":           refreshPrefix + strings.Repeat("A", 1<<20),
	} {
		refuse(how, text)
	}
}

// Decoders skip line ends. Where the last byte is zero, a line end in its place would
// leave the very same bytes.
func TestParseRefusesASecondSpelling(t *testing.T) {
	tokens := NewRefreshTokens(secret.Keys{macKey(t, secret.KeyID{1}, 1)})
	for counter := range uint64(1 << 14) {
		token := mint(t, tokens, RefreshClaims{Counter: counter})
		if raw, _ := decodeRefresh(token); raw[len(raw)-1] != 0 {
			continue
		}
		for _, end := range []string{"\r\n", "\n\n"} {
			if _, err := tokens.Parse(token[:len(token)-2] + end); !errors.Is(err, ErrNotRefreshToken) {
				t.Errorf("line end %q: %v", end, err)
			}
		}
		return
	}
	t.Fatal("no token ends in zero")
}

// A text whose MAC is right but whose version or counter is not can only come from our
// own key: another version of the program, or a mistake.
func TestParseRefusesOtherVersionsUnderAGoodMAC(t *testing.T) {
	key := macKey(t, secret.NewKeyID(), 1)
	tokens := NewRefreshTokens(secret.Keys{key})
	for how, change := range map[string]func(raw []byte){
		"version 0": func(raw []byte) { raw[0] = 0 },
		"version 2": func(raw []byte) { raw[0] = 2 }, // which is longer
		"version 3": func(raw []byte) { raw[0] = 3 },
		"counter":   func(raw []byte) { raw[counterAt] = 0x80 },
	} {
		raw, _ := decodeRefresh(mint(t, tokens, RefreshClaims{SessionID: uuid.New()}))
		change(raw)
		mac := key.MAC(raw[:tenantAt])
		copy(raw[tenantAt:], mac[:])
		if _, err := tokens.Parse(refreshPrefix + refreshEncoding.EncodeToString(raw)); !errors.Is(err, ErrNotRefreshToken) {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func FuzzParseRefreshToken(f *testing.F) {
	tokens := NewRefreshTokens(secret.Keys{macKey(f, secret.KeyID{1}, 1)})
	token := mint(f, tokens, RefreshClaims{SessionID: uuid.New(), Counter: 1})
	f.Add(token)
	f.Add(token[:len(token)-1])
	f.Add(refreshPrefix)
	f.Fuzz(func(t *testing.T, text string) {
		claims, err := tokens.Parse(text)
		if err != nil {
			return
		}
		if again := mint(t, tokens, claims); again != text {
			t.Errorf("%q is read as %q", text, again)
		}
	})
}

func BenchmarkRefreshToken(b *testing.B) {
	tokens := NewRefreshTokens(secret.Keys{macKey(b, secret.KeyID{1}, 1)})
	token := mint(b, tokens, RefreshClaims{SessionID: uuid.New(), Counter: 1})
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tokens.Parse(token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Mint", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mint(b, tokens, RefreshClaims{Counter: 1})
		}
	})
}
