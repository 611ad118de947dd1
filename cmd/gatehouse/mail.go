package main

import (
	"context"
	"strconv"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

type mailCommand struct {
	List    mailListCommand    `cmd:"" help:"List the mail queue. What mails say is never shown."`
	Retry   mailRetryCommand   `cmd:"" help:"Give a dead letter all its attempts again."`
	Discard mailDiscardCommand `cmd:"" help:"Delete a dead letter."`
}

type mailListCommand struct {
	State string `enum:",waiting,running,dead,done" default:"" help:"waiting, running, dead or done; without it all."`
	Limit int    `default:"50" help:"At most so many; 0 means all."`
	JSON  bool   `help:"As JSON, one object on each line."`
}

// Run lists mails.
func (c *mailListCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		rows := newRows(c.JSON, "ID\tKIND\tRECIPIENT\tSTATE\tATTEMPTS\tNEXT RUN\tERROR")
		err := pages(c.Limit, func(after string, limit int) (int, string, error) {
			found, next, err := gh.Mails(ctx, gatehouse.MailSearch{State: c.State, After: after, Limit: limit})
			for _, m := range found {
				again := "-"
				if m.NextRun != nil {
					again = m.NextRun.Format(time.RFC3339)
				}
				rows.add(m, m.ID, m.Kind, m.Recipient, m.State, strconv.Itoa(m.Attempts), again, m.Error)
			}
			return len(found), next, err
		})
		return rows.end(err)
	})
}

type mailRetryCommand struct {
	ID   string `arg:"" help:"The mail's id."`
	JSON bool   `help:"As JSON."`
}

// Run retries the mail.
func (c *mailRetryCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		return doneID(gh.RetryMail(ctx, c.ID), "queued", c.ID, c.JSON)
	})
}

type mailDiscardCommand struct {
	ID   string `arg:"" help:"The mail's id."`
	JSON bool   `help:"As JSON."`
}

// Run discards the mail.
func (c *mailDiscardCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		return doneID(gh.DiscardMail(ctx, c.ID), "discarded", c.ID, c.JSON)
	})
}
