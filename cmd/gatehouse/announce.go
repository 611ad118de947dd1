package main

import (
	"context"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// announce says what is listening and, in development mode, where to go next.
func announce(ctx context.Context, gh *gatehouse.Gatehouse, s *settings, l listeners) error {
	if !s.Dev {
		args := []any{"address", l.main.Addr().String(), "issuer", gh.Issuer(), "version", readBuild().Version}
		if l.metrics != nil {
			args = append(args, "metrics", l.metrics.Addr().String())
		}
		s.Logger.InfoContext(ctx, "listening", args...)
		return nil
	}
	password, err := firstAdmin(ctx, gh)
	if err != nil {
		return err
	}
	return welcome(os.Stdout, l.main.Addr().String(), s.PublicURL, gh.Issuer(), s.DatabaseURL, password)
}

// firstAdminEmail is a name that no mail reaches (RFC 2606).
const firstAdminEmail = "admin@example.com"

// firstAdmin makes an administrator with a random password when there is no account yet. It
// returns the empty string when there is one.
func firstAdmin(ctx context.Context, gh *gatehouse.Gatehouse) (password string, err error) {
	some, err := gh.Accounts(ctx, "", 1)
	if err != nil || len(some) > 0 {
		return "", err
	}
	password = secret.NewToken()[:22] // 132 bits
	_, err = gh.CreateAccount(ctx, gatehouse.NewAccount{Email: firstAdminEmail, Password: password, Superuser: true})
	if gatehouse.ErrorCode(err) == "account_exists" {
		return "", nil // another server on the same database was faster
	}
	return password, err
}

const welcomeText = `Gatehouse is listening on {url} (at {address}; development mode: this machine only)

  Tour      {url}/dev/   (every page, sample accounts, mailbox, clock)
  Account   {url}/account/
  Console   {url}/console/
  API       {issuer}/
  Docs      {issuer}/docs/
  Mailbox   {url}/dev/mailbox/
  Data      {data}
`

const welcomeAdmin = `
  Admin     {email}
  Password  {password}   (shown this once)

Try it:

  curl -X POST {issuer}/login/ -H 'Content-Type: application/json' \
    -d '{"email": "{email}", "password": "{password}"}'

`

const welcomeBack = `
Try it:

  curl -X POST {issuer}/register/ -H 'Content-Type: application/json' \
    -d '{"email": "ada@example.com", "password": "an evening by the harbour", "full_name": "Ada Example"}'

`

// welcome prints where to go next, with a command that works as it stands.
func welcome(w io.Writer, address, origin, issuer, database, password string) error {
	text := welcomeText + welcomeBack
	if password != "" {
		text = welcomeText + welcomeAdmin
	}
	fill := strings.NewReplacer("{address}", address, "{url}", origin, "{issuer}", issuer, "{data}", withoutPassword(database), "{email}", firstAdminEmail, "{password}", password)
	_, err := fill.WriteString(w, text)
	return err
}

// withoutPassword returns a database's address as it may be shown.
func withoutPassword(database string) string {
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		return path
	}
	u, err := url.Parse(database)
	if err != nil {
		return "PostgreSQL"
	}
	return u.Host + u.Path
}
