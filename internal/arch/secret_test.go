package arch

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// excuse is what looks like a secret and is none.
type excuse struct {
	files []string // patterns of package path
	rule  string
	sum   string // of all that these files hold of that form: one more or another needs a look again
	why   string
}

var excuses = []excuse{
	{[]string{"internal/kit/jose/testdata/*.pem"}, "private key in PEM", "a8fd9b1a415c5427", "made for the tests beside them, as README.md there says"},
	{[]string{"check_test.go", "role_test.go", "role_shadow_test.go", "cmd/gatehouse/main_test.go", "internal/doctest/settings_test.go"}, "value of a secret", "55e39c6544630616", "the key that tests seal with: what they make lives as long as they run"},
	{[]string{"cmd/gatehouse/testdata/check.txtar"}, "value of a secret", "fa8507749f29e5b1", "the digits in their order, which production refuses"},
	{[]string{"cmd/gatehouse/testdata/databases/keys.txtar"}, "value of a secret", "10df1e89fe5b5bd2", "a test's other key, which opens nothing"},
	{[]string{"internal/feature/password/legacy_test.go"}, "value of a secret", "8200da7ee3e41c3c", "part of a made-up hash"},
	{[]string{"internal/domain/session/token_test.go"}, "refresh token", "d6d483f6bfa1a531", "a known answer, of a key that counts up"},
	{[]string{"examples/notes/README.md"}, "password in a URL", "03e716173f482a90", "of the role that the lines above it make"},
	{[]string{"docs/operations.md"}, "password in a URL", "6dbe8077bd3a5454", "of the roles that the lines above them make, with the wish to change it"},
	{[]string{"internal/feature/totp/qr_test.go"}, "value of a secret", "7900f809560ffdbe", "RFC 4226 appendix D"},
	{[]string{"verifier/vectors_test.go"}, "signed token", "ca39666570d46a29", "RFC 7515 appendices A.2 and A.3, RFC 8037 appendix A.4"},
}

func (e excuse) covers(file, rule string) bool {
	return e.rule == rule && slices.ContainsFunc(e.files, func(pattern string) bool {
		ok, err := path.Match(pattern, file)
		return ok && err == nil
	})
}

// Whatever is in the source is known to all who can read it, for ever: a secret does not belong there. What
// runs has its secrets from its environment or from files.
func TestTheSourceHoldsNoSecrets(t *testing.T) {
	excused := make([][]string, len(excuses))
	for file, found := range secretsBelow(t, "../..") {
		for _, f := range found {
			i := slices.IndexFunc(excuses, func(e excuse) bool { return e.covers(file, f.rule) })
			if i < 0 {
				t.Errorf("%s:%d looks like a %s: take it out, and out of use; a published vector is excused here, with its source", file, f.line, f.rule)
				continue
			}
			excused[i] = append(excused[i], file+"\x00"+f.value+"\x00")
		}
	}
	for i, e := range excuses {
		slices.Sort(excused[i])
		sum := sha256.Sum256([]byte(strings.Join(excused[i], "")))
		if got := hex.EncodeToString(sum[:8]); len(excused[i]) == 0 || got != e.sum {
			t.Errorf("%s in %v: the excuse (%s) is for something else: there are %d now, of sum %s", e.rule, e.files, e.why, len(excused[i]), got)
		}
	}
}

// secretsBelow returns what looks like a secret, by file.
func secretsBelow(t *testing.T, root string) map[string][]finding {
	t.Helper()
	all := map[string][]finding{}
	for _, file := range sourceFiles(t, root) {
		name := filepath.Join(root, filepath.FromSlash(file))
		if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
			continue // removed, and git is not told yet; or a link or a checkout of something else
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := scan(string(text)); len(found) > 0 {
			all[file] = found
		}
	}
	return all
}

