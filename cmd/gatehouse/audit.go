package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

type auditCommand struct {
	List   auditListCommand   `cmd:"" help:"List audit events, the newest first."`
	Export auditExportCommand `cmd:"" help:"Write audit events as CSV, at most 100,000."`
}

// auditFlags pick events out.
type auditFlags struct {
	Account string    `help:"Whom it concerns: mail address, id or user name; of an account that is gone its inner id."`
	Tenant  string    `help:"In which tenant: slug or id; of one that is gone its id."`
	Kind    string    `help:"The kind or how it begins, such as session."`
	Actor   string    `help:"Who acted: self, cli, system, or an account by any of its names."`
	Address string    `help:"Network address."`
	Since   time.Time `help:"Not before this time, such as 2030-01-31T12:00:00Z." placeholder:"TIME"`
	Until   time.Time `help:"Before this time." placeholder:"TIME"`
}

// search turns flags into a question. An account that is gone has no names left.
func (c auditFlags) search(ctx context.Context, gh *gatehouse.Gatehouse) gatehouse.AuditSearch {
	id, _ := accountID(ctx, gh, c.Account)
	return gatehouse.AuditSearch{Account: cmp.Or(id, c.Account), Tenant: c.Tenant, Kind: c.Kind, Actor: c.Actor, Address: c.Address, Since: c.Since, Until: c.Until}
}

type auditListCommand struct {
	auditFlags
	Limit int  `default:"50" help:"At most so many; 0 means all."`
	JSON  bool `help:"As JSON, one object on each line."`
}

// Run lists events.
func (c *auditListCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		rows := newRows(c.JSON, "AT\tKIND\tACCOUNT\tACTOR\tADDRESS\tREASON")
		q := c.search(ctx, gh)
		err := pages(c.Limit, func(after string, limit int) (int, string, error) {
			q.After, q.Limit = after, limit
			found, next, err := gh.AuditEvents(ctx, q)
			for _, e := range found {
				rows.add(e, e.At.Format(time.RFC3339), e.Kind, cmp.Or(e.Email, e.AccountID, "-"), cmp.Or(e.ActorEmail, e.Actor), cmp.Or(e.Address, "-"), cmp.Or(e.Reason, "-"))
			}
			return len(found), next, err
		})
		return rows.end(err)
	})
}

type auditExportCommand struct {
	auditFlags
	Output string `short:"o" help:"File to write, for its owner alone; it must not exist. Without it standard output." placeholder:"FILE"`
	JSON   bool   `help:"Say as JSON which file was written. Needs --output."`
}

// Run exports events.
func (c *auditExportCommand) Run(ctx context.Context, g *globals) error {
	if c.JSON && c.Output == "" {
		return usage("--json needs --output: standard output is the CSV")
	}
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		q := c.search(ctx, gh)
		if c.Output == "" {
			return gh.ExportAudit(ctx, q, os.Stdout)
		}
		file, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err := errors.Join(gh.ExportAudit(ctx, q, file), file.Close()); err != nil {
			return err
		}
		if c.JSON {
			return printJSON(struct {
				File string `json:"file"`
			}{c.Output})
		}
		_, err = fmt.Println("wrote", c.Output)
		return err
	})
}
