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
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// beyond are the functions whose statements ask beyond any tenant, and why they have to.
var beyond = map[string]string{
	"domain/tenant.FindByName":           "a path or a host names a tenant before anybody is known to belong to it; what it returns lets nobody in",
	"domain/tenant.Holder":               "the same, by a domain that the tenant has shown to be its own",
	"domain/tenant.TakeDue":              "verified domains are looked at again, whoever's they are; what was found is written down within the tenant",
	"domain/tenant.SampleVerified":       "where none of the domains that are due is found, some others are looked for, to tell a blind service from domains that are gone",
	"domain/tenant.Search":               "staff look tenants up",
	"domain/tenant.WithRoles":            "the operator is told which tenants have a role of their own by the name of a configured one",
	"domain/audit.list":                  "staff read the audit of the whole service",
	"domain/audit.horizon":               "the same",
	"domain/audit.Kinds":                 "which kinds of events there are, for the same",
	"domain/audit.Sweep":                 "what is old is removed, whoever's it is",
	"domain/stat.firstOpen":              "the service counts what happens, whoever's it is",
	"domain/stat.count":                  "the same",
	"domain/stat.Current":                "the same",
	"feature/invitation.(*Service).each": "whoever is invited belongs to no tenant yet; they ask by their own confirmed address",
	"domain/tenant.Uninvite":             "an erased address is invited nowhere, whoever invited it",
	"feature/invitation.sweep":           "what is old is removed, whoever's it is",
}

// unique are the functions whose writes can be refused for another tenant's sake: names, slugs and proven
// domains are there once.
var unique = map[string]string{
	"domain/tenant.Create":       "names are there once",
	"domain/tenant.Change":       "the same",
	"domain/tenant.keepSlug":     "a slug, and what looks like it, is there once and for good",
	"domain/tenant.MarkVerified": "a domain is proven by one",
}

// unplayed are texts that the scenario does not run, and why.
var unplayed = map[string]string{
	"AND (e.at, e.id) >= ($%d, $%d)": "it takes 20,000 events; it is added to a statement that names its tenant",
}

func TestNoStatementCrossesTheBorderOfATenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		beta := w.organise("beta")
		seen := record(w.Gatehouse())
		s := &scenario{world: w}
		s.play()
		if err := w.Close(); err != nil || t.Failed() {
			t.Fatal(err)
		}
		st := newStage(t, w.url)
		st.set()
		bob := uuid.MustParse(beta.owner.ID)
		casts := []cast{
			{other: beta.id, slug: "beta", stranger: bob, ours: map[uuid.UUID]string{s.id: "alpha", s.deleted: "gamma", hollow: "hollow"}},
			{other: hollow, slug: "hollow", stranger: hollow, ours: map[uuid.UUID]string{s.id: "alpha", s.deleted: "gamma", beta.id: "beta"}},
		}
		if st.postgres {
			t.Run("as another", func(t *testing.T) { st.eachAsAnother(t, casts[0], seen.shots) })
			t.Run("as another, forgetful", func(t *testing.T) { st.eachForgetful(t, casts[0], seen.shots) })
			t.Run("without the wall", func(t *testing.T) { newStage(t, above(w.url)).eachSeen(t, casts[0], seen.shots) })
		}
		t.Run("about another", func(t *testing.T) { st.eachAboutAnother(t, casts, seen.shots) })
		t.Run("without a condition", func(t *testing.T) { st.eachMutant(t, casts, seen.shots) })
		t.Run("names its tenant", func(t *testing.T) { named(t, seen.shots) })
		t.Run("none forgotten", func(t *testing.T) { played(t, seen.texts) })
	})
}

func (s *stage) eachAsAnother(t *testing.T, c cast, shots []shot) {
	for _, sh := range shots {
		found := s.asAnother(c, sh)
		if idIn(sh.in, "tenant") != "" && slices.ContainsFunc(sh.args, c.isOurs) {
			found = append(found, s.nothing(c, sh)...)
		}
		for _, crossing := range found {
			t.Errorf("%s: %s\n%.300s", sh.from, crossing, even(sh.query))
		}
	}
}

