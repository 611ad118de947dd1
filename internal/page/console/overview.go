package console

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/stat"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (c *Console) overviewRoutes() []web.Route {
	return []web.Route{web.Get(overviewPath, web.Staff, web.Page(c.showOverview)).Needs(role.StaffReadConsole)}
}

// What the charts count.
var (
	signIns  = stat.Event("session.created")
	refusals = stat.Event("signin.refused")
	signUps  = stat.Event("account.created")
)

// overviewView is the state of the service at a glance: numbers, which all staff may see. To is where the
// screens behind them are, by name; those that whoever looks may not see are left out.
type overviewView struct {
	Concerns []concern
	Fresh    bool // nothing has been counted yet
	Live     bool // accounts and sessions are counted now, not once an hour
	Measured bool // accounts and sessions were counted at all
	Accounts int64
	Active   int64
	Sessions int64
	SignUps  int64 // in the last 7 days
	Mails    jobs.Counts
	ManyMail bool // more wait than are counted
	Hashing  password.Stats
	HashTime int64 // milliseconds that a hash takes
	Key      signingKey
	Day      ui.Chart
	Week     ui.Chart
	People   ui.Chart
	Growth   ui.Chart
	To       map[string]string
}

// signingKey is the one in use.
type signingKey struct {
	Days int       // since it was taken into use
	Next time.Time // when another takes over
}

func (c *Console) showOverview(w http.ResponseWriter, r *http.Request) error {
	ctx, now := r.Context(), c.DB.Now()
	counts, err := stat.Read(ctx, c.DB, dayOf(now, -6), signIns, refusals, signUps, stat.Accounts, stat.Active, stat.Sessions)
	if err != nil {
		return err
	}
	if err := c.freshen(ctx, now, counts); err != nil {
		return err
	}
	mails, err := c.Manage.MailCounts(ctx)
	if err != nil {
		return err
	}
	key, overdue, err := c.signingKey(ctx, now)
	if err != nil {
		return err
	}
	v := overviewView{
		Fresh: len(counts) == 0, Accounts: latest(counts[stat.Accounts]), Active: latest(counts[stat.Active]), Sessions: latest(counts[stat.Sessions]),
		SignUps: sum(counts[signUps]), Mails: mails, ManyMail: mails.Waiting >= jobs.MaxCount, Hashing: c.Hashing(), Key: key,
		Day:    ui.Bars("console.overview.day", turnout, hours(now, counts[signIns], counts[refusals])),
		Week:   ui.Bars("console.overview.week", turnout, days(now, counts[signIns], counts[refusals])),
		People: ui.Lines("console.overview.people", []string{"console.overview.active", "console.overview.sessions"}, levels(now, counts[stat.Active], counts[stat.Sessions])),
		Growth: ui.Bars("console.overview.growth", []string{"console.overview.sign_ups"}, days(now, counts[signUps])),
	}
	if now, few, err := stat.Now(ctx, c.DB); err != nil {
		return err
	} else if few {
		v.Accounts, v.Active, v.Sessions, v.Live = now.Accounts, now.Active, now.Sessions, true
	}
	v.Measured = v.Live || len(counts[stat.Accounts]) > 0
	v.HashTime = v.Hashing.HashTime.Milliseconds()
	by := c.actor(r)
	v.Concerns, v.To = c.concerns(by, v, overdue), map[string]string{
		"accounts": open(by, accountsPath), "sessions": open(by, sessionsPath), "mails": open(by, mailsPath), "keys": open(by, keysPath)}
	return c.write(w, r, http.StatusOK, "overview", v)
}

// lively is how many events the hour that runs may have had for them to be counted once more.
const lively = 10_000

// freshen counts the hour that runs as of now, where that is little work: counts are collected every
// few minutes, and somebody who has just signed in looks for themselves. Where there is much,
// a few minutes make no difference to a chart.
func (c *Console) freshen(ctx context.Context, now time.Time, counts map[string][]stat.Point) error {
	hour := now.Truncate(time.Hour)
	kinds := map[string]string{"session.created": signIns, "signin.refused": refusals, "account.created": signUps}
	var known int64
	for _, name := range kinds {
		if points := counts[name]; len(points) > 0 && points[len(points)-1].Hour.Equal(hour) {
			known += points[len(points)-1].N
		}
	}
	if known > lively {
		return nil
	}
	live, err := stat.Current(ctx, c.DB, slices.Sorted(maps.Keys(kinds))...)
	if err != nil {
		return err
	}
	for kind, n := range live {
		name := kinds[kind]
		points := counts[name]
		if last := len(points) - 1; last >= 0 && points[last].Hour.Equal(hour) {
			points = points[:last]
		}
		counts[name] = append(points, stat.Point{Hour: hour, N: n})
	}
	return nil
}

// signingKey returns the age of the signing key, and whether it should have been replaced by now.
func (c *Console) signingKey(ctx context.Context, now time.Time) (key signingKey, overdue bool, err error) {
	all, err := c.Keys.List(ctx)
	if err != nil {
		return key, false, err
	}
	for _, k := range all {
		if k.Purpose == keyring.Sign && k.State == keyring.Active {
			key.Days, key.Next = int(now.Sub(k.ActiveAt)/day), k.RetiredAt
			if key.Next.IsZero() {
				key.Next = k.ActiveAt.Add(c.KeyLifetime)
			}
		}
	}
	return key, key.Next.Before(now), nil
}
