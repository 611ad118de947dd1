package signin

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Proof is what somebody shows for themselves, by one of the methods of package factor.
type Proof struct {
	Method   string
	Password string
	Code     string // of an app, a mail, or for a rainy day
	// Ticket is that of a passkey's challenge, or of a code that was mailed to confirm.
	Ticket     string
	Credential []byte // a passkey's answer
}

// Second takes the next step of a sign-in that asked for one, and starts the session when it was
// the last. Every try is counted before it is looked at, by ticket and by account. It returns
// ticket.ErrRejected when the step is over, ErrStep for a proof that is no good, ErrMethod,
// ratelimit.ErrLimited, ErrMFA when yet another step is needed, and password.ErrBusy.
func (s *Service) Second(ctx context.Context, token string, in Proof, b Browser, trust bool) (done *SignedIn, err error) {
	err = s.step(ctx, token, in, b, trust, func(p *proven, g goal) (err error) {
		if g.Transport == session.Page {
			return ticket.ErrRejected // begun on a page, which is where it goes on
		}
		done, err = s.signIn(ctx, p, g, b)
		return err
	})
	return done, err
}

// SecondPage is Second for a sign-in on the pages.
func (s *Service) SecondPage(ctx context.Context, token string, in Proof, b Browser, trust bool) (cookie *PageCookie, err error) {
	err = s.step(ctx, token, in, b, trust, func(p *proven, g goal) (err error) {
		if g.Transport != session.Page {
			return ticket.ErrRejected
		}
		cookie, err = s.signInPage(ctx, p, g, b)
		return err
	})
	return cookie, err
}

// step checks a proof and hands what is proven by now to goOn.
func (s *Service) step(ctx context.Context, token string, in Proof, b Browser, trust bool, goOn func(*proven, goal) error) error {
	t, err := s.Tickets.Try(ctx, s.DB, purposeStep, token)
	if err != nil {
		return err
	}
	g, err := goalOf(t)
	if err != nil {
		return err
	}
	found, err := find(ctx, s.DB, identifier{"id", t.AccountID.String()})
	if err != nil {
		return err
	}
	if found.missing() {
		return ticket.ErrRejected
	}
	offered := found.held.After(g.Methods...)
	if g.Setup != nil {
		offered = []string{factor.TOTP}
	}
	if !slices.Contains(offered, in.Method) {
		return ErrMethod.WithNext(fault.Next{Methods: offered})
	}
	p := found.proven(g.Methods...)
	taken, err := s.check(ctx, found, p, in, t, g.Setup)
	if err != nil {
		return s.refuseStep(ctx, t, in.Method, err)
	}
	p.spend = append(p.spend, func(ctx context.Context, tx *db.Tx) error { return s.Tickets.Use(ctx, tx, t) })
	p.trust = trust && s.cfg.RememberDevices > 0 && b.Token != ""
	if err = goOn(p, g); err == nil || errors.Is(err, ErrMFA) {
		if taken != nil {
			taken.Refund()
		}
		return err
	}
	return s.refuseStep(ctx, t, in.Method, err)
}

// check looks at one proof and adds what it is worth to p. It counts the try first, if it could be a
// guess; what it returns is nil otherwise.
func (s *Service) check(ctx context.Context, found *candidate, p *proven, in Proof, t *ticket.Ticket, setup *draft) (*ratelimit.Taken, error) {
	if in.Method == factor.Passkey {
		return nil, s.checkPasskey(ctx, p, t.ID, in) // nobody guesses a signature: it takes no try from others
	}
	limit := s.cfg.PerStep
	if in.Method == factor.Password {
		limit = s.cfg.PerAccount
	}
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: limit, Key: found.account.ID.String()})
	if err != nil {
		return nil, err
	}
	switch in.Method {
	case factor.Password:
		result, err := s.Hasher.Verify(ctx, found.hash, in.Password)
		if err != nil {
			taken.Refund() // nothing was learnt about the password
			return nil, err
		}
		if !result.OK {
			return nil, ErrStep
		}
		p.methods = append(p.methods, authn.Password)
	case factor.EmailCode:
		if !s.Tickets.IsCode(t, in.Code) {
			return nil, ErrStep
		}
		p.methods = append(p.methods, authn.Email)
	case factor.TOTP:
		err = s.checkApp(ctx, p, in.Code, setup)
	case factor.BackupCode:
		p.methods = append(p.methods, authn.BackupCode)
		p.spend = append(p.spend, func(ctx context.Context, tx *db.Tx) error { return s.spendBackup(ctx, tx, p.account.ID, in.Code) })
	}
	return taken, err
}

func (s *Service) checkApp(ctx context.Context, p *proven, code string, setup *draft) error {
	p.methods = append(p.methods, authn.TOTP)
	if setup != nil {
		p.held.TOTP++
		p.enrol = func(ctx context.Context, tx *db.Tx, row *session.Session) error {
			return s.enrol(ctx, tx, row, setup, code)
		}
		return nil
	}
	m, err := s.TOTP.Match(ctx, p.account.ID, code)
	if err != nil {
		return err
	}
	p.spend = append(p.spend, func(ctx context.Context, tx *db.Tx) error { return s.TOTP.Spend(ctx, tx, m) })
	return nil
}

