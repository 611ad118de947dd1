package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
)

// withEngine opens the engine beside a running server or without one, and runs fn in the name of
// whoever sits at the command line.
func withEngine(ctx context.Context, g *globals, fn func(ctx context.Context, gh *gatehouse.Gatehouse) error) error {
	return openEngine(ctx, g, (*settings).lacksDatabase, fn)
}

// withNewEngine is withEngine for what may be the first command in development mode: it makes the database.
func withNewEngine(ctx context.Context, g *globals, fn func(ctx context.Context, gh *gatehouse.Gatehouse) error) error {
	return openEngine(ctx, g, (*settings).makeData, fn)
}

func openEngine(ctx context.Context, g *globals, prepare func(*settings) error, fn func(ctx context.Context, gh *gatehouse.Gatehouse) error) error {
	s, err := loadEngine(g)
	if err != nil {
		return err
	}
	if err := prepare(s); err != nil {
		return err
	}
	for _, w := range s.warnings {
		fmt.Fprintln(os.Stderr, "gatehouse: warning:", w)
	}
	if s.PublicURL == "" {
		s.PublicURL = s.developmentURL(defaultPort)
	}
	s.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	gh, err := gatehouse.New(ctx, s.Config)
	if err != nil {
		return err
	}
	ctx = audit.NewContext(ctx, audit.Source{Actor: "cli", Device: "the command line"})
	return errors.Join(fn(ctx, gh), gh.Close())
}
