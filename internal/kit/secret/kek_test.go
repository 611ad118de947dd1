package secret_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

func TestNewKEKTakesEverySpellingOfBase64(t *testing.T) {
	raw := material(9)
	var ids []string
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		k, err := secret.NewKEK(" " + e.EncodeToString(raw) + "\r\n")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, k.ID())
	}
	if ids[0] != ids[1] || ids[0] != ids[2] || ids[0] != ids[3] {
		t.Errorf("one key has the ids %v", ids)
	}
}

func TestNewKEKRefusesWeakAndMalformedKeys(t *testing.T) {
	counting := make([]byte, 32)
	for i := range counting {
		counting[i] = 0x80 + byte(i) // the key of RFC 8439's examples
	}
	pattern := bytes.Repeat([]byte{1, 2, 3, 200}, 8)
	encode := base64.StdEncoding.EncodeToString
	cases := map[string]string{
		"empty":         "",
		"not base64":    "dev-secret",
		"31 bytes":      encode(material(1)[:31]),
		"33 bytes":      encode(append(material(1), 1)),
		"hexadecimal":   strings.Repeat("4f", 32),
		"zeros":         encode(make([]byte, 32)),
		"one byte":      encode(bytes.Repeat([]byte{0xab}, 32)),
		"counting":      encode(counting),
		"counting down": encode(reversed(counting)),
		"pattern":       encode(pattern),
		"few values":    encode(bytes.Repeat([]byte{1, 2, 3, 200, 9, 7, 30}, 5)[:32]),
		"doubled":       encode(append(material(1)[:16:16], material(1)[:16]...)),
		"text":          encode([]byte("0123456789abcdefghijklmnopqrstuv")),
		"passphrase":    encode([]byte("correct horse battery staple ok!")),
		"spare bits":    strings.TrimRight(encode(material(1)), "=")[:42] + "9",
	}
	for name, text := range cases {
		_, err := secret.NewKEK(text)
		if err == nil {
			t.Errorf("%s was taken", name)
			continue
		}
		if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error shows the key", name)
		}
		if !strings.Contains(err.Error(), "openssl rand") {
			t.Errorf("%s: the error does not say what to do: %v", name, err)
		}
	}
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[len(b)-1-i] = c
	}
	return out
}

func TestManyStartsAtOnceMakeOneKeyFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret.key")
	var wg sync.WaitGroup
	ids := make([]string, 32)
	for i := range ids {
		wg.Go(func() {
			k, err := secret.LoadOrCreateKEK(file)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = k.ID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("two keys: %v", ids)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestKeyFileThatIsNotRightIsRefusedAndKept(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(material(3))
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"group may read":  {good, 0o640},
		"others may read": {good, 0o604},
		"others write":    {good, 0o602},
		"empty":           {"", 0o600},
		"cut short":       {good[:20], 0o600},
		"weak":            {base64.StdEncoding.EncodeToString(make([]byte, 32)), 0o600},
		"two keys":        {good + "\n" + good, 0o600},
	} {
		file := filepath.Join(t.TempDir(), "secret.key")
		if err := os.WriteFile(file, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, c.mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		_, err := secret.LoadOrCreateKEK(file)
		if err == nil {
			t.Errorf("%s was taken", name)
		}
		if err != nil && (strings.Contains(err.Error(), good) || !strings.Contains(err.Error(), file)) {
			t.Errorf("%s: %v", name, err)
		}
		if text, _ := os.ReadFile(file); string(text) != c.text {
			t.Errorf("%s: the file was changed", name)
		}
	}
	if _, err := secret.LoadOrCreateKEK(filepath.Join(t.TempDir(), "missing", "secret.key")); err == nil {
		t.Error("a key without a folder to keep it in")
	}
}
