package gatehouse

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/page/devtools"
)

// Dev serves the development tools under /dev/: the mailbox, the clock, sample accounts with an
// organisation and the way to every page. It answers requests from this machine, under a loopback name and from no foreign
// page; without Config.Dev, none.
func (g *Gatehouse) Dev() http.Handler {
	if !g.cfg.Dev {
		return http.NotFoundHandler()
	}
	tools := devtools.New(devtools.Deps{UI: g.ui, Manage: g.manage, Govern: g.govern, Mailbox: g.mailbox, Clock: g.cfg.Clock, Now: g.db.Now, URL: g.cfg.PublicURL, Issuer: g.Issuer()})
	return g.edge.Site(append(devtools.Routes(tools), g.assetRoute("/dev/assets/")))
}
