package gatehouse

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/clock"
)

// Clock is the source of all domain time. Its Jumped channel tells that time was moved, for
// tests and development. Implementations are safe for concurrent use.
type Clock = clock.Clock

// Config says how Gatehouse runs. The zero value of a member is its documented default,
// which is always the safe choice; no limit can be switched off by zero. Each member is also a
// setting of the server, in a YAML file under the name in its tag, and in the environment as
// GATEHOUSE_ and that name in capitals (nested names joined by __). Those marked secret may also come
// from a file, named by the same name and _FILE.
type Config struct {
	// PublicURL is the external origin alone, such as https://id.example.com. Required. Links in
	// mails and the issuer are made from it, never from a request.
	PublicURL string `config:"public_url"`
	// MountPath is the external path of the API; default /api/auth. The issuer is PublicURL
	// and MountPath without a trailing slash.
	MountPath string `config:"mount_path"`

	// DatabaseURL is postgres://… or sqlite:PATH. Required. Gatehouse opens its own pool.
	DatabaseURL string `config:"database_url,secret" json:"-"`
	// Schema is the PostgreSQL schema that holds everything; default gatehouse.
	Schema string `config:"schema"`
	// MaxConns bounds the connection pool; default 16.
	MaxConns int `config:"max_conns"`
	// AutoMigrate lets New bring the schema up to date. Default off, on in Dev: elsewhere
	// New refuses a schema that is older than the code.
	AutoMigrate bool `config:"auto_migrate"`

	// SecretKey is the key-encryption key: 32 random bytes in base64 (openssl rand -base64 32).
	// Required. It seals the keys in the database and does nothing else.
	SecretKey string `config:"secret_key,secret" json:"-"`
	// SecretKeyPrevious are former values of SecretKey, still able to open what they sealed, until
	// `gatehouse keys rewrap` has run.
	SecretKeyPrevious []string `config:"secret_key_previous,secret" json:"-"`

	// Audience lists the services that access tokens may be for; default PublicURL. The first is
	// taken when a request names none. Gatehouse's own endpoints accept each of them.
	Audience []string `config:"audience"`
	// Algorithm signs access tokens: ES256 (default), EdDSA or RS256.
	Algorithm string `config:"algorithm"`
	// AccessTokenLifetime is 10 minutes by default, 15 at most.
	AccessTokenLifetime time.Duration `config:"access_token_lifetime"`
	// SigningKeyLifetime is how long a signing key is used before its successor; default 90 days.
	SigningKeyLifetime time.Duration `config:"signing_key_lifetime"`
	// Sessions are the lifetimes of sign-ins.
	Sessions Sessions `config:"sessions"`
	// PageSessions are the lifetimes of sign-ins to the account pages and the console.
	PageSessions PageSessions `config:"page_sessions"`
	// SignInBy says how people name themselves: email (default), username or either.
	SignInBy string `config:"sign_in_by"`
	// RegistrationClosed refuses new registrations; accounts then come from the command line.
	RegistrationClosed bool `config:"registration_closed"`
	// Password is the policy for new passwords and the cost of their hashes.
	Password Password `config:"password"`
	// Tenants are organisations that people belong to, for services that have them.
	Tenants Tenants `config:"tenants"`
	// Staff are the people who run the service.
	Staff Staff `config:"staff"`
	// Claims adds claims of one's own to access tokens. It must be quick, is called for every token, and
	// an error of it is a refusal. Names that have a meaning already cannot be given. Default none.
	Claims func(ctx context.Context, about ClaimsFor) (map[string]any, error) `config:"-"`
	// SecondFactor is who must have one, and what happens without.
	SecondFactor SecondFactor `config:"second_factor"`
	// Passkeys are whose they are.
	Passkeys Passkeys `config:"passkeys"`
	// EmailSignInOff switches off signing in by a mailed code or link.
	EmailSignInOff bool `config:"email_sign_in_off"`
	// GeoIPFile is a database of places of network addresses in MaxMind's format (.mmdb), to show people
	// where they are signed in. Default none: places are not shown.
	GeoIPFile string `config:"geoip_file"`
	// Limits bound how often things may be tried.
	Limits Limits `config:"limits"`
	// Attributes are custom profile members.
	Attributes []Attribute `config:"attributes"`
	// AuditRefresh writes an audit event for every refresh. Default: a log event only.
	AuditRefresh bool `config:"audit_refresh"`

	// AllowedOrigins are further origins whose pages may use cookies and read answers (CORS),
	// spelled exactly, such as https://app.example.com. Default none.
	AllowedOrigins []string `config:"allowed_origins"`
	// AllowedHosts are further host names that are answered. Published keys and health are
	// answered under any. Default none.
	AllowedHosts []string `config:"allowed_hosts"`
	// TrustedProxies are networks (CIDR) whose X-Forwarded-For and X-Forwarded-Proto count.
	// Default none.
	TrustedProxies []string `config:"trusted_proxies"`

	// SMTPURL is how mail goes out: smtp://user:password@host:587 (STARTTLS) or
	// smtps://host:465. Required unless Dev, where mails are caught; "off" means no mail at all.
	SMTPURL string `config:"smtp_url,secret" json:"-"`
	// MailFrom is the sender's address. Required with SMTPURL.
	MailFrom string `config:"mail_from"`
	// DKIMKey is a private key in PEM that signs mails; default none. DKIMSelector is its name in
	// DNS; default gatehouse.
	DKIMKey      string `config:"dkim_key,secret" json:"-"`
	DKIMSelector string `config:"dkim_selector"`
	// Brand is how mails and pages name the service.
	Brand Brand `config:"brand"`
	// TemplateDir holds templates that replace built-in ones: pages/SET/NAME.html, mails/LANGUAGE/KIND.txt,
	// mails/LANGUAGE/words.txt, mails/layout.txt and mails/layout.html. They are checked at start.
	// Default none.
	TemplateDir string `config:"template_dir"`
	// Links are where mails lead; default Gatehouse's own pages.
	Links Links `config:"links"`

	// Dev is development mode: mails are caught and shown by Gatehouse.Dev, the schema is made,
	// and with SQLite a missing SecretKey is made and kept beside the database (PATH.key). It
	// needs a loopback PublicURL.
	Dev bool `config:"-"`
	// Sources says where settings came from, by their names in a file, for the console to show.
	Sources map[string]string `config:"-"`
	// NoWorkers turns background work off, for commands beside a running server.
	NoWorkers bool `config:"-"`
	// Clock is the source of time; nil means the machine's.
	Clock Clock `config:"-"`
	// Logger receives events and failures; nil means slog.Default(). Secrets and mail addresses never reach it.
	Logger *slog.Logger `config:"-"`
}

