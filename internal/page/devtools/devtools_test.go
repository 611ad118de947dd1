package devtools_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
	"github.com/gatehouse-auth/gatehouse/internal/page/devtools"
)

type world struct {
	*domaintest.World
	*domaintest.Client
	t      *testing.T
	hasher *password.Hasher
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		hasher, err := password.NewHasher(password.HasherConfig{})
		if err != nil {
			t.Fatal(err)
		}
		people := manage.NewService(manage.Deps{DB: d.DB.DB, Hasher: hasher, Policy: password.Policy{}, Letters: d.Letters, Queue: d.Queue, Limiter: d.Limiter, Roles: d.StaffRoles,
			Unlock: func(context.Context, *db.Tx, account.ID) error { return nil }})
		tools := devtools.New(devtools.Deps{UI: d.UI(devtools.Pages()), Manage: people, Mailbox: mail.NewMailbox(d.DB.DB, "gatehouse@localhost"),
			Clock: d.Clock, Now: d.Now, URL: domaintest.Origin, Issuer: domaintest.Origin + "/api/auth"})
		fn(t, &world{World: d, Client: d.Serve(nil, devtools.Routes(tools)), t: t, hasher: hasher})
	})
}

// here is a browser on this machine that calls the server by a loopback name.
func here(r *http.Request) { r.RemoteAddr, r.Host = "127.0.0.1:4711", "id.example.com" }

// The edge of these tests knows one name, which is no loopback's: so all that gets through is refused.
func TestOnlyThisMachineIsAnswered(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, change := range map[string]domaintest.Option{"another machine": func(*http.Request) {}, "a public name": here} {
			for _, path := range []string{"/dev/", "/dev/mailbox/", "/dev/clock/"} {
				if a := w.Page(path, change); a.Status != http.StatusForbidden || !strings.Contains(a.Text, "loopback_only") {
					t.Errorf("%s, %s: answered %d", name, path, a.Status)
				}
			}
			for _, path := range []string{"/dev/samples/", "/dev/clock/advance/"} {
				if a := w.Submit(path, url.Values{"advance": {"1h"}}, change); a.Status != http.StatusForbidden {
					t.Errorf("%s, %s: answered %d", name, path, a.Status)
				}
			}
		}
		var accounts int
		w.Read(&accounts, "SELECT count(*) FROM account")
		if accounts != 0 {
			t.Errorf("%d accounts were made", accounts)
		}
	})
}

var shownPassword = regexp.MustCompile(`<pre data-copy><code>([A-Z2-7]{26})</code>`)

func TestSamplesAreOfEveryKindAndTheirPasswordIsNeverTheSame(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		hasher, err := password.NewHasher(password.HasherConfig{})
		if err != nil {
			t.Fatal(err)
		}
		people := manage.NewService(manage.Deps{DB: d.DB.DB, Hasher: hasher, Letters: d.Letters, Queue: d.Queue, Limiter: d.Limiter, Roles: d.StaffRoles,
			Unlock: func(context.Context, *db.Tx, account.ID) error { return nil }})
		tools := devtools.New(devtools.Deps{UI: d.UI(devtools.Pages()), Manage: people, Govern: governed(t, d), Clock: d.Clock, Now: d.Now, URL: "http://localhost", Issuer: "http://localhost/api/auth"})
		client := d.ServeAt("http://localhost", nil, devtools.Routes(tools))
		local := func(r *http.Request) { r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost" }
		if a := client.Page("/dev/", local); a.Status != http.StatusOK || shownPassword.MatchString(a.Text) {
			t.Fatalf("before: answered %d", a.Status)
		}
		var passwords []string
		for range 2 {
			if a := client.Submit("/dev/samples/", nil, local); a.Status != http.StatusSeeOther {
				t.Fatalf("answered %d %s", a.Status, a.Text)
			}
			found := shownPassword.FindStringSubmatch(client.Page("/dev/", local).Text)
			if found == nil {
				t.Fatal("no password is shown")
			}
			passwords = append(passwords, found[1])
		}
		if passwords[0] == passwords[1] {
			t.Error("the password is the same again")
		}
		for query, want := range map[string]int{
			"TRUE": 10, "NOT active": 1, "NOT email_verified": 1, "staff": 3, "staff_role = 'support'": 1, "superuser": 1,
		} {
			var n int
			d.Read(&n, "SELECT count(*) FROM account WHERE "+query)
			if n != want {
				t.Errorf("%d accounts are %s, want %d", n, query, want)
			}
		}
		var belong int
		d.Read(&belong, "SELECT count(*) FROM membership m JOIN tenant t ON t.id = m.tenant_id JOIN account a ON a.id = m.account_id WHERE t.slug = 'sample' AND a.email = 'sample.' || m.role || '@example.com'")
		if belong != 3 {
			t.Errorf("%d people belong to the sample organisation as what they are called, want 3", belong)
		}
		for _, path := range []string{"/account/tenants/sample/", "/console/tenants/sample/"} {
			if text := client.Page("/dev/", local).Text; !strings.Contains(text, `href="`+path+`"`) {
				t.Errorf("nothing leads to %s", path)
			}
		}
		if err := tenants(t, d).Delete(t.Context(), tenant.ByStaff(), tenantNamed(t, d, "sample"), "sample", ""); err != nil {
			t.Fatal(err)
		}
		if a := client.Submit("/dev/samples/", nil, local); a.Status != http.StatusSeeOther {
			t.Fatalf("without its organisation: answered %d %s", a.Status, a.Text)
		}
		tenantNamed(t, d, "sample-2")
		passwords[0], passwords[1] = passwords[1], shownPassword.FindStringSubmatch(client.Page("/dev/", local).Text)[1]
		var hash string
		d.Read(&hash, "SELECT hash FROM password_credential c JOIN account a ON a.id = c.account_id WHERE a.superuser")
		for i, want := range []bool{false, true} {
			if got, err := hasher.Verify(t.Context(), hash, passwords[i]); err != nil || got.OK != want {
				t.Errorf("password %d opens: %t, %v", i, got.OK, err)
			}
		}
	})
}

