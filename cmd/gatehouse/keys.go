package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

type keysCommand struct {
	List   keysListCommand   `cmd:"" help:"List the keys. Nothing secret is shown."`
	Rotate keysRotateCommand `cmd:"" help:"Make a new key ahead of its time."`
	Import keysImportCommand `cmd:"" help:"Take in a signing key of your own: PKCS #8 in PEM."`
	Export keysExportCommand `cmd:"" help:"Print the active signing key. Development mode only."`
	Rewrap keysRewrapCommand `cmd:"" help:"Seal all keys with GATEHOUSE_SECRET_KEY, after it has changed."`
}

type keysListCommand struct {
	JSON bool `help:"As JSON."`
}

// Run lists the keys.
func (c *keysListCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		keys, err := gh.Keys(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(keys)
		}
		table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tPURPOSE\tALGORITHM\tSTATE\tACTIVE SINCE\tKEK")
		for _, k := range keys {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Purpose, k.Algorithm, k.State, k.ActiveAt.Format(time.RFC3339), k.KEK)
		}
		return table.Flush()
	})
}

type keysRotateCommand struct {
	Purpose string `arg:"" optional:"" enum:"sign,refresh,hash,seal" default:"sign" help:"sign (default), refresh, hash or seal."`
	Now     bool   `help:"A stolen key: use the new one at once and remove all before it. Tokens they made are dead."`
	JSON    bool   `help:"As JSON."`
}

// Run makes a new key.
func (c *keysRotateCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		k, err := gh.RotateKey(ctx, c.Purpose, c.Now)
		return doneKey(k, err, "made", c.JSON)
	})
}

type keysImportCommand struct {
	File string `arg:"" help:"PKCS #8 key in PEM, not encrypted." type:"existingfile"`
	Now  bool   `help:"Use it at once, although verifiers may not know it yet."`
	JSON bool   `help:"As JSON."`
}

// Run takes in the key.
func (c *keysImportCommand) Run(ctx context.Context, g *globals) error {
	pem, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return withNewEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		k, err := gh.ImportKey(ctx, pem, c.Now)
		return doneKey(k, err, "imported", c.JSON)
	})
}

type keysExportCommand struct{}

// Run prints the key.
func (c *keysExportCommand) Run(ctx context.Context, g *globals) error {
	if !g.Dev {
		return usage("keys export works with --dev only: elsewhere signing keys never leave the database")
	}
	return withEngine(ctx, g, func(_ context.Context, gh *gatehouse.Gatehouse) error {
		pem, err := gh.ExportKey()
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(pem)
		return err
	})
}

type keysRewrapCommand struct {
	JSON bool `help:"As JSON."`
}

// Run seals the keys anew.
func (c *keysRewrapCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		n, err := gh.RewrapKeys(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(struct {
				Rewrapped int `json:"rewrapped"`
			}{n})
		}
		fmt.Printf("%d keys sealed anew. GATEHOUSE_SECRET_KEY_PREVIOUS can go once every server runs with the new key.\n", n)
		return nil
	})
}

// doneKey prints what became of a key.
func doneKey(k gatehouse.Key, err error, what string, asJSON bool) error {
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(k)
	}
	_, err = fmt.Println(what, k.Purpose, "key", k.ID, k.Algorithm+",", "active at", k.ActiveAt.Format(time.RFC3339))
	return err
}
