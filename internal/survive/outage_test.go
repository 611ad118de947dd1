package survive

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// newCluster starts a PostgreSQL of the test's own, durable, with a migrated database.
func newCluster(t *testing.T) (c *dbtest.Cluster, url, owner string) {
	t.Helper()
	c, err := dbtest.StartCluster("fsync=on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	})
	url, owner = c.URL(dbtest.App, "outage"), c.URL(dbtest.Owner, "outage")
	if err := c.Exec(t.Context(), "postgres", "CREATE DATABASE outage OWNER "+dbtest.Owner); err != nil {
		t.Fatal(err)
	}
	if err := dbtest.Migrate(t.Context(), owner, dbtest.App); err != nil {
		t.Fatal(err)
	}
	return c, url, owner
}

// PostgreSQL crashes and comes back under load: meanwhile everybody is told to come back later and
// nobody anything wrong, and afterwards the same processes serve and what they acknowledged holds.
func TestDatabaseCrashLosesNothingAcknowledged(t *testing.T) {
	c, url, owner := newCluster(t)
	s := plan(t, url, owner, patient...)
	s.serve(2)
	l := newLoad(s)
	for range rounds(3, 1) {
		ctx, stop := context.WithCancel(t.Context())
		unready := watch(ctx, s)
		wait := l.start(ctx)
		l.progress("confirm", 1)
		if err := c.Restart(); err != nil {
			t.Error(err)
		}
		for _, one := range s.servers {
			await(t, "a server to be ready again", one.ready)
		}
		l.progress("verify", 1)
		stop()
		wait()
		if unready() == 0 {
			t.Error("no server said that it is not ready")
		}
		l.check()
	}
	l.busy(l.told, append(changes, "refresh", "me")...)
	l.busy(l.turnedAway, "refresh", "me")
	s.calm()
}

// watch asks all servers whether they are ready and for their keys, until ctx ends. The function
// it returns tells, after that, how often one was not ready.
func watch(ctx context.Context, s *site) (unready func() int64) {
	var work sync.WaitGroup
	var n atomic.Int64
	for _, one := range s.servers {
		work.Go(func() {
			for ctx.Err() == nil {
				switch a := one.call("GET", "/readyz", nil); a.status {
				case http.StatusOK:
				case http.StatusServiceUnavailable:
					n.Add(1)
				default:
					s.t.Errorf("readyz answered %v", a)
				}
				for _, path := range []string{"/healthz", "/.well-known/jwks.json"} {
					if a := one.call("GET", path, nil); a.status != http.StatusOK {
						s.t.Errorf("%s answered %v", path, a)
					}
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	return func() int64 { work.Wait(); return n.Load() }
}
