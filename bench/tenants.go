package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

const tenantPrefix = "01970000-0000-7000-a000-"

// Every account belongs to so many tenants, every tenant has so many members.
const (
	tenantsOfOne = 10
	membersOfOne = 100
)

// benchTenants shows what the wall between tenants costs, and that nothing grows with their number.
func benchTenants(ctx context.Context, l *lab) ([]row, error) {
	rows := []row{evaluation()}
	many := 10_000
	if l.quick {
		many = 20
	}
	big, err := l.populateTenants(ctx, "tenants_many", many)
	if err != nil {
		return nil, err
	}
	defer big.close()
	small, err := l.populateTenants(ctx, "tenants_few", tenantsOfOne)
	if err != nil {
		return nil, err
	}
	defer small.close()
	read, err := l.scopedRead(ctx, big, "tenants_many", many)
	if err != nil {
		return nil, err
	}
	grown, err := l.grown(ctx, big, small, many)
	return append(append(rows, read), grown...), err
}

// evaluation measures the evaluator with 50 permissions, asked for the last and for one that is not there.
func evaluation() row {
	var p verifier.Permissions
	for n := range 50 {
		p = append(p, "noun"+strconv.Itoa(n)+".verb")
	}
	const times = 200_000
	began := time.Now()
	for range times {
		if p.Has("noun50.verb") || !p.Has("noun49.verb") {
			panic("the evaluator is wrong")
		}
	}
	took := float64(time.Since(began).Nanoseconds()) / (2 * times)
	return row{path: "ask for one of 50 permissions", ours: number(took) + " ns", result: number(took) + " ns", rounds: "400,000 times"}.bounded(atMost(1000), took)
}

