package signin_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin/signintest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// app adds an app that shows codes and returns its secret. Time goes on, so that its next code is good.
func (w *world) app() string {
	w.t.Helper()
	setup, err := w.deps.TOTP.Begin(w.t.Context(), session.Bearer{AccountID: w.account.ID}, email, "Phone")
	must(w.t, err)
	key := setup.Secret.Reveal()
	must(w.t, w.InTx(w.t.Context(), func(tx *db.Tx) error {
		_, err := w.deps.TOTP.Confirm(w.t.Context(), tx, w.account.ID, w.code(key))
		return err
	}))
	w.advance(time.Minute)
	return key
}

func (w *world) code(key string) string {
	w.t.Helper()
	code, err := otp.GenerateCode(key, w.Now())
	must(w.t, err)
	return code
}

func (w *world) backupCodes() (codes []string) {
	w.t.Helper()
	must(w.t, w.InTx(w.t.Context(), func(tx *db.Tx) (err error) {
		codes, err = w.deps.BackupCodes.Replace(w.t.Context(), tx, w.account.ID)
		return err
	}))
	return codes
}

func (w *world) mailFactor() {
	w.t.Helper()
	must(w.t, w.InTx(w.t.Context(), func(tx *db.Tx) error { return w.deps.EmailCodes.Enable(w.t.Context(), tx, w.account.ID) }))
}

// passkey adds one and returns what holds it.
func (w *world) passkey() *passkeytest.Authenticator {
	w.t.Helper()
	a, by := passkeytest.NewAuthenticator(domaintest.Origin), w.Session(w.account.ID)
	c, err := w.deps.Passkeys.BeginRegistration(w.t.Context(), by, email, "Jo")
	must(w.t, err)
	p, err := w.deps.Passkeys.FinishRegistration(w.t.Context(), by, c.Ticket, a.Create(c.Options), "Key")
	must(w.t, err)
	must(w.t, w.InTx(w.t.Context(), func(tx *db.Tx) error { return w.deps.Passkeys.Save(w.t.Context(), tx, p) }))
	return a
}

// next fails unless err asks for another step, and returns its ticket and how it can be taken.
func next(t *testing.T, err, want error) (token string, methods []string) {
	t.Helper()
	wants(t, err, want)
	f, _ := fault.From(err)
	if f.Next.Ticket == "" {
		t.Fatal("there is no ticket to go on with")
	}
	return f.Next.Ticket, f.Next.Methods
}

// mailed returns the code in the last mail.
func (w *world) mailed() string {
	w.t.Helper()
	w.Drain()
	sent := w.Mails.Take()
	if len(sent) == 0 {
		w.t.Fatal("no mail came")
	}
	text := sent[len(sent)-1].Text
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if len(line) == ticket.CodeDigits && strings.Trim(line, "0123456789") == "" {
			return line
		}
	}
	w.t.Fatal("there is no code in the mail")
	return ""
}

func (w *world) second(token string, p signin.Proof) (*signin.SignedIn, error) {
	return w.flow.Second(w.t.Context(), token, p, signin.Browser{}, false)
}

func TestAnAppIsAskedForAndGivesTheSecondLevel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key := w.app()
		s, err := w.login(pass)
		token, methods := next(t, err, signin.ErrMFA)
		if s != nil || !slices.Equal(methods, []string{factor.TOTP}) || w.Count("SELECT count(*) FROM session WHERE transport = 'body'") != 0 {
			t.Fatalf("before the second step: %v, methods %v", s, methods)
		}
		_, err = w.second(token, signin.Proof{Method: factor.TOTP, Code: "000000"})
		wants(t, err, signin.ErrStep)
		s, err = w.second(token, signin.Proof{Method: factor.TOTP, Code: w.code(key)})
		must(t, err)
		id, err := w.verifier.Verify(t.Context(), s.Tokens.Access)
		must(t, err)
		if id.AAL != 2 || !slices.Equal(id.AMR, []string{"pwd", "otp", "mfa"}) {
			t.Errorf("aal %d, amr %v", id.AAL, id.AMR)
		}
		_, err = w.second(token, signin.Proof{Method: factor.TOTP, Code: w.code(key)})
		wants(t, err, ticket.ErrRejected)
		if got := w.Audited("signin.refused"); !slices.Equal(got, []string{"wrong_totp"}) {
			t.Errorf("audited %v", got)
		}
	})
}

