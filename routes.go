package gatehouse

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/flow/join"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signup"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/internal/page/console"
	"github.com/gatehouse-auth/gatehouse/internal/page/portal"
	"github.com/gatehouse-auth/gatehouse/internal/page/team"
)

// routes is the table of contents of the product: every path of the API with who may call it.
func (g *Gatehouse) routes() []web.Route {
	all := slices.Concat(
		[]web.Route{
			web.Get("/.well-known/jwks.json", web.Public, web.Raw(g.serveKeys)).Says("The signing keys (RFC 7517)"),
			web.Get("/.well-known/openid-configuration", web.Public, web.Raw(g.serveMetadata)).Says("What this issuer offers (RFC 8414)"),
		},
		passkey.Routes(g.passkeys),
		signup.Routes(g.signup),
		signin.Routes(g.signin),
		enrol.Routes(g.enrol),
		recovery.Routes(g.recovery),
		password.Routes(g.password),
		identifier.Routes(g.identifier),
		profile.Routes(g.profile),
		tenancy.Routes(g.tenancy),
		member.Routes(g.members),
		invitation.Routes(g.invitations),
		join.Routes(g.join),
		manage.Routes(g.manage),
		govern.Routes(g.govern),
	)
	return append(all, g.docRoutes(all)...)
}

// pageRoutes are the pages outside of the API's mount path.
func (g *Gatehouse) pageRoutes() []web.Route {
	return slices.Concat(signin.PageRoutes(g.signin), signup.PageRoutes(g.signup), recovery.PageRoutes(g.recovery), portal.Routes(g.portal), join.PageRoutes(g.join), team.Routes(g.team), []web.Route{g.assetRoute("/account/assets/")})
}

// consoleRoutes are the screens of staff.
func (g *Gatehouse) consoleRoutes() []web.Route {
	return append(console.Routes(g.screens), g.assetRoute("/console/assets/"))
}

func (g *Gatehouse) mount() {
	g.api = g.edge.API("Gatehouse", "1", g.routes())
	g.pages, g.console = g.edge.Site(g.pageRoutes()), g.edge.Site(g.consoleRoutes())
}

// serveKeys publishes the signing keys (RFC 7517 section 5).
func (g *Gatehouse) serveKeys(w http.ResponseWriter, r *http.Request) {
	p := g.keys.Published()
	h := w.Header()
	public(h, int(p.MaxAge.Seconds()))
	h.Set("ETag", p.ETag)
	if r.Header.Get("If-None-Match") == p.ETag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(p.JWKS) // the caller may be gone
}

// public marks what everyone may read and keep for a while.
func public(h http.Header, maxAge int) {
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(maxAge))
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Del("Access-Control-Allow-Credentials")
}

// metadata is what an issuer that only issues tokens has to say (RFC 8414 section 2).
type metadata struct {
	Issuer     string   `json:"issuer"`
	JWKS       string   `json:"jwks_uri"`
	Revocation string   `json:"revocation_endpoint"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`
	Responses  []string `json:"response_types_supported"`
	Subjects   []string `json:"subject_types_supported"`
	Grants     []string `json:"grant_types_supported"`
	Auth       []string `json:"revocation_endpoint_auth_methods_supported"`
}

func (g *Gatehouse) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	issuer := g.Issuer()
	body, err := json.Marshal(metadata{
		Issuer: issuer, JWKS: issuer + "/.well-known/jwks.json", Revocation: issuer + "/token/revoke/",
		Algorithms: []string{g.cfg.Algorithm}, Responses: []string{}, Subjects: []string{"public"}, Grants: []string{}, Auth: []string{"none"},
	})
	if err != nil {
		panic(err) // strings only: it can't fail
	}
	public(w.Header(), int(jwksCache.Seconds()))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(body) // the caller may be gone
}

// WellKnown serves what clients look for at the root of the public origin (RFC 8414 section 3.1):
// /.well-known/jwks.json and /.well-known/oauth-authorization-server followed by the mount path.
func (g *Gatehouse) WellKnown() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r2 := *r
		u := *r.URL
		r2.URL = &u
		if rest, ok := strings.CutPrefix(u.Path, "/.well-known/oauth-authorization-server"); ok {
			if strings.TrimSuffix(rest, "/") == strings.TrimSuffix(g.cfg.MountPath, "/") {
				u.Path = "/.well-known/openid-configuration"
			}
		}
		g.api.ServeHTTP(w, &r2)
	})
}
