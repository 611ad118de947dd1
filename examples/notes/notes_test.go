package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// world is the service with a Gatehouse and a database of its own.
type world struct {
	*gatehousetest.Server
	pool *pgxpool.Pool
}

func start(t *testing.T) *world {
	t.Helper()
	pool, url := database(t)
	srv := gatehousetest.New(t, &gatehouse.Config{DatabaseURL: url, Tenants: tenants})
	mux := http.NewServeMux()
	mount(mux, srv.Gatehouse(), &notes{&store{pool}, srv.APIURL})
	mountPage(mux)
	srv.Handle("/", mux)
	return &world{srv, pool}
}

// database makes the table as its owner and opens it as the role that serves, which is neither that nor a superuser.
func database(t *testing.T) (pool *pgxpool.Pool, url string) {
	t.Helper()
	url, ownerURL := dbtest.URL(t, "postgres")
	schema, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	owner, err := pgx.Connect(t.Context(), ownerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.Background())
	if _, err := owner.Exec(t.Context(), string(schema)+"GRANT SELECT, INSERT, DELETE ON note TO "+dbtest.App); err != nil {
		t.Fatal(err)
	}
	if pool, err = pgxpool.New(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool, url
}

// ask calls the service and returns the status, and the code of a refusal or the answer.
func (w *world) ask(t *testing.T, by gatehousetest.Session, method, tenant, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.URL+"/tenants/"+tenant+"/notes", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := w.Client
	if by.Access != "" {
		client = w.ClientOf(by)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var problem struct{ Code string }
	if resp.StatusCode >= 400 && json.Unmarshal(text, &problem) == nil {
		return resp.StatusCode, problem.Code
	}
	return resp.StatusCode, string(text)
}

const aNote = `{"body": "Water the plants"}`

func TestNotesAreReadByMembersWrittenByAdminsAndDeletedByOwners(t *testing.T) {
	w := start(t)
	boss := w.CreateAccount(t)
	mine := w.CreateTenant(t, gatehousetest.OwnedBy(boss))
	owner := w.TenantToken(t, boss, mine)
	admin := w.TenantToken(t, w.CreateMember(t, mine, "admin"), mine)
	member := w.TenantToken(t, w.CreateMember(t, mine, "member"), mine)
	nobody := gatehousetest.Session{}
	stranger := w.SignIn(t, w.CreateAccount(t)) // signed in, for no organisation
	for _, c := range []struct {
		who    string
		by     gatehousetest.Session
		method string
		status int
		code   string
	}{
		{"nobody", nobody, "GET", 401, "token_missing"}, {"nobody", nobody, "POST", 401, "token_missing"}, {"nobody", nobody, "DELETE", 401, "token_missing"},
		{"stranger", stranger, "GET", 403, "tenant_required"}, {"stranger", stranger, "POST", 403, "tenant_required"}, {"stranger", stranger, "DELETE", 403, "tenant_required"},
		{"member", member, "GET", 200, ""}, {"member", member, "POST", 403, "permission_required"}, {"member", member, "DELETE", 403, "role_required"},
		{"admin", admin, "GET", 200, ""}, {"admin", admin, "POST", 201, ""}, {"admin", admin, "DELETE", 403, "role_required"},
		{"owner", owner, "GET", 200, ""}, {"owner", owner, "POST", 201, ""}, {"owner", owner, "DELETE", 204, ""},
	} {
		for _, named := range []string{mine.Slug, mine.ID} {
			if status, code := w.ask(t, c.by, c.method, named, aNote); status != c.status || c.code != "" && code != c.code {
				t.Errorf("%s %s: %d %s, not %d %s", c.who, c.method, status, code, c.status, c.code)
			}
		}
	}
}

// An owner of one organisation is nobody in another, and is not told whether there is one.
func TestNotesOfAnotherOrganisationAreForbidden(t *testing.T) {
	w := start(t)
	one, other := w.CreateAccount(t), w.CreateAccount(t)
	mine, theirs := w.CreateTenant(t, gatehousetest.OwnedBy(one)), w.CreateTenant(t, gatehousetest.OwnedBy(other))
	me, they := w.TenantToken(t, one, mine), w.TenantToken(t, other, theirs)
	if status, _ := w.ask(t, they, "POST", theirs.Slug, aNote); status != 201 {
		t.Fatal(status)
	}
	for _, named := range []string{theirs.Slug, theirs.ID, "nobodys", uuid.NewString()} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			if status, code := w.ask(t, me, method, named, aNote); status != 403 || code != "tenant_required" {
				t.Errorf("%s %s: %d %s", method, named, status, code)
			}
		}
	}
	if _, all := w.ask(t, they, "GET", theirs.Slug, ""); strings.Count(all, "Water the plants") != 1 {
		t.Errorf("theirs are %s", all)
	}
	if _, all := w.ask(t, me, "GET", mine.Slug, ""); all != `{"notes":[]}`+"\n" {
		t.Errorf("mine are %s", all)
	}
}

