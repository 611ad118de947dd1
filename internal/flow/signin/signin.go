// Package signin is the one way from "who are you" to a session and its tokens.
//
// It checks what a person proves, makes the session, hands out tokens, rotates them and
// ends them. Every way to sign in ends in the one function start. What a password is worth is
// left to feature/password, what a row holds to domain/session, and what a token allows to
// verifiers.
package signin

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/backupcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/emailcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Failures a caller can act on.
var (
	ErrCredentials = fault.New(fault.Unauthenticated, "credentials_rejected", "The address or user name and the password do not belong together.")
	ErrNotVerified = fault.New(fault.Forbidden, "email_not_verified", "Confirm your email address first: follow the link in the mail we sent, or ask for a new one.")
	ErrDisabled    = fault.New(fault.Forbidden, "account_disabled", "This account is disabled. Ask whoever runs this service.")
	ErrAudience    = fault.New(fault.Invalid, "audience_unknown", "There is no such audience here.")
	ErrIdentifier  = fault.New(fault.Invalid, "fields_invalid", "Send either email or username, as this server is set up for.")
	ErrMFA         = fault.New(fault.Forbidden, "mfa_required", "One more step: show in another way as well that it is you.")
	ErrEnrol       = fault.New(fault.Forbidden, "mfa_enrolment_required", "This service asks for a second factor. Set one up to go on.")
	ErrStep        = fault.New(fault.Unauthenticated, "proof_rejected", "This proof is not right, was used already, or is too old.")
	ErrMethod      = fault.New(fault.Invalid, "method_unavailable", "This account cannot be proven in that way. See methods for those that it can.")
	ErrNoMail      = fault.New(fault.NotFound, "mail_sign_in_off", "Signing in by mail is switched off here.")
	ErrReason      = fault.New(fault.Invalid, "reason_missing", "Say why, in 10 to 300 characters: the account's owner will read it.")
	// ErrNotMember is the one refusal of a token for a tenant: there is none such, it is suspended, or the
	// account does not belong to it.
	ErrNotMember = fault.New(fault.Forbidden, "not_a_member", "This account does not belong to that organisation, or the organisation asks for another or a more recent proof. Sign in again or choose another.")
	ErrBound     = fault.New(fault.Forbidden, "token_bound", "This access token is for another organisation. Ask with one that is for none.")
	ErrLook      = fault.New(fault.Forbidden, "look_refused", "Only active accounts that are not staff can be looked at.")
)

// Ways to name oneself when signing in.
const (
	ByEmail    = "email"
	ByUsername = "username"
	ByEither   = "either"
)

// Config is how sign-in works. Every member is required.
type Config struct {
	Issuer     string
	Audiences  []string // the first is taken when a request names none
	AccessLife time.Duration
	Session    session.Limits
	Identifier string // ByEmail, ByUsername or ByEither
	// PerAccount and PerAddress bound failed attempts. They are counted before the password
	// is looked at and given back when it was right.
	PerAccount ratelimit.Limit
	PerAddress ratelimit.Limit
	// Pages are the lifetimes of sessions that pages use.
	Pages session.PageLimits
	// PerConfirm bounds wrong passwords when a page asks for the password once more.
	PerConfirm ratelimit.Limit
	// PerStep bounds wrong second steps to one account, whatever they are; a ticket bounds those of
	// one sign-in.
	PerStep ratelimit.Limit
	// PerChallenge bounds how often one network address may begin to sign in with a passkey.
	PerChallenge ratelimit.Limit
	// Required tells of whom policy asks a second factor; Grace is how long they may go without one.
	Required func(*account.Account) bool
	Grace    time.Duration
	// RememberDevices is how long a device may go without the second step if its owner wants that;
	// zero: never.
	RememberDevices time.Duration
	// NoEmailSignIn switches signing in by mail off.
	NoEmailSignIn bool
	// NotMe is where the mail about a new device leads; it holds {token}.
	NotMe string
	// SignUp: strangers may register, so the sign-in page says where.
	SignUp bool
	// Claims adds claims to access tokens. Optional; an error of it is a refusal.
	Claims func(ctx context.Context, about About) (map[string]any, error)
	// AuditRefresh writes an audit event for every refresh; without it a refresh is a log event.
	AuditRefresh bool
}