// populateTenants fills a database of its own with so many tenants.
func (l *lab) populateTenants(ctx context.Context, name string, tenants int) (*world, error) {
	accounts := tenants * membersOfOne / tenantsOfOne
	w, err := l.populatePostgres(ctx, name, size{accounts: accounts, sessions: accounts})
	if err != nil {
		return nil, err
	}
	tenant := func(number string) string {
		return "CAST('" + tenantPrefix + "' || lpad(to_hex(" + number + "), 12, '0') AS UUID)"
	}
	insert := func(rows int, text string, args ...any) error {
		for first := 0; first < rows; first += chunk {
			err := w.db.In(db.All()).InTx(ctx, func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, text, append([]any{first, min(first+chunk, rows) - 1}, args...)...)
				return err
			})
			if err != nil {
				return fmt.Errorf("fill the tables of tenants: %w", err)
			}
		}
		return nil
	}
	const series = "generate_series(CAST($1 AS BIGINT), CAST($2 AS BIGINT)) AS n(i)"
	now := w.db.Now()
	err = insert(tenants, `INSERT INTO tenant (id, slug, name, name_key, active, second_factor, max_age_ms, no_password, no_passkey, no_mail, email_domains, join_role, color, version, created_at)
		SELECT `+tenant("i")+`, 'tenant-' || i, 'Tenant ' || i, 'tenant ' || i, TRUE, FALSE, 0, FALSE, FALSE, FALSE, '', '', '', 0, CAST($3 AS BIGINT) FROM `+series, now)
	if err == nil {
		// Account a belongs to the tenants a, a + a tenth of all, and so on: each tenant has as many members.
		err = insert(accounts*tenantsOfOne, `INSERT INTO membership (tenant_id, account_id, role, permissions, created_at)
			SELECT `+tenant("(i / $4 + (i % $4) * $5) % $6")+`, CAST('`+accountPrefix+`' || lpad(to_hex(i / $4), 12, '0') AS UUID), CASE WHEN i % $4 = 0 THEN 'admin' ELSE 'member' END, '', CAST($3 AS BIGINT) + i % 1000 FROM `+series,
			now, tenantsOfOne, max(tenants/tenantsOfOne, 1), tenants)
	}
	if err == nil {
		err = l.cluster.Exec(ctx, name, "VACUUM ANALYZE", "CHECKPOINT")
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// scopedRead compares one member's row as one tenant's statement reads it with the same row of a table
// that no policy guards.
func (l *lab) scopedRead(ctx context.Context, w *world, name string, tenants int) (row, error) {
	const clients = 4
	err := l.cluster.Exec(ctx, name, "CREATE TABLE gatehouse.bench_membership AS SELECT * FROM gatehouse.membership", "ALTER TABLE gatehouse.bench_membership ADD PRIMARY KEY (tenant_id, account_id)",
		"GRANT SELECT ON gatehouse.bench_membership TO PUBLIC", "VACUUM ANALYZE gatehouse.bench_membership")
	if err != nil {
		return row{}, err
	}
	read := func(table string, scoped bool) func(int) error {
		query := `SELECT role, permissions FROM ` + table + ` WHERE tenant_id = $1 AND account_id = $2`
		return func(int) error {
			account := rand.IntN(w.accounts)
			id := idOf(tenantPrefix, account%tenants)
			var as, direct string
			if scoped {
				return w.db.In(db.Tenant(id)).Row(ctx, query, []any{id, idOf(accountPrefix, account)}, &as, &direct)
			}
			return w.db.Row(ctx, query, []any{id, idOf(accountPrefix, account)}, &as, &direct)
		}
	}
	d, err := l.fight(ctx, side{clients: clients, do: read("membership", true)}, side{clients: clients, do: read("bench_membership", false)})
	if err != nil {
		return row{}, err
	}
	return d.row("one tenant's row under row-level security", "the same read of a table without policies", atLeast(1/1.3)), nil
}

// grown compares a server with many tenants with one that has few.
func (l *lab) grown(ctx context.Context, big, small *world, many int) ([]row, error) {
	const clients, people = 4, 100
	type party struct {
		clients []*client
		bearers []string // of the accounts
		within  []string // the same for the tenant of their number, as its admin
		tenants int
	}
	open := func(w *world, tenants int) (*party, func(), error) {
		s, err := l.startBuilt(ctx, w.url)
		if err != nil {
			return nil, nil, err
		}
		p := &party{tenants: tenants}
		done := func() { closeAll(p.clients); s.stop() }
		if p.bearers, err = s.signedIn(w, people); err == nil {
			p.clients, err = s.dialAll(clients)
		}
		for n := 0; err == nil && n < people; n++ {
			var body []byte
			if body, err = p.clients[0].do("POST", mount+"/tenants/tenant-"+strconv.Itoa(n%tenants)+"/token/", p.bearers[n], "{}"); err == nil {
				var answer struct{ Access string }
				err = json.Unmarshal(body, &answer)
				p.within = append(p.within, answer.Access)
			}
		}
		if err != nil {
			done()
			return nil, nil, err
		}
		return p, done, nil
	}
	ours, closeOurs, err := open(big, many)
	if err != nil {
		return nil, err
	}
	defer closeOurs()
	limit, closeLimit, err := open(small, tenantsOfOne)
	if err != nil {
		return nil, err
	}
	defer closeLimit()
	var rows []row
	for _, path := range []struct {
		name string
		do   func(p *party, c, person int) error
	}{
		{"list the tenants of an account", func(p *party, c, person int) error {
			_, err := p.clients[c].do("GET", mount+"/tenants/", p.bearers[person], "")
			return err
		}},
		{"list the members of a tenant", func(p *party, c, person int) error {
			_, err := p.clients[c].do("GET", mount+"/tenants/tenant-"+strconv.Itoa(person%p.tenants)+"/members/", p.within[person], "")
			return err
		}},
		{"switch to a tenant: its token", func(p *party, c, person int) error {
			_, err := p.clients[c].do("POST", mount+"/tenants/tenant-"+strconv.Itoa(person%p.tenants)+"/token/", p.bearers[person], "{}")
			return err
		}},
	} {
		of := func(p *party) side {
			return side{clients: clients, do: func(c int) error { return path.do(p, c, rand.IntN(people)) }}
		}
		d, err := l.fight(ctx, of(ours), of(limit))
		if err != nil {
			return nil, err
		}
		rows = append(rows, d.row(fmt.Sprintf("%s, of %s tenants", path.name, number(float64(many))), "the same with 10 tenants", atLeast(1/1.2)))
	}
	return rows, nil
}
