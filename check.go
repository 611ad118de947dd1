package gatehouse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Check reports every problem of c at once, one line each: the member, the setting's name, what
// is wrong and how to mend it. No secret appears in it. It opens nothing; New checks the same.
func (c Config) Check() error {
	c = c.withDefaults()
	var p problems
	c.checkAddress(&p)
	c.checkStorage(&p)
	c.checkMail(&p)
	c.checkTokens(&p)
	c.checkPages(&p)
	c.checkPeople(&p)
	c.checkFactors(&p)
	c.checkTenants(&p)
	c.checkEdge(&p)
	c.checkBrand(&p)
	return errors.Join(p...)
}

// problems are what is wrong, one line each.
type problems []error

// when adds what where wrong holds. setting names a member and its variable.
func (p *problems) when(wrong bool, setting, what string) {
	if wrong {
		*p = append(*p, errors.New(setting+": "+what))
	}
}

// of adds each line of what a part of the engine says about its configuration.
func (p *problems) of(setting string, err error) {
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		for _, by := range []string{"account: ", "password: ", "secret: ", "web: ", "ui: ", "mail: templates: ", "theme: ", "place: ", "passkey: "} {
			line = strings.TrimPrefix(line, by)
		}
		p.when(true, setting, line)
	}
}

func (c Config) checkAddress(p *problems) {
	const setting = "PublicURL (GATEHOUSE_PUBLIC_URL)"
	u, err := url.Parse(c.PublicURL)
	switch {
	case c.PublicURL == "":
		p.when(true, setting, "is missing; set the external origin, such as https://id.example.com")
	case err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "":
		p.when(true, setting, "must be an origin alone, such as https://id.example.com")
	case c.Dev:
		p.when(!web.Loopback(u.Hostname()), setting, "development mode needs a loopback address, such as http://localhost:8080")
	default:
		p.when(u.Scheme != "https", setting, "must be https; only development mode may do without")
	}
	if len(*p) == 0 {
		c.askEdge(p, setting, web.Config{PublicURL: c.PublicURL})
	}
}

func (c Config) checkStorage(p *problems) {
	const setting = "DatabaseURL (GATEHOUSE_DATABASE_URL)"
	if c.DatabaseURL == "" {
		p.when(true, setting, "is missing; set postgres://user:password@host/database or sqlite:PATH")
	} else {
		p.of(setting, db.CheckURL(c.DatabaseURL))
	}
	if path, ok := strings.CutPrefix(c.DatabaseURL, "sqlite:"); ok && !c.Dev { // whose command makes the folder
		info, err := os.Stat(filepath.Dir(path))
		p.when(err != nil || !info.IsDir(), setting, "must name a file in a folder that is there")
	}
	p.when(c.MaxConns < 2, "MaxConns (GATEHOUSE_MAX_CONNS)", "must be at least 2")

	const key = "SecretKey (GATEHOUSE_SECRET_KEY)"
	p.when(c.SecretKey == "" && !c.keyBesideDatabase(), key, "is missing; set 32 random bytes in base64, made with: openssl rand -base64 32")
	if c.SecretKey != "" {
		_, err := secret.NewKEK(c.SecretKey)
		p.of(key, err)
	}
	for _, former := range c.SecretKeyPrevious {
		_, err := secret.NewKEK(former)
		p.of("SecretKeyPrevious (GATEHOUSE_SECRET_KEY_PREVIOUS)", err)
	}
}

func (c Config) checkMail(p *problems) {
	const link = "must hold {token}, which is replaced in each mail"
	p.when(!strings.Contains(c.Links.Verify, "{token}"), "Links.Verify (GATEHOUSE_LINKS__VERIFY)", link)
	p.when(!strings.Contains(c.Links.Reset, "{token}"), "Links.Reset (GATEHOUSE_LINKS__RESET)", link)
	for setting, address := range map[string]string{
		"Links.Verify (GATEHOUSE_LINKS__VERIFY)": c.Links.Verify, "Links.Reset (GATEHOUSE_LINKS__RESET)": c.Links.Reset, "Links.SignIn (GATEHOUSE_LINKS__SIGN_IN)": c.Links.SignIn,
	} {
		if address == "" || strings.HasPrefix(address, c.PublicURL) {
			continue // none, or our own page, whose address is checked as PublicURL
		}
		u, err := url.Parse(address)
		p.when(err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !c.Dev), setting, "must be a whole https address")
	}
	p.when(c.SMTPURL == "" && !c.Dev, "SMTPURL (GATEHOUSE_SMTP_URL)", "is missing, so no mail could be sent; set smtp://user:password@host:587, or off to mean it")
	if c.SMTPURL == "" || c.SMTPURL == "off" {
		return
	}
	p.when(c.MailFrom == "", "MailFrom (GATEHOUSE_MAIL_FROM)", "is missing; set the address that mails come from")
	orDefault(&c.MailFrom, "gatehouse@example.com") // so that the rest is checked all the same
	_, err := mail.NewSMTP(mail.Config{URL: c.SMTPURL, From: c.MailFrom, DKIMKey: []byte(c.DKIMKey), DKIMSelector: c.DKIMSelector})
	if err == nil {
		return
	}
	settings := map[string]string{
		"smtp_url": "SMTPURL (GATEHOUSE_SMTP_URL)", "mail_from": "MailFrom (GATEHOUSE_MAIL_FROM)",
		"dkim_key": "DKIMKey (GATEHOUSE_DKIM_KEY)", "dkim_selector": "DKIMSelector (GATEHOUSE_DKIM_SELECTOR)",
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		name, what, _ := strings.Cut(line, ": ")
		p.when(true, settings[name], what)
	}
}

