package tenant_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

func TestSlugsAreLabelsThatNothingElseIsTakenFor(t *testing.T) {
	for _, slug := range []string{"acme", "a1b", "acme-2", "a-b-c", strings.Repeat("a", 48), "abcdefab-cdef-abcd-efab"} {
		if err := tenant.CheckSlug(slug); err != nil {
			t.Errorf("%q: %v", slug, err)
		}
	}
	for name, slug := range map[string]string{
		"empty": "", "short": "ab", "long": strings.Repeat("a", 49), "capitals": "Acme", "digit first": "1acme", "dash first": "-acme", "dash last": "acme-",
		"two dashes": "ac--me", "another script's name": "xn--80ak6aa92e", "blank": "ac me", "line end": "acme\n", "dot": "ac.me", "slash": "ac/me", "underscore": "ac_me",
		"another script": "асме", "accent": "acmé", "full width": "ａｃｍｅ", "NUL": "acme\x00",
		"kept": "admin", "kept with a dash": "well-known", "looks like a kept one": "adm1n", "and with a dash": "ad-min", "and by two letters": "adrnin",
		"id": "abcdefab-cdef-abcd-efab-cdefabcdefab", "id without dashes": "abcdefabcdefabcdefabcdefabcdefab",
	} {
		if err := tenant.CheckSlug(slug); !errors.Is(err, tenant.ErrSlug) {
			t.Errorf("%s, %q: %v", name, slug, err)
		}
	}
}

func TestNoSlugIsAnId(t *testing.T) {
	for range 2000 { // ids that begin with a letter have the form of slugs
		id := uuid.New().String()
		if tenant.CheckSlug(id) == nil || tenant.CheckSlug(strings.ReplaceAll(id, "-", "")) == nil {
			t.Fatalf("%s can be a slug", id)
		}
	}
}

