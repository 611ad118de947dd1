package profile_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

const pass = "bright copper kettles"

// passHash is of pass.
var passHash = sync.OnceValues(func() (string, error) {
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		return "", err
	}
	return hasher.Hash(context.Background(), pass)
})

var (
	perAccount = ratelimit.Limit{Name: "signin.account", Burst: 3, Per: 15 * time.Minute}
	perExport  = ratelimit.Limit{Name: "profile.export", Burst: 2, Per: time.Hour}
)

type world struct {
	*domaintest.World
	service *profile.Service
	client  *domaintest.Client
	account *account.Account
	me      session.Bearer
	// meanwhile, where set, runs after the password was checked.
	meanwhile func()
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) { fn(t, newWorld(t, d)) })
}

func newWorld(t *testing.T, d *domaintest.World) *world {
	t.Helper()
	schema, err := account.NewSchema([]account.Attribute{{Name: "team", Type: "string"}, {Name: "level", Type: "number"}, {Name: "badge", Type: "string", ReadOnly: true}})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	passwords, err := password.New(password.Config{PerAccount: perAccount}, password.Deps{DB: d.DB.DB, Hasher: hasher, Limiter: d.Limiter, Letters: d.Letters})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{World: d}
	prove := func(ctx context.Context, by session.Bearer, given string) error {
		err := passwords.Prove(ctx, by, given, perAccount)
		if w.meanwhile != nil {
			w.meanwhile()
		}
		return err
	}
	w.service, err = profile.New(profile.Config{PerExport: perExport, Fresh: domaintest.Fresh, DeleteURL: domaintest.Origin + "/account/delete/"},
		profile.Deps{DB: d.DB.DB, Schema: schema, Limiter: d.Limiter, Letters: d.Letters, Prove: prove})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := passHash()
	if err != nil {
		t.Fatal(err)
	}
	w.client, w.account = d.Serve(profile.Routes(w.service), nil), d.Account("Jo@example.com", hash)
	w.me = d.Session(w.account.ID)
	return w
}

func (w *world) patch(body string) domaintest.Answer {
	return w.client.Call(http.MethodPatch, "/me/", body, domaintest.Bearer(w.me))
}

func TestMeShowsTheWholeAccountInOneStatement(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var a domaintest.Answer
		statements := w.Statements(func() { a = w.client.Call(http.MethodGet, "/me/", "", domaintest.Bearer(w.me)) })
		if a.Status != http.StatusOK || a.JSON["email"] != "Jo@example.com" || a.JSON["id"] != w.account.Subject || a.JSON["email_verified"] != true {
			t.Errorf("answered %d %s", a.Status, a.Text)
		}
		want := []string{"attributes", "date_joined", "email", "email_verified", "full_name", "id", "is_active", "is_staff", "is_superuser", "last_login", "locale", "phone", "username"}
		var got []string
		for name := range a.JSON {
			got = append(got, name)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("members %v", got)
		}
		if len(statements) != 2 { // one of them is the harness's: whose token it is
			t.Errorf("statements: %q", statements)
		}
	})
}

func TestMeRefusesEndedSessions(t *testing.T) {
	for name, end := range map[string]string{
		"ended":    "UPDATE session SET ended_at = 1",
		"disabled": "UPDATE account SET active = FALSE",
		"epoch":    "UPDATE account SET epoch = epoch + 1",
		"erased":   "DELETE FROM account",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.Exec(end)
				for _, method := range []string{http.MethodGet, http.MethodPatch} {
					body := ""
					if method == http.MethodPatch {
						body = `{"full_name":"X"}`
					}
					if a := w.client.Call(method, "/me/", body, domaintest.Bearer(w.me)); a.Status != http.StatusUnauthorized || a.Code != "token_invalid" {
						t.Errorf("%s answered %d %s", method, a.Status, a.Code)
					}
				}
			})
		})
	}
	each(t, func(t *testing.T, w *world) {
		w.Clock.Advance(7 * 24 * time.Hour)
		if a := w.client.Call(http.MethodGet, "/me/", "", domaintest.Bearer(w.me)); a.Status != http.StatusUnauthorized {
			t.Errorf("idle for too long: answered %d", a.Status)
		}
	})
}

