package survive

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail/mailtest"
)

var seed = flag.Uint64("seed", 0, "the moments at which servers are killed; 0: others each time")

// patient lets a refresh be repeated for as long as a restart may take on a busy machine.
var patient = append(generous, "SESSIONS__REFRESH_WINDOW=10m")

// The server is killed in the midst of registrations, resets and refreshes, again and again, and
// started on the same database: what it acknowledged holds, and every mail comes.
func TestKilledServerLosesNothingAcknowledged(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", *seed)
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(*seed, 0))
			s := newSite(t, engine, 1, patient...)
			l := newLoad(s)
			for round := range rounds(12, 3) {
				killOnce(s, l, moments[round%len(moments)], random)
				s.any(0).restart()
				l.check()
				if t.Failed() {
					t.Fatalf("round %d, killed %s", round, moments[round%len(moments)])
				}
			}
			l.busy(l.told, append(changes, "erase", "refresh", "me")...)
			if engine == "sqlite" {
				var verdict string
				if s.read(&verdict, "PRAGMA integrity_check"); verdict != "ok" {
					t.Error("the file is damaged")
				}
			}
			twice := len(s.post.server.Messages()) - len(ids(s.post.letters("", "")))
			t.Logf("%d mails, %d of them twice", len(s.post.server.Messages()), twice)
			s.calm()
		})
	}
}

// moment is when a server is killed.
type moment string

// moments take turns: some time in the load, and on both sides of the one moment at which a mail
// is out and nobody has written that down yet.
var moments = []moment{"some time", moment(mailtest.Data), "some time", moment(mailtest.Done)}

// killOnce has the load go on until the server is dead.
func killOnce(s *site, l *load, at moment, random *rand.Rand) {
	victim := s.any(0).process.Load()
	ctx, stop := context.WithCancel(context.Background())
	die := sync.OnceFunc(func() { victim.kill(); stop() })
	var countdown atomic.Int64
	countdown.Store(1 + random.Int64N(6))
	script := func(step mailtest.Step) error {
		if moment(step) == at && countdown.Add(-1) == 0 {
			die() // and the mail server goes on as if nothing had happened
		}
		return nil
	}
	s.post.script.Store(&script)
	wait := l.start(ctx)
	if at == "some time" {
		for _, i := range random.Perm(len(changes)) {
			l.progress(changes[i], 1)
		}
		time.Sleep(time.Duration(random.Int64N(int64(30 * time.Millisecond))))
		die()
	}
	<-ctx.Done()
	wait()
	s.post.script.Store(nil)
}
