package gatehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/backupcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/emailcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signup"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/internal/page/console"
	"github.com/gatehouse-auth/gatehouse/internal/page/portal"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// jwksCache is how long others may keep the published keys.
const jwksCache = 5 * time.Minute

// backupCodeLife is how long backup codes may lie in a drawer after the key that hashed them has a
// successor.
const backupCodeLife = 10 * 365 * 24 * time.Hour

// open builds everything from the bottom up. What it opened before an error is in g, to be closed.
func (g *Gatehouse) open(ctx context.Context) error {
	for _, step := range []func(context.Context) error{g.openDatabase, g.openKeys, g.openUI, g.openEdge, g.openTools, g.openFlows, g.checkRoles} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("gatehouse: %w", err)
		}
	}
	g.mount()
	return nil
}

func (g *Gatehouse) openDatabase(ctx context.Context) (err error) {
	cfg := db.Config{URL: g.cfg.DatabaseURL, Schema: g.cfg.Schema, Clock: g.cfg.Clock, MaxConns: g.cfg.MaxConns, Logger: g.cfg.Logger}
	if g.cfg.AutoMigrate {
		if err := migrateUp(ctx, cfg); err != nil {
			return err
		}
	}
	if g.db, err = db.Open(ctx, cfg); err != nil {
		return err
	}
	if err := g.checkRole(ctx); err != nil {
		return err
	}
	missing, err := g.db.Pending(ctx)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("the database schema is older than this version: run `gatehouse migrate up` (or set AutoMigrate); missing: %s", strings.Join(missing, ", "))
	}
	return nil
}

// checkRole refuses to serve as a role that row-level security does not hold: then a statement that forgets
// its tenant would see all of them.
func (g *Gatehouse) checkRole(ctx context.Context) error {
	role, err := g.db.Unheld(ctx)
	if err != nil || role == "" {
		return err
	}
	if g.cfg.Dev {
		g.cfg.Logger.WarnContext(ctx, "row-level security does not hold this role of the database; production refuses it", "role", role)
		return nil
	}
	return fmt.Errorf("DatabaseURL (GATEHOUSE_DATABASE_URL): the role %s is a superuser or has BYPASSRLS, so row-level security would not keep tenants apart. Make one that serves: CREATE ROLE gatehouse_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '…'; name it in GATEHOUSE_DATABASE_URL and the present one in GATEHOUSE_MIGRATE_DATABASE_URL, and run `gatehouse migrate up`, which grants it what it needs", role)
}

func migrateUp(ctx context.Context, cfg db.Config) error {
	m, err := db.NewMigrator(ctx, cfg)
	if err != nil {
		return err
	}
	_, err = m.Up(ctx)
	return errors.Join(err, m.Close())
}

func (g *Gatehouse) kek() (ring secret.KEKRing, err error) {
	if g.cfg.SecretKey == "" {
		ring.Current, err = secret.LoadOrCreateKEK(strings.TrimPrefix(g.cfg.DatabaseURL, "sqlite:") + ".key")
		return ring, err
	}
	if ring.Current, err = secret.NewKEK(g.cfg.SecretKey); err != nil {
		return ring, fmt.Errorf("SecretKey (GATEHOUSE_SECRET_KEY): %w", err)
	}
	for _, former := range g.cfg.SecretKeyPrevious {
		k, err := secret.NewKEK(former)
		if err != nil {
			return ring, fmt.Errorf("SecretKeyPrevious (GATEHOUSE_SECRET_KEY_PREVIOUS): %w", err)
		}
		ring.Previous = append(ring.Previous, k)
	}
	return ring, nil
}

func (g *Gatehouse) openKeys(ctx context.Context) error {
	ring, err := g.kek()
	if err != nil {
		return err
	}
	g.keys, err = keyring.Open(ctx, g.db, ring, keyring.Config{
		Algorithm: jose.Algorithm(g.cfg.Algorithm), Active: g.cfg.SigningKeyLifetime, JWKSCache: jwksCache,
		Overlap: g.cfg.AccessTokenLifetime + jwksCache, SessionLifetime: g.cfg.Sessions.Absolute, Logger: g.cfg.Logger,
		HashLifetime: backupCodeLife,
		Record: func(ctx context.Context, tx *db.Tx, event keyring.Event, key keyring.Info) error {
			return audit.Record(ctx, tx, audit.Event{Kind: "key." + string(event), Detail: map[string]string{"key": key.ID, "purpose": string(key.Purpose)}})
		},
	})
	return err
}

