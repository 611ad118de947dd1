package mail

import (
	"mime"
	netmail "net/mail"
	"strings"
	"testing"
)

func FuzzSubjectIsWhatTheReaderSees(f *testing.F) {
	for _, s := range []string{"plain", "Grüße", "a\r\nBcc: x", "=?utf-8?q?x?=", "=?", "\xff", strings.Repeat("世", 99)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := oneLine(s)
		encoded := encodeSubject(want)
		if strings.ContainsAny(encoded, "\r\n\x00") || !isASCII(encoded) {
			t.Fatalf("%q is no header text", encoded)
		}
		got, err := new(mime.WordDecoder).DecodeHeader(encoded)
		if err != nil || got != want {
			t.Fatalf("%q reads as %q (%v), want %q", encoded, got, err, want)
		}
	})
}

func FuzzRecipientIsOnePlainAddress(f *testing.F) {
	for _, s := range []string{"a@example.org", "ä@bücher.example", "a@b@c", "a,b@c", "<a@b>", "a@b\r\n", `"a"@b`, "a@[::1]", "a@B.ＯＲＧ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseAddress(s)
		if err != nil {
			if !Permanent(err) {
				t.Fatalf("%q: %v is not permanent", s, err)
			}
			return
		}
		out := a.String()
		if strings.Count(out, "@") != 1 || strings.ContainsAny(out, " ,;:<>()[]\"\\\r\n\t\x00") || !isASCII(a.domain) || len(out) > maxAddress {
			t.Fatalf("%q became %q", s, out)
		}
		if !strings.HasPrefix(s, a.local+"@") {
			t.Fatalf("%q lost its local part: %q", s, out)
		}
		// What the To header says is read back as the same one address.
		list, err := netmail.ParseAddressList((&netmail.Address{Address: out}).String())
		if err != nil || len(list) != 1 || list[0].Address != out {
			t.Fatalf("%q in a header reads as %v (%v)", out, list, err)
		}
	})
}
