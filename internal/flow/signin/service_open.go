package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Browser is what a browser that signs in is known by.
type Browser struct {
	Token string // of package device; empty: what signs in is no browser
	// New says that it has not been given its token yet. It is when it has signed somebody in.
	New bool
	// next is the token that it is given in place of its own, because somebody trusts it from now on: a
	// copy of the old one is not trusted.
	next string
}

// goal is what a sign-in is to come to. It travels from step to step in tickets.
type goal struct {
	Transport string   `json:"transport"`
	Audience  string   `json:"audience,omitempty"`
	Remember  bool     `json:"remember,omitempty"` // pages: keep me signed in
	Tenant    string   `json:"tenant,omitempty"`   // slug or id of the one that the tokens are to be for
	Methods   []string `json:"methods,omitempty"`  // proven so far
	// Setup is the app that has to be set up first, sealed; nil: none has. It is the ticket's own: whoever
	// else knows the password is not shown it, and cannot put another in its place.
	Setup *draft `json:"setup,omitempty"`
}

// draft is an app of package totp that stands in no table yet.
type draft struct {
	ID     uuid.UUID `json:"id"`
	Sealed []byte    `json:"sealed"`
}

func (g goal) String() string {
	text, _ := json.Marshal(g) // strings and booleans: never fails
	return string(text)
}

func goalOf(t *ticket.Ticket) (g goal, err error) {
	if err := json.Unmarshal([]byte(t.Data), &g); err != nil {
		return goal{}, fmt.Errorf("signin: ticket: %w", err)
	}
	return g, nil
}

// proven is an account and what was proven of it so far.
type proven struct {
	account *account.Account
	held    factor.Held
	methods []string
	// spend uses up what can be used once, in the transaction of what it leads to.
	spend []func(ctx context.Context, tx *db.Tx) error
	// enrol adds what was set up on the way, once there is a session. Optional.
	enrol func(ctx context.Context, tx *db.Tx, row *session.Session) error
	// trust: this browser may go without the second step for a while.
	trust bool
}

func (c *candidate) proven(methods ...string) *proven {
	return &proven{account: c.account, held: c.held, methods: methods}
}

