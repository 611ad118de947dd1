package mail

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"time"
)

// Data is what a template may say. One struct for all kinds, so that a template
// naming anything else fails when it is tried. Every text is shown as it is:
// markup, template syntax and line breaks in a name do nothing. It prints as ***,
// because the link may be one that signs somebody in.
//
// It deliberately has no field for a name that any stranger of the recipient's may choose:
// a mail that repeats one carries their advertisement under our sender. The name of an
// organisation is one that its admins chose; it is quoted, and never in a subject.
type Data struct {
	Brand   Brand
	Link    string    // absolute http or https URL of what to do next
	At      time.Time // when it was asked for or happened
	Device  string    // kind of device in words of the caller, "Firefox, Linux"; empty when unknown
	Address string    // network address it came from; empty when unknown
	Reason  string    // why it was done, in the words of a member of staff; empty when nobody gave one
	Expires time.Time // when Link or Code stops working, or what is announced happens
	Code    string    // what to type in elsewhere: ASCII letters, digits and dashes; empty when there is none
	Name    string    // of a thing of the recipient's own, such as a passkey, in their words, or of an organisation
	Count   int       // how many of what the mail is about
	Domain  Domain    // of an organisation; zero: the mail is about none
	Test    bool      // says in the subject that this is a test
}

// Domain is one that an organisation says is its own, and how it is shown. Each text is made of ASCII
// letters, digits and ._=:/-, and copied from the mail as it is.
type Domain struct {
	Name      string `json:"name"`
	Record    string `json:"record"`    // name of the DNS record of type TXT that can hold Challenge
	File      string `json:"file"`      // URL of the file that can
	Challenge string `json:"challenge"` // what has to be published there
}

// Format prints *** for every verb.
func (Data) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// LogValue is ***.
func (Data) LogValue() slog.Value { return slog.StringValue("***") }

const (
	maxName   = 100 // runes of a name or device; more is not one
	maxReason = 500 // runes
	maxCode   = 40  // bytes
	maxCopied = 320 // bytes of a domain's name, of where its challenge can be, or of the challenge
)

// typeable is what a code is made of: all of it is on every keyboard.
var typeable = regexp.MustCompile(`^[0-9A-Za-z-]*$`)

// copyable is what a domain's texts are made of: nothing of it is markup, or turns in a line of Arabic.
var copyable = regexp.MustCompile(`^[0-9A-Za-z._=:/-]*$`)

// clean returns d with each text on one line, or an error when a required part
// is missing.
func (d Data) clean() (_ Data, err error) {
	d.Name = clip(oneLine(d.Name), maxName)
	d.Device = clip(oneLine(d.Device), maxName)
	d.Address = clip(oneLine(d.Address), maxName)
	d.Reason = clip(oneLine(d.Reason), maxReason)
	if len(d.Code) > maxCode || !typeable.MatchString(d.Code) { // never mended: a code that is not shown as it was made is worth nothing
		return Data{}, errors.New("the code is not made of ASCII letters, digits and dashes")
	}
	for _, s := range []string{d.Domain.Name, d.Domain.Record, d.Domain.File, d.Domain.Challenge} {
		if len(s) > maxCopied || !copyable.MatchString(s) {
			return Data{}, errors.New("a domain, or how it is shown, is not made of ASCII letters, digits and ._=:/-")
		}
	}
	d.Brand, err = d.Brand.clean()
	return d, err
}

// link is the template function that writes a URL. It fails on all that is not
// one, so that no mail goes out with a dead or script link.
func link(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || s != oneLine(s) {
		return "", errors.New("not an absolute http or https URL") // never quoted: it may hold a token
	}
	return s, nil
}

// must is the template function that writes a text which may not be missing.
func must(s string) (string, error) {
	if s == "" {
		return "", errors.New("a text is missing that this mail is about")
	}
	return s, nil
}

// Sample returns data with every field filled, for previews, test mails, and to try templates with.
func Sample() Data {
	at := time.Date(2026, time.March, 1, 12, 30, 0, 0, time.UTC)
	return Data{
		Brand:   Brand{Name: "Example", URL: "https://example.com", Support: "support@example.com"},
		Link:    "https://id.example.com/account/?token=sample",
		At:      at,
		Device:  "Firefox, Linux",
		Address: "192.0.2.1",
		Reason:  "Ticket 1234",
		Expires: at.Add(24 * time.Hour),
		Code:    "12345678",
		Name:    "Phone",
		Count:   3,
		Domain: Domain{
			Name: "example.org", Record: "_challenge.example.org", File: "https://example.org/.well-known/challenge.txt",
			Challenge: "domain=0190a0b2-0000-7000-8000-000000000000.SAMPLE",
		},
	}
}