// The second wall: statements that forget their tenant.
func TestForgottenTenantShowsAndChangesNothingOfOthers(t *testing.T) {
	w := start(t)
	one, other := w.CreateAccount(t), w.CreateAccount(t)
	mine, theirs := w.CreateTenant(t, gatehousetest.OwnedBy(one)), w.CreateTenant(t, gatehousetest.OwnedBy(other))
	for _, s := range []gatehousetest.Session{w.TenantToken(t, one, mine), w.TenantToken(t, other, theirs)} {
		id, err := w.Verifier().Verify(t.Context(), s.Access)
		if err != nil {
			t.Fatal(err)
		}
		w.ask(t, s, "POST", id.Tenant, aNote)
	}
	ctx := verifier.NewContext(t.Context(), &verifier.Identity{TenantID: mine.ID})
	for _, c := range []struct {
		statement string
		want      int64
	}{{"SELECT id FROM note", 1}, {"DELETE FROM note WHERE tenant_id = '" + theirs.ID + "'", 0}, {"DELETE FROM note", 1}} {
		err := gatehouse.WithTenant(ctx, w.pool, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, c.statement)
			if n := tag.RowsAffected(); n != c.want {
				t.Errorf("%s: %d rows", c.statement, n)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", c.statement, err)
		}
	}
	if tag, err := w.pool.Exec(t.Context(), "SELECT id FROM note"); err != nil || tag.RowsAffected() != 0 {
		t.Errorf("outside of any tenant: %d rows, %v", tag.RowsAffected(), err)
	}
	var n int
	if err := gatehouse.WithTenant(verifier.NewContext(t.Context(), &verifier.Identity{TenantID: theirs.ID}), w.pool, func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), "SELECT count(*) FROM note").Scan(&n)
	}); err != nil || n != 1 {
		t.Errorf("of theirs %d are left: %v", n, err)
	}
}