func tenants(t *testing.T, d *domaintest.World) *tenancy.Service {
	t.Helper()
	service, err := tenancy.New(tenancy.Config{Create: tenancy.ByStaff, PerAccount: ratelimit.Limit{Name: "tenants", Burst: 9, Per: time.Hour}, Origin: domaintest.Origin, DomainsPage: domaintest.Origin + "/account/tenants/{tenant}/domains/"},
		tenancy.Deps{DB: d.DB.DB, Roles: d.Roles, Limiter: d.Limiter, Letters: d.Letters, Prover: nobody{}})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func governed(t *testing.T, d *domaintest.World) *govern.Service {
	t.Helper()
	return govern.New(govern.Deps{DB: d.DB.DB, Roles: d.Roles, Tenancy: tenants(t, d), Members: member.New(member.Deps{DB: d.DB.DB, Roles: d.Roles, Limiter: d.Limiter, Letters: d.Letters})})
}

// nobody proves no domain.
type nobody struct{}

func (nobody) Prove(context.Context, *tenant.Domain) tenancy.Proof { return tenancy.Proof{} }

func tenantNamed(t *testing.T, d *domaintest.World, slug string) tenant.ID {
	t.Helper()
	found, err := tenant.FindByName(t.Context(), d.DB.DB, slug)
	if err != nil {
		t.Fatal(err)
	}
	return found.ID
}

func TestClockMovesForwardOnly(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		tools := devtools.New(devtools.Deps{UI: d.UI(devtools.Pages()), Clock: d.Clock, Now: d.Now, URL: "http://localhost"})
		client := d.ServeAt("http://localhost", nil, devtools.Routes(tools))
		local := func(r *http.Request) { r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost" }
		before := d.Now()
		for step, want := range map[string]int{"1h": http.StatusSeeOther, "-1h": http.StatusConflict, "": http.StatusBadRequest, "soon": http.StatusBadRequest, "9999999h": http.StatusBadRequest} {
			if a := client.Submit("/dev/clock/advance/", url.Values{"advance": {step}}, local); a.Status != want {
				t.Errorf("%q: answered %d, want %d", step, a.Status, want)
			}
		}
		if moved := d.Now().Sub(before).Truncate(time.Hour); moved != time.Hour {
			t.Errorf("it moved by %v", moved)
		}
		if a := client.Page("/dev/clock/", local, domaintest.Header("Accept", "text/html")); !strings.Contains(a.Text, "<time") {
			t.Errorf("answered %d", a.Status)
		}
	})
}

func TestTextsOfTheTools(t *testing.T) {
	uitest.Texts(t, devtools.Pages())
}