// One code opens one session, however many tries come at once, each with a ticket of its own.
func TestOneCodeOpensOneSession(t *testing.T) {
	eachWith(t, func(c *signin.Config) { c.PerStep = ratelimit.Limit{Name: "signin.step", Burst: 1000, Per: time.Hour} }, func(t *testing.T, w *world) {
		key := w.app()
		var tickets []string
		for range 16 {
			_, err := w.login(pass)
			token, _ := next(t, err, signin.ErrMFA)
			tickets = append(tickets, token)
		}
		code := w.code(key)
		var opened atomic.Int64
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				switch _, err := w.second(tickets[i%len(tickets)], signin.Proof{Method: factor.TOTP, Code: code}); {
				case err == nil:
					opened.Add(1)
				case !errors.Is(err, signin.ErrStep) && !errors.Is(err, ticket.ErrRejected):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := opened.Load(); n != 1 {
			t.Errorf("%d sessions with one code", n)
		}
	})
}

func TestATicketIsGoodForFiveTriesAndFiveMinutes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key := w.app()
		begin := func() string {
			_, err := w.login(pass)
			token, _ := next(t, err, signin.ErrMFA)
			return token
		}
		token := begin()
		for range ticket.MaxTries {
			_, err := w.second(token, signin.Proof{Method: factor.TOTP, Code: "000000"})
			wants(t, err, signin.ErrStep)
		}
		_, err := w.second(token, signin.Proof{Method: factor.TOTP, Code: w.code(key)})
		wants(t, err, ticket.ErrRejected)
		token = begin()
		w.advance(5 * time.Minute)
		_, err = w.second(token, signin.Proof{Method: factor.TOTP, Code: w.code(key)})
		wants(t, err, ticket.ErrRejected)
		_, err = w.second(secret.NewToken(), signin.Proof{Method: factor.TOTP, Code: w.code(key)})
		wants(t, err, ticket.ErrRejected)
	})
}

// A new ticket is no new set of tries: whoever has the password gets 20 in an hour in all.
func TestWrongStepsAreCountedByAccountAcrossTickets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key := w.app()
		var wrong atomic.Int64
		for range 6 {
			_, err := w.login(pass)
			token, _ := next(t, err, signin.ErrMFA)
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					if _, err := w.second(token, signin.Proof{Method: factor.TOTP, Code: "000000"}); errors.Is(err, signin.ErrStep) {
						wrong.Add(1)
					}
				})
			}
			all.Wait()
		}
		if n := wrong.Load(); n != 20 {
			t.Errorf("%d codes were looked at, want 20", n)
		}
		_, err := w.login(pass)
		token, _ := next(t, err, signin.ErrMFA)
		_, err = w.second(token, signin.Proof{Method: factor.TOTP, Code: w.code(key)})
		wants(t, err, ratelimit.ErrLimited)
	})
}

func TestABackupCodeWorksOnceAndIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.app()
		codes := w.backupCodes()
		begin := func() string {
			_, err := w.login(pass)
			token, _ := next(t, err, signin.ErrMFA)
			return token
		}
		s, err := w.second(begin(), signin.Proof{Method: factor.BackupCode, Code: strings.ToUpper(codes[3])})
		must(t, err)
		if id, err := w.verifier.Verify(t.Context(), s.Tokens.Access); err != nil || id.AAL != 2 || !slices.Contains(id.AMR, "backup_code") {
			t.Errorf("%+v, %v", id, err)
		}
		_, err = w.second(begin(), signin.Proof{Method: factor.BackupCode, Code: codes[3]})
		wants(t, err, signin.ErrStep)
		w.Drain()
		var told bool
		for _, m := range w.Mails.Take() {
			told = told || strings.Contains(m.Subject, "backup code") && strings.Contains(m.Text, "9")
		}
		if !told || len(w.Audited("backup_code.used")) != 1 {
			t.Error("the owner is not told, or the audit does not know")
		}
	})
}

