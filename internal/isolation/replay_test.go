package isolation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// cast says who is who on a stage.
type cast struct {
	other    uuid.UUID            // a tenant that statements are asked about, or as
	slug     string               // of the other
	stranger uuid.UUID            // an account of the other's alone, or of none's
	ours     map[uuid.UUID]string // all other tenants, with their slugs: nothing of them may be seen or changed
}

func (c cast) ids() []uuid.UUID { return slices.Collect(maps.Keys(c.ours)) }

// isOurs reports whether an argument names a tenant of ours.
func (c cast) isOurs(arg any) bool {
	switch v := arg.(type) {
	case uuid.UUID:
		_, ok := c.ours[v]
		return ok
	case string:
		return slices.Contains(slices.Collect(maps.Values(c.ours)), v)
	}
	return false
}

// aside returns a statement's arguments as somebody could have them who asks about the other tenant: by its
// id and slug or, with our slug, by its id alone; and, where it is about the tenants of an account, as the
// stranger or as the same account.
func (c cast) aside(s shot) (all [][]any) {
	byID := slices.ContainsFunc(s.args, func(a any) bool { _, isID := a.(uuid.UUID); return isID && c.isOurs(a) })
	named := slices.ContainsFunc(s.args, c.isOurs)
	own := idIn(s.in, "account")
	for _, slugs := range []bool{true, false} {
		for _, stranger := range []bool{true, false} {
			if !slugs && !byID || !stranger && (own == "" || !named) {
				continue
			}
			args := fresh(s)
			for i, a := range args {
				id, isID := a.(uuid.UUID)
				switch {
				case isID && c.isOurs(a):
					args[i] = c.other
				case slugs && c.isOurs(a):
					args[i] = c.slug
				case stranger && isID && id.String() == own:
					args[i] = c.stranger
				}
			}
			all = append(all, args)
		}
	}
	return all
}

// fresh returns a statement's arguments with a new id where it makes a row that is new each time.
func fresh(s shot) []any {
	args := slices.Clone(s.args)
	if table := inserts.FindStringSubmatch(even(s.query)); table != nil && (table[1] == "invitation" || table[1] == "audit_event") {
		args[0] = uuid.Must(uuid.NewV7())
	}
	return args
}

// crossings are what a statement does across the border of tenants when it asks as somebody else.
type crossings []string

func (c *crossings) add(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

// aboutAnother runs a statement about the other tenant, with nothing but its own text to hold it: it must do
// the same whether our tenants are there or not, and leave them as they are.
func (s *stage) aboutAnother(c cast, query string, args []any, unique bool) (found crossings) {
	with, without := s.run(db.All(), query, args), s.run(db.All(), query, args, c.ids()...)
	if unique { // what is unique over all tenants may be refused for their sake, and nothing more is told
		if !slices.Equal(with.rows, without.rows) {
			found.add("it returned %v, without our tenants %v", with, without)
		}
	} else if !with.same(without, c.ids()...) {
		found.add("it told or did something else for our tenants' sake: %v, without them %v", with, without)
	}
	s.untouched(c, with, &found)
	return found
}

// asAnother runs a statement as it is within scopes that are not its own, which PostgreSQL holds it to: it
// must do the same whether our tenants are there or not, and leave them as they are.
func (s *stage) asAnother(c cast, sh shot) (found crossings) {
	args := fresh(sh)
	for name, in := range c.others() {
		here, without := s.run(in, sh.query, args), s.run(in, sh.query, args, c.ids()...)
		if !here.same(without, c.ids()...) {
			found.add("as %s: it told or did something else for our tenants' sake: %v, without them %v", name, here, without)
		}
		if here.refused != nil && !strings.Contains(here.refused.Error(), "row-level security") {
			found.add("as %s: it was not the database that refused: %v", name, here.refused)
		}
		s.untouched(c, here, &found)
	}
	return found
}

// nothing runs a statement about our tenant as another: it must find what there is in a tenant that is not
// there, which is none, and change nothing at all.
func (s *stage) nothing(c cast, sh shot) (found crossings) {
	args := fresh(sh)
	void := s.run(db.Tenant(uuid.Must(uuid.NewV7())), sh.query, args)
	for name, in := range c.others() {
		if here := s.run(in, sh.query, args); !here.same(void) {
			found.add("as %s: it told or did something: %v, where there is nothing %v", name, here, void)
		}
	}
	return found
}

// others are the scopes of those whom our tenants are no business of.
func (c cast) others() map[string]db.Scope {
	return map[string]db.Scope{"another tenant": db.Tenant(c.other), "another's member": db.Member(c.stranger), "nobody": {}}
}

func (s *stage) untouched(c cast, o outcome, found *crossings) {
	if o.held == nil || o.refused != nil {
		return
	}
	for _, id := range c.ids() {
		if o.held[id] != s.before[id] {
			found.add("it changed rows of our tenant")
		}
	}
}

// parameter finds comparisons of what names a tenant with an argument.
var parameter = regexp.MustCompile(`(?:\w+\.)?\b(?:id|tenant_id|slug) = \$(\d+)`)

// assigned reports whether what follows a text is an assignment, not a comparison.
func assigned(before string) bool {
	before = strings.TrimSpace(before)
	return strings.HasSuffix(before, "SET") || strings.HasSuffix(before, ",")
}

// mutants returns the texts of a statement with one condition on its tenant taken out of each.
func (c cast) mutants(s shot) []string {
	var all []string
	for _, at := range parameter.FindAllStringSubmatchIndex(s.query, -1) {
		n, err := strconv.Atoi(s.query[at[2]:at[3]])
		if err != nil || n > len(s.args) || !c.isOurs(s.args[n-1]) || assigned(s.query[:at[0]]) {
			continue
		}
		all = append(all, s.query[:at[0]]+"("+s.query[at[0]:at[1]]+" OR TRUE)"+s.query[at[1]:])
	}
	return all
}
