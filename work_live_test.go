package gatehouse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

func TestAServerLooksForVerifiedDomainsEveryFiveMinutes(t *testing.T) {
	srv := quiet(t, func(c *gatehouse.Config) { c.NoWorkers = false })
	looked := make(chan struct{}, 1)
	gatehouse.Database(srv.Gatehouse()).Inspect(func(query string) error {
		if strings.HasPrefix(query, "UPDATE tenant_domain SET tried_at") {
			select {
			case looked <- struct{}{}:
			default:
			}
		}
		return nil
	})
	for range 2 {
		srv.Clock.Advance(t, 5*time.Minute)
		<-looked
	}
}