func (g *Gatehouse) openUI(context.Context) (err error) {
	b := g.cfg.Brand
	theme := ui.Theme{Brand: ui.Brand{Color: b.Color, Radius: b.Radius, Font: b.Font}}
	if b.Logo != "" {
		if theme.Logo, err = readLogo(b.Logo); err != nil {
			return fmt.Errorf("Brand.Logo (GATEHOUSE_BRAND__LOGO): %w", err)
		}
	}
	support := ""
	if b.Support != "" {
		support = "mailto:" + b.Support
	}
	g.ui, err = ui.New(ui.Config{Product: b.Name, Home: b.URL, Support: support, Theme: theme, Overrides: g.cfg.templates("pages"),
		Secure: strings.HasPrefix(g.cfg.PublicURL, "https:"), Logger: g.cfg.Logger}, pageSets(strings.TrimSuffix(g.cfg.MountPath, "/")+docAssets)...)
	return err
}

func (g *Gatehouse) openEdge(context.Context) (err error) {
	proxies, err := prefixes(g.cfg.TrustedProxies)
	if err != nil {
		return err
	}
	g.edge, err = web.NewEdge(web.Config{
		PublicURL: g.cfg.PublicURL, MountPath: g.cfg.MountPath, Origins: g.cfg.AllowedOrigins, Hosts: g.hosts(), TrustedProxies: proxies,
		Authenticate: g.authenticate, Refused: g.refusedPage, Ways: waysOut, UI: g.ui, Enrich: enrich, Logger: g.cfg.Logger,
	})
	if err != nil {
		return err
	}
	g.verifier, err = verifier.New(g.Issuer(), g.cfg.Audience[0], verifier.WithAudiences(g.cfg.Audience[1:]...), verifier.WithKeySet(g.keySet),
		verifier.WithPermissionLookup(g.lookUpPermissions), verifier.WithClock(g.db.Now), verifier.WithLogger(g.cfg.Logger))
	return err
}

// templates returns the operator's templates of a kind, or nil: they may replace pages, mails, or both.
func (c Config) templates(kind string) fs.FS {
	dir := filepath.Join(c.TemplateDir, kind)
	if info, err := os.Stat(dir); c.TemplateDir == "" || err != nil || !info.IsDir() {
		return nil
	}
	return os.DirFS(dir)
}

// refusedPage answers who may not see a page with the way to where they can sign in.
func (g *Gatehouse) refusedPage(w http.ResponseWriter, r *http.Request, why error) bool {
	return g.signin.Refused(w, r, why)
}

// hosts are the names answered besides PublicURL's: the configured ones, and in development
// every name of loopback on the same port.
func (g *Gatehouse) hosts() []string {
	u, err := url.Parse(g.cfg.PublicURL)
	if err != nil || !g.cfg.Dev {
		return g.cfg.AllowedHosts
	}
	port := ""
	if u.Port() != "" {
		port = ":" + u.Port()
	}
	return append([]string{"localhost" + port, "127.0.0.1" + port, "[::1]" + port}, g.cfg.AllowedHosts...)
}

func (g *Gatehouse) openTools(context.Context) (err error) {
	g.limiter = ratelimit.New(g.db, g.cfg.Logger)
	g.queue = jobs.New(jobs.Config{DB: g.db, Sealer: g.keys.Sealer(), Logger: g.cfg.Logger})
	p := g.cfg.Password
	g.hasher, err = password.NewHasher(g.cfg.hasher())
	if err != nil {
		return err
	}
	g.policy = password.Policy{MinLength: p.MinLength, Words: append([]string{g.cfg.Brand.Name}, p.Words...)}
	if p.BreachCheck {
		if g.policy.Breach, err = password.NewPwned(password.PwnedConfig{Logger: g.cfg.Logger}); err != nil {
			return err
		}
	}
	return g.openMail()
}

