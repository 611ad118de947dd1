package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

type sessionCommand struct {
	List sessionListCommand `cmd:"" help:"List sessions, the newest first."`
	End  sessionEndCommand  `cmd:"" help:"End one session."`
}

type sessionListCommand struct {
	Account string `help:"Only this account's: mail address, id or user name."`
	Limit   int    `default:"50" help:"At most so many; 0 means all."`
	JSON    bool   `help:"As JSON, one object on each line."`
}

// Run lists sessions.
func (c *sessionListCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		id, err := accountID(ctx, gh, c.Account)
		if err != nil {
			return err
		}
		rows := newRows(c.JSON, "ID\tEMAIL\tSTATE\tDEVICE\tADDRESS\tCREATED\tLAST SEEN")
		err = pages(c.Limit, func(after string, limit int) (int, string, error) {
			found, next, err := gh.Sessions(ctx, gatehouse.SessionSearch{Account: id, After: after, Limit: limit})
			for _, s := range found {
				state := "live"
				if !s.Live {
					state = "over"
				}
				rows.add(s, s.ID, s.Email, state, s.Device, s.Address, s.CreatedAt.Format(time.RFC3339), s.LastSeen.Format(time.RFC3339))
			}
			return len(found), next, err
		})
		return rows.end(err)
	})
}

// accountID returns the id of the account with any of its names; empty stays empty.
func accountID(ctx context.Context, gh *gatehouse.Gatehouse, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	a, err := gh.FindAccount(ctx, name)
	if err != nil {
		return "", err
	}
	return a.ID, nil
}

type sessionEndCommand struct {
	ID   string `arg:"" help:"The session's id."`
	JSON bool   `help:"As JSON."`
}

// Run ends the session.
func (c *sessionEndCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		return doneID(gh.EndSession(ctx, c.ID), "ended", c.ID, c.JSON)
	})
}

// doneID prints what became of what has an id and nothing else to show.
func doneID(err error, what, id string, asJSON bool) error {
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(struct {
			ID string `json:"id"`
		}{id})
	}
	_, err = fmt.Println(what, id)
	return err
}
