package member_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// names returns the local parts of what a query finds, page by page.
func (w *world) names(q member.Query) []string {
	w.t.Helper()
	names := []string{}
	for {
		page, err := w.members.List(w.t.Context(), w.acme.ID, q)
		if err != nil {
			w.t.Fatal(err)
		}
		if q.Limit > 0 && len(page.Members) > q.Limit || page.Next != "" && len(page.Members) == 0 {
			w.t.Fatalf("a page of %d", len(page.Members))
		}
		for _, m := range page.Members {
			local, _, _ := strings.Cut(m.Email, "@")
			names = append(names, local)
		}
		if q.After = page.Next; q.After == "" {
			return names
		}
	}
}

func TestMembersAreListedInTheOrderTheyJoinedIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		want := []string{"owner"}
		w.Exec(`DELETE FROM membership WHERE tenant_id = $1 AND role <> 'owner'`, w.acme.ID)
		for i := range 12 {
			if i%3 == 0 { // several join in the same moment
				w.Clock.Advance(time.Millisecond)
			}
			name := "m" + strconv.Itoa(10+i)
			w.World.Join(w.acme, w.person(name).ID, []string{"member", "editor"}[i%2])
			want = append(want, name)
		}
		for _, limit := range []int{0, 1, 5, 13, 200} {
			if got := w.names(member.Query{Limit: limit}); !slices.Equal(got, want) {
				t.Errorf("by %d: %v", limit, got)
			}
		}
		if got := w.names(member.Query{Role: "editor", Limit: 2}); !slices.Equal(got, []string{"m11", "m13", "m15", "m17", "m19", "m21"}) {
			t.Errorf("editors: %v", got)
		}
	})
}

func TestMembersAreFoundByHowAddressOrNameBegin(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`UPDATE profile SET full_name = 'Émile %_ O''Hara', name_key = $2 WHERE account_id = $1`, w.people["editor"].ID, account.NameKey("Émile %_ O'Hara"))
		w.Exec(`UPDATE account SET email = 'Jo@bücher.example', email_key = 'jo@xn--bcher-kva.example' WHERE id = $1`, w.people["member"].ID)
		for prefix, want := range map[string]string{
			"adm": "admin", "ADMIN@EXAMPLE.COM": "admin", "éMILE": "editor", "émile %_ o'": "editor", "jo@bücher.example": "Jo", "jo d": "owner admin Jo", " owner ": "owner",
			"%": "", "_": "", "hara": "", "g-": "", "outsider": "", "'": "", "xn--": "",
		} {
			got := w.names(member.Query{Prefix: prefix})
			slices.Sort(got)
			all := strings.Fields(want)
			slices.Sort(all)
			if !slices.Equal(got, all) {
				t.Errorf("%q: %v", prefix, got)
			}
		}
	})
}

func TestQuestionsThatCannotBeAskedAreRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, err := w.members.List(t.Context(), w.acme.ID, member.Query{Limit: 1})
		if err != nil || first.Next == "" {
			t.Fatal(err)
		}
		for _, query := range []string{"?limit=0", "?limit=201", "?limit=x", "?limit=", "?after=x", "?after=" + first.Next + "A", "?after=" + first.Next[:20], "?after=%3D", "?prefix=%FF", "?prefix=%00", "?role=%FF", "?order=name", "?prefix=a&prefix=b",
			"?after=_" + first.Next[1:]} {
			refused(t, query, w.Call(http.MethodGet, "/tenants/acme/members/"+query, "", w.as("owner", w.acme)), http.StatusBadRequest, "query_invalid")
		}
		// A cursor answers to its question alone, and to the tenant that it was made for.
		for _, other := range []string{"&prefix=o", "&role=owner"} {
			refused(t, other, w.Call(http.MethodGet, "/tenants/acme/members/?after="+first.Next+other, "", w.as("owner", w.acme)), http.StatusBadRequest, "query_invalid")
		}
		refused(t, "another tenant's cursor", w.Call(http.MethodGet, "/tenants/globex/members/?after="+first.Next, "", w.as("g-owner", w.globex)), http.StatusBadRequest, "query_invalid")
	})
}