// hasher takes what is configured and the defaults for the rest.
func (c Config) hasher() password.HasherConfig {
	p, set := password.DefaultParams(), c.Password
	if set.MemoryKiB != 0 {
		p.MemoryKiB = set.MemoryKiB
	}
	if set.Time != 0 {
		p.Time = set.Time
	}
	if set.Threads != 0 {
		p.Threads = set.Threads
	}
	return password.HasherConfig{Params: p, Slots: set.Slots, Queue: set.Queue, Wait: set.Wait, Around: set.Around}
}

func (g *Gatehouse) openMail() error {
	sender, err := g.sender()
	if err != nil {
		return err
	}
	templates, err := mail.NewTemplates(g.cfg.templates("mails"), letter.Kinds()...)
	if err != nil {
		return err
	}
	g.letters = letter.New(g.db, g.queue, sender, templates, mail.Brand{Name: g.cfg.Brand.Name, URL: g.cfg.Brand.URL, Support: g.cfg.Brand.Support, Color: g.cfg.Brand.Color},
		letter.Links{Verify: g.cfg.Links.Verify, Reset: g.cfg.Links.Reset, Recover: g.cfg.PublicURL + "/account/forgot/"})
	return nil
}

func (g *Gatehouse) sender() (mail.Sender, error) {
	switch {
	case g.cfg.SMTPURL == "off":
		return noMail{}, nil
	case g.cfg.SMTPURL == "":
		u, err := url.Parse(g.cfg.PublicURL)
		if err != nil {
			return nil, err
		}
		g.mailbox = mail.NewMailbox(g.db, "gatehouse@"+u.Hostname())
		return g.mailbox, nil
	default:
		return mail.NewSMTP(mail.Config{URL: g.cfg.SMTPURL, From: g.cfg.MailFrom, DKIMKey: []byte(g.cfg.DKIMKey), DKIMSelector: g.cfg.DKIMSelector})
	}
}

// noMail is how a server without mail sends: every letter becomes a dead letter that says so.
type noMail struct{}

func (noMail) Send(context.Context, mail.Message) error {
	return jobs.Permanent(errors.New("mail is switched off (GATEHOUSE_SMTP_URL=off)"))
}

func (g *Gatehouse) limit(name string, l Limit) ratelimit.Limit {
	return ratelimit.Limit{Name: name, Burst: l.Tries, Per: l.Per}
}

