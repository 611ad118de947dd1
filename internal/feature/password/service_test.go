package password_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

const (
	oldPassword = "bright copper kettles"
	newPassword = "warm woollen mittens"
)

var perAccount = ratelimit.Limit{Name: "signin.account", Burst: 3, Per: 15 * time.Minute}

// changing is a person signed in twice, and the service under test.
type changing struct {
	*domaintest.World
	client  *domaintest.Client
	hasher  *password.Hasher
	account *account.Account
	// meanwhile, where set, runs between the check of the old password and the change.
	meanwhile func()
	here      session.Bearer
	there     session.Bearer
}

func eachChanging(t *testing.T, fn func(t *testing.T, c *changing)) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		hasher, err := password.NewHasher(password.HasherConfig{})
		if err != nil {
			t.Fatal(err)
		}
		c := &changing{World: w, hasher: hasher}
		s, err := password.New(password.Config{PerAccount: perAccount},
			password.Deps{DB: w.DB.DB, Hasher: hasher, Policy: password.Policy{Breach: c}, Limiter: w.Limiter, Letters: w.Letters})
		if err != nil {
			t.Fatal(err)
		}
		hash, err := oldHash()
		if err != nil {
			t.Fatal(err)
		}
		c.client, c.account = w.Serve(password.Routes(s), nil), w.Account("jo@example.com", hash)
		c.here, c.there = w.Session(c.account.ID), w.Session(c.account.ID)
		fn(t, c)
	})
}

// Breached is asked between the check of the old password and the change.
func (c *changing) Breached(context.Context, string) (bool, error) {
	if c.meanwhile != nil {
		c.meanwhile()
	}
	return false, nil
}

// oldHash is of oldPassword.
var oldHash = sync.OnceValues(func() (string, error) {
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		return "", err
	}
	return hasher.Hash(context.Background(), oldPassword)
})

// someHash is of a password that nobody knows.
const someHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func (c *changing) change(by session.Bearer, old, fresh string) domaintest.Answer {
	return c.client.Call(http.MethodPost, "/password/change/", `{"old_password":"`+old+`","new_password":"`+fresh+`"}`, domaintest.Bearer(by))
}

func (c *changing) opens(t *testing.T, pass string) bool {
	t.Helper()
	var hash string
	c.Read(&hash, "SELECT hash FROM password_credential WHERE account_id = $1", c.account.ID)
	r, err := c.hasher.Verify(context.Background(), hash, pass)
	if err != nil {
		t.Fatal(err)
	}
	return r.OK
}

func TestChangeKeepsOneSessionAndEndsTheOthers(t *testing.T) {
	eachChanging(t, func(t *testing.T, c *changing) {
		a := c.change(c.here, oldPassword, newPassword)
		if a.Status != http.StatusOK {
			t.Fatalf("answered %d %s", a.Status, a.Code)
		}
		if !c.opens(t, newPassword) || c.opens(t, oldPassword) {
			t.Error("the password is not the new one alone")
		}
		if !c.Stands(c.here) || c.Stands(c.there) {
			t.Errorf("here %v, there %v: want the asking session alone", c.Stands(c.here), c.Stands(c.there))
		}
		if got := c.Audited("password.changed"); len(got) != 1 {
			t.Errorf("audited %d times", len(got))
		}
		c.Drain()
		mails := c.Mails.Take()
		if len(mails) != 1 || mails[0].To != "jo@example.com" || !strings.Contains(mails[0].Subject, "was changed") {
			t.Errorf("mails: %v", mails)
		}
	})
}

// A session and a password that were stolen together do not change it where there is a second factor.
func TestChangeAsksForTheSecondFactorWhereThereIsOne(t *testing.T) {
	eachChanging(t, func(t *testing.T, c *changing) {
		c.Exec("INSERT INTO passkey (id, account_id, credential_id, name, credential, created_at) SELECT $1, id, $2, 'Key', '{}', 0 FROM account", uuid.Must(uuid.NewV7()), []byte("id"))
		a := c.change(c.here, oldPassword, newPassword)
		if a.Status != http.StatusUnauthorized || a.Code != "proof_stale" || c.opens(t, newPassword) {
			t.Fatalf("answered %d %s", a.Status, a.Code)
		}
		c.Exec("UPDATE session SET aal = 2")
		if a = c.change(c.here, oldPassword, newPassword); a.Status != http.StatusOK {
			t.Fatalf("answered %d %s", a.Status, a.Code)
		}
	})
}

func TestChangeRefusesWrongPresentPassword(t *testing.T) {
	eachChanging(t, func(t *testing.T, c *changing) {
		for range perAccount.Burst {
			if a := c.change(c.here, "wrong", newPassword); a.Status != http.StatusForbidden || a.Code != "password_rejected" {
				t.Fatalf("answered %d %s", a.Status, a.Code)
			}
		}
		a := c.change(c.here, oldPassword, newPassword)
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
			t.Errorf("after too many guesses the right one was answered with %d %s", a.Status, a.Code)
		}
		if _, err := c.Limiter.Take(t.Context(), ratelimit.Bucket{Limit: perAccount, Key: c.account.ID.String()}); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("guesses do not count as failed sign-ins of the account: %v", err)
		}
		if got := strings.Join(c.Audited("password.change_refused"), " "); got != "wrong_password wrong_password wrong_password rate_limited" {
			t.Errorf("audited %q", got)
		}
		if !c.opens(t, oldPassword) || !c.Stands(c.there) {
			t.Error("a refused change changed something")
		}
	})
}

