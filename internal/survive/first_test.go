package survive

import (
	"net/http"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// Three servers in production mode start at once on a database that has a schema and nothing
// else: they make one set of keys.
func TestFirstStartsAtOnceMakeOneSetOfKeys(t *testing.T) {
	const public, email = "https://id.example.com", "ada@example.com"
	url, owner := dbtest.EmptyURL(t, "postgres")
	s := plan(t, url, owner, "PUBLIC_URL="+public, "MIGRATE_DATABASE_URL="+owner)
	s.production, s.origin = true, "http://id.example.com" // TLS ends at a proxy, whose part the client plays
	s.mustRun("", "migrate", "up")
	s.serve(3)
	s.mustRun(password(1), "account", "create", email, "--password-stdin")
	if keys, purposes := s.count("SELECT count(*) FROM key_material"), s.count("SELECT count(DISTINCT purpose) FROM key_material WHERE generation = 1"); keys != 4 || purposes != 4 {
		t.Errorf("%d keys for %d purposes, want one for each of 4", keys, purposes)
	}
	acceptOneAnother(t, s, email, password(1))
	s.calm()
}

// The same in development mode, where each would also make the schema and the first administrator.
func TestFirstStartsAtOnceMakeOneSchemaAndOneAdministrator(t *testing.T) {
	_, owner := dbtest.EmptyURL(t, "postgres")
	s := plan(t, owner, owner)
	s.serve(3)
	s.any(0).account("ada@example.com", password(1))
	if n := s.count("SELECT count(*) FROM account WHERE superuser"); n != 1 {
		t.Errorf("%d administrators, want 1", n)
	}
	acceptOneAnother(t, s, "ada@example.com", password(1))
	s.calm()
}

// acceptOneAnother signs in at each server and uses the tokens at the others.
func acceptOneAnother(t *testing.T, s *site, email, pass string) {
	t.Helper()
	for i, one := range s.servers {
		p := one.signIn(email, pass)
		for _, other := range s.servers {
			if a := other.get("/me/", p.Access); a.status != http.StatusOK {
				t.Errorf("server %d's token at another: %v", i, a)
			}
			next, a := other.refresh(p.Refresh)
			if a.status != http.StatusOK {
				t.Fatalf("server %d's refresh token at another: %v", i, a)
			}
			p = next
		}
	}
}