// eachForgetful takes each condition on the tenant out of every statement: PostgreSQL holds it all the same.
func (s *stage) eachForgetful(t *testing.T, c cast, shots []shot) {
	seen := map[string]bool{}
	for _, sh := range shots {
		for _, query := range c.mutants(sh) {
			if seen[query] || unique[sh.from] != "" { // refused for another's sake, as without the mistake
				continue
			}
			seen[query] = true
			for _, found := range s.asAnother(c, shot{in: sh.in, query: query, args: sh.args}) {
				t.Errorf("%s, without a condition: %s\n%s", sh.from, found, even(query))
			}
		}
	}
}

// above returns the address of a database for who stands above row-level security.
func above(url string) string {
	return strings.Replace(url, dbtest.App+"@", dbtest.Super+"@", 1)
}

// eachSeen expects that without row-level security statements cross the border, and that this is seen.
func (s *stage) eachSeen(t *testing.T, c cast, shots []shot) {
	s.look()
	seen := map[string]bool{}
	for _, sh := range shots {
		if len(s.asAnother(c, sh)) > 0 {
			seen[sh.query] = true
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d statements were seen to cross the border", len(seen))
	}
}

func (s *stage) eachAboutAnother(t *testing.T, casts []cast, shots []shot) {
	for _, sh := range shots {
		if beyond[sh.from] != "" && sh.in == db.All() {
			continue
		}
		for _, c := range casts {
			for _, args := range c.aside(sh) {
				for _, found := range s.aboutAnother(c, sh.query, args, unique[sh.from] != "") {
					t.Errorf("%s, about %s: %s\n%.300s", sh.from, c.slug, found, even(sh.query))
				}
			}
		}
	}
}

// eachMutant takes each condition on the tenant out of every statement, and expects that to be seen.
func (s *stage) eachMutant(t *testing.T, casts []cast, shots []shot) {
	seen := map[string]bool{}
	for _, sh := range shots {
		for _, query := range casts[0].mutants(sh) {
			for _, c := range casts {
				for _, args := range c.aside(sh) {
					seen[query] = seen[query] || len(s.aboutAnother(c, query, args, false)) > 0
				}
			}
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d statements were tried without a condition", len(seen))
	}
	for _, query := range slices.Sorted(maps.Keys(seen)) {
		if !seen[query] {
			t.Errorf("nothing shows that a condition is gone: …%s", even(query[max(0, strings.Index(query, " OR TRUE)")-300):]))
		}
	}
}

// named checks that every statement says whose rows it is about, or has a reason not to, and that it runs
// within a scope.
func named(t *testing.T, shots []shot) {
	used := map[string]bool{}
	for _, sh := range shots {
		if sh.in == (db.Scope{}) && !strings.Contains(sh.query, "audit_event") {
			t.Errorf("%s runs without a scope: %s", sh.from, even(sh.query))
		}
		if sh.namesItsTenant() {
			continue
		}
		used[sh.from] = true
		if beyond[sh.from] == "" || sh.in != db.All() {
			t.Errorf("%s names no tenant: %s", sh.from, even(sh.query))
		}
	}
	for from := range beyond {
		if !used[from] {
			t.Errorf("%s may ask beyond any tenant and does not: take it off the list", from)
		}
	}
}

// played checks the source: every text of SQL beside tables of tenants was run, so that no statement is
// forgotten.
func played(t *testing.T, texts map[string]bool) {
	all := pieces(t)
	if len(all) < 30 {
		t.Fatalf("only %d texts of SQL found: the walk is broken", len(all))
	}
	for _, p := range all {
		if unplayed[even(p.text)] == "" && !slices.ContainsFunc(slices.Collect(maps.Keys(texts)), p.within) {
			t.Errorf("%s was never run: %s", strings.TrimPrefix(p.at, "../../"), even(p.text))
		}
	}
}