func TestChangeCountsNoHonestTry(t *testing.T) {
	eachChanging(t, func(t *testing.T, c *changing) {
		old, fresh := oldPassword, newPassword
		for range perAccount.Burst + 1 {
			if a := c.change(c.here, old, fresh); a.Status != http.StatusOK {
				t.Fatalf("answered %d %s", a.Status, a.Code)
			}
			old, fresh = fresh, old
		}
	})
}

func TestChangeRefusesWhatThePolicyForbids(t *testing.T) {
	eachChanging(t, func(t *testing.T, c *changing) {
		for name, fresh := range map[string]string{"short": "seven77", "own name": "jo@example.com", "full name": "Jo Doe 12345"} {
			a := c.change(c.here, oldPassword, fresh)
			if a.Status != http.StatusBadRequest || a.Code != "password_refused" {
				t.Errorf("%s: answered %d %s", name, a.Status, a.Code)
			}
			if !strings.Contains(a.Text, `"field":"new_password"`) {
				t.Errorf("%s: the member is not named: %s", name, a.Text)
			}
		}
		if !c.opens(t, oldPassword) {
			t.Error("the password was changed")
		}
	})
}

func TestChangeNeedsAPassword(t *testing.T) {
	eachChanging(t, func(t *testing.T, c *changing) {
		c.Exec("DELETE FROM password_credential")
		if a := c.change(c.here, "", newPassword); a.Status != http.StatusConflict || a.Code != "password_none" {
			t.Errorf("answered %d %s", a.Status, a.Code)
		}
	})
}

func TestChangeRefusesAnEndedSession(t *testing.T) {
	eachChanging(t, func(t *testing.T, c *changing) {
		c.Exec("UPDATE session SET ended_at = $2 WHERE id = $1", c.here.SessionID, c.Now())
		if a := c.change(c.here, oldPassword, newPassword); a.Status != http.StatusUnauthorized {
			t.Errorf("answered %d %s", a.Status, a.Code)
		}
	})
}

// A session that ends while the new password is hashed must neither change it nor come back.
func TestChangeLosesToWhatHappensMeanwhile(t *testing.T) {
	meanwhile := map[string]struct {
		sql  string
		code string
	}{
		"signed out":          {"UPDATE session SET ended_at = 1", "token_invalid"},
		"signed out anywhere": {"UPDATE account SET epoch = epoch + 1", "token_invalid"},
		"disabled":            {"UPDATE account SET active = FALSE, epoch = epoch + 1", "token_invalid"},
		"another password":    {"UPDATE password_credential SET hash = '" + someHash + "'", "password_rejected"},
	}
	for name, m := range meanwhile {
		t.Run(name, func(t *testing.T) {
			eachChanging(t, func(t *testing.T, c *changing) {
				c.meanwhile = func() { c.Exec(m.sql) }
				if a := c.change(c.here, oldPassword, newPassword); a.Code != m.code {
					t.Errorf("answered %d %s", a.Status, a.Code)
				}
				if c.Stands(c.here) && m.code == "token_invalid" {
					t.Error("the session came back to life")
				}
				if c.opens(t, newPassword) || c.Count("SELECT count(*) FROM job") != 0 {
					t.Error("the password was changed")
				}
			})
		})
	}
}

func TestChangeIsWholeOrNothing(t *testing.T) {
	eachChanging(t, func(t *testing.T, c *changing) {
		for n := 1; ; n++ {
			var a domaintest.Answer
			// The first two statements are the harness's own: whose token it is.
			if !c.FailAt(n+2, func() { a = c.change(c.here, oldPassword, newPassword) }) {
				if a.Status != http.StatusOK || n < 7 {
					t.Fatalf("after %d statements: %d %s", n-1, a.Status, a.Code)
				}
				return
			}
			if a.Status != http.StatusInternalServerError && a.Status != http.StatusServiceUnavailable {
				t.Errorf("statement %d: answered %d", n, a.Status)
			}
			if !c.opens(t, oldPassword) || !c.Stands(c.here) || !c.Stands(c.there) {
				t.Fatalf("statement %d: half a change", n)
			}
			if c.Count("SELECT count(*) FROM job") != 0 || len(c.Audited("password.changed")) != 0 {
				t.Fatalf("statement %d: told of what did not happen", n)
			}
		}
	})
}

func TestSetGivesAndReplaces(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("jo@example.com", "")
		for _, hash := range []string{"first", "second"} {
			err := w.InTx(t.Context(), func(tx *db.Tx) error { return password.Set(t.Context(), tx, a.ID, hash) })
			if err != nil {
				t.Fatal(err)
			}
			var got string
			w.Read(&got, "SELECT hash FROM password_credential WHERE account_id = $1", a.ID)
			if got != hash {
				t.Errorf("stored %q, want %q", got, hash)
			}
		}
	})
}
