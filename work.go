package gatehouse

import (
	"context"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/stat"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signup"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// sweepBatch is how many rows a sweeper removes at once, so that it never holds up anybody.
const sweepBatch = 500

// start begins background work. It ends with Close.
func (g *Gatehouse) start(ctx context.Context) {
	if g.cfg.NoWorkers {
		close(g.stopped)
		return
	}
	g.queue.Every("keys.rotate", time.Hour, func(ctx context.Context) error {
		_, err := g.keys.RotateDue(ctx)
		return err
	})
	g.queue.Every("keys.sweep", time.Hour, func(ctx context.Context) error {
		_, err := g.keys.Sweep(ctx)
		return err
	})
	g.queue.Every("limits.sweep", 10*time.Minute, g.limiter.Sweep)
	g.queue.Every("sessions.sweep", 10*time.Minute, g.sweep(session.Sweep))
	g.queue.Every("registrations.sweep", 10*time.Minute, g.sweep(signup.Sweep))
	g.queue.Every("links.sweep", 10*time.Minute, g.sweep(recovery.Sweep))
	g.queue.Every("tickets.sweep", 10*time.Minute, g.sweep(ticket.Sweep))
	g.queue.Every("factors.sweep", 10*time.Minute, g.sweep(totp.Sweep))
	g.queue.Every("factors.reseal", time.Hour, func(ctx context.Context) error {
		_, err := g.totp.Reseal(ctx)
		return err
	})
	g.queue.Every("factors.recovery", time.Minute, g.recovery.TellReady)
	g.queue.Every("accounts.erase", time.Minute, g.sweep(func(ctx context.Context, _ *db.DB, limit int) (int64, error) { return g.profile.EraseDue(ctx, limit) }))
	g.queue.Every("names.sweep", time.Hour, g.sweep(account.SweepNames))
	g.queue.Every("recoveries.sweep", time.Hour, g.sweep(recovery.SweepFactors))
	g.queue.Every("invitations.sweep", time.Hour, g.sweep(invitation.Sweep))
	g.queue.Every("domains.check", 5*time.Minute, g.tenancy.CheckDomains)
	g.queue.Every("audit.sweep", time.Hour, g.sweep(audit.Sweep))
	g.queue.Every("stats.collect", 5*time.Minute, func(ctx context.Context) error { return stat.Collect(ctx, g.db) })
	g.queue.Every("stats.sweep", time.Hour, g.sweep(stat.Sweep))
	ctx, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	g.queue.Start(ctx)
	g.limiter.Start(ctx)
	var work sync.WaitGroup
	work.Go(func() { g.keys.Run(ctx) })
	work.Go(func() { g.watchClock(ctx) })
	go func() {
		work.Wait()
		close(g.stopped)
	}()
}

// sweep repeats a batch until little is left.
func (g *Gatehouse) sweep(batch func(ctx context.Context, d *db.DB, limit int) (int64, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			n, err := batch(ctx, g.db, sweepBatch)
			if err != nil || n < sweepBatch {
				return err
			}
		}
	}
}

// Instances that disagree about the time hand out tokens that others think expired or not yet made.
const (
	skewEvery   = time.Minute // of real time: it is the machine's clock that is watched
	skewWarned  = time.Second
	skewRefused = 10 * time.Second
)

// watchClock compares the machine's clock with the database's.
func (g *Gatehouse) watchClock(ctx context.Context) {
	tick := time.NewTicker(skewEvery)
	defer tick.Stop()
	for {
		skew, err := g.db.Skew(ctx)
		if err == nil {
			g.skew.Store(int64(skew))
		}
		if skew.Abs() > skewWarned {
			g.cfg.Logger.WarnContext(ctx, "this machine's clock and the database's differ", "ahead", skew.String())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