func TestAStepDiesWithWhatItStoodOn(t *testing.T) {
	changes := map[string]string{
		"disabled":            "UPDATE account SET active = FALSE",
		"password changed":    "UPDATE account SET epoch = epoch + 1",
		"signed out all over": "UPDATE account SET epoch = epoch + 1",
	}
	each(t, func(t *testing.T, w *world) {
		key := w.app()
		for name, change := range changes {
			_, err := w.login(pass)
			token, _ := next(t, err, signin.ErrMFA)
			w.Exec(change)
			if _, err = w.second(token, signin.Proof{Method: factor.TOTP, Code: w.code(key)}); !errors.Is(err, ticket.ErrRejected) {
				t.Errorf("%s: %v", name, err)
			}
			w.Exec("UPDATE account SET active = TRUE")
			w.advance(time.Minute)
		}
	})
}

// Tickets of one purpose are nothing for another, and those of pages nothing for the API.
func TestTicketsAreGoodForTheirPurposeAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key := w.app()
		a := w.passkey()
		_, err := w.login(pass)
		step, _ := next(t, err, signin.ErrMFA)
		_, err = w.flow.SignInPage(t.Context(), signin.Attempt{Email: email, Password: pass, Address: caller}, false)
		page, _ := next(t, err, signin.ErrMFA)
		link, err := w.flow.AskLink(t.Context(), email, signin.Wish{Transport: session.Body}, caller)
		must(t, err)
		code := w.mailed()
		begun, err := w.flow.BeginPasskey(t.Context(), signin.Wish{Transport: session.Body}, caller)
		must(t, err)

		proof := signin.Proof{Method: factor.TOTP, Code: w.code(key)}
		for name, token := range map[string]string{"page": page, "link": link, "passkey": begun.Ticket} {
			if _, err := w.second(token, proof); !errors.Is(err, ticket.ErrRejected) {
				t.Errorf("a ticket of a %s as step: %v", name, err)
			}
		}
		for name, token := range map[string]string{"step": step, "passkey": begun.Ticket} {
			if _, err := w.flow.Link(t.Context(), token, code, signin.Browser{}); !errors.Is(err, ticket.ErrRejected) && !errors.Is(err, signin.ErrStep) {
				t.Errorf("a ticket of a %s as link: %v", name, err)
			}
			if _, err := w.flow.LinkPage(t.Context(), link, code, signin.Browser{}, false); !errors.Is(err, ticket.ErrRejected) {
				t.Errorf("a link of the API on a page: %v", err)
			}
		}
		for name, token := range map[string]string{"step": step, "link": link} {
			if _, err := w.flow.FinishPasskey(t.Context(), token, a.Get(begun.Options), signin.Browser{}); err == nil {
				t.Errorf("a ticket of a %s as passkey", name)
			}
		}
		if n := w.Count("SELECT count(*) FROM session WHERE transport <> 'body' OR amr <> 'pwd'"); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

