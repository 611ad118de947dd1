package manage

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// world is a Service on a real database.
type world struct {
	*domaintest.World
	*Service
	ctx context.Context // of somebody at the command line
}

func each(t *testing.T, fn func(t *testing.T, w world)) {
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	schema, err := account.NewSchema([]account.Attribute{{Name: "grade", Type: "number", ReadOnly: true}})
	if err != nil {
		t.Fatal(err)
	}
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		s := NewService(Deps{DB: w.DB.DB, Hasher: hasher, Policy: password.Policy{Words: []string{"Example"}}, Schema: schema, Letters: w.Letters, Limiter: w.Limiter,
			Queue: w.Queue, Roles: w.StaffRoles,
			SendReset: func(ctx context.Context, tx *db.Tx, a *account.Account) error {
				return w.Letters.Tell(ctx, tx, letter.PasswordChanged, a.ID)
			},
			Unlock: func(ctx context.Context, tx *db.Tx, id account.ID) error {
				return w.Limiter.Reset(ctx, tx, guesses(id))
			}})
		fn(t, world{w, s, audit.NewContext(t.Context(), audit.Source{Actor: "cli"})})
	})
}

var operator = Operator(false)

// guesses is the bucket of an account's failed sign-ins.
func guesses(id account.ID) ratelimit.Bucket {
	return ratelimit.Bucket{Limit: ratelimit.Limit{Name: "signin.account", Burst: 3, Per: time.Hour}, Key: id.String()}
}

const good = "an evening by the harbour"

func (w world) create(t *testing.T, n New) *account.Account {
	t.Helper()
	a, err := w.Create(w.ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w world) hashOf(id account.ID) (hash string) {
	w.Read(&hash, "SELECT COALESCE((SELECT hash FROM password_credential WHERE account_id = $1), '')", id)
	return hash
}

// opens reports whether a password is the account's.
func (w world) opens(t *testing.T, id account.ID, pass string) bool {
	t.Helper()
	r, err := w.Hasher.Verify(t.Context(), w.hashOf(id), pass)
	if err != nil {
		t.Fatal(err)
	}
	return r.OK
}

// events returns the kinds of an account's audit events, all by the command line.
func (w world) events(t *testing.T, id account.ID) (kinds []string) {
	t.Helper()
	err := w.DB.Each(t.Context(), "SELECT kind, actor FROM audit_event WHERE account_id = $1 ORDER BY at, id", []any{id}, func(scan func(...any) error) error {
		var kind, actor string
		if err := scan(&kind, &actor); err != nil {
			return err
		}
		if actor != "cli" {
			t.Errorf("actor of %s is %q", kind, actor)
		}
		kinds = append(kinds, kind)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

func TestCreateMakesActiveVerifiedAccount(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		a := w.create(t, New{Email: "Ada@Example.com", Username: "ada", FullName: "Ada Example", Locale: "de", Phone: "+49 30 1234",
			Attributes: map[string]any{"grade": 1.0}, Password: good})
		found, err := w.Find(t.Context(), "ada@example.COM")
		if err != nil {
			t.Fatal(err)
		}
		if found.ID != a.ID || !found.Active || !found.EmailVerified || found.Staff || found.Superuser || found.Username != "ada" ||
			found.Email != "Ada@Example.com" || found.Profile.FullName != "Ada Example" || found.Profile.Attributes["grade"] != 1.0 {
			t.Errorf("found %+v", found)
		}
		if found.Subject != a.ID.String() {
			t.Errorf("subject %q is not the id's text", found.Subject)
		}
		if !w.opens(t, a.ID, good) || w.opens(t, a.ID, good+".") {
			t.Error("the password is not the one that was set")
		}
		if got := w.events(t, a.ID); len(got) != 1 || got[0] != "account.created" {
			t.Errorf("audit: %v", got)
		}
	})
}

func TestSuperuserIsStaff(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		if a := w.create(t, New{Email: "root@example.com", Superuser: true}); !a.Superuser || !a.Staff || !a.Active || !a.EmailVerified {
			t.Errorf("made %+v", a)
		}
		if a := w.create(t, New{Email: "staff@example.com", Staff: true, Unverified: true}); a.Superuser || !a.Staff || a.EmailVerified {
			t.Errorf("made %+v", a)
		}
	})
}

func TestAccountWithoutPasswordOpensWithNone(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		a := w.create(t, New{Email: "ada@example.com"})
		for _, guess := range []string{"", "!", "*", "password"} {
			if w.opens(t, a.ID, guess) {
				t.Errorf("%q opens it", guess)
			}
		}
	})
}

