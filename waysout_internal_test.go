package gatehouse

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// An error page leads on: to what somebody surely may see, to another's sign-in where that may help, and
// not to where they are.
func TestErrorPagesLeadOn(t *testing.T) {
	again := func(path string) string { return "/account/sign-out/ then " + path }
	for name, c := range map[string]struct {
		path, tenant string
		why          *fault.Error
		want         []string
	}{
		"who is not staff, in the console":       {"/console/", "", web.ErrDenied, []string{again("/console/"), "/account/"}},
		"staff without a permission":             {"/console/keys/?a=b", "", role.ErrDenied, []string{"/console/", again("/console/keys/?a=b"), "/account/"}},
		"nothing there, in the console":          {"/console/tenants/nowhere/", "nowhere", tenant.ErrNotFound, []string{"/console/", "/account/"}},
		"a member without a permission":          {"/account/tenants/acme/settings/", "acme", tenant.ErrPermission, []string{"/account/tenants/acme/", again("/account/tenants/acme/settings/"), "/account/"}},
		"no member":                              {"/account/tenants/acme/", "acme", tenant.ErrNotMember, []string{"/account/tenants/", again("/account/tenants/acme/"), "/account/"}},
		"a member whom the policy does not take": {"/account/tenants/acme/", "acme", tenant.ErrPolicy, []string{"/account/tenants/", again("/account/tenants/acme/"), "/account/"}},
		"a page of the embedder's":               {"/notes/acme/", "acme/../x", tenant.ErrPermission, []string{"/account/tenants/acme%2F..%2Fx/", again("/notes/acme/"), "/account/"}},
		"who looks on":                           {"/account/tenants/acme/settings/", "acme", session.ErrLookOnly, []string{"/account/"}},
		"nothing there":                          {"/account/nowhere/", "", web.ErrNotFound, []string{"/account/"}},
		"at home":                                {"/account/", "", web.ErrLimited, nil},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		r.SetPathValue("tenant", c.tenant)
		var got []string
		for _, way := range waysOut(r, c.why) {
			uitest.Keys(t, web.Pages(), way.Key)
			line := way.Href
			if way.Next != "" {
				line += " then " + way.Next
			}
			got = append(got, line)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s is led to\n%s\nnot to\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	if ways := waysOut(httptest.NewRequest(http.MethodPost, "/console/keys/rotate/", nil), role.ErrDenied); ways[1].Next != "/account/" {
		t.Errorf("a form leads back to itself: %+v", ways)
	}
}
