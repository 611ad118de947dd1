package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

type tenantMembersCommand struct {
	Tenant string `arg:"" help:"Slug, id or verified domain."`
	Prefix string `arg:"" optional:"" help:"How an address or a name begins. Without: all."`
	Role   string `help:"Only those with this role."`
	Limit  int    `default:"50" help:"At most so many; 0 means all."`
	JSON   bool   `help:"As JSON, one object on each line."`
}

// Run lists members.
func (c *tenantMembersCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		rows := newRows(c.JSON, "ACCOUNT\tEMAIL\tNAME\tROLE\tPERMISSIONS\tJOINED")
		err := pages(c.Limit, func(after string, limit int) (int, string, error) {
			found, next, err := gh.TenantMembers(ctx, c.Tenant, gatehouse.MemberSearch{Prefix: c.Prefix, Role: c.Role, After: after, Limit: limit})
			for _, m := range found {
				rows.add(m, m.Account, m.Email, m.FullName, m.Role, orDash(m.Permissions), m.JoinedAt.Format(time.DateOnly))
			}
			return len(found), next, err
		})
		return rows.end(err)
	})
}

type tenantAddMemberCommand struct {
	tenantFlags
	Account string `arg:"" help:"Mail address, id or user name."`
	Role    string `arg:"" help:"owner, admin, member, or another role that the tenant has."`
}

// Run adds the member.
func (c *tenantAddMemberCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		m, err := gh.AddMember(ctx, c.Tenant, id, c.Role)
		return doneMember(m, err, "added", c.JSON)
	})
}

type tenantSetRoleCommand struct {
	tenantFlags
	Account string `arg:"" help:"Mail address, id or user name."`
	Role    string `arg:"" help:"owner, admin, member, or another role that the tenant has."`
}

// Run gives the member another role.
func (c *tenantSetRoleCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		m, err := gh.SetMemberRole(ctx, c.Tenant, id, c.Role)
		return doneMember(m, err, "changed", c.JSON)
	})
}

type tenantSetAttributesCommand struct {
	tenantFlags
	Account    string `arg:"" help:"Mail address, id or user name."`
	Attributes string `arg:"" help:"As a JSON object: null removes one, those left out stay." placeholder:"JSON"`
}

// Run changes the attributes.
func (c *tenantSetAttributesCommand) Run(ctx context.Context, g *globals) error {
	values, err := attributes("what is set", c.Attributes)
	if err != nil {
		return err
	}
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		m, err := gh.SetMemberAttributes(ctx, c.Tenant, id, values)
		return doneMember(m, err, "changed", c.JSON)
	})
}

type tenantRemoveMemberCommand struct {
	tenantFlags
	Account string `arg:"" help:"Mail address, id or user name."`
}

// Run ends the membership.
func (c *tenantRemoveMemberCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		return doneID(gh.RemoveMember(ctx, c.Tenant, id), "removed", id, c.JSON)
	})
}

// doneMember prints what became of a member.
func doneMember(m *gatehouse.TenantMember, err error, what string, asJSON bool) error {
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(m)
	}
	_, err = fmt.Println(what, m.Email, m.Account, "as", m.Role)
	return err
}
