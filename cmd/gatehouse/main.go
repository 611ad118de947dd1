// Command gatehouse is the authentication server, and the tool that looks after it.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage or a configuration that must not run.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

// globals are the flags of every command.
type globals struct {
	Dev    bool   `help:"Development mode: loopback only, SQLite, keys made on the spot, mails caught."`
	Data   string `help:"Directory of development mode's files (default .gatehouse). Needs --dev." placeholder:"DIR"`
	Config string `help:"YAML file with settings (GATEHOUSE_CONFIG). Variables GATEHOUSE_* win over it." placeholder:"FILE"`
}

type commands struct {
	globals

	Serve      serveCommand      `cmd:"" help:"Run the server."`
	Migrate    migrateCommand    `cmd:"" help:"Change the database schema."`
	Account    accountCommand    `cmd:"" help:"Look after accounts, beside a running server or without."`
	Tenant     tenantCommand     `cmd:"" help:"Look after tenants and their members, beside a running server or without."`
	Permission permissionCommand `cmd:"" help:"Look after what roles of tenants can hold."`
	Session    sessionCommand    `cmd:"" help:"Look after sessions, beside a running server or without."`
	Mail       mailCommand       `cmd:"" help:"Look after the mail queue, beside a running server or without."`
	Audit      auditCommand      `cmd:"" help:"Read what happened to whom, beside a running server or without."`
	Keys       keysCommand       `cmd:"" help:"Look after keys, beside a running server or without."`
	Templates  templatesCommand  `cmd:"" help:"Show the built-in templates of pages and mails."`
	RLS        rlsCommand        `cmd:"" name:"rls" help:"Print the migration that keeps tenants apart in tables of your own (PostgreSQL)."`
	Check      checkCommand      `cmd:"" help:"Print every problem of the server's configuration. It connects to nothing."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// runnable is what each of them is.
type runnable interface {
	Run(ctx context.Context, g *globals) error
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	g, c, err := commandOf(args)
	if err == nil {
		err = c.Run(ctx, g)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "gatehouse:", strings.TrimPrefix(explain(err), "gatehouse: "))
	var u *usageError
	if errors.As(err, &u) {
		return exitUsage
	}
	return exitFailure
}

// commandOf returns the command that args name, with its flags. Nothing of the parser lives longer than this:
// its tree is a sixth of a server's objects, and the collector would walk through it among hashes.
func commandOf(args []string) (*globals, runnable, error) {
	var all commands
	parsed, err := newParser(&all).Parse(args)
	if err != nil {
		return nil, nil, usage("%w (see gatehouse --help)", err)
	}
	return &all.globals, parsed.Selected().Target.Addr().Interface().(runnable), nil
}

func newParser(all *commands) *kong.Kong {
	return kong.Must(all, kong.Name("gatehouse"), kong.Description("Gatehouse, an authentication server."), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
}

// explain words err for people: a fault says what to do, and which member was refused why. Of
// what is broken here, the operator sees the cause.
func explain(err error) string {
	f, ok := fault.From(err)
	if !ok || f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		return err.Error()
	}
	text := f.Detail
	for _, field := range f.Fields {
		text += "\n  " + field.Field + ": " + field.Detail
	}
	return text
}

// usageError is a wrong command line or a configuration that must not run.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }
