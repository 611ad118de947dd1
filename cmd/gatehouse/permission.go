package main

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse"
)

type permissionCommand struct {
	List     permissionListCommand     `cmd:"" help:"List what roles of tenants can hold."`
	Declare  permissionDeclareCommand  `cmd:"" help:"Make a permission one that roles of tenants can hold."`
	Withdraw permissionWithdrawCommand `cmd:"" help:"Take back what was declared."`
}

type permissionListCommand struct {
	JSON bool `help:"As JSON, one object on each line."`
}

// Run lists permissions.
func (c *permissionListCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		rows := newRows(c.JSON, "PERMISSION\tFROM\tDESCRIPTION")
		all, err := gh.Permissions(ctx)
		for _, p := range all {
			rows.add(p, p.Name, p.Source, p.Description)
		}
		return rows.end(err)
	})
}

type permissionDeclareCommand struct {
	Name        string `arg:"" help:"noun.verb, such as notes.write."`
	Description string `help:"What it allows, in at most 200 characters."`
	JSON        bool   `help:"As JSON."`
}

// Run declares the permission.
func (c *permissionDeclareCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		return donePermission(gh.DeclarePermission(ctx, c.Name, c.Description), "declared", c.Name, c.JSON)
	})
}

type permissionWithdrawCommand struct {
	Name string `arg:"" help:"noun.verb."`
	JSON bool   `help:"As JSON."`
}

// Run withdraws the permission.
func (c *permissionWithdrawCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		return donePermission(gh.WithdrawPermission(ctx, c.Name), "withdrew", c.Name, c.JSON)
	})
}

// donePermission prints what became of a permission.
func donePermission(err error, what, name string, asJSON bool) error {
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(struct {
			Name string `json:"name"`
		}{name})
	}
	_, err = fmt.Println(what, name)
	return err
}