// No path opens a session with less than the account has: every order of every subset of proofs, on
// every way in, for every set of what an account can have.
func TestNoSubsetOfProofsOpensASession(t *testing.T) {
	const none, app, mail, key, codes = 0, 1, 2, 4, 8
	eachWith(t, func(c *signin.Config) {
		c.PerStep = ratelimit.Limit{Name: "signin.step", Burst: 1_000_000, Per: time.Hour}
		c.PerAccount, c.PerAddress = ratelimit.Limit{Name: "a", Burst: 1_000_000, Per: time.Hour}, ratelimit.Limit{Name: "b", Burst: 1_000_000, Per: time.Hour}
	}, func(t *testing.T, w *world) {
		for held := none; held < 16; held++ {
			if held&codes != 0 && held&(app|key) == 0 {
				continue // backup codes stand beside something else
			}
			w.Exec("DELETE FROM totp_device")
			w.Exec("DELETE FROM passkey")
			w.Exec("DELETE FROM email_factor")
			w.Exec("DELETE FROM backup_code")
			var tools tools
			if held&app != 0 {
				tools.key = w.app()
			}
			if held&mail != 0 {
				w.mailFactor()
			}
			if held&key != 0 {
				tools.passkey = w.passkey()
			}
			if held&codes != 0 {
				tools.codes = w.backupCodes()
			}
			strong, open := held&(app|key) != 0, map[string]bool{}
			for _, order := range orders([]string{factor.Password, factor.EmailCode, factor.TOTP, factor.BackupCode, factor.Passkey}) {
				if len(order) > 1 && open[strings.Join(order[:len(order)-1], " ")] {
					open[strings.Join(order, " ")] = true // less was enough
					continue
				}
				opened := w.tryInOrder(order, &tools)
				open[strings.Join(order, " ")] = opened
				has := func(m string) bool { return slices.Contains(order, m) }
				enough := false
				switch first := order[0]; {
				case first == factor.Passkey:
					enough = held&key != 0
				case first != factor.Password && first != factor.EmailCode:
				case strong:
					enough = held&app != 0 && has(factor.TOTP) || held&key != 0 && has(factor.Passkey) || held&codes != 0 && has(factor.BackupCode)
				case held&mail != 0:
					enough = has(factor.Password) && has(factor.EmailCode)
				default:
					enough = true
				}
				if opened != enough {
					t.Errorf("held %04b, proofs %v: opened is %v", held, order, opened)
				}
			}
		}
	})
}

type tools struct {
	key     string
	codes   []string
	passkey *passkeytest.Authenticator
}

// orders returns every order of every subset.
func orders(all []string) (out [][]string) {
	var grow func(so []string)
	grow = func(so []string) {
		if len(so) > 0 {
			out = append(out, slices.Clone(so))
		}
		if len(so) == 3 {
			return // a sign-in takes two steps at most; a third shows that more does not help
		}
		for _, m := range all {
			if !slices.Contains(so, m) {
				grow(append(slices.Clone(so), m))
			}
		}
	}
	grow(nil)
	return out
}

// tryInOrder gives the proofs one after another, all of them good, and reports whether that opened a
// session.
func (w *world) tryInOrder(order []string, tools *tools) bool {
	w.t.Helper()
	w.Exec("DELETE FROM rate_limit")
	w.Exec("UPDATE totp_device SET last_step = 0")
	var token string
	for i, m := range order {
		var err error
		if i == 0 {
			switch m {
			case factor.Password:
				_, err = w.login(pass)
			case factor.EmailCode:
				var link string
				link, err = w.flow.AskLink(w.t.Context(), email, signin.Wish{Transport: session.Body}, caller)
				must(w.t, err)
				_, err = w.flow.Link(w.t.Context(), link, w.mailed(), signin.Browser{})
			case factor.Passkey:
				if tools.passkey == nil {
					return false
				}
				c, begun := w.flow.BeginPasskey(w.t.Context(), signin.Wish{Transport: session.Body}, caller)
				must(w.t, begun)
				_, err = w.flow.FinishPasskey(w.t.Context(), c.Ticket, tools.passkey.Get(c.Options), signin.Browser{})
			default:
				return false // there is no such way in
			}
		} else {
			_, err = w.second(token, w.proof(token, m, tools))
		}
		if err == nil {
			return true
		}
		if f, ok := fault.From(err); ok && f.Next.Ticket != "" {
			token = f.Next.Ticket
		}
	}
	return false
}

