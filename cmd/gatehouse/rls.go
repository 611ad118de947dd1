package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gatehouse-auth/gatehouse"
)

// rlsCommand writes a migration for tables of an application's own.
type rlsCommand struct {
	Tables []string `arg:"" name:"table" help:"As PostgreSQL shows it: note, or app.note with its schema."`
}

// Run prints it. It connects to nothing.
func (c rlsCommand) Run(context.Context, *globals) error {
	text, err := gatehouse.RLS(c.Tables...)
	if err != nil {
		return usage("%w", err)
	}
	_, err = fmt.Fprint(os.Stdout, text)
	return err
}