func (g *Gatehouse) openFlows(context.Context) (err error) {
	if g.schema, err = account.NewSchema(attributes(g.cfg.Attributes)); err != nil {
		return err
	}
	if g.roles, err = role.NewSet(g.cfg.Tenants.Permissions, roles(g.cfg.Tenants.Roles)); err != nil {
		return err
	}
	if g.staff, err = role.NewStaff(roles(g.cfg.Staff.Roles)); err != nil {
		return err
	}
	guesses := g.limit("signin.account", g.cfg.Limits.SignInPerAccount)
	steps := g.limit("signin.step", g.cfg.Limits.StepPerAccount)
	perNetwork := g.limit("signin.address", g.cfg.Limits.SignInPerAddress)
	perMailbox, mailsPerNetwork := g.limit("mail.address", g.cfg.Limits.MailPerAddress), g.limit("mail.network", g.cfg.Limits.MailPerNetwork)
	// Whoever is signed in guesses apart from whoever is not: nobody outside can use an owner's tries up.
	confirms := g.limit("page.confirm", g.cfg.Limits.ConfirmPerAccount)
	g.password, err = password.New(password.Config{PerAccount: confirms},
		password.Deps{DB: g.db, Hasher: g.hasher, Policy: g.policy, Limiter: g.limiter, Letters: g.letters})
	if err != nil {
		return err
	}
	if err := g.openFactors(perMailbox, mailsPerNetwork); err != nil {
		return err
	}
	g.signin, err = signin.New(signin.Config{
		PerStep: steps, PerChallenge: g.limit("passkey.begin", g.cfg.Limits.ChallengesPerNetwork),
		Required: g.factorRequired, Grace: g.cfg.SecondFactor.Grace, RememberDevices: g.cfg.SecondFactor.RememberDevices, NoEmailSignIn: g.cfg.EmailSignInOff,
		NotMe:  g.cfg.PublicURL + "/account/not-me/?token={token}",
		Issuer: g.Issuer(), Audiences: g.cfg.Audience, AccessLife: g.cfg.AccessTokenLifetime, Identifier: g.cfg.SignInBy, AuditRefresh: g.cfg.AuditRefresh,
		Pages: session.PageLimits(g.cfg.PageSessions), PerConfirm: confirms, SignUp: !g.cfg.RegistrationClosed,
		Session:    session.Limits{Idle: g.cfg.Sessions.Idle, Absolute: g.cfg.Sessions.Absolute, Window: g.cfg.Sessions.RefreshWindow},
		PerAccount: guesses, PerAddress: perNetwork, Claims: g.cfg.claims(),
	}, signin.Deps{DB: g.db, Keys: g.keys, Hasher: g.hasher, Limiter: g.limiter, Letters: g.letters, Password: g.password, Schema: g.schema, UI: g.ui, Logger: g.cfg.Logger, Verify: g.bearer,
		Roles: g.roles, Tickets: g.tickets, Devices: device.NewBook(g.keys.Hasher), Places: g.places, TOTP: g.totp, BackupCodes: g.backupCodes, EmailCodes: g.emailCodes, Passkeys: g.passkeys,
		Disown: func(ctx context.Context, tx *db.Tx, accountID account.ID, sessionID uuid.UUID, epoch int64) (string, time.Time, error) {
			return g.recovery.IssueNotMe(ctx, tx, accountID, sessionID, epoch)
		}})
	if err != nil {
		return err
	}
	g.enrol, err = enrol.New(enrol.Config{PerAccount: g.limit("enrol.account", g.cfg.Limits.StepPerAccount)}, enrol.Deps{DB: g.db, TOTP: g.totp, BackupCodes: g.backupCodes,
		EmailCodes: g.emailCodes, Passkeys: g.passkeys, Letters: g.letters, Limiter: g.limiter, Required: g.factorRequired})
	if err != nil {
		return err
	}
	g.signup, err = signup.New(signup.Config{
		Closed: g.cfg.RegistrationClosed, UsernameRequired: g.cfg.SignInBy == signin.ByUsername, Lifetime: registrationLife,
		PerMailbox: perMailbox, PerNetwork: mailsPerNetwork, PerLink: ratelimit.Limit{Name: "signup.link", Burst: 5, Per: time.Hour},
		UsernameOffered: g.cfg.SignInBy == signin.ByEither, SignInURL: g.cfg.Links.SignIn,
	}, signup.Deps{UI: g.ui, Attributes: attributes(g.cfg.Attributes), DB: g.db, Keys: g.keys, Hasher: g.hasher, Policy: g.policy, Schema: g.schema, Limiter: g.limiter, Queue: g.queue, Letters: g.letters})
	if err != nil {
		return err
	}
	g.recovery, err = recovery.New(recovery.Config{
		Lifetime: resetLife, WithoutPassword: g.cfg.Password.FirstByReset, PerAccount: guesses, PerStep: steps, PerMailbox: perMailbox, PerNetwork: mailsPerNetwork, PerAddress: perNetwork,
		ByUsername: g.cfg.SignInBy == signin.ByUsername, SignInURL: g.cfg.Links.SignIn, FactorDelay: g.cfg.SecondFactor.RecoveryDelay,
	}, recovery.Deps{Places: g.places, UI: g.ui, DB: g.db, Keys: g.keys, Hasher: g.hasher, Policy: g.policy, Limiter: g.limiter, Queue: g.queue, Letters: g.letters})
	if err != nil {
		return err
	}
	g.identifier, err = identifier.New(identifier.Config{
		ChangeLink: g.cfg.PublicURL + "/account/email/confirm/?token={token}", UndoLink: g.cfg.PublicURL + "/account/email/undo/?token={token}",
		PerMailbox: perMailbox, PerNetwork: mailsPerNetwork, PerAddress: perNetwork,
		EmailsPerAccount: g.limit("email.change", g.cfg.Limits.EmailChangesPerAccount), UsernamesPerAccount: g.limit("username.change", g.cfg.Limits.UsernameChangesPerAccount),
	}, identifier.Deps{DB: g.db, Keys: g.keys, Schema: g.schema, Limiter: g.limiter, Queue: g.queue, Letters: g.letters})
	if err != nil {
		return err
	}
	g.profile, err = profile.New(profile.Config{PerExport: g.limit("profile.export", g.cfg.Limits.ExportPerAccount), Fresh: g.cfg.PageSessions.Fresh, DeleteURL: g.cfg.PublicURL + "/account/delete/"},
		profile.Deps{DB: g.db, Schema: g.schema, Limiter: g.limiter, Letters: g.letters,
			Prove: func(ctx context.Context, by session.Bearer, given string) error {
				return g.password.Prove(ctx, by, given, confirms)
			}})
	if err != nil {
		return err
	}
	g.manage = manage.NewService(manage.Deps{DB: g.db, Hasher: g.hasher, Policy: g.policy, Schema: g.schema, Letters: g.letters, Queue: g.queue, Limiter: g.limiter, Roles: g.staff,
		SendReset: g.recovery.Mail,
		Unlock: func(ctx context.Context, tx *db.Tx, id account.ID) error {
			return errors.Join(g.limiter.Reset(ctx, tx, ratelimit.Bucket{Limit: guesses, Key: id.String()}), g.limiter.Reset(ctx, tx, ratelimit.Bucket{Limit: steps, Key: id.String()}))
		}})
	if err := g.openTenants(perMailbox, perNetwork); err != nil {
		return err
	}
	g.portal = portal.New(portal.Deps{Tiles: []portal.Tile{g.teamTile()}, DB: g.db, UI: g.ui, Profile: g.profile, Identifier: g.identifier, Usernames: g.cfg.SignInBy != signin.ByEmail, Password: g.password, Policy: g.policy, SignIn: g.signin, Enrol: g.enrol, Recovery: g.recovery, Places: g.places, Attributes: attributes(g.cfg.Attributes)})
	g.openTeam()
	g.screens = console.New(console.Deps{Govern: g.govern, DB: g.db, UI: g.ui, Manage: g.manage, SignIn: g.signin, Keys: g.keys, Queue: g.queue, Letters: g.letters, Limiter: g.limiter, Places: g.places,
		Hashing: g.hasher.Stats, Skew: func() time.Duration { return time.Duration(g.skew.Load()) }, KeyLifetime: g.cfg.SigningKeyLifetime,
		API: g.Issuer(), Settings: g.settings()})
	return nil
}