// proof makes a good one for a method, where there is what it takes.
func (w *world) proof(token, method string, tools *tools) signin.Proof {
	p := signin.Proof{Method: method}
	switch method {
	case factor.Password:
		p.Password = pass
	case factor.EmailCode:
		if w.flow.MailStep(w.t.Context(), token) == nil {
			p.Code = w.mailed()
		}
	case factor.TOTP:
		if tools.key != "" {
			p.Code = w.code(tools.key)
		}
	case factor.BackupCode:
		if len(tools.codes) > 0 {
			w.Exec("UPDATE backup_code SET used_at = NULL")
			p.Code = tools.codes[0]
		}
	case factor.Passkey:
		if c, err := w.flow.ChallengeStep(w.t.Context(), token); err == nil {
			p.Ticket, p.Credential = c.Ticket, tools.passkey.Get(c.Options)
		}
	}
	return p
}

func TestATOTPCheckTakesThreeStatementsAndAPasskeySignInFive(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key := w.app()
		a := w.passkey()
		_, err := w.login(pass)
		token, _ := next(t, err, signin.ErrMFA)
		n := 0
		for _, q := range w.Statements(func() {
			_, err = w.second(token, signin.Proof{Method: factor.TOTP, Code: w.code(key)})
			must(t, err)
		}) {
			if strings.Contains(q, "totp_device") && !strings.Contains(q, "password_credential") || strings.Contains(q, "rate_limit") {
				n++
			}
		}
		if n != 3 {
			t.Errorf("a check of a code takes %d statements, want 3: limiter, look, spend", n)
		}
		c, err := w.flow.BeginPasskey(t.Context(), signin.Wish{Transport: session.Body}, caller)
		must(t, err)
		answer := a.Get(c.Options)
		got := w.Statements(func() {
			_, err = w.flow.FinishPasskey(t.Context(), c.Ticket, answer, signin.Browser{})
			must(t, err)
		})
		if len(got) != 5 {
			t.Errorf("a passkey sign-in takes %d statements: %q", len(got), got)
		}
	})
}

func TestPolicyDemandsASecondFactorAfterAGrace(t *testing.T) {
	eachWith(t, func(c *signin.Config) {
		c.Required = func(a *account.Account) bool { return a.Staff }
	}, func(t *testing.T, w *world) {
		s := w.signIn()
		if !s.EnrolBy.IsZero() {
			t.Error("somebody is asked whom policy does not ask")
		}
		w.Exec("UPDATE account SET staff = TRUE")
		by := w.signIn().EnrolBy
		if by.Sub(w.Now()).Round(time.Hour) != 7*24*time.Hour {
			t.Errorf("asked by %v", by)
		}
		w.advance(6 * 24 * time.Hour)
		if got := w.signIn().EnrolBy; !got.Equal(by) {
			t.Errorf("the grace moved to %v", got)
		}
		w.advance(24 * time.Hour)
		_, err := w.login(pass)
		token, methods := next(t, err, signin.ErrEnrol)
		step, err := w.flow.Step(t.Context(), token)
		must(t, err)
		if !slices.Equal(methods, []string{factor.TOTP}) || step.Setup == nil {
			t.Fatalf("methods %v, set-up %v", methods, step.Setup)
		}
		_, err = w.second(token, signin.Proof{Method: factor.TOTP, Code: "000000"})
		wants(t, err, signin.ErrStep)
		s, err = w.second(token, signin.Proof{Method: factor.TOTP, Code: w.code(step.Setup.Secret.Reveal())})
		must(t, err)
		if id, err := w.verifier.Verify(t.Context(), s.Tokens.Access); err != nil || id.AAL != 2 {
			t.Errorf("%+v, %v", id, err)
		}
		_, err = w.login(pass)
		next(t, err, signin.ErrMFA)
	})
}

