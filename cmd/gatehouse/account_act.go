package main

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

type accountSearchCommand struct {
	Prefix string `arg:"" optional:"" help:"How it begins; an id is given whole. Without: all, the newest first."`
	By     string `enum:"email,username,name,id" default:"email" help:"What is looked at: email, username, name or id."`
	Status string `enum:"all,active,disabled,unverified,staff" default:"all" help:"all, active, disabled, unverified or staff."`
	Limit  int    `default:"50" help:"At most so many; 0 means all."`
	JSON   bool   `help:"As JSON, one object on each line."`
}

// Run searches accounts.
func (c *accountSearchCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		rows := newRows(c.JSON, "ID\tEMAIL\tUSERNAME\tNAME\tSTATE\tJOINED")
		err := pages(c.Limit, func(after string, limit int) (int, string, error) {
			found, next, err := gh.SearchAccounts(ctx, gatehouse.AccountSearch{By: c.By, Prefix: c.Prefix, Status: c.Status, After: after, Limit: limit})
			for _, a := range found {
				rows.add(a, a.ID, a.Email, username(a), a.FullName, state(a), a.DateJoined.Format(time.DateOnly))
			}
			return len(found), next, err
		})
		return rows.end(err)
	})
}

type accountSignOutCommand struct {
	Account string `arg:"" help:"Mail address, id or user name."`
	JSON    bool   `help:"As JSON."`
}

// Run ends all sessions of the account.
func (c *accountSignOutCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		a, err := gh.SignOutAccount(ctx, id)
		return done(a, err, "signed out", c.JSON)
	})
}

type accountSendResetCommand struct {
	Account string `arg:"" help:"Mail address, id or user name."`
	JSON    bool   `help:"As JSON."`
}

// Run mails the link.
func (c *accountSendResetCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		a, err := gh.SendReset(ctx, id)
		return done(a, err, "queued a mail to", c.JSON)
	})
}

type accountUnlockCommand struct {
	Account string `arg:"" help:"Mail address, id or user name."`
	JSON    bool   `help:"As JSON."`
}

// Run forgives failed sign-ins.
func (c *accountUnlockCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		a, err := gh.UnlockAccount(ctx, id)
		return done(a, err, "unlocked", c.JSON)
	})
}

type accountSetAttributesCommand struct {
	Account    string `arg:"" help:"Mail address, id or user name."`
	Attributes string `arg:"" help:"As a JSON object: null removes one, those left out stay." placeholder:"JSON"`
	JSON       bool   `help:"As JSON."`
}

// Run changes the attributes.
func (c *accountSetAttributesCommand) Run(ctx context.Context, g *globals) error {
	values, err := attributes("what is set", c.Attributes)
	if err != nil {
		return err
	}
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		a, err := gh.SetAttributes(ctx, id, values)
		return done(a, err, "changed", c.JSON)
	})
}

// rankFlags are what changes of rank have in common.
type rankFlags struct {
	Account string `arg:"" help:"Mail address, id or user name."`
	To      string `arg:"" optional:"" enum:"on,off" default:"on" help:"on (default) or off."`
	Force   bool   `help:"Even if no active superuser is left."`
	JSON    bool   `help:"As JSON."`
}

// forced returns the option that --force stands for.
func forced(force bool) []gatehouse.AccountOption {
	if force {
		return []gatehouse.AccountOption{gatehouse.Force}
	}
	return nil
}

type accountSetStaffCommand struct {
	rankFlags
	Role string `help:"What a member of staff may do: operator (default), support, auditor, or a role of the configuration." placeholder:"NAME"`
}

// Run makes a member of staff, or the opposite.
func (c *accountSetStaffCommand) Run(ctx context.Context, g *globals) error {
	if c.Role != "" && c.To == "off" {
		return usage("--role is for who is on the staff")
	}
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		if c.Role != "" {
			a, err := gh.SetStaffRole(ctx, id, c.Role)
			return done(a, err, "staff on, "+c.Role+":", c.JSON)
		}
		a, err := gh.SetStaff(ctx, id, c.To == "on", forced(c.Force)...)
		return done(a, err, "staff "+c.To+":", c.JSON)
	})
}

type accountSetSuperuserCommand struct{ rankFlags }

// Run makes a superuser, or the opposite.
func (c *accountSetSuperuserCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		a, err := gh.SetSuperuser(ctx, id, c.To == "on", forced(c.Force)...)
		return done(a, err, "superuser "+c.To+":", c.JSON)
	})
}