// Sessions are the lifetimes of sign-ins.
type Sessions struct {
	// Idle ends a session that was not refreshed for this long; default 7 days.
	Idle time.Duration `config:"idle"`
	// Absolute ends every session after this long; default 30 days.
	Absolute time.Duration `config:"absolute"`
	// RefreshWindow is how long a spent refresh token gets its answer again, because the first
	// may have been lost; default 30 s, 10 min at most.
	RefreshWindow time.Duration `config:"refresh_window"`
}

// PageSessions are the lifetimes of sign-ins to the account pages and the console.
type PageSessions struct {
	// Idle ends a session in which no page was looked at for this long; default 12 h. Absolute ends
	// every one after this long; default 24 h.
	Idle     time.Duration `config:"idle"`
	Absolute time.Duration `config:"absolute"`
	// RememberedIdle and RememberedAbsolute are the same where "keep me signed in" was chosen; default 7
	// and 30 days.
	RememberedIdle     time.Duration `config:"remembered_idle"`
	RememberedAbsolute time.Duration `config:"remembered_absolute"`
	// StaffProof is how long after giving their password staff may use the console; default 12 h.
	StaffProof time.Duration `config:"staff_proof"`
	// Fresh is how long after giving their password a superuser may do what asks for a fresh proof;
	// default 5 min.
	Fresh time.Duration `config:"fresh"`
	// Look is how long a superuser may look at another's pages; default 15 min, at most 1 h.
	Look time.Duration `config:"look"`
}