func TestARememberedDeviceSkipsTheSecondStepWherePolicyAllows(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key := w.app()
		b := signin.Browser{Token: secret.NewToken()}
		_, err := w.login(pass)
		token, _ := next(t, err, signin.ErrMFA)
		_, err = w.flow.Second(t.Context(), token, signin.Proof{Method: factor.TOTP, Code: w.code(key)}, b, true)
		must(t, err)
		_, err = w.flow.Login(t.Context(), signin.Attempt{Email: email, Password: pass, Transport: session.Body, Address: caller, Browser: b})
		next(t, err, signin.ErrMFA)
	})
	eachWith(t, func(c *signin.Config) { c.RememberDevices = 30 * 24 * time.Hour }, func(t *testing.T, w *world) {
		key := w.app()
		login := func(b signin.Browser) error {
			_, err := w.flow.Login(t.Context(), signin.Attempt{Email: email, Password: pass, Transport: session.Body, Address: caller, Browser: b})
			return err
		}
		remember := func(b signin.Browser) signin.Browser {
			token, _ := next(t, login(b), signin.ErrMFA)
			s, err := w.flow.Second(t.Context(), token, signin.Proof{Method: factor.TOTP, Code: w.code(key)}, b, true)
			must(t, err)
			return s.Given()
		}
		copied := signin.Browser{Token: secret.NewToken()}
		b := remember(copied)
		must(t, login(b))
		if b == copied {
			t.Error("whoever copied the browser's token before it was trusted is trusted with it")
		}
		wants(t, login(copied), signin.ErrMFA)
		wants(t, login(signin.Browser{Token: secret.NewToken()}), signin.ErrMFA)
		wants(t, login(signin.Browser{}), signin.ErrMFA)
		if _, err := w.flow.Login(t.Context(), signin.Attempt{Email: email, Password: "wrong", Transport: session.Body, Address: caller, Browser: b}); !errors.Is(err, signin.ErrCredentials) {
			t.Errorf("a remembered device and a wrong password: %v", err)
		}
		w.Exec("UPDATE account SET staff = TRUE")
		wants(t, login(b), signin.ErrMFA)
		w.Exec("UPDATE account SET staff = FALSE")
		must(t, login(b))
		w.advance(30 * 24 * time.Hour)
		wants(t, login(b), signin.ErrMFA)
		b = remember(b)
		must(t, login(b))
		w.Exec("UPDATE account SET epoch = epoch + 1") // as a new password does
		wants(t, login(b), signin.ErrMFA)
	})
}

// A mailed code is no second factor, so it makes no device one that is trusted: whoever has mailbox and
// password would be let past the app that the owner sets up next.
func TestAMailedCodeTrustsNoDevice(t *testing.T) {
	eachWith(t, func(c *signin.Config) { c.RememberDevices = 30 * 24 * time.Hour }, func(t *testing.T, w *world) {
		w.mailFactor()
		b := signin.Browser{Token: secret.NewToken()}
		_, err := w.login(pass)
		token, _ := next(t, err, signin.ErrMFA)
		must(t, w.flow.MailStep(t.Context(), token))
		_, err = w.flow.Second(t.Context(), token, signin.Proof{Method: factor.EmailCode, Code: w.mailed()}, b, true)
		must(t, err)
		if n := w.Count("SELECT count(*) FROM device WHERE trusted_until IS NOT NULL"); n != 0 {
			t.Errorf("%d devices are trusted", n)
		}
	})
}

// Two who know the password, the owner and a thief, are both told to set up an app. Neither is shown the
// other's, neither replaces it, and the first to finish ends all that the other has.
func TestAnAppDemandedAtSignInIsOnesOwn(t *testing.T) {
	demanded := atomic.Bool{}
	eachWith(t, func(c *signin.Config) {
		c.Required, c.Grace = func(*account.Account) bool { return demanded.Load() }, 0
	}, func(t *testing.T, w *world) {
		demanded.Store(false)
		before := w.signIn()
		demanded.Store(true)
		begin := func() (token, key string) {
			_, err := w.login(pass)
			token, _ = next(t, err, signin.ErrEnrol)
			step, err := w.flow.Step(t.Context(), token)
			must(t, err)
			return token, step.Setup.Secret.Reveal()
		}
		owner, ownersKey := begin()
		thief, thiefsKey := begin()
		again, err := w.flow.Step(t.Context(), owner)
		must(t, err)
		if ownersKey == thiefsKey || again.Setup.Secret.Reveal() != ownersKey {
			t.Fatal("one is shown the other's secret")
		}
		_, err = w.second(owner, signin.Proof{Method: factor.TOTP, Code: w.code(thiefsKey)})
		wants(t, err, signin.ErrStep)
		s, err := w.second(owner, signin.Proof{Method: factor.TOTP, Code: w.code(ownersKey)})
		must(t, err)
		if _, err = w.second(thief, signin.Proof{Method: factor.TOTP, Code: w.code(thiefsKey)}); !errors.Is(err, ticket.ErrRejected) {
			t.Errorf("a second app was added with the password alone: %v", err)
		}
		if _, err := w.refresh(before.Tokens.Refresh); !errors.Is(err, session.ErrRefused) {
			t.Errorf("a session from before goes on: %v", err)
		}
		_, err = w.refresh(s.Tokens.Refresh)
		must(t, err)
		if n := w.Count("SELECT count(*) FROM totp_device"); n != 1 {
			t.Errorf("%d apps", n)
		}
	})
}