func (c Config) validate() error {
	var problems []error
	bad := func(wrong bool, text string) {
		if wrong {
			problems = append(problems, errors.New("signin: "+text))
		}
	}
	bad(c.Issuer == "" || len(c.Audiences) == 0, "issuer and audiences are required")
	bad(c.AccessLife < time.Second || c.AccessLife > 15*time.Minute, "an access token lives 1 s to 15 min")
	bad(c.Session.Idle < time.Minute || c.Session.Absolute < c.Session.Idle, "a session may be idle for at least 1 min and at most its absolute lifetime")
	bad(c.Session.Absolute > 400*24*time.Hour, "a session lives at most 400 days")
	bad(c.Session.Window < time.Second || c.Session.Window > 10*time.Minute, "the refresh repeat window is 1 s to 10 min")
	bad(!slices.Contains([]string{ByEmail, ByUsername, ByEither}, c.Identifier), "sign in by email, username or either")
	p := c.Pages
	bad(p.Idle < time.Minute || p.Absolute < p.Idle || p.RememberedIdle < p.Idle || p.RememberedAbsolute < max(p.RememberedIdle, p.Absolute), "a page session may be idle for at least 1 min and at most its absolute lifetime; a remembered one lives no shorter")
	bad(p.RememberedAbsolute > 400*24*time.Hour, "a page session lives at most 400 days")
	bad(p.StaffProof < time.Minute || p.StaffProof > 24*time.Hour, "a proof lets staff into the console for 1 min to 24 h")
	bad(p.Fresh < time.Minute || p.Fresh > p.StaffProof, "a proof is fresh for at least 1 min and at most as long as staff may use the console")
	bad(c.Required == nil || c.Grace < 0 || c.RememberDevices < 0 || c.RememberDevices > 90*24*time.Hour, "a device is remembered for at most 90 days")
	bad(p.Look < time.Minute || p.Look > time.Hour, "staff may look at another's pages for 1 min to 1 h")
	return errors.Join(append(problems, c.PerAccount.Validate(), c.PerAddress.Validate(), c.PerConfirm.Validate(), c.PerStep.Validate(), c.PerChallenge.Validate())...)
}

// Deps is what a Service works with.
type Deps struct {
	DB       *db.DB
	Keys     *keyring.Keyring
	Hasher   *password.Hasher
	Limiter  *ratelimit.Limiter
	Letters  *letter.Post
	Password *password.Service
	Schema   account.Schema
	UI       *ui.UI
	Logger   *slog.Logger

	Tickets     *ticket.Book
	Devices     *device.Book
	TOTP        *totp.Service
	BackupCodes *backupcode.Service
	EmailCodes  *emailcode.Service
	Passkeys    *passkey.Service

	Roles *role.Set // of tenants

	Places *place.Finder // of network addresses; nil: none are known

	// Disown makes the token of the mail about a new device, with which its owner can end a session until then.
	Disown func(ctx context.Context, tx *db.Tx, accountID account.ID, sessionID uuid.UUID, epoch int64) (token string, until time.Time, err error)
	// Verify checks an access token's signature and claims, and tells whose it is.
	Verify func(token string) (session.Bearer, error)
}

// Service signs people in and out. It is safe for concurrent use.
type Service struct {
	Deps
	cfg        Config
	tokens     *session.RefreshTokens
	cookies    *secret.Hasher // of page sessions
	perAccount *lanes
	perAddress *lanes
	noted      audit.Noted

	refreshes refreshes
	attempts  attempts
}

// New checks cfg and returns a Service.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Service{Deps: deps, cfg: cfg, tokens: session.NewRefreshTokens(deps.Keys.RefreshKeys()), cookies: deps.Keys.Hasher("page cookie"),
		perAccount: newLanes(accountWidth), perAddress: newLanes(deps.Hasher.Stats().Slots + addressExtra)}, nil
}

// Tokens is what a client gets when a session starts or is refreshed.
type Tokens struct {
	Access         string
	Refresh        string
	AccessExpires  time.Duration // from now
	RefreshExpires time.Duration // from now, if it is not used before
	Transport      string
}

// SignedIn is the outcome of signing in.
type SignedIn struct {
	Tokens  Tokens
	Account *account.Account
	// EnrolBy is until when the account must have a second factor; zero: it need not, or has one.
	EnrolBy time.Time
	// Tenant is the tenant that the tokens are for; nil: for none.
	Tenant *tenant.Membership

	browser Browser
}

// About is whom an access token is made for.
type About struct {
	Subject  string
	Audience string
	TenantID string // empty: of no tenant
	Role     string
}