func TestSlugOfProposesWhatCanBeOne(t *testing.T) {
	for name, want := range map[string]string{
		"Acme": "acme", "  Acme   Corp. ": "acme-corp", "Café Zoë": "cafe-zoe", "A&B & C": "a-b-c", "ACME -- 2": "acme-2", "日本": "", "!!!": "", strings.Repeat("ab ", 40): strings.TrimSuffix(strings.Repeat("ab-", 16), "-"),
	} {
		if got := tenant.SlugOf(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestNamesHaveOneSpellingAndOneScript(t *testing.T) {
	for typed, want := range map[string][2]string{
		"Acme":             {"Acme", "acme"},
		"  Acme \t  Corp ": {"Acme Corp", "acme corp"},
		"Cafe\u0301":       {"Café", "café"},
		"ＡＣＭＥ":             {"ＡＣＭＥ", "acme"}, // the key is that of Acme
		"Straße":           {"Straße", "strasse"},
		"Рога и копыта":    {"Рога и копыта", "рога и копыта"},
		"日本 Office 7":      {"日本 Office 7", "日本 office 7"}, // nobody takes one for the other
	} {
		name, key, err := tenant.ParseName(typed)
		if err != nil || name != want[0] || key != want[1] {
			t.Errorf("%q: %q, %q, %v", typed, name, key, err)
		}
	}
	for why, typed := range map[string]string{
		"empty": "", "blanks": "   ", "one letter": "A", "long": strings.Repeat("a", 81), "no UTF-8": "Ac\xffme", "NUL": "Ac\x00me", "invisible": "Ac\u200bme",
		"turned around": "Acme\u202egro", "Cyrillic a in Latin": "\u0410cme", "Greek o in Latin": "Gl\u03bfbex", "Armenian in Latin": "\u0555pen", "Lisu in Latin": "\ua4eecme", "Coptic in Latin": "Gl\u2c9fbex", "a soft hyphen": "Ac\u00adme",
	} {
		if _, _, err := tenant.ParseName(typed); !errors.Is(err, tenant.ErrName) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestNamesHoldNothingInvisible(t *testing.T) {
	for _, r := range []rune{0x00ad, 0x034f, 0x061c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180c, 0x180d, 0x180e, 0x180f, 0x200b, 0x200d, 0x200e, 0x2060, 0x2065, 0x2800, 0x3164, 0xfe00, 0xfe0f,
		0xfeff, 0xffa0, 0xfff0, 0xfffc, 0x13441, 0x16fe4, 0x1bca0, 0x1d159, 0x1d173, 0xe0000, 0xe0020, 0xe0100, 0xe01ef, 0xe0fff} {
		for _, typed := range []string{"Ac" + string(r) + "me", "Acme" + string(r), string(r) + string(r), string(r) + "日本"} {
			if _, _, err := tenant.ParseName(typed); !errors.Is(err, tenant.ErrName) {
				t.Errorf("%U in %q: %v", r, typed, err)
			}
		}
	}
}

func TestNamesMixScriptsOnlyWhereALanguageDoes(t *testing.T) {
	for _, typed := range []string{"日本 Office 7", "ソニーのSony", "한국 KBS 韓國", "Acme ㄅㄆ 中文", "東京々", "สวัสดี ๗", "শ্রী ৭", "नमस्ते 24", "שלום", "محمد ٧", "محمد 7", "ايران ۷", "བོད་ཡིག", "ქართული", "Հայ", "Hawaiʻi", "Việt Nam", "Q\u0307 Co",
		"Рога № 5™", "𝐀𝐜𝐦𝐞", "Azərbaycan", "Eʋegbe Ɖɔ", "Marks & Spencer", "C++ <Lab>", "★ Bar", "７ Rooms 7", "ﾊﾟﾅ Co"} {
		if _, _, err := tenant.ParseName(typed); err != nil {
			t.Errorf("%q: %v", typed, err)
		}
	}
	for why, typed := range map[string]string{
		"Thai digit": "Acm๐", "Bengali digit": "Acme ০", "Kannada letter": "Gಂogle", "Kannada digit": "G೦ogle", "Myanmar digit": "G၀ogle", "Malayalam letter": "Gംogle", "Malayalam": "G൦ogle", "Hebrew": "Acmeס", "Georgian": "Acmeჿ",
		"Cherokee": "Ꭺcme", "Arabic digit": "Acme ٥", "Kana with Hangul": "ひ한", "Bopomofo with kana": "ㄅひ", "Cyrillic with Han": "Рога 日本", "Greek with a mathematical letter": "𝐀θήνα", "a mathematical alpha": "𝛢cme",
		"two kinds of digits": "नमस्ते २ 4", "Arabic and Persian digits": "محمد ٧۷", "another system's digits": "नमस्ते ৭", "Armenian sign": "Acme՞",
	} {
		if _, _, err := tenant.ParseName(typed); !errors.Is(err, tenant.ErrName) {
			t.Errorf("%s, %q: %v", why, typed, err)
		}
	}
}

func TestNamesHaveLettersAndSignsThatCanBeToldApart(t *testing.T) {
	for why, typed := range map[string]string{
		"Latin alpha": "ɑcme", "its capital": "Ɑcme", "script g": "Gooɡle", "small capital": "ᴀcme", "Extended-D": "Acmeꜱ", "Extended-E": "Acꬺe", "a click": "Googǀe", "modifier": "ᵃcme", "modifier of Extended-F": "Acme\U00010780",
		"only marks": "\u0301\u0302", "a mark in front": "\u0301Acme", "a mark on a blank": "Acme \u0301x", "a mark on a digit": "7\u20e3", "an acute of its own": "O´Neil", "only punctuation": "-- !",
		"a rare dash": "Acme⸺Bank", "a rare sign": "Acme❘⁝", "a mathematical sign": "Acme∶Bank", "a colon that is none": "Acme꞉", "a rare letter of no script": "Acmeꜞ",
	} {
		if _, _, err := tenant.ParseName(typed); !errors.Is(err, tenant.ErrName) {
			t.Errorf("%s, %q: %v", why, typed, err)
		}
	}
}

func TestDomainsHaveOneSpelling(t *testing.T) {
	for typed, want := range map[string]string{
		"example.com": "example.com", " Example.COM. ": "example.com", "sub.example.co.uk": "sub.example.co.uk", "BÜCHER.example": "xn--bcher-kva.example",
		"xn--bcher-kva.example": "xn--bcher-kva.example", "пример.example": "xn--e1afmkfd.example", "team.github.io": "team.github.io",
	} {
		if got, err := tenant.ParseDomain(typed); err != nil || got != want {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	for why, typed := range map[string]string{
		"empty": "", "a dot": ".", "one label": "localhost", "a suffix": "co.uk", "another": "com", "a host for all": "github.io", "address": "192.0.2.1", "IPv6": "[2001:db8::1]", "bare IPv6": "2001:db8::1",
		"a port": "example.com:443", "a path": "example.com/x", "a scheme": "https://example.com", "a user": "a@example.com", "wildcard": "*.example.com", "underscore": "_dmarc.example.com",
		"empty label": "a..example.com", "blank": "exam ple.com", "NUL": "example.com\x00", "line": "example.com\nexample.org", "no UTF-8": "ex\xffample.com",
		"long label": strings.Repeat("a", 64) + ".example.com", "long": strings.Repeat("a.", 130) + "example.com",
		"mixed scripts": "ex\u0430mple.com", "Thai in Latin": "exampleก.com", "and encoded": "xn--exmple-4nf.com", "full width": "ｅxample.com", "a full stop of another kind": "example。com", "invisible": "exa\u200bmple.com",
		"broken punycode": "xn--a.example", "a dash first": "-example.com",
	} {
		if got, err := tenant.ParseDomain(typed); !errors.Is(err, tenant.ErrDomain) {
			t.Errorf("%s, %q: %q, %v", why, typed, got, err)
		}
	}
}

func TestSettingsAreRefusedAllAtOnce(t *testing.T) {
	_, err := tenant.Settings{Name: "x", Slug: "X", Brand: ui.Brand{Color: "red", Radius: 25, Font: "comic"}, Policy: tenant.Policy{MaxAge: time.Second, MaxIdle: time.Second, NoPassword: true, NoPasskey: true, NoMail: true, EmailDomains: []string{"example.com", "com"}}}.Check()
	f, ok := fault.From(err)
	if !ok || f.Code != "fields_invalid" {
		t.Fatal(err)
	}
	var fields []string
	for _, one := range f.Fields {
		fields = append(fields, one.Field)
	}
	if got := strings.Join(fields, " "); got != "name slug color radius font max_age max_idle methods email_domains" {
		t.Errorf("refused: %s", got)
	}
	for why, p := range map[string]tenant.Policy{"negative": {MaxAge: -time.Hour}, "years": {MaxAge: 401 * 24 * time.Hour},
		"negative idle": {MaxIdle: -time.Hour}, "shorter than tokens live": {MaxIdle: 30*time.Minute - time.Second}, "idle for years": {MaxIdle: 401 * 24 * time.Hour}, "many domains": {EmailDomains: make([]string, tenant.MaxDomains+1)}} {
		if _, err := (tenant.Settings{Name: "Acme", Slug: "acme", Policy: p}).Check(); err == nil {
			t.Errorf("%s: taken", why)
		}
	}
	s, err := tenant.Settings{Name: " Acme  Corp", Slug: "acme", Brand: ui.Brand{Color: "#00ff7f", Radius: 24, Font: "mono"}, Policy: tenant.Policy{MaxAge: 5 * time.Minute, MaxIdle: 30 * time.Minute, NoPassword: true, NoMail: true, EmailDomains: []string{"B.example", "a.example", "b.example"}}}.Check()
	if err != nil || s.Name != "Acme Corp" || strings.Join(s.Policy.EmailDomains, " ") != "a.example b.example" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestPolicyAllowsAddressesOfItsDomainsAlone(t *testing.T) {
	p := tenant.Policy{EmailDomains: []string{"example.com"}}
	for address, want := range map[string]bool{"jo@example.com": true, "jo@sub.example.com": false, "jo@notexample.com": false, `"a@example.com"@example.org`: false} {
		if got := p.AllowsEmail(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if !(tenant.Policy{}).AllowsEmail("jo@example.org") {
		t.Error("without domains an address is refused")
	}
}