// However many set up an app at once, one of them does.
func TestOfManyAppsDemandedAtOnceOneIsAdded(t *testing.T) {
	eachWith(t, func(c *signin.Config) {
		c.Required, c.Grace = func(*account.Account) bool { return true }, 0
	}, func(t *testing.T, w *world) {
		var tokens, codes []string
		for range 8 {
			_, err := w.login(pass)
			token, _ := next(t, err, signin.ErrEnrol)
			step, err := w.flow.Step(t.Context(), token)
			must(t, err)
			tokens, codes = append(tokens, token), append(codes, w.code(step.Setup.Secret.Reveal()))
		}
		var done atomic.Int64
		var all sync.WaitGroup
		for i := range tokens {
			all.Go(func() {
				switch _, err := w.second(tokens[i], signin.Proof{Method: factor.TOTP, Code: codes[i]}); {
				case err == nil:
					done.Add(1)
				case !errors.Is(err, ticket.ErrRejected) && !errors.Is(err, signin.ErrCredentials):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := w.Count("SELECT count(*) FROM totp_device"); done.Load() != 1 || n != 1 {
			t.Errorf("%d sign-ins, %d apps", done.Load(), n)
		}
	})
}

func TestANewDeviceIsToldButNotTheFirst(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		subjects := func() (all []string) {
			w.Drain()
			for _, m := range w.Mails.Take() {
				if all = append(all, m.Subject); !strings.Contains(m.Text, signintest.DisownUntil.Format("2 January 2006, 15:04 UTC")) {
					t.Errorf("does not say until when it can be answered:\n%s", m.Text)
				}
			}
			return all
		}
		login := func(b signin.Browser) {
			_, err := w.flow.Login(t.Context(), signin.Attempt{Email: email, Password: pass, Transport: session.Body, Address: caller, Browser: b})
			must(t, err)
		}
		here, there := signin.Browser{Token: secret.NewToken()}, signin.Browser{Token: secret.NewToken()}
		login(here)
		login(here)
		if got := subjects(); len(got) != 0 {
			t.Errorf("told of the first device: %v", got)
		}
		login(there)
		if got := subjects(); len(got) != 1 || !strings.Contains(got[0], "device") {
			t.Errorf("told %v", got)
		}
		login(there)
		login(here)
		if got := subjects(); len(got) != 0 {
			t.Errorf("told of known devices: %v", got)
		}
		must(t, w.InTx(t.Context(), func(tx *db.Tx) error { return device.Forget(t.Context(), tx, w.account.ID) }))
		login(here)
		if got := subjects(); len(got) != 1 {
			t.Errorf("told %v of a forgotten one", got)
		}
	})
}

func TestSigningInByMailNeedsTicketAndCode(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token, err := w.flow.AskLink(t.Context(), strings.ToUpper(email), signin.Wish{Transport: session.Body}, caller)
		must(t, err)
		code := w.mailed()
		_, err = w.flow.Link(t.Context(), secret.NewToken(), code, signin.Browser{})
		if err == nil {
			t.Fatal("the code is good without its ticket")
		}
		_, err = w.flow.Link(t.Context(), token, "00000000", signin.Browser{})
		wants(t, err, signin.ErrStep)
		s, err := w.flow.Link(t.Context(), token, code, signin.Browser{})
		must(t, err)
		if id, err := w.verifier.Verify(t.Context(), s.Tokens.Access); err != nil || id.AAL != 1 || !slices.Equal(id.AMR, []string{"email"}) {
			t.Errorf("%+v, %v", id, err)
		}
		if _, err = w.flow.Link(t.Context(), token, code, signin.Browser{}); err == nil {
			t.Error("a code is good twice")
		}
	})
	eachWith(t, func(c *signin.Config) { c.NoEmailSignIn = true }, func(t *testing.T, w *world) {
		_, err := w.flow.AskLink(t.Context(), email, signin.Wish{Transport: session.Body}, caller)
		wants(t, err, signin.ErrNoMail)
	})
}