func (p *proven) use(ctx context.Context, tx *db.Tx) error {
	for _, spend := range p.spend {
		if err := spend(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// stepLife is how long somebody may take for the next step of signing in.
const stepLife = 5 * time.Minute

const purposeStep = "mfa"

// opened is what a sign-in came to.
type opened struct {
	row     *session.Session
	cookie  *PageCookie // for pages
	enrolBy time.Time
	tenant  *tenant.Membership
	browser Browser
}

// open is where every way to sign in ends, however many steps it took: it makes the session, or says
// what is still needed. It returns what demand and start do.
func (s *Service) open(ctx context.Context, p *proven, g goal, b Browser) (*opened, error) {
	methods, level := authn.Together(p.methods...)
	enrolBy, err := s.demand(ctx, p, g, b, level)
	if err != nil {
		return nil, err
	}
	within, err := s.enterTenant(ctx, p, g, methods, level)
	if errors.Is(err, ErrNotMember) || errors.Is(err, tenant.ErrPolicy) {
		// What was proven was looked at: it is not good again.
		err = cmp.Or(s.DB.InTx(ctx, func(tx *db.Tx) error { return p.use(ctx, tx) }), err)
	}
	if err != nil {
		return nil, err
	}
	e := authn.Evidence{AccountID: p.account.ID, Epoch: p.account.Epoch, Methods: methods, Level: level}
	trust := p.trust && p.enrol == nil && level >= authn.AAL2
	if trust {
		b.next = secret.NewToken()
	}
	made, cookie := s.birth(g, b)
	with := made.with
	made.with = func(ctx context.Context, tx *db.Tx, row *session.Session) error {
		if with != nil {
			if err := with(ctx, tx, row); err != nil {
				return err
			}
		}
		if err := p.use(ctx, tx); err != nil {
			return err
		}
		if p.enrol != nil {
			return p.enrol(ctx, tx, row)
		}
		if trust {
			return s.trust(ctx, tx, e, b)
		}
		return nil
	}
	row, err := s.start(ctx, e, made)
	if err != nil {
		return nil, err
	}
	s.attempts.succeeded.Add(1)
	p.account.LastLogin = row.CreatedAt
	return &opened{row, cookie, enrolBy, within, b}, nil
}

// demand asks for what is still needed to sign in, worked out here and now from what the account has.
// It returns ErrMFA and ErrEnrol with a ticket for the next step. Where policy asks for a second factor
// and gives time, it returns until when.
func (s *Service) demand(ctx context.Context, p *proven, g goal, b Browser, level authn.AAL) (enrolBy time.Time, err error) {
	if left := p.held.After(p.methods...); len(left) > 0 {
		trusted := false
		// Staff are asked each time: what they may do to others must not hang on one password.
		if s.cfg.RememberDevices > 0 && !p.account.Staff && !p.account.Superuser {
			if trusted, err = s.Devices.Trusted(ctx, s.DB, p.account.ID, p.account.Epoch, b.Token); err != nil {
				return enrolBy, err
			}
		}
		if !trusted {
			return enrolBy, s.ask(ctx, p, g, ErrMFA, left)
		}
	}
	if level >= authn.AAL2 || p.held.Strong() || !s.cfg.Required(p.account) {
		return enrolBy, nil
	}
	if enrolBy, err = graceUntil(ctx, s.DB, p.account.ID, s.cfg.Grace); err == nil && !enrolBy.After(s.DB.Now()) {
		err = s.askToEnrol(ctx, p, g)
	}
	return enrolBy, err
}

// ask hands out a ticket for the next step. What was proven so far is spent: the ticket stands for it.
func (s *Service) ask(ctx context.Context, p *proven, g goal, refusal *fault.Error, left []string) error {
	g.Methods, _ = authn.Together(p.methods...)
	t := &ticket.Ticket{Purpose: purposeStep, AccountID: p.account.ID, Epoch: p.account.Epoch, Data: g.String()}
	var token string
	err := s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		if err := p.use(ctx, tx); err != nil {
			return err
		}
		token, err = s.Tickets.Issue(ctx, tx, t, stepLife)
		return err
	})
	if err != nil {
		return fmt.Errorf("signin: ask: %w", err)
	}
	return refusal.WithNext(fault.Next{Ticket: token, Methods: left})
}

// askToEnrol begins to set up an app that shows codes: the one second factor that needs nothing but
// what everybody has.
func (s *Service) askToEnrol(ctx context.Context, p *proven, g goal) error {
	setup, sealed, err := s.TOTP.Draft(p.account.ID, p.account.Email)
	if err != nil {
		return err
	}
	g.Setup = &draft{setup.ID, sealed}
	return s.ask(ctx, p, g, ErrEnrol, []string{factor.TOTP})
}

// birth is what a session is made with, besides the evidence.
type birth struct {
	client   session.Client
	audience string
	idle     time.Duration
	absolute time.Duration
	browser  Browser
	// with writes what belongs to the session, in its transaction. Optional.
	with func(ctx context.Context, tx *db.Tx, row *session.Session) error
}

// birth says what a session for g is made with; for pages, with the cookie that it will have.
func (s *Service) birth(g goal, b Browser) (birth, *PageCookie) {
	made := birth{client: session.Client{ID: session.FirstParty, Transport: g.Transport}, audience: g.Audience, browser: b,
		idle: s.cfg.Session.Idle, absolute: s.cfg.Session.Absolute}
	if g.Transport != session.Page {
		return made, nil
	}
	p, cookie := s.cfg.Pages, newPageCookie()
	cookie.browser = b
	made.audience, made.idle, made.absolute = s.cfg.Audiences[0], p.Idle, p.Absolute
	if g.Remember {
		made.idle, made.absolute, cookie.Life = p.RememberedIdle, p.RememberedAbsolute, p.RememberedAbsolute
	}
	made.with = func(ctx context.Context, tx *db.Tx, row *session.Session) error {
		return session.SetCookie(ctx, tx, row.ID, session.PageCookie{Hash: s.cookies.Sum(cookie.Value), Remembered: g.Remember})
	}
	return made, cookie
}

// start is the one function that makes sessions. Every way to sign in brings its evidence here.
// It returns session.ErrRefused when the account was disabled or its epoch moved on since.
func (s *Service) start(ctx context.Context, e authn.Evidence, b birth) (*session.Session, error) {
	src := audit.FromContext(ctx)
	row := &session.Session{Client: b.client, Audience: b.audience, Idle: b.idle, Device: src.Device, Address: src.Address}
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		row.ExpiresAt, e.At = tx.Now.Add(b.absolute), tx.Now
		seen, err := session.Create(ctx, tx, row, e, s.Devices.Hashes(b.browser.Token))
		if err != nil {
			return err
		}
		if b.with != nil {
			if err := b.with(ctx, tx, row); err != nil {
				return err
			}
		}
		if err := s.meet(ctx, tx, row, e.Epoch, b.browser, seen); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "session.created", AccountID: row.AccountID, SessionID: row.ID,
			Detail: map[string]string{"amr": strings.Join(e.Methods, " "), "aal": e.Level.ACR()}})
	})
	if err != nil {
		return nil, fmt.Errorf("signin: start: %w", err)
	}
	return row, nil
}

