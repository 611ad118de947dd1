package passkey

import (
	"context"
	"encoding/json" // the library's types are made for this one
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Config says whose the passkeys are and where they are used.
type Config struct {
	// RPID is the domain that passkeys belong to (WebAuthn's relying party id): the host of the first of
	// Origins or a domain above it. Passkeys of another RPID are of no use. An IP address has none; one
	// of this machine stands for localhost, though a browser has to go there by that name.
	RPID string
	// Name is what authenticators show the passkey under.
	Name string
	// Origins are where answers may come from, and nowhere else: scheme, host and port. The first is the
	// own one. Others whose host is not in RPID are related origins (WebAuthn section 5.11).
	Origins []string
}

// Deps are what a Service works with.
type Deps struct {
	DB      *db.DB
	Tickets *ticket.Book
}

// Service is safe for concurrent use.
type Service struct {
	db      *db.DB
	tickets *ticket.Book
	rp      *webauthn.WebAuthn
	origins []string
}

// nobody is whose passkeys are where the server is known by an address alone: browsers refuse all, as
// they do anyway, and everything else works (RFC 6761 section 6.4).
const nobody = "address.invalid"

// New checks cfg and returns a Service.
func New(cfg Config, deps Deps) (*Service, error) {
	if len(cfg.Origins) == 0 || cfg.Name == "" {
		return nil, errors.New("passkey: a name and at least one origin are needed")
	}
	cfg.RPID = strings.ToLower(cfg.RPID)
	local := web.Loopback(cfg.RPID)
	_, notIP := netip.ParseAddr(cfg.RPID)
	address := cfg.RPID
	switch {
	case local:
		cfg.RPID = "localhost"
	case notIP == nil:
		cfg.RPID = nobody
	}
	origins := make([]string, len(cfg.Origins))
	for i, given := range cfg.Origins {
		origin, host, err := parseOrigin(given)
		if err != nil {
			return nil, err
		}
		within := host == cfg.RPID || strings.HasSuffix(host, "."+cfg.RPID) || local && web.Loopback(host) || notIP == nil && host == address
		if i == 0 && !within {
			return nil, fmt.Errorf("passkey: %s cannot use passkeys of %q: that must be its host or a domain above it", given, cfg.RPID)
		}
		origins[i] = origin
	}
	timeout := webauthn.TimeoutConfig{Timeout: Lifetime} // told to browsers; what ends a challenge is its ticket
	rp, err := webauthn.New(&webauthn.Config{
		RPID: cfg.RPID, RPDisplayName: cfg.Name, RPOrigins: origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			// Only a discoverable credential signs in whoever has typed nothing.
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &Service{db: deps.DB, tickets: deps.Tickets, rp: rp, origins: origins}, nil
}

// parseOrigin returns an origin as browsers write it (RFC 6454 section 6.2), and its host.
func parseOrigin(given string) (origin, host string, err error) {
	u, err := url.Parse(strings.ToLower(given))
	if err != nil || u.Hostname() == "" || u.Scheme+"://"+u.Host != strings.ToLower(given) || strings.ContainsFunc(given, func(r rune) bool { return r > unicode.MaxASCII }) {
		return "", "", fmt.Errorf("passkey: %q is not an origin, such as https://id.example.com", given)
	}
	usual := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	if u.Scheme != "https" && (u.Scheme != "http" || !web.Loopback(u.Hostname())) {
		return "", "", fmt.Errorf("passkey: browsers have no passkeys at %q, which is not https", given)
	}
	return u.Scheme + "://" + strings.TrimSuffix(u.Host, usual), u.Hostname(), nil
}

// state is what a ticket keeps from a ceremony's first half to its second.
type state struct {
	Challenge string    `json:"challenge"`
	Parent    uuid.UUID `json:"parent,omitzero"` // what a proof is for
	Data      string    `json:"data,omitempty"`  // the caller's
}

// issue writes a challenge down and words it for the browser.
func (s *Service) issue(ctx context.Context, t *ticket.Ticket, st state, options any) (*Challenge, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("passkey: options: %w", err)
	}
	data, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("passkey: state: %w", err)
	}
	t.Data = string(data)
	c := &Challenge{Options: text}
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		c.Ticket, err = s.tickets.Issue(ctx, tx, t, Lifetime)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// spend uses a challenge up, whatever becomes of the answer: nobody can try a second one.
func (s *Service) spend(ctx context.Context, purpose, token string) (*ticket.Ticket, state, error) {
	t, err := s.tickets.Spend(ctx, s.db, purpose, token)
	if err != nil {
		return nil, state{}, err
	}
	var st state
	if err := json.Unmarshal([]byte(t.Data), &st); err != nil {
		return nil, state{}, fmt.Errorf("passkey: state: %w", err)
	}
	return t, st, nil
}