// enrol adds the app that policy asked for; its first code is the second step of this sign-in. All other
// sessions end, and every other sign-in that is under way: they have proven less. Whoever was quicker to
// set something up wins.
func (s *Service) enrol(ctx context.Context, tx *db.Tx, row *session.Session, setup *draft, code string) error {
	epoch, err := account.EndSessions(ctx, tx, row.AccountID)
	if err != nil {
		return err
	}
	if held, err := factor.Of(ctx, tx, row.AccountID); err != nil || held.Strong() {
		return cmp.Or(err, error(ticket.ErrRejected))
	}
	if err := session.Keep(ctx, tx, row.ID, epoch); err != nil {
		return err
	}
	d, err := s.TOTP.Enlist(ctx, tx, row.AccountID, setup.ID, setup.Sealed, code)
	if err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "factor.added", AccountID: row.AccountID, SessionID: row.ID, Detail: map[string]string{"factor": factor.TOTP, "id": d.ID.String()}}); err != nil {
		return err
	}
	return s.Letters.Write(ctx, tx, letter.FactorAdded, row.AccountID, letter.Content{Name: d.Name})
}

func (s *Service) spendBackup(ctx context.Context, tx *db.Tx, id account.ID, code string) error {
	left, err := s.BackupCodes.Spend(ctx, tx, id, code)
	if err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "backup_code.used", AccountID: id}); err != nil {
		return err
	}
	return s.Letters.Write(ctx, tx, letter.BackupCodeUsed, id, letter.Content{Count: left})
}

// trust lets a browser go without the second step, under a token that nobody has seen before.
func (s *Service) trust(ctx context.Context, tx *db.Tx, e authn.Evidence, b Browser) error {
	if err := s.Devices.Note(ctx, tx, e.AccountID, b.next); err != nil {
		return err
	}
	return s.Devices.Trust(ctx, tx, e.AccountID, e.Epoch, b.next, s.cfg.RememberDevices)
}

// refuseStep words a refusal of a step and leaves its trace.
func (s *Service) refuseStep(ctx context.Context, t *ticket.Ticket, method string, err error) error {
	why, said := "wrong_"+method, error(ErrStep)
	switch {
	case errors.Is(err, ErrStep), errors.Is(err, factor.ErrCode), errors.Is(err, passkey.ErrRejected):
	case errors.Is(err, ratelimit.ErrLimited):
		why, said = rateLimited, err
		if !s.noted.First("step:"+t.AccountID.String(), s.DB.Now()) {
			s.attempts.refuse(why)
			return err
		}
	case errors.Is(err, ticket.ErrRejected):
		why, said = "overtaken", ticket.ErrRejected
	default:
		return err
	}
	return cmp.Or(s.refused(ctx, t.AccountID, why), said)
}

// Step is what is left of a sign-in.
type Step struct {
	Methods []string // any one of them is enough, the best first
	Address string   // where a code is mailed to, in part
	Mailed  bool     // a code was mailed
	// Setup is what has to be set up to go on, where policy asks for a second factor and the account
	// has none.
	Setup    *totp.Setup
	MayTrust bool // this device may be remembered
	Page     bool // begun on a page
}

// Step returns what is left of a sign-in, or ticket.ErrRejected. Nothing is counted or used.
func (s *Service) Step(ctx context.Context, token string) (*Step, error) {
	t, g, found, err := s.pending(ctx, token)
	if err != nil {
		return nil, err
	}
	step := &Step{Methods: found.held.After(g.Methods...), Address: masked(found.account.Email), Mailed: t.Mailed(), MayTrust: s.cfg.RememberDevices > 0 && found.held.Strong() && !found.account.Staff && !found.account.Superuser, Page: g.Transport == session.Page}
	if g.Setup != nil {
		step.Methods = []string{factor.TOTP}
		if step.Setup, err = s.TOTP.Drafted(t.AccountID, g.Setup.ID, g.Setup.Sealed, found.account.Email); err != nil {
			return nil, err
		}
	}
	return step, nil
}

// pending finds a step that may still be taken.
func (s *Service) pending(ctx context.Context, token string) (*ticket.Ticket, goal, *candidate, error) {
	t, err := s.Tickets.Find(ctx, s.DB, purposeStep, token)
	if err != nil {
		return nil, goal{}, nil, err
	}
	g, err := goalOf(t)
	if err != nil {
		return nil, goal{}, nil, err
	}
	found, err := find(ctx, s.DB, identifier{"id", t.AccountID.String()})
	if err == nil && found.missing() {
		err = ticket.ErrRejected
	}
	return t, g, found, err
}

// masked shows of an address as much as its owner needs to know it by.
func masked(address string) string {
	name, host, _ := strings.Cut(address, "@")
	first := []rune(name)
	return string(first[:min(1, len(first))]) + "•••@" + host
}

// MailStep mails a code for a step that takes one. It returns ticket.ErrRejected, ErrMethod and
// ratelimit.ErrLimited.
func (s *Service) MailStep(ctx context.Context, token string) error {
	t, g, found, err := s.pending(ctx, token)
	if err != nil {
		return err
	}
	if offered := found.held.After(g.Methods...); !slices.Contains(offered, factor.EmailCode) {
		return ErrMethod.WithNext(fault.Next{Methods: offered})
	}
	return s.EmailCodes.Send(ctx, t)
}

// ChallengeStep begins a step by passkey. It returns ticket.ErrRejected and ErrMethod.
func (s *Service) ChallengeStep(ctx context.Context, token string) (*passkey.Challenge, error) {
	t, g, found, err := s.pending(ctx, token)
	if err != nil {
		return nil, err
	}
	if offered := found.held.After(g.Methods...); !slices.Contains(offered, factor.Passkey) {
		return nil, ErrMethod.WithNext(fault.Next{Methods: offered})
	}
	return s.Passkeys.BeginProof(ctx, t.AccountID, t.ID)
}

// network is a network address as limits know it.
func (s *Service) network(limit ratelimit.Limit, from netip.Addr) ratelimit.Bucket {
	return ratelimit.Bucket{Limit: limit, Key: ratelimit.AddressKey(from)}
}
