// Package totp knows people by the codes that their authenticator apps show (RFC 6238).
//
// An account has several devices, each with a secret of its own. A device is set up in two steps: it
// waits for a code of its own before it counts, and only one waits at a time. A code is good from one
// time step before its own to one after, and once: what is remembered is the newest step that was
// accepted, and nothing at or before it is good again. How often somebody may guess, who may add a
// device and who is told of it is left to the flows.
package totp

import (
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Failures a caller can act on. A code that is not good is factor.ErrCode.
var (
	ErrNoSetup  = fault.New(fault.Conflict, "totp_setup_missing", "No authenticator app waits for its code. Set one up first.")
	ErrNotFound = fault.New(fault.NotFound, "totp_not_found", "There is no such authenticator app.")
	ErrTooMany  = fault.New(fault.Conflict, "totp_limit", "An account has at most 10 authenticator apps. Remove one first.")
	ErrName     = fault.New(fault.Invalid, "totp_name_invalid", "An authenticator app's name has 1 to 64 characters.")
)

const (
	// MaxDevices is how many confirmed devices an account can have.
	MaxDevices = 10
	// SetupLife is how long a set-up waits for its first code.
	SetupLife = 15 * time.Minute
	// DefaultName is that of a device which nobody named.
	DefaultName = "Authenticator app"

	maxName   = 64 // characters
	maxIssuer = 64 // bytes; it stands in the URI twice
	maxLabel  = 254
)

// What apps understand: most know nothing else, and some ignore what a URI asks for.
const (
	period      = 30 // seconds of a time step (RFC 6238 section 5.2)
	digits      = 6  // of a code
	window      = 1  // steps to either side that are accepted (section 5.2 recommends at most one)
	secretBytes = 20 // as long as a SHA-1 (RFC 4226 section 4, R6)
)

// Config is how devices are shown.
type Config struct {
	// Issuer is the name that apps show. Required.
	Issuer string
}

// Deps are what a Service works with. Every member is required.
type Deps struct {
	DB     *db.DB
	Sealer *secret.Sealer
}

// Service sets devices up and checks their codes. It is safe for concurrent use.
type Service struct {
	Deps
	issuer string
}

// New checks cfg and returns a Service.
func New(cfg Config, deps Deps) (*Service, error) {
	issuer := shown(cfg.Issuer, maxIssuer)
	if issuer == "" {
		return nil, errors.New("totp: Issuer: required, the name that apps show")
	}
	return &Service{Deps: deps, issuer: issuer}, nil
}

// Device is a confirmed authenticator app.
type Device struct {
	ID         uuid.UUID
	Name       string
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: not since it was set up
}

// Match is a device of an account together with the time step that a code of it belongs to. It was
// not spent yet.
type Match struct {
	Device    Device
	accountID uuid.UUID
	step      int64
}

// Setup is a device that waits for its first code. It prints as ***. It is not safe for
// concurrent use.
type Setup struct {
	ID     uuid.UUID
	Name   string
	Secret secret.Text // in base32 (RFC 4648 section 6), for whoever types it in
	URI    secret.Text // otpauth://, what the QR code says

	drawn [][]bool // the QR code, once it was asked for
}

// Format prints *** for every verb and flag: the picture is as secret as the text.
func (Setup) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// InGroups returns the secret in groups of four, as people type it.
func (s *Setup) InGroups() string {
	var groups []string
	for group := range slices.Chunk([]byte(s.Secret.Reveal()), 4) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, " ")
}

func (s *Service) setup(d *device, key []byte, label string) *Setup {
	text := base32.StdEncoding.EncodeToString(key)
	return &Setup{ID: d.ID, Name: d.Name, Secret: secret.NewText(text), URI: secret.NewText(uri(s.issuer, label, text))}
}

// uri returns what apps read from a QR code. The issuer stands in it twice, because apps differ in
// where they look for it. All but letters and digits is escaped, the blank as %20: apps differ in
// that as well.
func uri(issuer, label, key string) string {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		escape(issuer), escape(shown(label, maxLabel)), key, escape(issuer), digits, period)
}

// isCode reports whether code is exactly six ASCII digits. It is asked before anything else: the
// library takes blanks away, so that one code had many spellings.
func isCode(code string) bool {
	if len(code) != digits {
		return false
	}
	for _, c := range []byte(code) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// stepAt returns the time step of a moment (RFC 6238 section 4.2).
func stepAt(t time.Time) int64 { return t.Unix() / period }

// match returns the step after last within the window around now whose code this is. Where two steps
// have the same code it is the later one, so that the code is not good once more when its time comes.
func match(key []byte, code string, now time.Time, last int64) (step int64, ok bool, err error) {
	text := base32.StdEncoding.EncodeToString(key)
	for s := stepAt(now) - window; s <= stepAt(now)+window; s++ {
		want, err := hotp.GenerateCodeCustom(text, uint64(s), hotp.ValidateOpts{Digits: digits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false, fmt.Errorf("totp: match: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > last {
			step, ok = s, true
		}
	}
	return step, ok, nil
}

// oneLine returns s as a name can be shown: on one line, in valid UTF-8, with nothing that turns the
// writing direction; empty where nothing of it can be seen.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }) {
		return ""
	}
	return strings.Join(strings.Fields(s), " ")
}

// shown returns s for an app's list, in at most so many bytes. A colon would end the issuer early.
func shown(s string, most int) string {
	s = oneLine(strings.ReplaceAll(s, ":", " "))
	for len(s) > most {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return strings.TrimSpace(s)
}

// named returns a name as it is kept, or ErrName. An empty one is empty.
func named(name string) (string, error) {
	name = oneLine(name)
	if utf8.RuneCountInString(name) > maxName {
		return "", ErrName.WithField("name", "invalid", "1 to 64 characters.")
	}
	return name, nil
}