func TestCreateTakesImportedHash(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		const hash = "bcrypt$$2b$04$4vmCVHcbFZoBzhf6D10KuOoCPvxHoDLmkMoCb4njLypgujiLsxyHa"
		a := w.create(t, New{Email: "ada@example.com", PasswordHash: hash, Subject: "old:1"})
		if got := w.hashOf(a.ID); got == "" || a.Subject != "old:1" {
			t.Errorf("stored %d bytes for subject %q", len(got), a.Subject)
		}
	})
}

func TestCreateRefusesAndLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.create(t, New{Email: "taken@example.com", Username: "taken", Subject: "taken"})
		for _, c := range []struct {
			name string
			n    New
			want *fault.Error
		}{
			{"no address", New{}, account.ErrEmail},
			{"address of another", New{Email: "TAKEN@example.com"}, account.ErrTaken},
			{"user name of another", New{Email: "x@example.com", Username: "Taken"}, account.ErrTaken},
			{"subject of another", New{Email: "x@example.com", Subject: "taken"}, account.ErrTaken},
			{"user name with an at sign", New{Email: "x@example.com", Username: "a@b"}, account.ErrUsername},
			{"subject with a blank", New{Email: "x@example.com", Subject: "a b"}, ErrSubject},
			{"subject that is not ASCII", New{Email: "x@example.com", Subject: "ä"}, ErrSubject},
			{"subject with a newline", New{Email: "x@example.com", Subject: "a\n"}, ErrSubject},
			{"subject of 256", New{Email: "x@example.com", Subject: strings.Repeat("a", 256)}, ErrSubject},
			{"undeclared attribute", New{Email: "x@example.com", Attributes: map[string]any{"shoe": 43.0}}, account.ErrProfile},
			{"weak password", New{Email: "x@example.com", Password: "password"}, password.ErrRefused},
			{"password and hash", New{Email: "x@example.com", Password: good, PasswordHash: "$1$a$b"}, ErrPasswords},
			{"unknown hash", New{Email: "x@example.com", PasswordHash: "plain$secret"}, password.ErrHashUnsupported},
			{"endless password", New{Email: "x@example.com", Password: strings.Repeat("a", 2000), AnyPassword: true}, password.ErrRefused},
		} {
			if _, err := w.Create(w.ctx, c.n); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		if _, err := w.Find(t.Context(), "x@example.com"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("a refused account is there: %v", err)
		}
		w.create(t, New{Email: "x@example.com", Subject: strings.Repeat("a", 255), Password: "password", AnyPassword: true})
	})
}

func TestConcurrentCreatesMakeOneAccount(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		var wg sync.WaitGroup
		results := make(chan error, 20)
		for range cap(results) {
			wg.Go(func() {
				_, err := w.Create(w.ctx, New{Email: "ada@example.com"})
				results <- err
			})
		}
		wg.Wait()
		close(results)
		made := 0
		for err := range results {
			if err == nil {
				made++
			} else if !errors.Is(err, account.ErrTaken) {
				t.Error(err)
			}
		}
		if made != 1 {
			t.Errorf("%d were made", made)
		}
	})
}

func TestFindRefusesToChooseBetweenTwo(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.create(t, New{Email: "eve@example.com", Subject: "eve"})
		w.create(t, New{Email: "mallory@example.com", Username: "eve"})
		if _, err := w.Find(t.Context(), "eve"); !errors.Is(err, ErrAmbiguous) {
			t.Errorf("found: %v", err)
		}
		a := w.create(t, New{Email: "ada@example.com", Subject: "ada", Username: "ada"})
		if found, err := w.Find(t.Context(), "ada"); err != nil || found.ID != a.ID {
			t.Errorf("one account with two equal names: %v, %v", found, err)
		}
	})
}

func TestListGoesThroughAllInOrder(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		var want []string
		for _, name := range []string{"c", "a", "b", "e", "d"} {
			want = append(want, w.create(t, New{Email: name + "@example.com"}).Email)
		}
		var got []string
		for after := ""; ; {
			page, err := w.List(t.Context(), after, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) > 2 {
				t.Fatalf("a page of %d", len(page))
			}
			if len(page) == 0 {
				break
			}
			for _, a := range page {
				got = append(got, a.Email)
				after = a.Subject
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("listed %v, want %v", got, want)
		}
		if all, err := w.List(t.Context(), "", 0); err != nil || len(all) != len(want) {
			t.Errorf("without a limit: %d, %v", len(all), err)
		}
		if _, err := w.List(t.Context(), "nobody", 2); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("after nobody: %v", err)
		}
	})
}

