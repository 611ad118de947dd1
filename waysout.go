package gatehouse

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/internal/page/team"
)

// Where error pages lead.
const (
	accountHome = "/account/"
	consoleHome = "/console/"
	signOutPath = "/account/sign-out/"
)

// waysOut are where whoever was refused a page can go on: to somebody else's sign-in where another person
// might be let in, to what they surely may see, and never to where they are.
func waysOut(r *http.Request, f *fault.Error) (ways []web.Way) {
	lead := func(href, key string) {
		if href != r.URL.Path {
			ways = append(ways, web.Way{Href: href, Key: "web.error." + key})
		}
	}
	is := func(failures ...*fault.Error) bool {
		return slices.ContainsFunc(failures, func(one *fault.Error) bool { return errors.Is(f, one) })
	}
	switch name := r.PathValue("tenant"); {
	case strings.HasPrefix(r.URL.Path, consoleHome):
		if !is(web.ErrDenied) { // that is told to who is not staff
			lead(consoleHome, "console")
		}
	case is(tenant.ErrNotMember, tenant.ErrPolicy):
		lead(team.Path, "tenants")
	case name != "" && !is(session.ErrLookOnly):
		lead(team.Path+url.PathEscape(name)+"/", "overview")
	}
	switch {
	case is(web.ErrDenied, role.ErrDenied, tenant.ErrNotMember, tenant.ErrPermission):
		ways = append(ways, web.Way{Href: signOutPath, Key: "web.error.somebody", Next: nextOf(r)})
	case is(tenant.ErrPolicy):
		ways = append(ways, web.Way{Href: signOutPath, Key: "web.error.stronger", Next: nextOf(r)})
	}
	lead(accountHome, "account")
	return ways
}

// nextOf is where a browser is led back to: the page that it asked for, or none where it sent a form.
func nextOf(r *http.Request) string {
	if r.Method != http.MethodGet {
		return accountHome
	}
	return web.Asked(r)
}
