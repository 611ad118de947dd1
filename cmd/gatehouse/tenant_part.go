package main

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

type tenantDomainsCommand struct {
	Tenant string `arg:"" help:"Slug, id or verified domain."`
	JSON   bool   `help:"As JSON, one object on each line."`
}

// Run lists domains.
func (c *tenantDomainsCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		rows := newRows(c.JSON, "DOMAIN\tSTATE\tCHECKED")
		found, err := gh.TenantDomains(ctx, c.Tenant)
		for _, d := range found {
			checked := "-"
			if d.CheckedAt != nil {
				checked = d.CheckedAt.Format(time.RFC3339)
			}
			rows.add(d, d.Domain, domainState(d), checked)
		}
		return rows.end(err)
	})
}

func domainState(d *gatehouse.TenantDomain) string {
	switch {
	case d.VerifiedAt == nil:
		return "unverified"
	case d.MissingSince != nil:
		return "missing"
	default:
		return "verified"
	}
}

type tenantVerifyDomainCommand struct {
	tenantFlags
	Domain string `arg:"" help:"One of its domains."`
}

// Run looks for the domain's challenge.
func (c *tenantVerifyDomainCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		d, err := gh.VerifyTenantDomain(ctx, c.Tenant, c.Domain)
		if err == nil && c.JSON {
			return printJSON(d)
		}
		return doneID(err, "verified", c.Domain, false)
	})
}

type tenantRemoveDomainCommand struct {
	tenantFlags
	Domain string `arg:"" help:"One of its domains."`
	Reason string `required:"" help:"Why, in 10 to 300 characters. The audit keeps it." placeholder:"TEXT"`
}

// Run removes the domain.
func (c *tenantRemoveDomainCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		return doneID(gh.RemoveTenantDomain(ctx, c.Tenant, c.Domain, c.Reason), "removed", c.Domain, c.JSON)
	})
}

type tenantInvitationsCommand struct {
	Tenant string `arg:"" help:"Slug, id or verified domain."`
	Limit  int    `default:"50" help:"At most so many; 0 means all."`
	JSON   bool   `help:"As JSON, one object on each line."`
}

// Run lists invitations.
func (c *tenantInvitationsCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		rows := newRows(c.JSON, "ID\tEMAIL\tROLE\tSTATE\tEXPIRES")
		err := pages(c.Limit, func(after string, limit int) (int, string, error) {
			found, next, err := gh.TenantInvitations(ctx, c.Tenant, after, limit)
			for _, i := range found {
				rows.add(i, i.ID, i.Email, i.Role, i.Status, i.ExpiresAt.Format(time.RFC3339))
			}
			return len(found), next, err
		})
		return rows.end(err)
	})
}

type tenantRevokeInvitationCommand struct {
	tenantFlags
	Invitation string `arg:"" help:"Its id."`
}

// Run revokes the invitation.
func (c *tenantRevokeInvitationCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		return doneID(gh.RevokeInvitation(ctx, c.Tenant, c.Invitation), "revoked", c.Invitation, c.JSON)
	})
}
