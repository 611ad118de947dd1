package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

type tenantCommand struct {
	Create           tenantCreateCommand           `cmd:"" help:"Make a tenant with its first owner."`
	List             tenantListCommand             `cmd:"" help:"Look tenants up by how their name or slug begins."`
	Show             tenantShowCommand             `cmd:"" help:"Show one tenant."`
	Suspend          tenantSuspendCommand          `cmd:"" help:"Keep a tenant's members out."`
	Resume           tenantResumeCommand           `cmd:"" help:"Let a suspended tenant's members in again."`
	Delete           tenantDeleteCommand           `cmd:"" help:"Delete a tenant with all that is in it. Accounts stay."`
	Members          tenantMembersCommand          `cmd:"" help:"List who belongs to a tenant."`
	AddMember        tenantAddMemberCommand        `cmd:"" help:"Make an account a member, without asking it."`
	SetRole          tenantSetRoleCommand          `cmd:"" help:"Give a member another role."`
	SetAttributes    tenantSetAttributesCommand    `cmd:"" help:"Change attributes that a member has in a tenant, read-only ones too."`
	RemoveMember     tenantRemoveMemberCommand     `cmd:"" help:"End a membership."`
	Invitations      tenantInvitationsCommand      `cmd:"" help:"List invitations that were not accepted."`
	RevokeInvitation tenantRevokeInvitationCommand `cmd:"" help:"Make an invitation's link worthless."`
	Domains          tenantDomainsCommand          `cmd:"" help:"List a tenant's domains."`
	VerifyDomain     tenantVerifyDomainCommand     `cmd:"" help:"Look again for the challenge of a domain."`
	RemoveDomain     tenantRemoveDomainCommand     `cmd:"" help:"Take a domain from a tenant."`
	Explain          tenantExplainCommand          `cmd:"" help:"Say whether an account may do something in a tenant, and why."`
}

// tenantFlags are what commands about one tenant have in common.
type tenantFlags struct {
	Tenant string `arg:"" help:"Slug, id or verified domain."`
	JSON   bool   `help:"As JSON."`
}

type tenantCreateCommand struct {
	Name  string `arg:"" help:"Name."`
	Slug  string `help:"Short name in paths; without it made from the name."`
	Owner string `required:"" help:"Its first owner: mail address, id or user name." placeholder:"ACCOUNT"`
	JSON  bool   `help:"As JSON."`
}

// Run makes the tenant.
func (c *tenantCreateCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Owner, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		t, err := gh.CreateTenant(ctx, gatehouse.NewTenant{Name: c.Name, Slug: c.Slug, Owner: id})
		return doneTenant(t, err, "created", c.JSON)
	})
}

type tenantListCommand struct {
	Prefix string `arg:"" optional:"" help:"How it begins. Without: all, the newest first."`
	By     string `enum:"name,slug" default:"name" help:"What is looked at: name or slug."`
	Status string `enum:"all,active,suspended" default:"all" help:"all, active or suspended."`
	Limit  int    `default:"50" help:"At most so many; 0 means all."`
	JSON   bool   `help:"As JSON, one object on each line."`
}

// Run lists tenants.
func (c *tenantListCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		rows := newRows(c.JSON, "ID\tSLUG\tNAME\tSTATE\tCREATED")
		err := pages(c.Limit, func(after string, limit int) (int, string, error) {
			found, next, err := gh.Tenants(ctx, gatehouse.TenantSearch{By: c.By, Prefix: c.Prefix, Status: c.Status, After: after, Limit: limit})
			for _, t := range found {
				rows.add(t, t.ID, t.Slug, t.Name, tenantState(t), t.CreatedAt.Format(time.DateOnly))
			}
			return len(found), next, err
		})
		return rows.end(err)
	})
}

type tenantShowCommand struct{ tenantFlags }

// Run shows the tenant.
func (c *tenantShowCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		t, err := gh.Tenant(ctx, c.Tenant)
		if err != nil || c.JSON {
			return doneTenant(t, err, "", c.JSON)
		}
		return facts([][2]string{
			{"id", t.ID}, {"slug", t.Slug}, {"name", t.Name}, {"state", tenantState(t)}, {"created", t.CreatedAt.Format(time.RFC3339)},
			{"second factor", strconv.FormatBool(t.Policy.SecondFactor)}, {"proof at most", orDashTime(t.Policy.MaxAge)}, {"unused at most", orDashTime(t.Policy.MaxIdle)},
			{"refused methods", orDash(t.Policy.RefuseMethods)}, {"address domains", orDash(t.Policy.EmailDomains)}, {"joining as", orDash(strings.Fields(t.Policy.JoinRole))},
		})
	})
}

type tenantSuspendCommand struct {
	tenantFlags
	Reason string `required:"" help:"Why, in 10 to 300 characters. The audit keeps it." placeholder:"TEXT"`
}

// Run suspends the tenant.
func (c *tenantSuspendCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		t, err := gh.SuspendTenant(ctx, c.Tenant, c.Reason)
		return doneTenant(t, err, "suspended", c.JSON)
	})
}

type tenantResumeCommand struct {
	tenantFlags
	Reason string `required:"" help:"Why, in 10 to 300 characters. The audit keeps it." placeholder:"TEXT"`
}

// Run lets the tenant be used again.
func (c *tenantResumeCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		t, err := gh.ResumeTenant(ctx, c.Tenant, c.Reason)
		return doneTenant(t, err, "resumed", c.JSON)
	})
}

type tenantDeleteCommand struct {
	tenantFlags
	Slug   string `required:"" help:"The tenant's slug once more."`
	Reason string `required:"" help:"Why, in 10 to 300 characters. The audit keeps it." placeholder:"TEXT"`
}

// Run deletes the tenant.
func (c *tenantDeleteCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		t, err := gh.Tenant(ctx, c.Tenant)
		if err == nil {
			err = gh.DeleteTenant(ctx, t.ID, c.Slug, c.Reason)
		}
		return doneTenant(t, err, "deleted", c.JSON)
	})
}

type tenantExplainCommand struct {
	tenantFlags
	Account    string `arg:"" help:"Mail address, id or user name."`
	Permission string `arg:"" help:"noun.verb, such as notes.write."`
}

// Run explains.
func (c *tenantExplainCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		d, err := gh.Explain(ctx, c.Tenant, id, c.Permission)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(d)
		}
		return facts([][2]string{{"allowed", strconv.FormatBool(d.Allowed)}, {"reason", d.Reason}, {"permission", d.Permission}, {"tenant", d.Tenant},
			{"role", orDash(strings.Fields(d.Role))}, {"rule", orDash(strings.Fields(d.Rule))}})
	})
}

// doneTenant prints what became of a tenant.
func doneTenant(t *gatehouse.Tenant, err error, what string, asJSON bool) error {
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(t)
	}
	_, err = fmt.Println(what, t.Slug, t.ID)
	return err
}

func tenantState(t *gatehouse.Tenant) string {
	if !t.IsActive {
		return "suspended"
	}
	return "active"
}

// orDash lists what there is on one line.
func orDash(all []string) string {
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, ", ")
}

// orDashTime says how long so many seconds are, if any.
func orDashTime(seconds int64) string {
	if seconds == 0 {
		return "-"
	}
	return (time.Duration(seconds) * time.Second).String()
}

// facts prints names and what they are.
func facts(all [][2]string) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, row := range all {
		if _, err := fmt.Fprintf(table, "%s\t%s\n", row[0], printable(row[1])); err != nil {
			return err
		}
	}
	return table.Flush()
}