func (c Config) checkTokens(p *problems) {
	p.when(!slices.Contains([]string{"ES256", "EdDSA", "RS256"}, c.Algorithm), "Algorithm (GATEHOUSE_ALGORITHM)", "must be ES256, EdDSA or RS256")
	p.when(c.AccessTokenLifetime > 15*time.Minute || c.AccessTokenLifetime < time.Second,
		"AccessTokenLifetime (GATEHOUSE_ACCESS_TOKEN_LIFETIME)", "must be 1s to 15m; sign-outs reach services only when access tokens expire")
	p.when(c.SigningKeyLifetime < time.Hour, "SigningKeyLifetime (GATEHOUSE_SIGNING_KEY_LIFETIME)", "must be at least 1h")
	s := c.Sessions
	p.when(s.Absolute < time.Minute || s.Absolute > 400*24*time.Hour, "Sessions.Absolute (GATEHOUSE_SESSIONS__ABSOLUTE)", "must be 1m to 400d")
	p.when(s.Idle < time.Minute || s.Idle > s.Absolute, "Sessions.Idle (GATEHOUSE_SESSIONS__IDLE)", "must be 1m to the absolute lifetime")
	p.when(s.RefreshWindow < time.Second || s.RefreshWindow > 10*time.Minute, "Sessions.RefreshWindow (GATEHOUSE_SESSIONS__REFRESH_WINDOW)", "must be 1s to 10m")
}

// checkPages holds page sessions to what signin asks of them, naming each setting.
func (c Config) checkPages(p *problems) {
	s, day := c.PageSessions, 24*time.Hour
	within := func(d, least, most time.Duration, member, variable, what string) {
		p.when(d < least || d > most, "PageSessions."+member+" (GATEHOUSE_PAGE_SESSIONS__"+variable+")", what)
	}
	within(s.Absolute, time.Minute, 400*day, "Absolute", "ABSOLUTE", "must be 1m to 400d")
	within(s.Idle, time.Minute, s.Absolute, "Idle", "IDLE", "must be 1m to the absolute lifetime")
	within(s.RememberedAbsolute, min(s.Absolute, 30*day), 400*day, "RememberedAbsolute", "REMEMBERED_ABSOLUTE", "must be no less than the lifetime of a browser that is not remembered, and at most 400d")
	within(s.RememberedIdle, s.Idle, s.RememberedAbsolute, "RememberedIdle", "REMEMBERED_IDLE", "must be no less than the idle time of a browser that is not remembered, and at most the absolute lifetime")
	within(s.StaffProof, time.Minute, day, "StaffProof", "STAFF_PROOF", "must be 1m to 24h")
	within(s.Fresh, time.Minute, s.StaffProof, "Fresh", "FRESH", "must be 1m to the time staff may use the console")
	within(s.Look, time.Minute, time.Hour, "Look", "LOOK", "must be 1m to 1h")
}