func TestDisableEndsSessionsForGood(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		a := w.create(t, New{Email: "ada@example.com"})
		other := w.create(t, New{Email: "bob@example.com"})
		mine, theirs := w.Session(a.ID), w.Session(other.ID)
		disabled, err := w.Disable(w.ctx, operator, a.Subject)
		if err != nil || disabled.Active {
			t.Fatalf("%+v, %v", disabled, err)
		}
		if w.Stands(mine) || !w.Stands(theirs) {
			t.Error("the wrong sessions ended")
		}
		if _, err := w.Disable(w.ctx, operator, a.Subject); err != nil {
			t.Fatal(err)
		}
		enabled, err := w.Enable(w.ctx, operator, a.Subject)
		if err != nil || !enabled.Active {
			t.Fatalf("%+v, %v", enabled, err)
		}
		if w.Stands(mine) {
			t.Error("enabling brought a session back")
		}
		if got := strings.Join(w.events(t, a.ID), " "); got != "account.created account.disabled account.enabled" {
			t.Errorf("audit: %s", got)
		}
		if _, err := w.Disable(w.ctx, operator, "nobody"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("nobody: %v", err)
		}
	})
}

func TestSetPasswordEndsSessionsAndTellsTheOwner(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		a := w.create(t, New{Email: "ada@example.com", Password: good})
		mine := w.Session(a.ID)
		const fresh = "another evening at sea"
		if _, err := w.SetPassword(w.ctx, a.Subject, fresh, false); err != nil {
			t.Fatal(err)
		}
		if w.Stands(mine) || !w.opens(t, a.ID, fresh) || w.opens(t, a.ID, good) {
			t.Error("the former password or session is still good")
		}
		w.Drain()
		if mails := w.World.Mails.Take(); len(mails) != 1 || mails[0].To != "ada@example.com" || strings.Contains(mails[0].Text, fresh) {
			t.Errorf("%d mails", len(mails))
		}
		if got := strings.Join(w.events(t, a.ID), " "); got != "account.created password.set" {
			t.Errorf("audit: %s", got)
		}
	})
}

func TestSetPasswordAsksThePolicyUnlessTold(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		a := w.create(t, New{Email: "ada@example.com"})
		mine := w.Session(a.ID)
		for _, weak := range []string{"", "short", "ada@example.com", "password"} {
			if _, err := w.SetPassword(w.ctx, a.Subject, weak, false); !errors.Is(err, password.ErrRefused) {
				t.Errorf("%q: %v", weak, err)
			}
		}
		if !w.Stands(mine) || w.hashOf(a.ID) != "" {
			t.Error("a refused password changed something")
		}
		if _, err := w.SetPassword(w.ctx, a.Subject, "", true); !errors.Is(err, password.ErrRefused) {
			t.Errorf("no password at all: %v", err)
		}
		if _, err := w.SetPassword(w.ctx, a.Subject, "short", true); err != nil || !w.opens(t, a.ID, "short") {
			t.Errorf("when told: %v", err)
		}
		if _, err := w.SetPassword(w.ctx, "nobody", good, true); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("nobody: %v", err)
		}
	})
}

// A change whose audit event cannot be written does not happen.
func TestChangesFailWithTheirAudit(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		a := w.create(t, New{Email: "ada@example.com", Password: good})
		mine := w.Session(a.ID)
		w.DB.Inspect(func(query string) error {
			if strings.Contains(query, "INSERT INTO audit_event") {
				return errors.New("no audit today")
			}
			return nil
		})
		for name, change := range map[string]func() error{
			"create":       func() error { _, err := w.Create(w.ctx, New{Email: "bob@example.com"}); return err },
			"disable":      func() error { _, err := w.Disable(w.ctx, operator, a.Subject); return err },
			"set password": func() error { _, err := w.SetPassword(w.ctx, a.Subject, good+"!", false); return err },
		} {
			if change() == nil {
				t.Errorf("%s went on without audit", name)
			}
		}
		w.DB.Inspect(nil)
		if _, err := w.Find(t.Context(), "bob@example.com"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("create: %v", err)
		}
		if !w.Stands(mine) || !w.opens(t, a.ID, good) {
			t.Error("a change without audit was kept")
		}
	})
}