func TestProvingOnceMoreAsksForTheBestThereIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.signIn()
		by, err := w.bearer(s.Tokens.Access)
		must(t, err)
		by.AccountID = w.account.ID
		w.advance(10 * time.Minute)
		row, err := w.flow.Reprove(t.Context(), by, signin.Proof{Method: factor.Password, Password: pass})
		must(t, err)
		if w.Now().Sub(row.AuthTime) > time.Minute || row.Level != 1 {
			t.Errorf("%+v", row)
		}
		_, err = w.flow.Reprove(t.Context(), by, signin.Proof{Method: factor.Password, Password: "wrong"})
		wants(t, err, password.ErrRejected)
		key := w.app()
		// A password and a session that were stolen together are not enough any more.
		_, err = w.flow.Reprove(t.Context(), by, signin.Proof{Method: factor.Password, Password: pass})
		wants(t, err, signin.ErrMethod)
		_, err = w.flow.Reprove(t.Context(), by, signin.Proof{Method: factor.TOTP, Code: "000000"})
		wants(t, err, factor.ErrCode)
		code := w.code(key)
		row, err = w.flow.Reprove(t.Context(), by, signin.Proof{Method: factor.TOTP, Code: code})
		must(t, err)
		if row.Level != 2 || !slices.Equal(row.Methods, []string{"pwd", "otp", "mfa"}) {
			t.Errorf("%+v", row)
		}
		_, err = w.flow.Reprove(t.Context(), by, signin.Proof{Method: factor.TOTP, Code: code})
		wants(t, err, factor.ErrCode)
		if got := w.Audited("session.confirm_refused"); !slices.Equal(got, []string{"wrong_totp", "wrong_totp"}) {
			t.Errorf("audited %v", got)
		}
		// The refresh token of the session goes on, and its tokens know of the proof.
		tokens, err := w.refresh(s.Tokens.Refresh)
		must(t, err)
		if id, err := w.verifier.Verify(t.Context(), tokens.Access); err != nil || id.AAL != 2 || !id.AuthTime.Equal(row.AuthTime.Truncate(time.Second)) {
			t.Errorf("%+v, %v", id, err)
		}
	})
}

// A code that was mailed to confirm is good in its session alone.
func TestWhoeverHasNeitherPasswordNorKeyProvesByMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("DELETE FROM password_credential")
		here, there := w.Session(w.account.ID), w.Session(w.account.ID)
		token, err := w.flow.MailReproof(t.Context(), here)
		must(t, err)
		code := w.mailed()
		_, err = w.flow.Reprove(t.Context(), there, signin.Proof{Method: factor.EmailCode, Ticket: token, Code: code})
		wants(t, err, ticket.ErrRejected)
		_, err = w.flow.Reprove(t.Context(), here, signin.Proof{Method: factor.EmailCode, Ticket: token, Code: "00000000"})
		wants(t, err, factor.ErrCode)
		_, err = w.flow.Reprove(t.Context(), here, signin.Proof{Method: factor.EmailCode, Ticket: token, Code: code})
		must(t, err)
		_, err = w.flow.Reprove(t.Context(), here, signin.Proof{Method: factor.EmailCode, Ticket: token, Code: code})
		wants(t, err, ticket.ErrRejected)
	})
}