func (c Config) checkPeople(p *problems) {
	p.when(!slices.Contains([]string{"email", "username", "either"}, c.SignInBy), "SignInBy (GATEHOUSE_SIGN_IN_BY)", "must be email, username or either")
	_, err := account.NewSchema(attributes(c.Attributes))
	p.of("Attributes (GATEHOUSE_ATTRIBUTES)", err)
	n := c.Password.MinLength
	p.when(n != 0 && (n < password.MinLength || n > maxMinLength), "Password.MinLength (GATEHOUSE_PASSWORD__MIN_LENGTH)",
		fmt.Sprintf("must be %d to %d", password.MinLength, maxMinLength))
	_, err = password.NewHasher(c.hasher())
	p.of("Password (GATEHOUSE_PASSWORD__…)", err)
	limit := func(setting string, l Limit) {
		p.of(setting, ratelimit.Limit{Name: "any", Burst: l.Tries, Per: l.Per}.Validate())
	}
	limit("Limits.SignInPerAccount (GATEHOUSE_LIMITS__SIGN_IN_PER_ACCOUNT__…)", c.Limits.SignInPerAccount)
	limit("Limits.SignInPerAddress (GATEHOUSE_LIMITS__SIGN_IN_PER_ADDRESS__…)", c.Limits.SignInPerAddress)
	limit("Limits.ConfirmPerAccount (GATEHOUSE_LIMITS__CONFIRM_PER_ACCOUNT__…)", c.Limits.ConfirmPerAccount)
	limit("Limits.StepPerAccount (GATEHOUSE_LIMITS__STEP_PER_ACCOUNT__…)", c.Limits.StepPerAccount)
	limit("Limits.ChallengesPerNetwork (GATEHOUSE_LIMITS__CHALLENGES_PER_NETWORK__…)", c.Limits.ChallengesPerNetwork)
	limit("Limits.EmailChangesPerAccount (GATEHOUSE_LIMITS__EMAIL_CHANGES_PER_ACCOUNT__…)", c.Limits.EmailChangesPerAccount)
	limit("Limits.UsernameChangesPerAccount (GATEHOUSE_LIMITS__USERNAME_CHANGES_PER_ACCOUNT__…)", c.Limits.UsernameChangesPerAccount)
	limit("Limits.ExportPerAccount (GATEHOUSE_LIMITS__EXPORT_PER_ACCOUNT__…)", c.Limits.ExportPerAccount)
	limit("Limits.TenantsPerAccount (GATEHOUSE_LIMITS__TENANTS_PER_ACCOUNT__…)", c.Limits.TenantsPerAccount)
	limit("Limits.InvitationsPerTenant (GATEHOUSE_LIMITS__INVITATIONS_PER_TENANT__…)", c.Limits.InvitationsPerTenant)
	limit("Limits.MailPerAddress (GATEHOUSE_LIMITS__MAIL_PER_ADDRESS__…)", c.Limits.MailPerAddress)
	limit("Limits.MailPerNetwork (GATEHOUSE_LIMITS__MAIL_PER_NETWORK__…)", c.Limits.MailPerNetwork)
}

// checkFactors holds second factors and passkeys to what they can be.
func (c Config) checkFactors(p *problems) {
	f, day := c.SecondFactor, 24*time.Hour
	p.when(!slices.Contains([]string{"nobody", "staff", "everyone"}, f.Required), "SecondFactor.Required (GATEHOUSE_SECOND_FACTOR__REQUIRED)", "must be nobody, staff or everyone")
	p.when(f.Grace < time.Minute || f.Grace > 90*day, "SecondFactor.Grace (GATEHOUSE_SECOND_FACTOR__GRACE)", "must be 1m to 90d")
	p.when(f.RememberDevices != 0 && (f.RememberDevices < time.Hour || f.RememberDevices > 90*day), "SecondFactor.RememberDevices (GATEHOUSE_SECOND_FACTOR__REMEMBER_DEVICES)", "must be 1h to 90d, or left out for never")
	p.when(f.RecoveryDelay < day || f.RecoveryDelay > 30*day, "SecondFactor.RecoveryDelay (GATEHOUSE_SECOND_FACTOR__RECOVERY_DELAY)", "must be 24h to 30d")
	var address problems
	if c.checkAddress(&address); len(address) == 0 {
		_, err := passkey.New(passkey.Config{RPID: c.Passkeys.RPID, Name: "any", Origins: []string{c.PublicURL}}, passkey.Deps{})
		p.of("Passkeys.RPID (GATEHOUSE_PASSKEYS__RP_ID)", err)
	}
	for _, o := range c.Passkeys.Origins {
		u, err := url.Parse(o)
		p.when(err != nil || u.Host == "" || u.Scheme+"://"+u.Host != o || u.Scheme != "https" && !c.Dev, "Passkeys.Origins (GATEHOUSE_PASSKEYS__ORIGINS)", "must be https origins alone, such as https://app.example.org")
	}
	p.of("GeoIPFile (GATEHOUSE_GEOIP_FILE)", place.Check(c.GeoIPFile))
}

// checkTenants holds tenants, their roles and those of staff to what they can be.
func (c Config) checkTenants(p *problems) {
	t, day := c.Tenants, 24*time.Hour
	p.when(t.Create != "staff" && t.Create != "anyone", "Tenants.Create (GATEHOUSE_TENANTS__CREATE)", "must be staff or anyone")
	p.when(t.InvitationLifetime < time.Hour || t.InvitationLifetime > 30*day, "Tenants.InvitationLifetime (GATEHOUSE_TENANTS__INVITATION_LIFETIME)", "must be 1h to 30d")
	if t.Domain != "" {
		host, err := tenant.ParseDomain(t.Domain)
		p.when(!c.Dev && (err != nil || host != t.Domain), "Tenants.Domain (GATEHOUSE_TENANTS__DOMAIN)", "must be a domain alone in lower case, such as app.example.com")
	}
	_, err := role.NewSet(t.Permissions, roles(t.Roles))
	p.of("Tenants.Permissions and Tenants.Roles (GATEHOUSE_TENANTS__PERMISSIONS, GATEHOUSE_TENANTS__ROLES)", err)
	_, err = account.NewSchema(attributes(t.Attributes))
	p.of("Tenants.Attributes (GATEHOUSE_TENANTS__ATTRIBUTES)", err)
	_, err = role.NewStaff(roles(c.Staff.Roles))
	p.of("Staff.Roles (GATEHOUSE_STAFF__ROLES)", err)
}

