package isolation

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// cast says who is who on a stage.
type cast struct {
	ours     map[uuid.UUID]string // tenants of the scenario, with their slugs: nothing of them may be seen or changed
	other    uuid.UUID            // another tenant, with things of the same names
	slug     string               // of the other
	stranger uuid.UUID            // a member of the other alone
}

func (c cast) ids() []uuid.UUID {
	var all []uuid.UUID
	for id := range c.ours {
		all = append(all, id)
	}
	return all
}

// isOurs reports whether an argument names a tenant of the scenario.
func (c cast) isOurs(arg any) bool {
	switch v := arg.(type) {
	case uuid.UUID:
		_, ok := c.ours[v]
		return ok
	case string:
		for id, slug := range c.ours {
			if v == slug || v == id.String() {
				return true
			}
		}
	}
	return false
}

// aside returns a statement's arguments with the other tenant in the place of ours and, where it is about an
// account's own tenants, the stranger in the place of the account. What is new each time is new again.
func (c cast) aside(s shot) []any {
	args := slices.Clone(s.args)
	own := idIn(s.in, "account")
	for i, a := range args {
		id, isID := a.(uuid.UUID)
		switch {
		case isID && c.isOurs(a):
			args[i] = c.other
		case c.isOurs(a):
			args[i] = c.slug
		case isID && own != "" && id.String() == own:
			args[i] = c.stranger
		case isID && i == 0 && strings.HasPrefix(s.query, "INSERT"):
			args[i] = uuid.Must(uuid.NewV7())
		}
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

// asAnother runs a statement as it is within a scope that is not its own, which PostgreSQL holds it to.
func (s *stage) asAnother(c cast, sh shot) (found crossings) {
	about := slices.ContainsFunc(sh.args, c.isOurs)
	for name, in := range map[string]db.Scope{"another tenant": db.Tenant(c.other), "another's member": db.Member(c.stranger), "nobody": {}} {
		here, without := s.run(in, sh.query, sh.args), s.run(in, sh.query, sh.args, c.ids()...)
		if !here.same(without, c.ids()...) {
			found.add("as %s: it told or did something else for our tenants' sake: %v, without them %v", name, here, without)
		}
		if here.refused != nil && !strings.Contains(here.refused.Error(), "row-level security") {
			found.add("as %s: it was not the database that refused: %v", name, here.refused)
		}
		if idIn(sh.in, "tenant") != "" && about {
			if nowhere := s.run(db.Tenant(uuid.Must(uuid.NewV7())), sh.query, sh.args); !here.same(nowhere) {
				found.add("as %s: it told or did something: %v, where there is nothing %v", name, here, nowhere)
			}
		}
		s.untouched(c, here, &found)
	}
	return found
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

// parameter finds comparisons with an argument.
var parameter = regexp.MustCompile(`(?:\w+\.)?\w+ = \$(\d+)`)

// mutants returns the texts of a statement with one condition on its tenant taken out of each.
func (c cast) mutants(s shot) []string {
	var all []string
	for _, at := range parameter.FindAllStringSubmatchIndex(s.query, -1) {
		n, err := strconv.Atoi(s.query[at[2]:at[3]])
		if err != nil || n > len(s.args) || !c.isOurs(s.args[n-1]) || strings.HasSuffix(strings.TrimSpace(s.query[:at[0]]), "SET") {
			continue
		}
		all = append(all, s.query[:at[0]]+"("+s.query[at[0]:at[1]]+" OR TRUE)"+s.query[at[1]:])
	}
	return all
}
