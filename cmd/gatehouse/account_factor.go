package main

import (
	"context"

	"github.com/gatehouse-auth/gatehouse"
)

type accountResetFactorsCommand struct {
	Account string `arg:"" help:"Mail address, id or user name."`
	Reason  string `required:"" help:"Why, in 10 to 300 characters. The audit keeps it." placeholder:"TEXT"`
	JSON    bool   `help:"As JSON."`
}

// Run takes all second factors from the account.
func (c *accountResetFactorsCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		a, err := gh.ResetFactors(ctx, id, c.Reason)
		return done(a, err, "second factors removed from", c.JSON)
	})
}

type accountCancelRecoveryCommand struct {
	Account string `arg:"" help:"Mail address, id or user name."`
	JSON    bool   `help:"As JSON."`
}

// Run keeps somebody from removing the account's second factors who says that they lost them.
func (c *accountCancelRecoveryCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		a, err := gh.CancelRecovery(ctx, id)
		return done(a, err, "no second factors will be removed from", c.JSON)
	})
}
