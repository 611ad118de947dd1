package gatehouse

import (
	_ "embed"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/internal/page/reference"
)

//go:embed docs/errors.md
var errorsText string

// docAssets is where the reference finds its style sheet, below the mount path.
const docAssets = "/docs/assets/"

// docRoutes are the reference pages below the mount path.
func (g *Gatehouse) docRoutes(api []web.Route) []web.Route {
	document := func() []byte { return web.Describe("Gatehouse", "1", g.cfg.MountPath, api) }
	return append(reference.Routes(reference.Deps{UI: g.ui, Issuer: g.Issuer(), Routes: api, Document: document, Errors: errorsText}), g.assetRoute(docAssets))
}

// assetRoute serves style sheet, script and logo below base.
func (g *Gatehouse) assetRoute(base string) web.Route {
	return web.Get(base+"{file}/", web.Public, web.Raw(g.ui.Assets(base).ServeHTTP))
}
