package tenancy_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// world is the feature behind a real edge, and an account that is signed in.
type world struct {
	*domaintest.World
	*domaintest.Client
	t       *testing.T
	service *tenancy.Service
	cfg     tenancy.Config
	site    *site
	account *account.Account
	me      session.Bearer
}

// site is where the prover of these tests looks: what is published where. The one that asks the Internet
// has tests of its own.
type site struct {
	asked     sync.Mutex // one look at a time
	mu        sync.Mutex
	published map[string]string // domain → challenge
	silent    bool              // nothing answers
	half      bool              // the site is silent, the DNS is not
	before    func()            // runs while it is asked
}

func (s *site) Prove(_ context.Context, d *tenant.Domain) tenancy.Proof {
	s.asked.Lock()
	defer s.asked.Unlock()
	if s.before != nil {
		s.before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.silent:
		return tenancy.Proof{}
	case s.published[d.Domain] == d.Challenge:
		return tenancy.Proof{Record: tenancy.Found}
	case s.half:
		return tenancy.Proof{Record: tenancy.Absent}
	default:
		return tenancy.Proof{Record: tenancy.Absent, File: tenancy.Absent}
	}
}

func (s *site) publish(d *tenant.Domain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published[d.Domain] = d.Challenge
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	eachWith(t, tenancy.ByAnyone, fn)
}

func eachWith(t *testing.T, create string, fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		w := &world{World: d, t: t, site: &site{published: map[string]string{}}}
		w.cfg = tenancy.Config{Create: create, PerAccount: ratelimit.Limit{Name: "tenant.create", Burst: 3, Per: 24 * time.Hour}, Origin: domaintest.Origin, DomainsPage: domaintest.Origin + "/account/tenants/{tenant}/domains/"}
		var err error
		w.service, err = tenancy.New(w.cfg, tenancy.Deps{DB: d.DB.DB, Roles: d.Roles, Limiter: d.Limiter, Letters: d.Letters, Prover: w.site})
		if err != nil {
			t.Fatal(err)
		}
		w.account = d.Account("jo@example.com", "")
		w.me = d.Session(w.account.ID)
		w.Client = d.Serve(tenancy.Routes(w.service), nil)
		fn(t, w)
	})
}

// member adds somebody to a tenant and returns their session.
func (w *world) member(to *tenant.Tenant, email, as string) session.Bearer {
	w.t.Helper()
	id := w.Account(email, "").ID
	w.Join(to, id, as)
	return w.Session(id)
}

// asks calls the API as somebody, with a token for a tenant.
func (w *world) asks(by session.Bearer, within *tenant.Tenant, method, path, body string) domaintest.Answer {
	w.t.Helper()
	return w.Call(method, path, body, domaintest.BearerIn(by, within.ID))
}

// lets gives a member permissions besides those of their role.
func (w *world) lets(in *tenant.Tenant, who session.Bearer, permissions ...string) {
	w.t.Helper()
	w.Within(in.ID, func(tx *db.Tx) error {
		return tenant.SetPermissions(context.Background(), tx, in, who.AccountID, permissions)
	})
}

// grows makes a role of a tenant's own.
func (w *world) grows(in *tenant.Tenant, name string, permissions ...string) {
	w.t.Helper()
	w.Exec(`INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ($1, $2, $3, 0)`, in.ID, name, role.Join(permissions))
}

// now returns a tenant as it is.
func (w *world) now(id tenant.ID) *tenant.Tenant {
	w.t.Helper()
	t, err := tenant.Find(context.Background(), w.DB.DB, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func refused(t *testing.T, a domaintest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("answered %d %s, want %d %s", a.Status, a.Text, status, code)
	}
}

// fields returns the codes of the members that a problem names.
func fields(a domaintest.Answer) map[string]string {
	all := map[string]string{}
	listed, _ := a.JSON["errors"].([]any)
	for _, one := range listed {
		if f, ok := one.(map[string]any); ok {
			name, _ := f["field"].(string)
			all[name], _ = f["code"].(string)
		}
	}
	return all
}

func done(t *testing.T, a domaintest.Answer, status int) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("answered %d %s, want %d", a.Status, a.Text, status)
	}
}

// together runs all at the same moment and returns what each came to.
func together(all ...func() error) []error {
	came := make([]error, len(all))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, fn := range all {
		wg.Go(func() {
			<-start
			came[i] = fn()
		})
	}
	close(start)
	wg.Wait()
	return came
}

const post, get, patch, remove = http.MethodPost, http.MethodGet, http.MethodPatch, http.MethodDelete

// erase does what erasing an account does, in its order: the account is locked, then it is asked what it
// owns.
func (w *world) erase(id account.ID) error {
	return w.DB.InTx(context.Background(), func(tx *db.Tx) error {
		if _, err := account.EndSessions(context.Background(), tx, id); err != nil {
			return err
		}
		tx.Enter(db.Member(id))
		var owns int
		if err := tx.Row(context.Background(), `SELECT count(*) FROM membership WHERE account_id = $1 AND role = 'owner'`, []any{id}, &owns); err != nil {
			return err
		}
		if owns > 0 {
			return tenant.ErrLastOwner
		}
		_, err := tx.Exec(context.Background(), `DELETE FROM account WHERE id = $1`, id)
		return err
	})
}