// Password is the policy for new passwords and the cost of their hashes.
type Password struct {
	// MinLength is 8 characters by default and at least; 15 is what SP 800-63B-4 asks where
	// the password is the only factor.
	MinLength int `config:"min_length"`
	// Words are names of the product and organisation that passwords must not be. The brand's
	// name is always one.
	Words []string `config:"words"`
	// FirstByReset lets whoever has no password yet, such as an account made from the command
	// line, choose one through a mailed reset link. Default no.
	FirstByReset bool `config:"first_by_reset"`
	// BreachCheck asks the Have I Been Pwned range service, by the first five digits of a hash.
	BreachCheck bool `config:"breach_check"`
	// MemoryKiB, Time and Threads are argon2id's cost; default 19,456 KiB, 2 and 1, and no less.
	MemoryKiB uint32 `config:"memory_kib"`
	Time      uint32 `config:"time"`
	Threads   uint8  `config:"threads"`
	// Slots is how many hashes run at once, default as many as processors; Queue how many
	// wait, default 64; Wait how long at most, default 5 s. Past that the answer is 503.
	Slots int           `config:"slots"`
	Queue int           `config:"queue"`
	Wait  time.Duration `config:"wait"`
	// Around is called in a slot before each hash, and what it returns after it. cmd/gatehouse sets the pace
	// of Go's garbage collector there, which a program that is more than Gatehouse should not. Optional.
	Around func() (after func()) `config:"-"`
}

// ClaimsFor is whom an access token is made for.
type ClaimsFor struct {
	Subject  string
	Audience string
	TenantID string // empty: of no tenant
	Role     string
}

// Tenants are organisations that people belong to, for services that have them. Without any nothing of
// it is seen.
type Tenants struct {
	// Create is who may make one: staff (default), or anyone whose address is verified.
	Create string `config:"create"`
	// Permissions are what roles can hold besides permissions over the tenant itself, each noun.verb, as
	// notes.write.
	Permissions []string `config:"permissions"`
	// Roles are what every tenant has besides owner, admin and member; those named admin or member add to
	// theirs.
	Roles []Role `config:"roles"`
	// Attributes are custom members of the profile that a member has in a tenant, besides the account's own.
	// ReadOnly ones are set by who manages members, and by staff; Required ones are asked for when a member
	// first changes theirs, because nobody is asked when a membership begins.
	Attributes []Attribute `config:"attributes"`
	// InvitationLifetime is how long an invitation is good; default 7 days, at most 30.
	InvitationLifetime time.Duration `config:"invitation_lifetime"`
	// Domain is where tenants have host names of their own: acme.example.com where it is example.com.
	// Default none.
	Domain string `config:"domain"`
}

// Role is a named set of permissions: noun.verb, or noun.* for all of a noun.
type Role struct {
	Name        string   `config:"name"`
	Permissions []string `config:"permissions"`
}

// Staff are the people who run the service.
type Staff struct {
	// Roles are what members of staff can be given besides operator, support and auditor. Which
	// permissions there are is in docs/console.md.
	Roles []Role `config:"roles"`
}

// SecondFactor is who must have one: an app that shows codes, or a passkey. Whoever has one is asked for
// it, whatever the policy.
type SecondFactor struct {
	// Required is of whom one is demanded: nobody (default), staff or everyone.
	Required string `config:"required"`
	// Grace is how long somebody may sign in without one after it was first demanded of them; default 7
	// days. After that it has to be set up to go on.
	Grace time.Duration `config:"grace"`
	// RememberDevices lets people spare themselves the second step in one browser for this long, at
	// most 90 days; default never.
	RememberDevices time.Duration `config:"remember_devices"`
	// RecoveryDelay is how long somebody who lost theirs waits until it can be removed; default and least
	// 72 h and 24 h.
	RecoveryDelay time.Duration `config:"recovery_delay"`
}

// Passkeys are whose passkeys are, and where they may be used.
type Passkeys struct {
	// RPID is the domain that passkeys belong to (WebAuthn's relying party id): PublicURL's host (default)
	// or a domain above it. Changing it makes all passkeys useless.
	RPID string `config:"rp_id"`
	// Origins are further origins where they may be used, such as of an app on another domain; they are
	// published as related origins.
	Origins []string `config:"origins"`
}

