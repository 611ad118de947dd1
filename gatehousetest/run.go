package gatehousetest

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// Feature is a part of what Gatehouse does. Its value is the name of the subtest of [Run].
type Feature string

// The features, in the order [Run] takes them.
const (
	Registration   Feature = "registration"
	Verification   Feature = "verification"
	Login          Feature = "login"
	Issuance       Feature = "issuance"
	Profile        Feature = "profile"
	Refresh        Feature = "refresh"
	Cookies        Feature = "cookies"
	Logout         Feature = "logout"
	Sessions       Feature = "sessions"
	TokenEndpoints Feature = "token_endpoints"
	PasswordChange Feature = "password_change"
	PasswordReset  Feature = "password_reset"
	SecondFactor   Feature = "second_factor"
	BackupCodes    Feature = "backup_codes"
	StepUp         Feature = "step_up"
	Leaving        Feature = "leaving"
	Tenants        Feature = "tenants"
	Pages          Feature = "pages"
	Protection     Feature = "protection"
	Refusals       Feature = "refusals"
)

// Target says what [Run] is to prove.
type Target struct {
	// APIURL is where the API is mounted, as the public sees it: the issuer of the tokens, such as
	// https://id.example.com/api/auth. Required.
	APIURL string
	// Client reaches it; nil means a plain one. It is copied: the copy follows no redirect,
	// keeps no cookies and gives up after 30 s.
	Client *http.Client
	// Audience is the one that tokens are for when none is asked for; default the origin of APIURL.
	Audience string

	// Mailbox returns all mails to an address that arrived so far, with an ID each. Without it and
	// MailboxURL, what needs mail is skipped.
	Mailbox func(t testing.TB, to string) []Mail
	// MailboxURL is the mailbox of a server in development mode, such as
	// http://localhost:8080/dev/mailbox/. Mailbox comes first.
	MailboxURL string
	// MailDomain is the domain of the addresses made up; default example.com.
	MailDomain string
	// ClockURL is the clock of a server in development mode, such as
	// http://localhost:8080/dev/clock/. It is moved by weeks. Without it, what needs time to pass
	// is skipped.
	ClockURL string

	// NewAccount returns a new account, ready to sign in. By default one is registered and its
	// mail followed.
	NewAccount func(t testing.TB) Account
	// Members are sent with every registration beside email, password and full_name, where the
	// target requires more.
	Members map[string]any

	// Protected is an endpoint of yours that a GET reaches with any good access token, and no
	// other way. Its time has to be that of ClockURL, if there is one. Optional.
	Protected string
	// AdminOnly is an endpoint of yours that a GET with an access token of a new account is
	// refused with 403. Optional.
	AdminOnly string
	// TenantData is an endpoint of yours that a GET reaches with a token of the tenant that {tenant} in
	// it names, and with no other, such as https://app.example.com/api/tenant/{tenant}/data/. Optional.
	TenantData string

	// Skip names what the target has switched off.
	Skip []Feature
}

// Target returns what [Run] needs to prove this server.
func (s *Server) Target() Target {
	return Target{APIURL: s.APIURL, Client: s.Client, Audience: s.audience, MailboxURL: s.URL + "/dev/mailbox/", ClockURL: s.URL + "/dev/clock/"}
}

// Run proves, over HTTP alone, that a Gatehouse keeps the promises of its documentation. Every
// feature is a subtest, skipped with the reason where the target does not allow it.
//
// It makes about 40 accounts and touches nobody else's. Unless there is a clock to move, it can
// run against a server in use.
func Run(t *testing.T, target Target) {
	t.Helper()
	b := newBattery(t, target)
	contents := b.contents()
	for _, f := range target.Skip {
		if !slices.ContainsFunc(contents, func(c chapter) bool { return c.feature == f }) {
			t.Fatalf("gatehousetest: Skip names %q, which is no feature", f)
		}
	}
	for _, c := range contents {
		t.Run(string(c.feature), func(t *testing.T) {
			if slices.Contains(target.Skip, c.feature) {
				t.Skip("the target says that it has no " + string(c.feature))
			}
			for _, s := range c.scenes {
				t.Run(strings.ReplaceAll(s.name, " ", "_"), s.prove)
			}
		})
	}
}

// TargetFromEnv returns the target that the environment describes; ok is false when
// GATEHOUSE_TARGET_URL, the APIURL, is not set. The others are optional and named after the
// members: GATEHOUSE_TARGET_AUDIENCE, GATEHOUSE_TARGET_MAILBOX_URL, …_MAIL_DOMAIN, GATEHOUSE_TARGET_CLOCK_URL, …_PROTECTED,
// …_ADMIN_ONLY, …_TENANT_DATA, and …_SKIP with features separated by commas.
func TargetFromEnv() (target Target, ok bool) {
	get := func(name string) string { return os.Getenv("GATEHOUSE_TARGET_" + name) }
	target = Target{
		APIURL: get("URL"), Audience: get("AUDIENCE"), MailboxURL: get("MAILBOX_URL"), MailDomain: get("MAIL_DOMAIN"), ClockURL: get("CLOCK_URL"),
		Protected: get("PROTECTED"), AdminOnly: get("ADMIN_ONLY"), TenantData: get("TENANT_DATA"),
	}
	for name := range strings.SplitSeq(get("SKIP"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			target.Skip = append(target.Skip, Feature(name))
		}
	}
	return target, target.APIURL != ""
}
