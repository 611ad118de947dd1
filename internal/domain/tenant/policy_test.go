package tenant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// policies are all ways to ask for something.
func policies() (all []tenant.Policy) {
	for bits := range 16 {
		for _, age := range []time.Duration{0, 5 * time.Minute} {
			all = append(all, tenant.Policy{SecondFactor: bits&1 > 0, NoPassword: bits&2 > 0, NoPasskey: bits&4 > 0, NoMail: bits&8 > 0, MaxAge: age})
		}
	}
	return all
}

// The edge asks the database, pages ask the policy: whom one lets in, the other does.
func TestThePolicyIsTheSameInGoAndInSQL(t *testing.T) {
	sessions := [][]string{nil, {authn.Password}, {authn.Email}, {authn.BoundPasskey}, {authn.SyncedPasskey}, {authn.BoundPasskey, authn.Multi}, {authn.Password, authn.TOTP, authn.Multi},
		{authn.Email, authn.BackupCode, authn.Multi}, {authn.Password, authn.Email}, {authn.Email, authn.Password}, {authn.Password, authn.BoundPasskey, authn.Multi}, {authn.Staff}}
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		acme := w.Tenant("acme", w.Account("jo@example.com", "").ID)
		for _, p := range policies() {
			w.Within(acme.ID, func(tx *db.Tx) error {
				if err := tenant.Change(t.Context(), tx, acme, tenant.Settings{Name: "Acme", Slug: "acme", Policy: p}); err != nil {
					return err
				}
				for _, methods := range sessions {
					for _, level := range []authn.AAL{authn.AAL1, authn.AAL2, authn.AAL3} {
						for _, age := range []time.Duration{-time.Second, 0, 5*time.Minute - time.Millisecond, 5 * time.Minute, time.Hour} {
							var in bool
							err := tx.Row(t.Context(), `SELECT `+tenant.Admits+` FROM tenant t, (SELECT CAST($3 AS TEXT) AS amr, CAST($4 AS BIGINT) AS aal, CAST($5 AS BIGINT) AS auth_time, 0 AS rotated_at, 0 AS idled_ms) s WHERE t.id = $1`,
								[]any{acme.ID, tx.Now, strings.Join(methods, " "), int64(level), tx.Now.Add(-age)}, &in)
							if err != nil {
								return err
							}
							if want := p.Admits(methods, level, age, 0); in != want {
								t.Errorf("%+v with %v at level %d, proven %v ago: SQL says %v, Go %v", p, methods, level, age, in, want)
							}
						}
					}
				}
				return nil
			})
		}
		w.Within(acme.ID, func(tx *db.Tx) error { return tenant.SetActive(t.Context(), tx, acme, false) })
		if w.Count(`SELECT count(*) FROM tenant t, (SELECT 'pwd' AS amr, 3 AS aal, CAST($2 AS BIGINT) AS auth_time, 0 AS rotated_at, 0 AS idled_ms) s WHERE t.id = $1 AND `+tenant.Admits, acme.ID, w.Now()) != 0 {
			t.Error("a suspended tenant lets somebody in")
		}
	})
}

// What the edge looks at in the row, pages are told of as one time.
func TestIdlenessIsTheSameInGoAndInSQL(t *testing.T) {
	const bound = 30 * time.Minute
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		acme := w.Tenant("acme", w.Account("jo@example.com", "").ID)
		for _, p := range []tenant.Policy{{}, {MaxIdle: bound}, {MaxIdle: bound, MaxAge: 2 * time.Hour}} {
			w.Within(acme.ID, func(tx *db.Tx) error {
				if err := tenant.Change(t.Context(), tx, acme, tenant.Settings{Name: "Acme", Slug: "acme", Policy: p}); err != nil {
					return err
				}
				times := []time.Duration{-time.Second, 0, bound - time.Millisecond, bound, 3 * time.Hour}
				for _, proven := range times {
					for _, used := range times {
						for _, longest := range times[1:] {
							var in bool
							var unused int64
							err := tx.Row(t.Context(), `SELECT `+tenant.Admits+`, `+session.Unused+` FROM tenant t, (SELECT 'pwd' AS amr, 1 AS aal, CAST($3 AS BIGINT) AS auth_time, CAST($4 AS BIGINT) AS rotated_at, CAST($5 AS BIGINT) AS idled_ms) s WHERE t.id = $1`,
								[]any{acme.ID, tx.Now, tx.Now.Add(-proven), tx.Now.Add(-used), longest.Milliseconds()}, &in, &unused)
							if err != nil {
								return err
							}
							want := max(longest, min(proven, used))
							if got := time.Duration(unused) * time.Millisecond; got != want {
								t.Errorf("proven %v ago, used %v ago, once left for %v: unused for %v", proven, used, longest, got)
							}
							if admitted := p.Admits([]string{authn.Password}, authn.AAL1, proven, want); in != admitted || in != ((p.MaxIdle == 0 || want < bound) && (p.MaxAge == 0 || proven < p.MaxAge)) {
								t.Errorf("%+v, proven %v ago, used %v ago, once left for %v: SQL says %v, Go %v", p, proven, used, longest, in, admitted)
							}
						}
					}
				}
				return nil
			})
		}
	})
}

func TestPolicyRefusesByTheFirstProof(t *testing.T) {
	for text, refused := range map[string]bool{"pwd": true, "pwd otp mfa": true, "email": false, "email pwd": false, "hwk": false, "": true} {
		if got := (tenant.Policy{NoPassword: true}).Refuses(strings.Fields(text)); got != refused {
			t.Errorf("%q: refused %v", text, got)
		}
	}
	for _, p := range policies() {
		if p.Admits(nil, authn.AAL3, 0, 0) {
			t.Errorf("%s lets a session in that has proven nothing", fmt.Sprintf("%+v", p))
		}
	}
}
