// Package signintest is what the tests of sign-in, and of pages that stand on it, open it with.
package signintest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/backupcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/emailcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Issuer is the issuer of tokens.
const Issuer = domaintest.Origin + "/api/auth"

// DisownUntil is until when mails about a new device can be answered.
var DisownUntil = time.Date(2099, time.May, 4, 3, 2, 0, 0, time.UTC)

// Config returns how sign-in works by default.
func Config() signin.Config {
	return signin.Config{
		Issuer: Issuer, Audiences: []string{domaintest.Origin, "https://other.example.com"}, AccessLife: 10 * time.Minute, Identifier: signin.ByEither,
		Session:      session.Limits{Idle: 7 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour, Window: 30 * time.Second},
		PerAccount:   ratelimit.Limit{Name: "signin.account", Burst: 10, Per: 15 * time.Minute},
		PerAddress:   ratelimit.Limit{Name: "signin.address", Burst: 50, Per: 15 * time.Minute},
		PerConfirm:   ratelimit.Limit{Name: "page.confirm", Burst: 5, Per: 15 * time.Minute},
		PerStep:      ratelimit.Limit{Name: "signin.step", Burst: 20, Per: time.Hour},
		PerChallenge: ratelimit.Limit{Name: "passkey.begin", Burst: 1000, Per: time.Hour},
		Pages: session.PageLimits{Idle: 12 * time.Hour, Absolute: 24 * time.Hour, RememberedIdle: 7 * 24 * time.Hour, RememberedAbsolute: 30 * 24 * time.Hour,
			StaffProof: 12 * time.Hour, Fresh: domaintest.Fresh, Look: 15 * time.Minute},
		Required: func(*account.Account) bool { return false }, Grace: 7 * 24 * time.Hour,
		NotMe: domaintest.Origin + "/account/not-me/?token={token}", SignUp: true,
	}
}

// Deps returns what sign-in works with, on w.
func Deps(t testing.TB, w *domaintest.World, hasher *password.Hasher, u *ui.UI) signin.Deps {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	d := signin.Deps{DB: w.DB.DB, Keys: w.Keys, Hasher: hasher, Limiter: w.Limiter, Letters: w.Letters, UI: u, Logger: slog.New(slog.DiscardHandler), Roles: w.Roles,
		Tickets: ticket.NewBook(w.Keys.Hasher), Devices: device.NewBook(w.Keys.Hasher), BackupCodes: backupcode.New(backupcode.Deps{Hasher: w.Keys.Hasher("backup code")}),
		Disown: func(context.Context, *db.Tx, account.ID, uuid.UUID, int64) (string, time.Time, error) {
			return secret.NewToken(), DisownUntil, nil
		},
		Verify: func(string) (session.Bearer, error) { return session.Bearer{}, session.ErrEnded }}
	var err error
	d.Password, err = password.New(password.Config{PerAccount: Config().PerConfirm}, password.Deps{DB: d.DB, Hasher: hasher, Limiter: w.Limiter, Letters: w.Letters})
	must(err)
	d.TOTP, err = totp.New(totp.Config{Issuer: "Example"}, totp.Deps{DB: d.DB, Sealer: w.Keys.Sealer()})
	must(err)
	d.EmailCodes, err = emailcode.New(emailcode.Config{Link: domaintest.Origin + "/account/sign-in/link/?token={token}",
		PerMailbox: ratelimit.Limit{Name: "mail.address", Burst: 5, Per: time.Hour}, PerNetwork: ratelimit.Limit{Name: "mail.network", Burst: 1000, Per: time.Hour}},
		emailcode.Deps{DB: d.DB, Limiter: w.Limiter, Queue: w.Queue, Letters: w.Letters, Tickets: d.Tickets})
	must(err)
	d.Passkeys, err = passkey.New(passkey.Config{RPID: "id.example.com", Name: "Example", Origins: []string{domaintest.Origin}}, passkey.Deps{DB: d.DB, Tickets: d.Tickets})
	must(err)
	return d
}
