package gatehouse

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/flow/join"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/page/portal"
	"github.com/gatehouse-auth/gatehouse/internal/page/team"
)

// openTenants opens what makes tenants, and lets people in and out of them.
func (g *Gatehouse) openTenants(perMailbox, perNetwork ratelimit.Limit) (err error) {
	g.tenancy, err = tenancy.New(tenancy.Config{Create: g.cfg.Tenants.Create, PerAccount: g.limit("tenant.create", g.cfg.Limits.TenantsPerAccount), Origin: g.cfg.PublicURL,
		DomainsPage: g.cfg.PublicURL + team.Path + "{tenant}/domains/"},
		tenancy.Deps{DB: g.db, Roles: g.roles, Limiter: g.limiter, Letters: g.letters, Logger: g.cfg.Logger})
	if err != nil {
		return err
	}
	schema, err := account.NewSchema(attributes(g.cfg.Tenants.Attributes))
	if err != nil {
		return err
	}
	g.members = member.New(member.Deps{DB: g.db, Roles: g.roles, Schema: schema, Limiter: g.limiter, Letters: g.letters})
	g.invitations, err = invitation.New(invitation.Config{Lifetime: g.cfg.Tenants.InvitationLifetime, Link: g.cfg.PublicURL + "/account/invitation/?token={token}",
		PerTenant: g.limit("invitation.tenant", g.cfg.Limits.InvitationsPerTenant), PerMailbox: perMailbox},
		invitation.Deps{DB: g.db, Roles: g.roles, Keys: g.keys, Limiter: g.limiter, Letters: g.letters})
	if err != nil {
		return err
	}
	g.join, err = join.New(join.Config{UsernameRequired: g.cfg.SignInBy == signin.ByUsername, UsernameOffered: g.cfg.SignInBy == signin.ByEither,
		PerAddress: perNetwork, PerLink: ratelimit.Limit{Name: "invitation.link", Burst: 5, Per: time.Hour}},
		join.Deps{DB: g.db, Invitations: g.invitations, Hasher: g.hasher, Policy: g.policy, Schema: g.schema, Attributes: attributes(g.cfg.Attributes), Limiter: g.limiter, UI: g.ui,
			Visitor: g.signin.OwnVisit})
	if err != nil {
		return err
	}
	g.govern = govern.New(govern.Deps{DB: g.db, Roles: g.roles, Tenancy: g.tenancy, Members: g.members, Invitations: g.invitations})
	return nil
}

// shadowedExamples is how many tenants a warning names.
const shadowedExamples = 5

// checkRoles says at start which roles of the configuration do not count in some tenants, because those made
// one of the same name for themselves. Commands beside a running server leave that to it.
func (g *Gatehouse) checkRoles(ctx context.Context) error {
	if g.cfg.NoWorkers {
		return nil
	}
	var configured []string
	for _, r := range g.roles.Roles() {
		if !role.BuiltIn(r.Name) {
			configured = append(configured, r.Name)
		}
	}
	shadowed, err := tenant.WithRoles(ctx, g.db, configured)
	if err != nil {
		return err
	}
	for _, name := range configured {
		if slugs := shadowed[name]; len(slugs) > 0 {
			g.cfg.Logger.WarnContext(ctx, "tenants have a role of their own by the name of a configured one, and theirs counts there", "role", name,
				"tenants", len(slugs), "more", len(slugs) == tenant.MaxWithRole, "examples", slugs[:min(len(slugs), shadowedExamples)])
		}
	}
	return nil
}

// openTeam opens the pages of tenants.
func (g *Gatehouse) openTeam() {
	g.team = team.New(team.Deps{DB: g.db, UI: g.ui, Tenancy: g.tenancy, Members: g.members, Invitations: g.invitations, Join: g.join, Nav: g.portal.Nav})
}

// teamTile is how one's own pages lead to those of tenants. Where nothing says that the service has any,
// only who has to do with one sees it.
func (g *Gatehouse) teamTile() portal.Tile {
	t := g.cfg.Tenants
	quiet := t.Create == tenancy.ByStaff && len(t.Permissions)+len(t.Roles)+len(t.Attributes) == 0
	return portal.Tile{Href: team.Path, Key: team.Title, Group: portal.Organisations, Quiet: quiet,
		State: func(ctx context.Context, v *session.Visit) (portal.State, error) {
			key, args, err := g.team.State(ctx, v)
			if quiet && key == team.NoState {
				key = ""
			}
			return portal.State{Key: key, Args: args}, err
		}}
}
