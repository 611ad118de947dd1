package account_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

func email(t *testing.T, s string) account.Email {
	t.Helper()
	e, err := account.ParseEmail(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func username(t *testing.T, s string) account.Username {
	t.Helper()
	n, err := account.ParseUsername(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// in runs fn in a transaction and returns what it returned.
func in(d *dbtest.DB, fn func(ctx context.Context, tx *db.Tx) error) error {
	ctx := context.Background()
	return d.InTx(ctx, func(tx *db.Tx) error { return fn(ctx, tx) })
}

// create makes an account with this address and this user name, if any.
func create(t *testing.T, d *dbtest.DB, address, name string) (a *account.Account, err error) {
	t.Helper()
	n := account.New{Email: email(t, address), Active: true}
	if name != "" {
		n.Username = username(t, name)
	}
	err = in(d, func(ctx context.Context, tx *db.Tx) (err error) {
		a, err = account.Create(ctx, tx, n)
		return err
	})
	return a, err
}

func mustMake(t *testing.T, d *dbtest.DB, address, name string) *account.Account {
	t.Helper()
	a, err := create(t, d, address, name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsKeptForOneAccountNoOtherGets(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		jo, ann := mustMake(t, d, "jo@example.com", "jo"), mustMake(t, d, "ann@example.com", "")
		must(t, in(d, func(ctx context.Context, tx *db.Tx) error {
			until := tx.Now.Add(time.Hour)
			return errors.Join(account.SetEmail(ctx, tx, jo.ID, email(t, "jo2@example.com")), account.KeepEmail(ctx, tx, jo.ID, email(t, "jo@example.com"), until),
				account.SetUsername(ctx, tx, jo.ID, username(t, "jo2")), account.KeepUsername(ctx, tx, jo.ID, username(t, "jo"), until))
		}))
		tries := map[string]func() error{
			"an account with the address":   func() error { _, err := create(t, d, "JO@example.com", ""); return err },
			"an account with the user name": func() error { _, err := create(t, d, "new@example.com", "JO"); return err },
			"another with the address": func() error {
				return in(d, func(ctx context.Context, tx *db.Tx) error {
					return account.SetEmail(ctx, tx, ann.ID, email(t, "jo@example.com"))
				})
			},
			"another with the user name": func() error {
				return in(d, func(ctx context.Context, tx *db.Tx) error {
					return account.SetUsername(ctx, tx, ann.ID, username(t, "Jo"))
				})
			},
		}
		for what, try := range tries {
			if err := try(); !errors.Is(err, account.ErrTaken) {
				t.Errorf("%s: %v", what, err)
			}
		}
		var rows int
		must(t, d.Row(t.Context(), "SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM profile) + (SELECT count(*) FROM account WHERE email_key = 'jo@example.com' OR username_key = 'jo')", nil, &rows))
		if rows != 4 {
			t.Errorf("%d rows, want those of two accounts", rows)
		}
		must(t, in(d, func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(account.SetEmail(ctx, tx, jo.ID, email(t, "jo@example.com")), account.SetUsername(ctx, tx, jo.ID, username(t, "jo")))
		}))
	})
}

func TestWhatWasKeptLongEnoughIsFree(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		jo := mustMake(t, d, "jo2@example.com", "")
		must(t, in(d, func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(account.KeepEmail(ctx, tx, jo.ID, email(t, "jo@example.com"), tx.Now.Add(time.Hour)), account.KeepUsername(ctx, tx, jo.ID, username(t, "jo"), tx.Now.Add(2*time.Hour)))
		}))
		d.Clock.Advance(time.Hour - time.Minute)
		if _, err := create(t, d, "jo@example.com", ""); !errors.Is(err, account.ErrTaken) {
			t.Errorf("before its time: %v", err)
		}
		d.Clock.Advance(time.Minute)
		if n, err := account.SweepNames(t.Context(), d.DB, 10); n != 1 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		mustMake(t, d, "jo@example.com", "")
		d.Clock.Advance(time.Hour)
		mustMake(t, d, "new@example.com", "jo") // the sweeper need not have come by
	})
}

func TestErasingAnAccountFreesWhatWasKeptForIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		jo := mustMake(t, d, "jo2@example.com", "")
		must(t, in(d, func(ctx context.Context, tx *db.Tx) error {
			return account.KeepEmail(ctx, tx, jo.ID, email(t, "jo@example.com"), tx.Now.Add(time.Hour))
		}))
		must(t, in(d, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, "DELETE FROM account WHERE id = $1", jo.ID)
			return err
		}))
		mustMake(t, d, "jo@example.com", "")
	})
}

func TestAddressIsTakenByOthersNotByItsOwner(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		jo, ann := mustMake(t, d, "jo@example.com", ""), mustMake(t, d, "ann@example.com", "")
		must(t, in(d, func(ctx context.Context, tx *db.Tx) error {
			if err := account.KeepEmail(ctx, tx, jo.ID, email(t, "former@example.com"), tx.Now.Add(time.Hour)); err != nil {
				return err
			}
			for _, c := range []struct {
				address string
				by      *account.Account
				want    bool
			}{{"jo@example.com", jo, false}, {"JO@example.com", ann, true}, {"former@example.com", jo, false}, {"former@example.com", ann, true}, {"free@example.com", ann, false}} {
				if got, err := account.EmailTaken(ctx, tx, email(t, c.address), c.by.ID); got != c.want || err != nil {
					t.Errorf("%s for %s: %v, %v", c.address, c.by, got, err)
				}
			}
			return nil
		}))
	})
}

// Whoever asks for a name at the moment it is given up waits for it, and must then see for whom it is
// kept.
func TestNobodyGetsANameAtTheMomentItIsGivenUp(t *testing.T) {
	takers := map[string]func(t *testing.T, d *dbtest.DB, ann *account.Account) error{
		"a new account": func(t *testing.T, d *dbtest.DB, _ *account.Account) error {
			_, err := create(t, d, "jo@example.com", "")
			return err
		},
		"another account": func(t *testing.T, d *dbtest.DB, ann *account.Account) error {
			return in(d, func(ctx context.Context, tx *db.Tx) error {
				return account.SetEmail(ctx, tx, ann.ID, email(t, "jo@example.com"))
			})
		},
	}
	for name, take := range takers {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
				jo, ann := mustMake(t, d, "jo@example.com", ""), mustMake(t, d, "ann@example.com", "")
				came := make(chan error, 1)
				must(t, in(d, func(ctx context.Context, tx *db.Tx) error {
					if err := account.SetEmail(ctx, tx, jo.ID, email(t, "jo2@example.com")); err != nil {
						return err
					}
					go func() { came <- take(t, d, ann) }()
					for waiting := 0; d.Engine() == "postgres" && waiting == 0; { // SQLite lets it begin when this has ended
						if err := tx.Row(ctx, "SELECT count(*) FROM pg_locks WHERE NOT granted", nil, &waiting); err != nil {
							return err
						}
					}
					return account.KeepEmail(ctx, tx, jo.ID, email(t, "jo@example.com"), tx.Now.Add(time.Hour))
				}))
				if err := <-came; !errors.Is(err, account.ErrTaken) {
					t.Errorf("it came to %v", err)
				}
			})
		})
	}
}