// Limit is a number of tries in a time.
type Limit struct {
	Tries int           `config:"tries"`
	Per   time.Duration `config:"per"`
}

// Limits bound how often things may be tried. An honest success is not counted.
type Limits struct {
	// SignInPerAccount bounds wrong passwords of sign-ins to one account; default 10 in 15 min.
	SignInPerAccount Limit `config:"sign_in_per_account"`
	// SignInPerAddress bounds wrong passwords from one network address; default 50 in 15 min.
	SignInPerAddress Limit `config:"sign_in_per_address"`
	// ConfirmPerAccount bounds wrong passwords of whoever is signed in: to confirm, to change the
	// password, to leave; default 5 in 15 min.
	ConfirmPerAccount Limit `config:"confirm_per_account"`
	// StepPerAccount bounds wrong second steps, such as codes, for one account; default 20 in an hour.
	StepPerAccount Limit `config:"step_per_account"`
	// ChallengesPerNetwork bounds how often sign-ins with a passkey are begun from one network address;
	// default 10,000 in an hour: a page that offers passkeys begins one.
	ChallengesPerNetwork Limit `config:"challenges_per_network"`
	// EmailChangesPerAccount and UsernameChangesPerAccount bound how often people may be called something
	// else; default 5 in a day and 2 in 30 days.
	EmailChangesPerAccount    Limit `config:"email_changes_per_account"`
	UsernameChangesPerAccount Limit `config:"username_changes_per_account"`
	// TenantsPerAccount bounds how many tenants somebody may make; default 10 in a day.
	TenantsPerAccount Limit `config:"tenants_per_account"`
	// InvitationsPerTenant bounds the invitations that a tenant may send; default 200 in an hour.
	InvitationsPerTenant Limit `config:"invitations_per_tenant"`
	// ExportPerAccount bounds how often people may download their data; default 5 in an hour.
	ExportPerAccount Limit `config:"export_per_account"`
	// MailPerAddress bounds mails asked for one mail address; default 5 in an hour.
	MailPerAddress Limit `config:"mail_per_address"`
	// MailPerNetwork bounds mails asked for from one network address; default 1,000 in an hour.
	MailPerNetwork Limit `config:"mail_per_network"`
}

// Attribute declares one custom profile member, of accounts or of members of a tenant. Declarations may be added, changed and removed at
// any time without a migration.
type Attribute struct {
	Name      string   `config:"name"`       // a-z, 0-9 and _, at most 64
	Type      string   `config:"type"`       // string, number or boolean
	Required  bool     `config:"required"`   // at registration; in a tenant with their first change
	MaxLength int      `config:"max_length"` // of a string, in characters; 0 means 1,024, the most
	OneOf     []string `config:"one_of"`     // the strings allowed; none means all
	ReadOnly  bool     `config:"read_only"`  // people cannot set it themselves
}

// Brand is how mails and pages name the service.
type Brand struct {
	// Name is the product's; default Gatehouse.
	Name string `config:"name"`
	// URL is its front page; default PublicURL.
	URL string `config:"url"`
	// Support is a mail address for help; default none.
	Support string `config:"support"`
	// Color is the colour of buttons and links, as #rrggbb; default a blue. It is shaded where it could
	// not be read.
	Color string `config:"color"`
	// Logo is the path of an SVG or PNG file, at most 64 KiB, shown above forms; default the name.
	Logo string `config:"logo"`
	// Radius is how round corners are, 1 to 24 pixels; default 10.
	Radius int `config:"radius"`
	// Font is system (default), humanist, rounded, serif or mono.
	Font string `config:"font"`
}

// Links are where mails lead, if not to Gatehouse's own pages.
type Links struct {
	// Verify and Reset hold {token}, which is replaced: https://app.example.com/verify?token={token}.
	Verify string `config:"verify"`
	Reset  string `config:"reset"`
	// SignIn is where people sign in; pages offer it when they are done. Default none.
	SignIn string `config:"sign_in"`
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (l *Limit) orDefault(tries int, per time.Duration) {
	orDefault(&l.Tries, tries)
	orDefault(&l.Per, per)
}

// Format prints the public URL alone, for every verb: there are keys and passwords beside it.
func (c Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "Config(%s)", c.PublicURL) }

