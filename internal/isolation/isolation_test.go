// Package isolation proves that no tenant sees or changes what is another's, also where a statement or a
// handler forgets to ask.
//
// A scenario drives whatever Gatehouse does with tenants while every statement is recorded. Each is then
// run again: as another tenant and as nobody, which PostgreSQL holds it to, and about another tenant,
// with nothing but its own text to hold it, on both engines. It must do the same whether the tenants that
// it is not about are there or not. That the scenario forgets no statement is read from the source.
// Routes are tried as everybody who does not belong to their tenant.
package isolation

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// beyond are the functions whose statements ask beyond any tenant, and why they have to.
var beyond = map[string]string{
	"domain/tenant.FindByName": "a path or a host names a tenant before anybody is known to belong to it; what it returns lets nobody in",
	"domain/tenant.ByDomain":   "the same, by a domain that the tenant has shown to be its own",
	"domain/tenant.Search":     "staff look tenants up",
	"domain/audit.list":        "staff read the audit of the whole service",
	"domain/audit.horizon":     "the same",
	"domain/audit.Kinds":       "which kinds of events there are, for the same",
	"domain/audit.Sweep":       "what is old is removed, whoever's it is",
	"domain/stat.Collect":      "the service counts what happens, whoever's it is",
	"domain/stat.Total":        "the same",
}

// unique are the functions whose writes can be refused for another tenant's sake: names, slugs and proven
// domains are there once.
var unique = map[string]string{
	"domain/tenant.Create":       "names are there once",
	"domain/tenant.Change":       "the same",
	"domain/tenant.keepSlug":     "a slug, and what looks like it, is there once and for good",
	"domain/tenant.MarkVerified": "a domain is proven by one",
}

func TestNoStatementCrossesTheBorderOfATenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		beta := w.organise("beta")
		seen := record(w.Gatehouse())
		s := &scenario{world: w}
		s.play()
		if t.Failed() {
			return
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		shots := seen.all()
		st := newStage(t, w.url)
		c := cast{ours: map[uuid.UUID]string{s.id: "alpha", s.deleted: "gamma"}, other: beta.id, slug: "beta", stranger: uuid.MustParse(beta.owner.ID)}
		st.set(c)
		t.Run("as another", func(t *testing.T) { st.eachAsAnother(t, c, shots) })
		t.Run("about another", func(t *testing.T) { st.eachAboutAnother(t, c, shots) })
		t.Run("without a condition", func(t *testing.T) { st.eachMutant(t, c, shots) })
		t.Run("source", func(t *testing.T) { held(t, shots) })
	})
}

func (s *stage) eachAsAnother(t *testing.T, c cast, shots []shot) {
	if !s.postgres {
		t.Skip("nothing but their own texts holds statements on SQLite")
	}
	for _, sh := range shots {
		for _, found := range s.asAnother(c, sh) {
			t.Errorf("%s: %s\n%.300s", sh.from, found, even(sh.query))
		}
	}
}

func (s *stage) eachAboutAnother(t *testing.T, c cast, shots []shot) {
	for _, sh := range shots {
		if beyond[sh.from] != "" && !slices.ContainsFunc(sh.args, c.isOurs) {
			continue
		}
		for _, found := range s.aboutAnother(c, sh.query, c.aside(sh), unique[sh.from] != "") {
			t.Errorf("%s: %s\n%.300s", sh.from, found, even(sh.query))
		}
	}
}

// eachMutant takes the condition on the tenant out of every statement, and expects that to be seen.
func (s *stage) eachMutant(t *testing.T, c cast, shots []shot) {
	seen := map[string]bool{}
	for _, sh := range shots {
		for _, query := range c.mutants(sh) {
			seen[query] = seen[query] || len(s.aboutAnother(c, query, c.aside(sh), false)) > 0
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d statements were tried without a condition", len(seen))
	}
	for _, query := range slices.Sorted(maps.Keys(seen)) {
		if !seen[query] {
			t.Errorf("nothing shows that a condition is gone: %s", even(query))
		}
	}
}

// held checks the source: every text on tables of tenants was recorded, and every statement says whose rows
// it is about, or has a reason not to.
func held(t *testing.T, shots []shot) {
	texts, used := map[string]bool{}, map[string]bool{}
	for _, sh := range shots {
		texts[even(sh.query)] = true
		if sh.namesItsTenant() {
			continue
		}
		used[sh.from] = true
		if beyond[sh.from] == "" || sh.in != db.All() {
			t.Errorf("%s names no tenant within %+v: %s", sh.from, sh.in, even(sh.query))
		}
	}
	for from := range beyond {
		if !used[from] {
			t.Errorf("%s may ask beyond any tenant and does not: take it off the list", from)
		}
	}
	all := pieces(t)
	if len(all) < 30 {
		t.Fatalf("only %d texts of SQL found: the walk is broken", len(all))
	}
	for _, p := range all {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(texts)), p.within) {
			t.Errorf("%s was never run: %s", strings.TrimPrefix(p.at, "../../"), even(p.text))
		}
	}
}
