package password_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
)

// importedHash is one entry of testdata/imported.json; testdata/README.md says who made them.
type importedHash struct {
	Name, Password, Encoded, Made string
}

func importedHashes(t testing.TB) []importedHash {
	t.Helper()
	data, err := os.ReadFile("testdata/imported.json")
	if err != nil {
		t.Fatal(err)
	}
	var hashes []importedHash
	if err := json.Unmarshal(data, &hashes); err != nil {
		t.Fatal(err)
	}
	return hashes
}

func imported(t testing.TB, encoded string) string {
	t.Helper()
	stored, err := password.Import(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestImportedHashesVerifyAndWantAnUpgrade(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	for _, v := range importedHashes(t) {
		t.Run(v.Name, func(t *testing.T) {
			stored := imported(t, v.Encoded)
			if got := verify(t, h, stored, v.Password); !got.OK || !got.Upgrade {
				t.Errorf("the right password: %+v", got)
			}
			if strings.HasSuffix(v.Name, "as shipped") {
				return // at full cost; a cheap hash of the same format goes through the rest
			}
			for _, wrong := range []string{
				strings.ToUpper(v.Password), v.Password + " ", v.Password + "\x00", v.Password[:len(v.Password)-1] + "?", "",
			} {
				if got := verify(t, h, stored, wrong); got.OK || got.Upgrade {
					t.Errorf("a wrong password: %+v", got)
				}
			}
		})
	}
}

func TestImportedHashIsOverTheBytesAsTyped(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	const decomposed, composed = "Zu\u0308rich is fine", "Z\u00fcrich is fine"
	encoded, err := bcrypt.GenerateFromPassword([]byte(decomposed), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	stored := imported(t, string(encoded))
	if !verify(t, h, stored, decomposed).OK {
		t.Error("the bytes that were hashed are refused")
	}
	if verify(t, h, stored, composed).OK {
		t.Error("an imported hash was compared with the normalised form")
	}
}

func TestImportedArgon2IsNotMistakenForAnOwnHash(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	own := hash(t, h, "Zu\u0308rich is fine")
	if !verify(t, h, own, "Zu\u0308rich is fine").OK {
		t.Fatal("own hash refused")
	}
	stored := imported(t, own)
	if stored == own {
		t.Fatal("an imported argon2id string carries no mark")
	}
	if verify(t, h, stored, "Zu\u0308rich is fine").OK {
		t.Error("an imported hash was compared with the normalised form")
	}
	if got := verify(t, h, stored, "Z\u00fcrich is fine"); !got.OK || !got.Upgrade {
		t.Errorf("the bytes that were hashed: %+v", got)
	}
}

func TestBcryptNeverMatchesMoreThan72Bytes(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	short := strings.Repeat("b", 72)
	encoded, err := bcrypt.GenerateFromPassword([]byte(short), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{string(encoded), "bcrypt$" + string(encoded)} {
		stored := imported(t, form)
		if !verify(t, h, stored, short).OK {
			t.Error("72 bytes are refused")
		}
		if verify(t, h, stored, short+"c").OK {
			t.Error("the 73rd byte does not count")
		}
	}
	// 24 characters of three bytes are the limit too: it is counted in bytes.
	wide := strings.Repeat("界", 24)
	if encoded, err = bcrypt.GenerateFromPassword([]byte(wide), bcrypt.MinCost); err != nil {
		t.Fatal(err)
	}
	if verify(t, h, imported(t, string(encoded)), wide+"界").OK {
		t.Error("the 25th wide character does not count")
	}
}

func TestImportTakesALockedAccountWithoutAPassword(t *testing.T) {
	for _, encoded := range []string{"", "*", "!", "!!", "!kZ4n0Zb8mUwG6rYt5QxE", "!$6$saltstring$NEgS0dFCvwjab8Wy9sN"} {
		stored, err := password.Import(encoded)
		if stored != "" || err != nil {
			t.Errorf("%q becomes %q, %v", encoded, stored, err)
		}
	}
}

func TestImportRefusesCostlyHashes(t *testing.T) {
	const (
		tail64 = "$c2VhLXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		b53    = "abcdefghijklmnopqrstuudiTfhLKcnsbvqtMwAdv3OL6eyERax.a"
		key43  = "7VfgNZ0UIM5iBUxBblsqhTInkeQrp.DGCEjMItQGUj2"
		key64  = "$GRBzVyzxOfwOqaKCTJr2yjWkUMej57TTCT23/fT+Hf3fqbIpDKZb5pA5X7pZfgGdcBNyTB+RUZmkuZobNHR02A=="
		key32  = "$Y774yHR5Bz0D7ulLtkxBwVxVIcpTSwOLJlxvAel3m7s="
	)
	for name, encoded := range map[string]string{
		"argon2 4 GiB":            "$argon2id$v=19$m=4194304,t=1,p=1" + tail64,
		"argon2 over 128 MiB":     "$argon2id$v=19$m=131073,t=1,p=1" + tail64,
		"argon2 over 10 passes":   "$argon2id$v=19$m=1024,t=11,p=1" + tail64,
		"argon2 over 16 lanes":    "$argon2id$v=19$m=1024,t=1,p=17" + tail64,
		"argon2 work":             "$argon2id$v=19$m=131072,t=5,p=1" + tail64,
		"django argon2":           "argon2$argon2id$v=19$m=4194304,t=1,p=1" + tail64,
		"bcrypt 15":               "$2b$15$" + b53,
		"bcrypt 31":               "$2a$31$" + b53,
		"django bcrypt":           "bcrypt$$2b$15$" + b53,
		"django bcrypt_sha256":    "bcrypt_sha256$$2b$31$" + b53,
		"django pbkdf2":           "pbkdf2_sha256$2000001$seasalt" + key32,
		"django pbkdf2 overflow":  "pbkdf2_sha256$99999999999999999999$seasalt" + key32,
		"pbkdf2":                  "$pbkdf2-sha256$2000001$c2VhLXNhbHQ$M8gFo38c8str62OUdDfj6QAyU9gAG85kqD3LZpHpmEs",
		"django scrypt memory":    "scrypt$262144$seasalt$8$1" + key64,
		"django scrypt block":     "scrypt$2$seasalt$1048576$1" + key64,
		"django scrypt lanes":     "scrypt$16384$seasalt$8$33" + key64,
		"django scrypt all large": "scrypt$1048576$seasalt$1048576$1048576" + key64,
		"scrypt memory":           "$scrypt$ln=18,r=8,p=1" + tail64,
		"scrypt ln":               "$scrypt$ln=63,r=1,p=1" + tail64,
		"sha256-crypt":            "$5$rounds=1000001$saltstring$" + key43,
		"sha256-crypt overflow":   "$5$rounds=99999999999999999999$saltstring$" + key43,
		"sha512-crypt":            "$6$rounds=999999999$saltstring$" + key43 + key43,
	} {
		if _, err := password.Import(encoded); !errors.Is(err, password.ErrHashTooCostly) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestImportAcceptsTheLargestCosts(t *testing.T) {
	const tail64 = "$c2VhLXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, encoded := range []string{
		"$argon2id$v=19$m=131072,t=4,p=16" + tail64,
		"$argon2id$v=19$m=52428,t=10,p=1" + tail64,
		"$2b$14$abcdefghijklmnopqrstuudiTfhLKcnsbvqtMwAdv3OL6eyERax.a",
		"pbkdf2_sha256$2000000$seasalt$Y774yHR5Bz0D7ulLtkxBwVxVIcpTSwOLJlxvAel3m7s=",
		"$scrypt$ln=17,r=8,p=4" + tail64,
		"$5$rounds=1000000$saltstring$7VfgNZ0UIM5iBUxBblsqhTInkeQrp.DGCEjMItQGUj2",
	} {
		imported(t, encoded)
	}
}

func TestImportRefusesWhatItDoesNotKnow(t *testing.T) {
	const b53 = "abcdefghijklmnopqrstuudiTfhLKcnsbvqtMwAdv3OL6eyERax.a"
	for name, encoded := range map[string]string{
		"plain text":           "correct horse battery",
		"django md5":           "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3",
		"django sha1":          "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8",
		"unsalted md5":         "5f4dcc3b5aa765d61d8327deb882cf99",
		"DES crypt":            "abJnggxhB/yWI",
		"yescrypt":             "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
		"bcrypt 2x":            "$2x$04$" + b53,
		"django bcrypt 2x":     "bcrypt$$2x$04$" + b53,
		"bcrypt 2":             "$2$04$" + b53,
		"bcrypt 3":             "$2b$03$" + b53,
		"bcrypt one digit":     "$2b$4$" + b53,
		"bcrypt short":         "$2b$04$" + b53[1:],
		"bcrypt alphabet":      "$2b$04$" + b53[1:] + "+",
		"bcrypt further part":  "$2b$04$" + b53 + "$",
		"django twice":         "bcrypt$bcrypt$$2b$04$" + b53,
		"django crossed":       "bcrypt$$6$saltstring$" + strings.Repeat("a", 86),
		"already imported":     "imported:$2b$04$" + b53,
		"pbkdf2 without salt":  "pbkdf2_sha256$1000$$Y774yHR5Bz0D7ulLtkxBwVxVIcpTSwOLJlxvAel3m7s=",
		"pbkdf2 zero rounds":   "pbkdf2_sha256$0$seasalt$Y774yHR5Bz0D7ulLtkxBwVxVIcpTSwOLJlxvAel3m7s=",
		"pbkdf2 signed rounds": "pbkdf2_sha256$+1$seasalt$Y774yHR5Bz0D7ulLtkxBwVxVIcpTSwOLJlxvAel3m7s=",
		"pbkdf2 short key":     "pbkdf2_sha256$1000$seasalt$AAAA",
		"pbkdf2 empty key":     "pbkdf2_sha256$1000$seasalt$",
		"pbkdf2 long key":      "pbkdf2_sha1$1000$seasalt$Y774yHR5Bz0D7ulLtkxBwVxVIcpTSwOLJlxvAel3m7s=",
		"scrypt N not 2^k":     "scrypt$16383$seasalt$8$5$GRBzVyzxOfwOqaKCTJr2yjWkUMej57TTCT23/fT+Hf3fqbIpDKZb5pA5X7pZfgGdcBNyTB+RUZmkuZobNHR02A==",
		"scrypt empty key":     "$scrypt$ln=10,r=8,p=1$c2VhLXNhbHQ$",
		"sha-crypt few rounds": "$5$rounds=999$saltstring$7VfgNZ0UIM5iBUxBblsqhTInkeQrp.DGCEjMItQGUj2",
		"sha-crypt no salt":    "$5$$7VfgNZ0UIM5iBUxBblsqhTInkeQrp.DGCEjMItQGUj2",
		"sha-crypt long salt":  "$5$saltstringsaltstr$7VfgNZ0UIM5iBUxBblsqhTInkeQrp.DGCEjMItQGUj2",
		"sha-crypt short key":  "$5$saltstring$7VfgNZ0UIM5iBUxBblsqhTInkeQrp",
		"md5-crypt no key":     "$1$saltstri$",
		"newline":              "$1$abcd$XaCvgisE4eBk0wQa2Zjv6.\n",
		"NUL in a salt":        "pbkdf2_sha256$1000$sea\x00salt$Y774yHR5Bz0D7ulLtkxBwVxVIcpTSwOLJlxvAel3m7s=",
		"not UTF-8 in a salt":  "pbkdf2_sha256$1000$sea\xffsalt$Y774yHR5Bz0D7ulLtkxBwVxVIcpTSwOLJlxvAel3m7s=",
		"longer than any":      "pbkdf2_sha256$1000$" + strings.Repeat("s", 500) + "$Y774yHR5Bz0D7ulLtkxBwVxVIcpTSwOLJlxvAel3m7s=",
	} {
		if _, err := password.Import(encoded); !errors.Is(err, password.ErrHashUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzImport(f *testing.F) {
	for _, v := range importedHashes(f) {
		f.Add(v.Encoded)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		stored, err := password.Import(encoded)
		switch {
		case err != nil:
			if stored != "" || !errors.Is(err, password.ErrHashUnsupported) && !errors.Is(err, password.ErrHashTooCostly) {
				t.Errorf("%q: %q, %v", encoded, stored, err)
			}
		case stored != "" && stored != "imported:"+encoded:
			t.Errorf("%q is stored as %q", encoded, stored)
		}
	})
}