// Requirement 118: an account is a member of a tenant once, and indexes serve the list of members and that
// of one's tenants, in their order.
func TestAMembershipIsUniqueAndIndexed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		crowd(t, w)
		for _, as := range []string{"member", "owner"} {
			w.Within(w.acme.ID, func(tx *db.Tx) error {
				if err := tenant.Join(t.Context(), tx, w.acme, w.people["member"].ID, as); code(err) != "member_already" {
					t.Errorf("twice: %v", err)
				}
				return nil
			})
		}
		if n := w.Count(`SELECT count(*) FROM membership WHERE tenant_id = $1 AND account_id = $2`, w.acme.ID, w.people["member"].ID); n != 1 {
			t.Errorf("%d memberships", n)
		}
		var seen []db.Statement
		w.InspectAll(func(s db.Statement) error { seen = append(seen, s); return nil })
		first, err := w.members.List(t.Context(), w.acme.ID, member.Query{Limit: 10})
		if err != nil || first.Next == "" {
			t.Fatalf("%v", err)
		}
		if _, err := w.members.List(t.Context(), w.acme.ID, member.Query{Limit: 10, After: first.Next}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.members.Get(t.Context(), w.acme.ID, w.subject("member")); err != nil {
			t.Fatal(err)
		}
		if _, err := tenant.Of(t.Context(), w.DB.DB, w.Roles, w.people["member"].ID); err != nil {
			t.Fatal(err)
		}
		w.InspectAll(func(db.Statement) error { return nil })
		if len(seen) != 4 {
			t.Fatalf("%d statements", len(seen))
		}
		for i, index := range []string{"membership_joined", "membership_joined", "membership_pkey", "membership_account"} {
			plan := w.plan(t, seen[i])
			if w.Engine() == "sqlite" && index == "membership_pkey" {
				index = "sqlite_autoindex_membership_1"
			}
			if !strings.Contains(plan, index) || strings.Contains(plan, "Seq Scan on membership") || strings.Contains(plan, "SCAN m\n") || i < 2 && (strings.Contains(plan, "Sort") || strings.Contains(plan, "TEMP B-TREE")) {
				t.Errorf("%d, want %s:\n%s", i, index, plan)
			}
		}
	})
}

// crowd makes many tenants with many members, so that PostgreSQL plans as it does with many.
func crowd(t *testing.T, w *world) {
	t.Helper()
	tenants, each := 50, 100
	if w.Engine() == "sqlite" {
		tenants, each = 3, 30 // plans must not depend on statistics that nobody makes there
	}
	accounts := `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
	uuids := map[string]string{"sqlite": `'00000000-0000-7000-8000-' || printf('%012d', i)`, "postgres": `CAST('00000000-0000-7000-8000-' || lpad(CAST(i AS TEXT), 12, '0') AS UUID)`}[w.Engine()]
	w.Exec(accounts+`INSERT INTO account (id, subject, email, email_key, email_verified, active, staff, superuser, epoch, created_at)
		SELECT `+uuids+`, 's' || i, 'c' || i || '@example.com', 'c' || i || '@example.com', TRUE, TRUE, FALSE, FALSE, 0, i FROM n`, each)
	w.Exec(accounts+`INSERT INTO profile (account_id, full_name, name_key, phone, locale, attributes, updated_at) SELECT `+uuids+`, 'C', 'c', '', '', '{}', 1 FROM n`, each)
	for i := range tenants {
		in := w.acme
		if i > 0 {
			in = w.Tenant("tenant-"+strconv.Itoa(i), w.people["owner"].ID)
		}
		w.Exec(accounts+`INSERT INTO membership (tenant_id, account_id, role, permissions, created_at) SELECT $2, `+uuids+`, 'member', '', i FROM n`, each, in.ID)
	}
	if w.Engine() == "sqlite" {
		return
	}
	owner, err := db.Open(t.Context(), db.Config{URL: w.OwnerURL})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	for _, table := range []string{"account", "profile", "membership", "tenant", "tenant_role"} {
		if err := owner.Once(t.Context(), "ANALYZE "+table, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// plan is how the database runs a statement within its scope.
func (w *world) plan(t *testing.T, s db.Statement) string {
	t.Helper()
	prefix, columns := "EXPLAIN ", 1
	if w.Engine() == "sqlite" {
		prefix, columns = "EXPLAIN QUERY PLAN ", 4
	}
	var plan strings.Builder
	err := w.World.In(s.In).InTx(t.Context(), func(tx *db.Tx) error {
		return tx.Each(t.Context(), prefix+s.Query, s.Args, func(scan func(...any) error) error {
			var line string
			dest := []any{new(any), new(any), new(any), &line}
			err := scan(dest[4-columns:]...)
			plan.WriteString(line + "\n")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