// maxMinLength is far above any sensible demand, in characters.
const maxMinLength = 128

// askEdge asks the edge about one of its settings alone, so that it is named.
func (c Config) askEdge(p *problems, setting string, w web.Config) {
	orDefault(&w.PublicURL, "https://id.example.com")
	w.Logger = c.Logger
	w.Authenticate = func(*http.Request, web.Route) (context.Context, error) { return nil, web.ErrDenied }
	_, err := web.NewEdge(w)
	p.of(setting, err)
}

func (c Config) checkEdge(p *problems) {
	c.askEdge(p, "MountPath (GATEHOUSE_MOUNT_PATH)", web.Config{MountPath: c.MountPath})
	first, _, _ := strings.Cut(strings.TrimPrefix(c.MountPath, "/"), "/")
	p.when(slices.Contains([]string{"account", "console", "dev", ".well-known"}, first), "MountPath (GATEHOUSE_MOUNT_PATH)", "must not begin with /"+first+", where pages are")
	c.askEdge(p, "AllowedHosts (GATEHOUSE_ALLOWED_HOSTS)", web.Config{Hosts: c.AllowedHosts})
	c.askEdge(p, "AllowedOrigins (GATEHOUSE_ALLOWED_ORIGINS)", web.Config{Origins: c.AllowedOrigins})
	for _, n := range c.TrustedProxies {
		prefix, err := netip.ParsePrefix(n)
		p.when(err != nil || prefix.Addr().Is4In6(), "TrustedProxies (GATEHOUSE_TRUSTED_PROXIES)", fmt.Sprintf("%q is no network; write one such as 10.0.0.0/8 or fd00::/8", n))
	}
}

// checkBrand asks the pages about each of their settings alone, so that each is named.
func (c Config) checkBrand(p *problems) {
	if c.Brand.URL != c.PublicURL { // which is checked as itself
		_, err := ui.New(ui.Config{Home: c.Brand.URL})
		p.of("Brand.URL (GATEHOUSE_BRAND__URL)", err)
	}
	ask := func(setting string, theme ui.Theme) {
		_, err := ui.New(ui.Config{Theme: theme})
		p.of(setting, err)
	}
	ask("Brand.Color (GATEHOUSE_BRAND__COLOR)", ui.Theme{Brand: ui.Brand{Color: c.Brand.Color}})
	ask("Brand.Radius (GATEHOUSE_BRAND__RADIUS)", ui.Theme{Brand: ui.Brand{Radius: c.Brand.Radius}})
	ask("Brand.Font (GATEHOUSE_BRAND__FONT)", ui.Theme{Brand: ui.Brand{Font: c.Brand.Font}})
	if c.Brand.Logo != "" {
		logo, err := readLogo(c.Brand.Logo)
		p.of("Brand.Logo (GATEHOUSE_BRAND__LOGO)", err)
		ask("Brand.Logo (GATEHOUSE_BRAND__LOGO)", ui.Theme{Logo: logo})
	}
	if c.TemplateDir != "" {
		c.checkTemplates(p)
	}
}

// checkTemplates reads the operator's templates as New does.
func (c Config) checkTemplates(p *problems) {
	const setting = "TemplateDir (GATEHOUSE_TEMPLATE_DIR)"
	if info, err := os.Stat(c.TemplateDir); err != nil || !info.IsDir() {
		p.when(true, setting, "is no folder that can be read")
		return
	}
	_, err := ui.New(ui.Config{Overrides: c.templates("pages")}, pageSets(docAssets)...)
	p.of(setting, err)
	_, err = mail.NewTemplates(c.templates("mails"), letter.Kinds()...)
	p.of(setting, err)
}

// maxLogo is far above what a logo takes, in bytes.
const maxLogo = 64 << 10

func readLogo(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxLogo {
		return nil, errors.New("must be the path of an SVG or PNG file of at most 64 KiB")
	}
	logo, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New("cannot be read")
	}
	return logo, nil
}

// keyBesideDatabase reports whether a missing SecretKey may be made and kept in a file.
func (c Config) keyBesideDatabase() bool { return c.Dev && strings.HasPrefix(c.DatabaseURL, "sqlite:") }
