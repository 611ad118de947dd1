package gatehouse

import (
	"strings"
	"testing"
	"time"
)

// goodConfig is as little as a production server needs.
func goodConfig() Config {
	return Config{
		PublicURL: "https://id.example.com", DatabaseURL: "sqlite:gatehouse.db", SMTPURL: "off",
		SecretKey: "8qDGkbF3ti5m1M9Jx/1yFvXyqBMmKiGUCqbBD8JtsKc=",
	}
}

func TestCheckAcceptsDefaults(t *testing.T) {
	if err := goodConfig().Check(); err != nil {
		t.Error(err)
	}
	if err := (Config{Dev: true, PublicURL: "http://localhost:8080", DatabaseURL: "sqlite:x"}).Check(); err != nil {
		t.Errorf("development: %v", err)
	}
}

// Passkeys belong to names. A server that is known by an address alone starts all the same.
func TestAnAddressAsPublicURLStarts(t *testing.T) {
	cfg := goodConfig()
	cfg.PublicURL = "https://192.0.2.1"
	if err := cfg.Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckNamesEachProblem(t *testing.T) {
	const canary = "canary"
	for _, c := range []struct {
		setting string
		spoil   func(c *Config)
	}{
		{"GATEHOUSE_PUBLIC_URL", func(c *Config) { c.PublicURL = "" }},
		{"GATEHOUSE_PUBLIC_URL", func(c *Config) { c.PublicURL = "http://id.example.com" }},
		{"GATEHOUSE_PUBLIC_URL", func(c *Config) { c.PublicURL = "https://id.example.com/" }},
		{"GATEHOUSE_PUBLIC_URL", func(c *Config) { c.Dev = true }},
		{"GATEHOUSE_MOUNT_PATH", func(c *Config) { c.MountPath = "auth/" }},
		{"GATEHOUSE_DATABASE_URL", func(c *Config) { c.DatabaseURL = "" }},
		{"GATEHOUSE_DATABASE_URL", func(c *Config) { c.DatabaseURL = "mysql://" + canary }},
		{"GATEHOUSE_MAX_CONNS", func(c *Config) { c.MaxConns = 1 }},
		{"GATEHOUSE_SECRET_KEY", func(c *Config) { c.SecretKey = "" }},
		{"GATEHOUSE_SECRET_KEY", func(c *Config) { c.SecretKey = canary }},
		{"GATEHOUSE_SECRET_KEY", func(c *Config) { c.SecretKey = strings.Repeat("A", 43) + "=" }},
		{"GATEHOUSE_SECRET_KEY", func(c *Config) {
			c.Dev, c.PublicURL, c.DatabaseURL, c.SecretKey = true, "http://localhost", "postgres://x", ""
		}},
		{"GATEHOUSE_SECRET_KEY_PREVIOUS", func(c *Config) { c.SecretKeyPrevious = []string{canary} }},
		{"GATEHOUSE_SMTP_URL", func(c *Config) { c.SMTPURL = "" }},
		{"GATEHOUSE_SMTP_URL", func(c *Config) { c.SMTPURL, c.MailFrom = "http://"+canary, "a@example.com" }},
		{"GATEHOUSE_MAIL_FROM", func(c *Config) { c.SMTPURL = "smtp://localhost" }},
		{"GATEHOUSE_MAIL_FROM", func(c *Config) { c.SMTPURL, c.MailFrom = "smtp://localhost", canary }},
		{"GATEHOUSE_DKIM_KEY", func(c *Config) { c.SMTPURL, c.MailFrom, c.DKIMKey = "smtp://localhost", "a@example.com", canary }},
		{"GATEHOUSE_LINKS__VERIFY", func(c *Config) { c.Links.Verify = "https://app.example.com/verify" }},
		{"GATEHOUSE_LINKS__RESET", func(c *Config) { c.Links.Reset = "https://app.example.com/reset" }},
		{"GATEHOUSE_LINKS__VERIFY", func(c *Config) { c.Links.Verify = "javascript:{token}" }},
		{"GATEHOUSE_LINKS__RESET", func(c *Config) { c.Links.Reset = "http://app.example.com/{token}" }},
		{"GATEHOUSE_LINKS__SIGN_IN", func(c *Config) { c.Links.SignIn = "app.example.com" }},
		{"GATEHOUSE_BRAND__COLOR", func(c *Config) { c.Brand.Color = "red" }},
		{"GATEHOUSE_BRAND__COLOR", func(c *Config) { c.Brand.Color = "#fff;}" }},
		{"GATEHOUSE_BRAND__RADIUS", func(c *Config) { c.Brand.Radius = 25 }},
		{"GATEHOUSE_BRAND__FONT", func(c *Config) { c.Brand.Font = "Comic" }},
		{"GATEHOUSE_BRAND__LOGO", func(c *Config) { c.Brand.Logo = "/nonexistent.svg" }},
		{"GATEHOUSE_BRAND__LOGO", func(c *Config) { c.Brand.Logo = "check.go" }},
		{"GATEHOUSE_BRAND__URL", func(c *Config) { c.Brand.URL = "example.com" }},
		{"GATEHOUSE_TEMPLATE_DIR", func(c *Config) { c.TemplateDir = "/nonexistent" }},
		{"GATEHOUSE_MOUNT_PATH", func(c *Config) { c.MountPath = "/account/api" }},
		{"GATEHOUSE_PUBLIC_URL", func(c *Config) { c.PublicURL = "https://id.example.com:443" }},
		{"GATEHOUSE_DATABASE_URL", func(c *Config) { c.DatabaseURL = "postgres://id:" + canary + " me@db.example.com/app" }},
		{"GATEHOUSE_DATABASE_URL", func(c *Config) { c.DatabaseURL = "postgres://id:" + canary + "%me@db.example.com/app" }},
		{"GATEHOUSE_DATABASE_URL", func(c *Config) { c.DatabaseURL = "postgres://id:" + canary + "@db.example.com:99999/app" }},
		{"GATEHOUSE_DATABASE_URL", func(c *Config) {
			c.DatabaseURL = "postgres://id:" + canary + "@db.example.com/app?sslmode=perhaps"
		}},
		{"GATEHOUSE_DATABASE_URL", func(c *Config) {
			c.DatabaseURL = "postgres://id:" + canary + "@db.example.com/app?default_query_exec_mode=exec"
		}},
		{"GATEHOUSE_DATABASE_URL", func(c *Config) { c.DatabaseURL = "sqlite:" }},
		{"GATEHOUSE_DATABASE_URL", func(c *Config) { c.DatabaseURL = "sqlite:/nonexistent/gatehouse.db" }},
		{"GATEHOUSE_PAGE_SESSIONS__ABSOLUTE", func(c *Config) { c.PageSessions.Absolute = 401 * 24 * time.Hour }},
		{"GATEHOUSE_PAGE_SESSIONS__IDLE", func(c *Config) { c.PageSessions.Idle = 25 * time.Hour }},
		{"GATEHOUSE_PAGE_SESSIONS__REMEMBERED_ABSOLUTE", func(c *Config) {
			c.PageSessions.RememberedAbsolute, c.PageSessions.RememberedIdle = 23*time.Hour, 12*time.Hour
		}},
		{"GATEHOUSE_PAGE_SESSIONS__REMEMBERED_IDLE", func(c *Config) { c.PageSessions.RememberedIdle = time.Hour }},
		{"GATEHOUSE_PAGE_SESSIONS__STAFF_PROOF", func(c *Config) { c.PageSessions.StaffProof = 25 * time.Hour }},
		{"GATEHOUSE_PAGE_SESSIONS__FRESH", func(c *Config) { c.PageSessions.Fresh = 13 * time.Hour }},
		{"GATEHOUSE_PAGE_SESSIONS__LOOK", func(c *Config) { c.PageSessions.Look = 2 * time.Hour }},
		{"GATEHOUSE_ALLOWED_HOSTS", func(c *Config) { c.AllowedHosts = []string{"https://foo"} }},
		{"GATEHOUSE_ALLOWED_HOSTS", func(c *Config) { c.AllowedHosts = []string{"*.example.com"} }},
		{"GATEHOUSE_TRUSTED_PROXIES", func(c *Config) { c.TrustedProxies = []string{"::ffff:10.0.0.0/104"} }},
		{"GATEHOUSE_ALGORITHM", func(c *Config) { c.Algorithm = "none" }},
		{"GATEHOUSE_ACCESS_TOKEN_LIFETIME", func(c *Config) { c.AccessTokenLifetime = 16 * time.Minute }},
		{"GATEHOUSE_SIGNING_KEY_LIFETIME", func(c *Config) { c.SigningKeyLifetime = time.Minute }},
		{"GATEHOUSE_SESSIONS__ABSOLUTE", func(c *Config) { c.Sessions.Absolute = 401 * 24 * time.Hour }},
		{"GATEHOUSE_SESSIONS__IDLE", func(c *Config) { c.Sessions.Idle = 31 * 24 * time.Hour }},
		{"GATEHOUSE_SESSIONS__REFRESH_WINDOW", func(c *Config) { c.Sessions.RefreshWindow = 11 * time.Minute }},
		{"GATEHOUSE_SIGN_IN_BY", func(c *Config) { c.SignInBy = "phone" }},
		{"GATEHOUSE_ATTRIBUTES", func(c *Config) { c.Attributes = []Attribute{{Name: "a", Type: "date"}} }},
		{"GATEHOUSE_TENANTS__ATTRIBUTES", func(c *Config) { c.Tenants.Attributes = []Attribute{{Name: "a", Type: "date"}} }},
		{"GATEHOUSE_PASSWORD__MIN_LENGTH", func(c *Config) { c.Password.MinLength = 7 }},
		{"GATEHOUSE_PASSWORD__…", func(c *Config) { c.Password.MemoryKiB = 1024 }},
		{"GATEHOUSE_PASSWORD__…", func(c *Config) { c.Password.Wait = time.Hour }},
		{"GATEHOUSE_LIMITS__SIGN_IN_PER_ACCOUNT__…", func(c *Config) { c.Limits.SignInPerAccount.Tries = -1 }},
		{"GATEHOUSE_LIMITS__SIGN_IN_PER_ADDRESS__…", func(c *Config) { c.Limits.SignInPerAddress.Per = -time.Second }},
		{"GATEHOUSE_LIMITS__MAIL_PER_ADDRESS__…", func(c *Config) { c.Limits.MailPerAddress.Per = -time.Second }},
		{"GATEHOUSE_LIMITS__MAIL_PER_NETWORK__…", func(c *Config) { c.Limits.MailPerNetwork.Tries = -1 }},
		{"GATEHOUSE_LIMITS__STEP_PER_ACCOUNT__…", func(c *Config) { c.Limits.StepPerAccount.Tries = -1 }},
		{"GATEHOUSE_LIMITS__CHALLENGES_PER_NETWORK__…", func(c *Config) { c.Limits.ChallengesPerNetwork.Tries = -1 }},
		{"GATEHOUSE_LIMITS__EMAIL_CHANGES_PER_ACCOUNT__…", func(c *Config) { c.Limits.EmailChangesPerAccount.Tries = -1 }},
		{"GATEHOUSE_LIMITS__USERNAME_CHANGES_PER_ACCOUNT__…", func(c *Config) { c.Limits.UsernameChangesPerAccount.Per = -time.Second }},
		{"GATEHOUSE_SECOND_FACTOR__REQUIRED", func(c *Config) { c.SecondFactor.Required = "some" }},
		{"GATEHOUSE_SECOND_FACTOR__GRACE", func(c *Config) { c.SecondFactor.Grace = time.Second }},
		{"GATEHOUSE_SECOND_FACTOR__REMEMBER_DEVICES", func(c *Config) { c.SecondFactor.RememberDevices = 91 * 24 * time.Hour }},
		{"GATEHOUSE_SECOND_FACTOR__RECOVERY_DELAY", func(c *Config) { c.SecondFactor.RecoveryDelay = time.Hour }},
		{"GATEHOUSE_PASSKEYS__RP_ID", func(c *Config) { c.Passkeys.RPID = "example.org" }},
		{"GATEHOUSE_PASSKEYS__ORIGINS", func(c *Config) { c.Passkeys.Origins = []string{"http://app.example.org"} }},
		{"GATEHOUSE_GEOIP_FILE", func(c *Config) { c.GeoIPFile = "check_test.go" }},
		{"GATEHOUSE_ALLOWED_ORIGINS", func(c *Config) { c.AllowedOrigins = []string{"https://app.example.com/"} }},
		{"GATEHOUSE_TRUSTED_PROXIES", func(c *Config) { c.TrustedProxies = []string{"10.0.0.1"} }},
	} {
		cfg := goodConfig()
		c.spoil(&cfg)
		err := cfg.Check()
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "("+c.setting+"): ") || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", c.setting, err)
		}
		if _, err := New(t.Context(), cfg); err == nil {
			t.Errorf("%s: New goes on", c.setting)
		}
	}
}

func TestCheckNamesEveryBadAttributeOfMembers(t *testing.T) {
	cfg := goodConfig()
	cfg.Tenants.Attributes = []Attribute{{Name: "Job", Type: "string"}, {Name: "level", Type: "date"}, {Name: "badge", Type: "string", Required: true, ReadOnly: true}}
	err := cfg.Check()
	for _, name := range []string{"Job", "level", "badge"} {
		if err == nil || !strings.Contains(err.Error(), `"`+name+`"`) {
			t.Errorf("%s is not in %v", name, err)
		}
	}
}

func TestCheckReportsEverythingAtOnce(t *testing.T) {
	err := Config{Algorithm: "none", MaxConns: 1}.Check()
	for _, name := range []string{"PUBLIC_URL", "DATABASE_URL", "SECRET_KEY", "SMTP_URL", "ALGORITHM", "MAX_CONNS"} {
		if err == nil || !strings.Contains(err.Error(), "GATEHOUSE_"+name+")") {
			t.Errorf("GATEHOUSE_%s is not in %v", name, err)
		}
	}
}