// sourceFiles lists what git tracks below root, or would with the next commit. Where there is no git, or
// another project's, as in an archive that was unpacked, it is all there is but what builds leave.
func sourceFiles(t *testing.T, root string) (all []string) {
	t.Helper()
	// Whoever reads it here is run again when git comes to know of another file.
	_, _ = os.Stat(filepath.Join(root, ".git", "index"))
	git := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	git.Dir = root
	if out, err := git.Output(); err == nil {
		if all = strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); slices.Contains(all, "go.mod") {
			return all
		}
	}
	all = nil
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains([]string{".git", ".cache", ".gatehouse", "bin"}, d.Name()) {
			return fs.SkipDir
		}
		if err == nil && d.Type().IsRegular() {
			all = append(all, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSecretsAreFoundInFiles(t *testing.T) {
	root, secret := t.TempDir(), []byte("first\n"+samples()["token of AWS"][0])
	for _, file := range []string{"go.mod", "docs/a.md", ".git/config", "bin/gatehouse"} {
		p := filepath.Join(root, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, secret, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := secretsBelow(t, root)
	if len(got) != 2 || len(got["go.mod"]) != 1 || len(got["docs/a.md"]) != 1 || got["docs/a.md"][0].line != 2 {
		t.Errorf("found in %d files, want one in go.mod and one in docs/a.md", len(got))
	}
}

// chance returns n characters of base64url that look like chance, the same each time.
func chance(n int) string {
	var all string
	for sum := sha512.Sum512([]byte("sample")); len(all) < n; sum = sha512.Sum512(sum[:]) {
		all += base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return all[:n]
}

// plain is chance of letters and digits alone.
func plain(n int) string {
	return strings.NewReplacer("-", "", "_", "").Replace(chance(2 * n))[:n]
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// samples are put together here, or this file would be found itself. Each is found by its rule and no other.
func samples() map[string][]string {
	begin, end := "-----"+"BEGIN ", "PRIVATE KEY"+"-----"
	token := encoded(`{"alg":"ES256"}`) + "." + encoded(`{"sub":"1"}`) + "."
	named := "value of a secret"
	return map[string][]string{
		"private key in PEM": {
			begin + end + "\n" + plain(64) + "\n", begin + "RSA " + end + "\r\n" + plain(64), begin + "EC " + end + `\n` + plain(64), begin + "OPENSSH " + end + "\n" + plain(70),
			begin + "ENCRYPTED " + end + "\n" + plain(64), begin + "RSA " + end + "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n" + plain(64),
			"key: |\n  " + begin + end + "\n  " + plain(64), begin + "PGP PRIVATE KEY BLOCK" + "-----\nVersion: 1\n\n" + plain(64),
		},
		"private key in PKCS #8": {
			"MC4CAQAwBQYDK2Vw" + "BCIEI" + plain(42), "x MIGHAgEAMBMGByqGSM49AgEGCCqGSM49" + "AwEHBG0wawIBAQQg" + plain(140), "MIIEvQIBADANBgkqhkiG9w0BAQEF" + "AASCBKcwggSjAgEAAoIBAQC" + plain(400),
		},
		"private JWK":                        {`{"kty":"EC","crv":"P-256","x":"` + chance(43) + `","d":"` + chance(43) + `"}`, `"{\"kty\":\"OKP\",\"d\":\"` + chance(43) + `\"}"`, `{"kty": "oct", "k" : "` + chance(64) + `"}`},
		"signed token":                       {token + chance(86), "Authorization: Bearer " + token + chance(43), encoded(`{"typ":"JWT","alg":"HS256"}`) + "." + encoded("a sentence") + "." + chance(43)},
		"refresh token":                      {"grt" + "_" + chance(82)},
		"token of AWS":                       {"AK" + "IA" + "QYLPMN5HHHFPZAM2", "id=AS" + "IA" + "QYLPMN5HHHFPZAM2"},
		"token of GitHub":                    {"gh" + "p_" + plain(36), "gh" + "s_" + plain(36), "github" + "_pat_" + plain(82)},
		"token of GitLab":                    {"glpat" + "-" + chance(20)},
		"token of Slack":                     {"xox" + "b-" + "1234567890-" + plain(24), "xapp" + "-1-A0" + plain(30), "https://hooks.slack.com/" + "services/T0123/B0123/" + plain(24)},
		"token of Stripe":                    {"sk_" + "live_" + plain(24), "rk_" + "test_" + plain(24), "whsec" + "_" + plain(32)},
		"token of Google":                    {"AI" + "za" + chance(35), "GOC" + "SPX-" + chance(28), "ya29" + "." + chance(60)},
		"token of a mail or package service": {"SG" + "." + chance(22) + "." + chance(43), "npm" + "_" + plain(36)},
		"password in a URL":                  {"postgres:" + "//app:hunter2@db.example.com/app", "see smtps:" + "//u:x9!x@mail.example.com", `"redis:` + `//:s3cr3t@[::1]:6379"`},
		named: {
			`Secret: "` + plain(32) + `"`, "GATEHOUSE_SECRET_KEY=" + plain(43) + "=", `const apiKey = "` + chance(24) + `"`, `{"access_token": "` + plain(30) + `"}`, `{\"password\":\"` + plain(24) + `\"}`,
			"client_secret: " + hex.EncodeToString([]byte(plain(16))), "pwd := `" + plain(20) + "`", "signingKey := []byte(" + `"` + plain(32) + `")`, "key => '" + plain(32) + "'",
		},
	}
}

func TestTheScannerFindsWhatItKnows(t *testing.T) {
	all := samples()
	for _, r := range rules {
		if len(all[r.name]) == 0 {
			t.Errorf("%s: no sample", r.name)
		}
	}
	for rule, texts := range all {
		for i, sample := range texts {
			found := scan("before\n" + sample + "\nafter")
			if len(found) != 1 || found[0].rule != rule || found[0].line < 2 {
				t.Errorf("%s, sample %d: found %d, want it once", rule, i, len(found))
			}
		}
	}
}

// What is near is left alone: a scanner that cries wolf is switched off.
func TestTheScannerLeavesAlone(t *testing.T) {
	token := encoded(`{"alg":"ES256"}`) + "." + encoded(`{"sub":"1"}`)
	for name, text := range map[string]string{
		"a public key":                 "-----" + "BEGIN PUBLIC KEY-----\n" + plain(64),
		"a certificate":                "-----" + "BEGIN CERTIFICATE-----\n" + plain(64),
		"a private key left out":       "-----" + "BEGIN PRIVATE KEY-----\n…\n-----" + "END PRIVATE KEY-----",
		"where a private key begins":   "looks for -----" + "BEGIN PRIVATE KEY----- in a file",
		"a public JWK":                 `{"kty":"EC","crv":"P-256","x":"` + chance(43) + `","y":"` + chance(43) + `","kid":"` + chance(43) + `"}`,
		"a short member d":             `{"d":"1970-01-01"}`,
		"an unsigned token":            encoded(`{"alg":"none"}`) + "." + encoded(`{"sub":"1"}`) + ".",
		"a token cut off":              token + ".abc…",
		"three words with dots":        "eyJustAWord.andAnother.thatGoesOnAndOnAndOnAndOnAndOnAndOnAndOn",
		"a kind of refresh token":      "grt" + "_ and base64url",
		"a kind of AWS key":            "AK" + "IA" + "IOSF",
		"a branch":                     "gh" + "p_ is how they begin",
		"a URL with a placeholder":     "postgres:" + "//user:password@localhost, smtp:" + "//USER:PASSWORD@HOST:587, redis:" + "//:${PASSWORD}@h, x:" + "//u:{password}@h, x:" + "//u:...@h",
		"a URL with a user":            "ssh:" + "//git@example.com/x and https:" + "//example.com:8080/a@b",
		"a URL with a test's own mark": "postgres:" + "//u:canary-7@h",
		"a setting to be filled in":    "GATEHOUSE_SECRET_KEY=$(openssl rand -base64 32)",
		"a sentence":                   `password: "correct horse battery staple", passphrase = "AnEveningByTheHarbour"`,
		"a name":                       `TokenKey: "password_reset_token_lifetime", secretKeyPrevious = "GATEHOUSE_SECRET_KEY_PREVIOUS"`,
		"a call":                       "token := strings.TrimPrefix(header, prefix); key = keyring.NewSigningKey(ctx)",
		"zeros":                        `key = "` + strings.Repeat("0", 64) + `"`,
		"a UUID":                       `key: "f47ac10b-58cc-4372-a567-0e02b2c3d479"`,
		"chance under another name":    `digest: "` + plain(43) + `"`,
		"a short password":             `password = "x9!kQ2"`,
	} {
		for _, f := range scan(text) {
			t.Errorf("%s is taken for a %s", name, f.rule)
		}
	}
}