// A member who was removed keeps their last token for the minutes it has left, and gets no other.
func TestRemovedMembersAreOutWhenTheirTokenEnds(t *testing.T) {
	w := start(t)
	mine := w.CreateTenant(t)
	acc := w.CreateMember(t, mine, "member")
	s := w.TenantToken(t, acc, mine)
	if err := w.Gatehouse().RemoveMember(t.Context(), mine.ID, acc.ID); err != nil {
		t.Fatal(err)
	}
	if status, _ := w.ask(t, s, "GET", mine.Slug, ""); status != 200 {
		t.Errorf("at once: %d", status)
	}
	w.Clock.Advance(t, 10*time.Minute)
	if status, code := w.ask(t, s, "GET", mine.Slug, ""); status != 401 || code != "token_invalid" {
		t.Errorf("10 minutes later: %d %s", status, code)
	}
	resp, err := w.Client.Post(w.APIURL+"/token/refresh/", "application/json", strings.NewReader(`{"refresh": "`+s.Refresh+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("refreshing: %d", resp.StatusCode)
	}
}

func TestAddRefusesWhatIsNoNote(t *testing.T) {
	w := start(t)
	acc := w.CreateAccount(t)
	mine := w.CreateTenant(t, gatehousetest.OwnedBy(acc))
	s := w.TenantToken(t, acc, mine)
	for _, body := range []string{``, `{}`, `[]`, `{"body": ""}`, `{"body": "   "}`, `{"body": 1}`, `{"body": "\u0000"}`, `{"body": "` + strings.Repeat("é", 2001) + `"}`, `{"body": "` + strings.Repeat("x", 70<<10) + `"}`} {
		if status, code := w.ask(t, s, "POST", mine.Slug, body); status != 400 || code != "note_invalid" {
			t.Errorf("%.40s: %d %s", body, status, code)
		}
	}
	if status, text := w.ask(t, s, "POST", mine.Slug, `{"body": "`+strings.Repeat("é", 2000)+`"}`); status != 201 || !strings.Contains(text, `"author":"`+acc.ID+`"`) {
		t.Errorf("%d %.80s", status, text)
	}
}

// This service stores nothing of authentication but who wrote a note, and for which organisation.
func TestSchemaHoldsNoAuthenticationButTheSubject(t *testing.T) {
	pool, _ := database(t)
	rows, err := pool.Query(t.Context(), `SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY ordinal_position`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if want := []string{"note.id", "note.tenant_id", "note.author", "note.body", "note.created_at"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%v, not %v: %v", names, want, err)
	}
}

func TestSchemaEndsWithWhatRLSPrints(t *testing.T) {
	schema, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if policy, err := gatehouse.RLS("note"); err != nil || !strings.HasSuffix(string(schema), policy) {
		t.Errorf("schema.sql does not end with: %s", policy)
	}
}

// calls are what this service asks Gatehouse to do.
var calls = regexp.MustCompile(`\b(gatehouse|verifier)\.[A-Z]\w*\(|\bgh\.|\bgh,`)

// All that a team writes to mount Gatehouse, protect routes and keep tenants apart.
func TestIntegrationTakesFewLines(t *testing.T) {
	const most = 25
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		marked := false
		for lines := bufio.NewScanner(f); lines.Scan(); {
			code, comment, _ := strings.Cut(lines.Text(), "// ")
			code = strings.TrimSpace(code)
			marked = (marked || comment == "gatehouse: begin") && comment != "gatehouse: end"
			if code != "" && (marked || comment == "gatehouse") {
				count++
			} else if calls.MatchString(code) {
				t.Errorf("%s: not marked: %s", name, code)
			}
		}
	}
	if count > most || count < 10 {
		t.Errorf("the integration takes %d lines, more than %d", count, most)
	}
}

func TestPageRunsItsOwnScriptAlone(t *testing.T) {
	w := start(t)
	for path, kind := range map[string]string{"/": "text/html", "/tenants/acme/": "text/html", "/notes.js": "text/javascript", "/notes.css": "text/css"} {
		resp, err := w.Client.Get(w.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), kind) || resp.Header.Get("Content-Security-Policy") != policy {
			t.Errorf("%s: %d, %v", path, resp.StatusCode, resp.Header)
		}
		if strings.Contains(string(text), "innerHTML") || regexp.MustCompile(`<script>|style=|\son\w+=`).Match(text) {
			t.Errorf("%s runs or shows what somebody else wrote", path)
		}
	}
}

// What main starts serves, and ends when it is told to.
func TestServe(t *testing.T) {
	_, url := database(t)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, origin, url, "8qDGkbF3ti5m1M9Jx/1yFvXyqBMmKiGUCqbBD8JtsKc=") }()
	for path, want := range map[string]int{"/": 200, "/api/auth/.well-known/jwks.json": 200, "/account/sign-in/": 200, "/tenants/acme/notes": 401} {
		resp, err := http.Get(origin + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