// openFactors opens what people can prove themselves with besides a password.
func (g *Gatehouse) openFactors(perMailbox, mailsPerNetwork ratelimit.Limit) (err error) {
	if g.places, err = place.Open(g.cfg.GeoIPFile); err != nil {
		return err
	}
	g.tickets = ticket.NewBook(g.keys.Hasher)
	if g.totp, err = totp.New(totp.Config{Issuer: g.cfg.Brand.Name}, totp.Deps{DB: g.db, Sealer: g.keys.Sealer()}); err != nil {
		return err
	}
	g.backupCodes = backupcode.New(backupcode.Deps{Hasher: g.keys.Hasher("backup code")})
	// Apart from the limit of resets: whoever has codes mailed to others must not keep them from those.
	perMailbox.Name = "mail.signin"
	g.emailCodes, err = emailcode.New(emailcode.Config{PerMailbox: perMailbox, PerNetwork: mailsPerNetwork, Link: g.cfg.PublicURL + "/account/sign-in/link/?token={token}"},
		emailcode.Deps{DB: g.db, Limiter: g.limiter, Queue: g.queue, Letters: g.letters, Tickets: g.tickets})
	if err != nil {
		return err
	}
	g.passkeys, err = passkey.New(passkey.Config{RPID: g.cfg.Passkeys.RPID, Name: g.cfg.Brand.Name, Origins: append([]string{g.cfg.PublicURL}, g.cfg.Passkeys.Origins...)},
		passkey.Deps{DB: g.db, Tickets: g.tickets})
	return err
}

// factorRequired tells of whom policy demands a second factor.
func (g *Gatehouse) factorRequired(a *account.Account) bool {
	switch g.cfg.SecondFactor.Required {
	case "everyone":
		return true
	case "staff":
		return a.Staff || a.Superuser
	default:
		return false
	}
}

// Lifetimes of what waits for an answer to a mail.
const (
	registrationLife = 24 * time.Hour
	resetLife        = 30 * time.Minute
)

func attributes(declared []Attribute) []account.Attribute {
	out := make([]account.Attribute, len(declared))
	for i, a := range declared {
		out[i] = account.Attribute(a)
	}
	return out
}