// LogValue is the public URL.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.PublicURL) }

// withDefaults returns c with every unset member set.
func (c Config) withDefaults() Config {
	orDefault(&c.MountPath, "/api/auth")
	orDefault(&c.Schema, "gatehouse")
	orDefault(&c.MaxConns, 16)
	orDefault(&c.Algorithm, "ES256")
	orDefault(&c.AccessTokenLifetime, 10*time.Minute)
	orDefault(&c.SigningKeyLifetime, 90*24*time.Hour)
	orDefault(&c.Sessions.Idle, 7*24*time.Hour)
	orDefault(&c.Sessions.Absolute, 30*24*time.Hour)
	orDefault(&c.Sessions.RefreshWindow, 30*time.Second)
	orDefault(&c.Password.MinLength, password.MinLength)
	hash := password.DefaultParams()
	orDefault(&c.Password.MemoryKiB, hash.MemoryKiB)
	orDefault(&c.Password.Time, hash.Time)
	orDefault(&c.Password.Threads, hash.Threads)
	p := &c.PageSessions
	orDefault(&p.Idle, 12*time.Hour)
	orDefault(&p.Absolute, 24*time.Hour)
	orDefault(&p.RememberedIdle, 7*24*time.Hour)
	orDefault(&p.RememberedAbsolute, 30*24*time.Hour)
	orDefault(&p.StaffProof, 12*time.Hour)
	orDefault(&p.Fresh, 5*time.Minute)
	orDefault(&p.Look, 15*time.Minute)
	orDefault(&c.SignInBy, "email")
	orDefault(&c.SecondFactor.Required, "nobody")
	orDefault(&c.Tenants.Create, "staff")
	orDefault(&c.Tenants.InvitationLifetime, 7*24*time.Hour)
	orDefault(&c.SecondFactor.Grace, 7*24*time.Hour)
	orDefault(&c.SecondFactor.RecoveryDelay, 72*time.Hour)
	if u, err := url.Parse(c.PublicURL); err == nil {
		orDefault(&c.Passkeys.RPID, u.Hostname())
	}
	c.Limits.SignInPerAccount.orDefault(10, 15*time.Minute)
	c.Limits.SignInPerAddress.orDefault(50, 15*time.Minute)
	c.Limits.ConfirmPerAccount.orDefault(5, 15*time.Minute)
	c.Limits.StepPerAccount.orDefault(20, time.Hour)
	c.Limits.ChallengesPerNetwork.orDefault(10_000, time.Hour)
	c.Limits.EmailChangesPerAccount.orDefault(5, 24*time.Hour)
	c.Limits.UsernameChangesPerAccount.orDefault(2, 30*24*time.Hour)
	c.Limits.ExportPerAccount.orDefault(5, time.Hour)
	c.Limits.TenantsPerAccount.orDefault(10, 24*time.Hour)
	c.Limits.InvitationsPerTenant.orDefault(200, time.Hour)
	c.Limits.MailPerAddress.orDefault(5, time.Hour)
	c.Limits.MailPerNetwork.orDefault(1000, time.Hour)
	orDefault(&c.Brand.Name, "Gatehouse")
	orDefault(&c.Brand.URL, c.PublicURL)
	orDefault(&c.Links.SignIn, c.PublicURL+"/account/sign-in/")
	orDefault(&c.Links.Verify, c.PublicURL+"/account/verify/?token={token}")
	orDefault(&c.Links.Reset, c.PublicURL+"/account/reset/?token={token}")
	if len(c.Audience) == 0 {
		c.Audience = []string{c.PublicURL}
	}
	if c.Clock == nil && c.Dev {
		c.Clock = clock.NewDriven(0)
	}
	if c.Clock == nil {
		c.Clock = clock.System()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.AutoMigrate = c.AutoMigrate || c.Dev
	return c
}