// meet remembers a device that an account was not signed in to from before, and tells its owner unless
// it is the first of all.
func (s *Service) meet(ctx context.Context, tx *db.Tx, row *session.Session, epoch int64, b Browser, seen session.Seen) error {
	if seen.Device || row.Client.Transport == session.Look {
		return nil
	}
	if b.Token != "" {
		if err := s.Devices.Note(ctx, tx, row.AccountID, b.Token); err != nil {
			return err
		}
	}
	if !seen.Account {
		return nil
	}
	token, until, err := s.Disown(ctx, tx, row.AccountID, row.ID, epoch)
	if err != nil {
		return err
	}
	return s.Letters.Write(ctx, tx, letter.NewDevice, row.AccountID, letter.Content{Link: letter.With(s.cfg.NotMe, token), Expires: until})
}

// signIn opens a session for a client of the API and makes its tokens.
func (s *Service) signIn(ctx context.Context, p *proven, g goal, b Browser) (*SignedIn, error) {
	o, err := s.open(ctx, p, g, b)
	if err != nil {
		return nil, s.overtaken(ctx, p, err)
	}
	p.account.Profile.Attributes = s.Schema.Shown(p.account.Profile.Attributes)
	claims, grant := session.RefreshClaims{SessionID: o.row.ID}, role.Grant{}
	if o.tenant != nil {
		claims.TenantID, grant = o.tenant.Tenant.ID, o.tenant.Grant
	}
	tokens, err := s.issue(ctx, o.row, p.account.Subject, grant, claims, o.row.CreatedAt)
	if err != nil {
		return nil, err
	}
	return &SignedIn{Tokens: *tokens, Account: p.account, EnrolBy: o.enrolBy, Tenant: o.tenant, browser: o.browser}, nil
}

// signInPage opens a session for pages.
func (s *Service) signInPage(ctx context.Context, p *proven, g goal, b Browser) (*PageCookie, error) {
	o, err := s.open(ctx, p, g, b)
	if err != nil {
		return nil, s.overtaken(ctx, p, err)
	}
	return o.cookie, nil
}

// overtaken words a refusal of start: the account was disabled, or got another password, since the
// proof was checked.
func (s *Service) overtaken(ctx context.Context, p *proven, err error) error {
	if !errors.Is(err, session.ErrRefused) {
		return err
	}
	return s.closed(ctx, p, "overtaken", ErrCredentials)
}
