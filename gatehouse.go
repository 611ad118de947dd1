// Package gatehouse is an authentication server to embed: identity, sessions and tokens, in
// your own process and on your own database.
//
// # Use
//
// [New] opens everything, [Gatehouse.Handler] serves the HTTP API, [Gatehouse.Require] protects
// your own routes, [Gatehouse.RequirePage] your own pages, and [Gatehouse.Close] ends it. Handlers
// behind either read who is calling with [verifier.FromContext]. Services elsewhere check tokens with package verifier
// alone.
//
// # Keys
//
// All keys are made, sealed and rotated by Gatehouse and live in its database, sealed by
// Config.SecretKey. Verifiers find the public ones at {issuer}/.well-known/jwks.json.
//
// # Compatibility
//
// Exported names, HTTP paths, problem codes, claims and settings stay. Migrations only add, so
// an older and a newer version may share a database while one replaces the other.
package gatehouse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/backupcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/emailcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/flow/join"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signup"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/internal/page/console"
	"github.com/gatehouse-auth/gatehouse/internal/page/portal"
	"github.com/gatehouse-auth/gatehouse/internal/page/team"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Gatehouse is a running authentication server. It is safe for concurrent use.
type Gatehouse struct {
	given    Config // as it came, before defaults
	cfg      Config
	db       *db.DB
	keys     *keyring.Keyring
	queue    *jobs.Queue
	limiter  *ratelimit.Limiter
	mailbox  *mail.Mailbox // in development mode
	letters  *letter.Post
	hasher   *password.Hasher
	policy   password.Policy
	ui       *ui.UI
	edge     *web.Edge
	verifier *verifier.Verifier
	public   atomic.Pointer[publicKeys]

	undeclared sync.Map // permissions that conditions ask for and the configuration lacks, each looked for once

	api     http.Handler
	pages   http.Handler
	console http.Handler

	schema   account.Schema
	roles    *role.Set   // of tenants
	staff    *role.Staff // of staff
	signin   *signin.Service
	signup   *signup.Service
	recovery *recovery.Service
	password *password.Service
	profile  *profile.Service

	tickets     *ticket.Book
	totp        *totp.Service
	backupCodes *backupcode.Service
	emailCodes  *emailcode.Service
	passkeys    *passkey.Service
	enrol       *enrol.Service
	identifier  *identifier.Service
	places      *place.Finder

	tenancy     *tenancy.Service
	members     *member.Service
	invitations *invitation.Service
	join        *join.Service
	govern      *govern.Service
	team        *team.Team

	manage  *manage.Service
	portal  *portal.Portal
	screens *console.Console

	skew    atomic.Int64 // how far this machine's clock is ahead of the database's, when last compared
	stop    context.CancelFunc
	stopped chan struct{}
}

// New opens the database, makes or loads the keys, and starts background work unless
// Config.NoWorkers. Every problem of cfg is reported at once. It never migrates unless
// Config.AutoMigrate: a schema older than this version is an error that names the command.
func New(ctx context.Context, cfg Config) (*Gatehouse, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	g := &Gatehouse{given: cfg, cfg: cfg.withDefaults(), stop: func() {}, stopped: make(chan struct{})}
	if err := g.open(ctx); err != nil {
		return nil, errors.Join(err, g.closeParts())
	}
	g.start(ctx)
	return g, nil
}

// Issuer returns the claim iss of every token: PublicURL and MountPath.
func (g *Gatehouse) Issuer() string { return g.edge.Issuer() }

// Pages serves the account pages under /account/: signing in and up, where mailed links lead, and
// what people can see and change of their account. Their style sheet lies there too.
func (g *Gatehouse) Pages() http.Handler { return g.pages }

// Console serves the screens of staff under /console/. Staff sign in on the account pages, so
// serve [Gatehouse.Pages] from the same origin.
func (g *Gatehouse) Console() http.Handler { return g.console }

// Handler serves the HTTP API. It may be mounted at Config.MountPath, behind a proxy that
// strips it, or under [http.StripPrefix].
func (g *Gatehouse) Handler() http.Handler { return g.api }

// Ready reports why requests cannot be served, or nil.
func (g *Gatehouse) Ready(ctx context.Context) error {
	if skew := time.Duration(g.skew.Load()); skew.Abs() > skewRefused {
		return fmt.Errorf("gatehouse: this machine's clock is %v ahead of the database's", skew)
	}
	var one int
	return g.db.Row(ctx, "SELECT 1", nil, &one)
}

// Close ends background work and closes the database. Requests under way fail, so shut the HTTP
// server down first.
func (g *Gatehouse) Close() error {
	g.stop()
	<-g.stopped
	return g.closeParts()
}

func (g *Gatehouse) closeParts() error {
	if g.queue != nil {
		g.queue.Close()
	}
	if g.limiter != nil {
		g.limiter.Close()
	}
	if g.db != nil {
		g.db.Close()
	}
	return nil
}

func prefixes(networks []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, len(networks))
	for i, n := range networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return nil, fmt.Errorf("gatehouse: trusted proxies: %w", err)
		}
		out[i] = p
	}
	return out, nil
}
