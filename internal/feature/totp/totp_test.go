package totp

import (
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// RFC 6238 appendix B.
var vectors = []struct {
	at        int64
	algorithm otp.Algorithm
	code      string
}{
	{59, otp.AlgorithmSHA1, "94287082"},
	{59, otp.AlgorithmSHA256, "46119246"},
	{59, otp.AlgorithmSHA512, "90693936"},
	{1111111109, otp.AlgorithmSHA1, "07081804"},
	{1111111109, otp.AlgorithmSHA256, "68084774"},
	{1111111109, otp.AlgorithmSHA512, "25091201"},
	{1111111111, otp.AlgorithmSHA1, "14050471"},
	{1234567890, otp.AlgorithmSHA1, "89005924"},
	{2000000000, otp.AlgorithmSHA1, "69279037"},
	{20000000000, otp.AlgorithmSHA1, "65353130"},
	{20000000000, otp.AlgorithmSHA256, "77737706"},
	{20000000000, otp.AlgorithmSHA512, "47863826"},
}

// The seeds of appendix B are these digits, as many as the hash has bytes.
func seed(a otp.Algorithm) []byte {
	return []byte(strings.Repeat("1234567890", 7)[:a.Hash().Size()])
}

func TestLibraryAgreesWithRFC6238(t *testing.T) {
	for _, v := range vectors {
		got, err := hotp.GenerateCodeCustom(base32.StdEncoding.EncodeToString(seed(v.algorithm)), uint64(stepAt(time.Unix(v.at, 0))),
			hotp.ValidateOpts{Digits: otp.DigitsEight, Algorithm: v.algorithm})
		if err != nil || got != v.code {
			t.Errorf("%v at %d: %s, %v, want %s", v.algorithm, v.at, got, err, v.code)
		}
	}
}

// The last six digits of the vectors are the codes of six digits: both are the same number's.
func TestMatchAgreesWithRFC6238(t *testing.T) {
	for _, v := range vectors {
		if v.algorithm != otp.AlgorithmSHA1 {
			continue
		}
		step, ok, err := match(seed(v.algorithm), v.code[2:], time.Unix(v.at, 0), 0)
		if err != nil || !ok || step != v.at/30 {
			t.Errorf("at %d: step %d, %v, %v", v.at, step, ok, err)
		}
	}
}

// code is what an app shows at a step.
func code(t *testing.T, key []byte, step int64) string {
	t.Helper()
	got, err := hotp.GenerateCode(base32.StdEncoding.EncodeToString(key), uint64(step))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestMatchTakesOneStepToEitherSideAndNotAMillisecondMore(t *testing.T) {
	const step = 50_000_000
	key := seed(otp.AlgorithmSHA1)
	begin := time.Unix(step*period, 0)
	for _, c := range []struct {
		at   time.Duration
		good bool
	}{
		{-30*time.Second - time.Millisecond, false},
		{-30 * time.Second, true},
		{-time.Millisecond, true},
		{0, true},
		{30*time.Second - time.Millisecond, true},
		{30 * time.Second, true},
		{60*time.Second - time.Millisecond, true},
		{60 * time.Second, false},
		{90 * time.Second, false},
	} {
		got, ok, err := match(key, code(t, key, step), begin.Add(c.at), 0)
		if err != nil || ok != c.good || ok && got != step {
			t.Errorf("%v from its beginning: step %d, %v, %v", c.at, got, ok, err)
		}
	}
}

func TestMatchRefusesStepsUpToTheLast(t *testing.T) {
	const step = 50_000_000
	key := seed(otp.AlgorithmSHA1)
	now := time.Unix(step*period, 0)
	for last := int64(step - 2); last <= step+1; last++ {
		for s := int64(step - 1); s <= step+1; s++ {
			if _, ok, err := match(key, code(t, key, s), now, last); err != nil || ok != (s > last) {
				t.Errorf("step %d after %d: %v, %v", s, last, ok, err)
			}
		}
	}
}

// Once in a million steps, the first and the last of a window have the same code. Taken for the earlier
// one, it would be good again when the later comes.
func TestMatchTakesTheLaterOfTwoStepsWithOneCode(t *testing.T) {
	const step = 50_897_033
	key := seed(otp.AlgorithmSHA1)
	if code(t, key, step) != code(t, key, step+2) {
		t.Fatal("the two steps have two codes")
	}
	got, ok, err := match(key, code(t, key, step), time.Unix((step+1)*period, 0), 0)
	if err != nil || !ok || got != step+2 {
		t.Errorf("taken for step %d, %v, %v", got, ok, err)
	}
}

func TestOnlySixASCIIDigitsAreACode(t *testing.T) {
	for _, bad := range []string{"", "12345", "1234567", " 123456", "123456 ", "123 456", "123456\n", "123456\u00a0", "\ufeff123456", "+12345", "-12345", "12345a", "0x1234",
		"１２３４５６", "١٢٣٤٥٦", "12345６", "123456\x00", "1e5000", "\xff23456", "²²²²²²", "12345\u0661"} {
		if isCode(bad) {
			t.Errorf("%q is taken for a code", bad)
		}
	}
	if !isCode("012345") || !isCode("999999") {
		t.Error("a code is not taken for one")
	}
}

func TestURINamesIssuerAndAccount(t *testing.T) {
	for _, c := range []struct{ issuer, label, path, shownIssuer string }{
		{"Example", "jo@example.com", "/Example:jo@example.com", "Example"},
		{"Example & Söhne", "jo+tag/x?y#z%41@example.com", "/Example & Söhne:jo+tag/x?y#z%41@example.com", "Example & Söhne"},
		{"A: B&secret=X", "a:b", "/A B&secret=X:a b", "A B&secret=X"},
		{" Tab\tand\u202eturned\n", "", "/Tab andturned:", "Tab andturned"},
	} {
		text := uri(shown(c.issuer, maxIssuer), c.label, exampleKey)
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != c.path || u.Fragment != "" || len(q) != 5 {
			t.Errorf("%s: path %q", text, u.Path)
		}
		if q.Get("issuer") != c.shownIssuer || q.Get("secret") != exampleKey || q.Get("algorithm") != "SHA1" || q.Get("digits") != "6" || q.Get("period") != "30" {
			t.Errorf("%s: %v", text, q)
		}
		if strings.Contains(text, "+") {
			t.Errorf("%s: some apps show a blank as +", text)
		}
	}
}

func TestNamesAreCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"  My \t phone\n": "My phone", "": "", " \u200b\u200e ": "", "a\x00b": "a b", "\xffx": "x", "left\u202eright": "leftright", "📱": "📱",
		"گوشی\u200cمن": "گوشی\u200cمن", strings.Repeat("é", 64): strings.Repeat("é", 64),
	} {
		if got, err := named(in); err != nil || got != want {
			t.Errorf("%q becomes %q, %v", in, got, err)
		}
	}
	if _, err := named(strings.Repeat("é", 65)); err == nil {
		t.Error("a name of 65 characters is taken")
	}
}

func TestSetupsPrintWithoutTheirSecret(t *testing.T) {
	s := (&Service{issuer: "Example"}).setup(&device{}, seed(otp.AlgorithmSHA1), "jo@example.com")
	if s.Secret.Reveal() != exampleKey || !strings.Contains(s.URI.Reveal(), exampleKey) {
		t.Fatal("the set-up has another secret")
	}
	if _, err := s.PNG(); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, printed := range []string{fmt.Sprintf(format, s), fmt.Sprintf(format, *s)} {
			if printed != "***" {
				t.Errorf("%s prints more than ***", format)
			}
		}
	}
}

func TestNewDemandsAnIssuer(t *testing.T) {
	for _, issuer := range []string{"", " ", ":"} {
		if _, err := New(Config{Issuer: issuer}, Deps{}); err == nil {
			t.Errorf("%q is taken for a name", issuer)
		}
	}
}
