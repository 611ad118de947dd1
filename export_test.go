package gatehouse

import "github.com/gatehouse-auth/gatehouse/internal/kit/db"

// What the tests beside this package need to see.
var (
	APIRoutes     = (*Gatehouse).routes
	PageSets      = pageSets
	PageRoutes    = (*Gatehouse).pageRoutes
	ConsoleRoutes = (*Gatehouse).consoleRoutes
)

// Database returns the pool that g works with.
func Database(g *Gatehouse) *db.DB { return g.db }