func TestPatchChangesOnlyWhatIsSent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.patch(`{"phone":"+1 (555) 0100","locale":"pt-br","attributes":{"team":"blue","level":3}}`)
		if a.Status != http.StatusOK || a.JSON["phone"] != "+1 (555) 0100" || a.JSON["locale"] != "pt-BR" || a.JSON["full_name"] != "Jo Doe" {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		a = w.patch(`{"attributes":{"team":null}}`)
		if got := a.JSON["attributes"].(map[string]any); len(got) != 1 || got["level"] != 3.0 {
			t.Errorf("attributes %v", got)
		}
		var detail string
		w.Read(&detail, "SELECT detail FROM audit_event WHERE kind = 'profile.changed' ORDER BY id LIMIT 1")
		if detail != `{"members":"phone locale attributes.level attributes.team"}` {
			t.Errorf("audited %s", detail)
		}
		if a = w.patch(`{}`); a.Status != http.StatusOK || len(w.Audited("profile.changed")) != 2 {
			t.Errorf("nothing to change: answered %d, audited %d", a.Status, len(w.Audited("profile.changed")))
		}
	})
}

// Whoever may write a profile may not write an identity (SECURITY.md, rows 24 and 28).
func TestPatchRefusesEverythingElse(t *testing.T) {
	refused := map[string]string{
		"fields_invalid": `{"email_verified":true} {"is_staff":true} {"is_superuser":true} {"is_active":true} {"email":"x@example.com"} {"username":"x"} {"id":"1"} {"user_id":"1"} ` +
			`{"subject":"1"} {"date_joined":"2020-01-01T00:00:00Z"} {"epoch":9} {"password":"bright~copper"} {"full_name":7} {"attributes":[]} []`,
		"profile_invalid": `{"attributes":{"badge":"gold"}} {"attributes":{"is_staff":true}} {"attributes":{"team":7}} {"attributes":{"team":{}}} {"phone":"call-me"} {"locale":"!!"} {"full_name":"a\u0007b"}`,
		"json_invalid":    `{"full_name":"x","full_name":"y"} {"full_name":"\u0000"} {`,
	}
	each(t, func(t *testing.T, w *world) {
		before := w.client.Call(http.MethodGet, "/me/", "", domaintest.Bearer(w.me)).Text
		for code, bodies := range refused {
			for body := range strings.FieldsSeq(bodies) {
				if a := w.patch(body); a.Status != http.StatusBadRequest || a.Code != code {
					t.Errorf("%s: answered %d %s", body, a.Status, a.Text)
				}
			}
		}
		if after := w.client.Call(http.MethodGet, "/me/", "", domaintest.Bearer(w.me)).Text; after != before {
			t.Errorf("changed to %s", after)
		}
	})
}

func TestParallelPatchesOfDifferentMembersAllHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		bodies := []string{`{"full_name":"New Name"}`, `{"phone":"5550100"}`, `{"locale":"de"}`, `{"attributes":{"team":"red"}}`, `{"attributes":{"level":7}}`}
		for range 5 {
			w.Exec("UPDATE profile SET full_name = '', phone = '', locale = '', attributes = '{}'")
			var work sync.WaitGroup
			for _, body := range bodies {
				work.Go(func() {
					if a := w.patch(body); a.Status != http.StatusOK {
						t.Errorf("%s: answered %d %s", body, a.Status, a.Text)
					}
				})
			}
			work.Wait()
			me := w.client.Call(http.MethodGet, "/me/", "", domaintest.Bearer(w.me)).JSON
			if got := fmt.Sprint(me["full_name"], me["phone"], me["locale"], me["attributes"]); got != "New Name5550100demap[level:7 team:red]" {
				t.Fatalf("a change was lost: %s", got)
			}
		}
	})
}

func TestAttributesThatAreNotDeclaredAreNotShown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`UPDATE profile SET attributes = '{"team":"blue","former":"x"}'`)
		a := w.client.Call(http.MethodGet, "/me/", "", domaintest.Bearer(w.me))
		if strings.Contains(a.Text, "former") || !strings.Contains(a.Text, "blue") {
			t.Errorf("answered %s", a.Text)
		}
	})
}
