package totp_test

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/hotp"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

const step = 30 * time.Second

type world struct {
	*domaintest.World
	*totp.Service
	t *testing.T
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		s, err := totp.New(totp.Config{Issuer: "Example"}, totp.Deps{DB: d.DB.DB, Sealer: d.Keys.Sealer()})
		if err != nil {
			t.Fatal(err)
		}
		fn(t, &world{d, s, t})
	})
}

// app is somebody's authenticator app.
type app struct {
	w      *world
	secret string
}

// at is the code that the app shows so many steps from now.
func (a app) at(steps int64) string {
	a.w.t.Helper()
	code, err := hotp.GenerateCode(a.secret, uint64(a.w.Now().Unix()/30+steps))
	if err != nil {
		a.w.t.Fatal(err)
	}
	return code
}

func (a app) now() string { return a.at(0) }

// other is a code that the app shows at no step about now.
func (a app) other() string {
	for n := 0; ; n++ {
		code := fmt.Sprintf("%06d", n)
		if !slices.Contains([]string{a.at(-2), a.at(-1), a.at(0), a.at(1), a.at(2)}, code) {
			return code
		}
	}
}

// toStep moves the clock to the beginning of the next step, so that none ends in the middle of a test.
func (w *world) toStep() {
	w.t.Helper()
	w.pass(step - time.Duration(w.Now().UnixMilli()%step.Milliseconds())*time.Millisecond)
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if err := w.Clock.Advance(d); err != nil {
		w.t.Fatal(err)
	}
}

// readKeys does what the server does in the background, so that no statement is counted that is not asked.
func (w *world) readKeys() {
	w.t.Helper()
	if err := w.Keys.Reload(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) begin(a *account.Account, name string) (*totp.Setup, app) {
	w.t.Helper()
	setup, err := w.Begin(w.t.Context(), session.Bearer{AccountID: a.ID}, a.Email, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return setup, app{w, setup.Secret.Reveal()}
}

func (w *world) confirm(a *account.Account, code string) (d *totp.Device, err error) {
	err = w.InTx(context.Background(), func(tx *db.Tx) (err error) {
		d, err = w.Confirm(context.Background(), tx, a.ID, code)
		return err
	})
	return d, err
}

// enrol adds a device whose confirming code is no longer in the way.
func (w *world) enrol(a *account.Account, name string) (*totp.Device, app) {
	w.t.Helper()
	_, phone := w.begin(a, name)
	d, err := w.confirm(a, phone.now())
	if err != nil {
		w.t.Fatal(err)
	}
	w.toStep()
	w.pass(step)
	return d, phone
}

func (w *world) spend(m *totp.Match) error {
	return w.InTx(context.Background(), func(tx *db.Tx) error { return w.Spend(context.Background(), tx, m) })
}

// prove is what a sign-in does.
func (w *world) prove(a *account.Account, code string) error {
	m, err := w.Match(context.Background(), a.ID, code)
	if err != nil {
		return err
	}
	return w.spend(m)
}

func (w *world) wants(err, want error, what string) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestSetupCountsOnlyOnceItsCodeWasSeen(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		setup, phone := w.begin(a, "  My\tphone ")
		if setup.Name != "My phone" || setup.ID == uuid.Nil || !strings.Contains(setup.URI.Reveal(), "jo%40example.com?secret="+setup.Secret.Reveal()) {
			t.Errorf("the set-up is of %q", setup.Name)
		}
		if raw, err := base32.StdEncoding.DecodeString(setup.Secret.Reveal()); err != nil || len(raw) != 20 {
			t.Errorf("the secret has %d bytes, %v", len(raw), err)
		}
		w.wants(w.prove(a, phone.now()), factor.ErrCode, "a code of a device that waits")
		if all, err := w.List(t.Context(), a.ID); err != nil || len(all) != 0 {
			t.Errorf("%d devices before the first code, %v", len(all), err)
		}
		d, err := w.confirm(a, phone.now())
		if err != nil || d.ID != setup.ID || d.Name != "My phone" {
			t.Fatalf("%+v, %v", d, err)
		}
		all, err := w.List(t.Context(), a.ID)
		if err != nil || len(all) != 1 || all[0].ID != setup.ID || all[0].Name != "My phone" || all[0].CreatedAt.IsZero() || !all[0].LastUsedAt.IsZero() {
			t.Errorf("%+v, %v", all, err)
		}
		held, err := factor.Of(t.Context(), w.DB.DB, a.ID)
		if err != nil || held.TOTP != 1 {
			t.Errorf("the account holds %+v, %v", held, err)
		}
		_, err = w.confirm(a, phone.at(1))
		w.wants(err, totp.ErrNoSetup, "a second confirmation")
	})
}

func TestSecretsAreNotGivenTwice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, seen := w.Account("jo@example.com", ""), map[string]bool{}
		for range 20 {
			setup, _ := w.begin(a, "")
			if seen[setup.Secret.Reveal()] || setup.Name != totp.DefaultName {
				t.Fatal("a secret was given twice, or the device has no name")
			}
			seen[setup.Secret.Reveal()] = true
		}
	})
}

func TestConfirmRefusesWhatIsNotTheCode(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		_, err := w.confirm(a, "123456")
		w.wants(err, totp.ErrNoSetup, "without a set-up")
		_, phone := w.begin(a, "")
		w.toStep()
		for _, bad := range []string{phone.other(), phone.at(-2), phone.at(2), " " + phone.now(), phone.now() + " ", phone.now() + "\n", phone.now()[:5], phone.now() + "0", wide(phone.now()), ""} {
			_, err := w.confirm(a, bad)
			w.wants(err, factor.ErrCode, fmt.Sprintf("%d bytes", len(bad)))
		}
		if _, err := w.confirm(a, phone.now()); err != nil {
			t.Errorf("the right code after wrong ones: %v", err)
		}
	})
}

// wide writes digits as Unicode has them once more (U+FF10 and on).
func wide(code string) string {
	return strings.Map(func(r rune) rune { return r - '0' + '０' }, code)
}

func TestConfirmingCodeIsUsed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		_, phone := w.begin(a, "")
		w.toStep()
		if _, err := w.confirm(a, phone.now()); err != nil {
			t.Fatal(err)
		}
		w.wants(w.prove(a, phone.now()), factor.ErrCode, "the confirming code again")
		w.wants(w.prove(a, phone.at(-1)), factor.ErrCode, "the code before it")
		if err := w.prove(a, phone.at(1)); err != nil {
			t.Errorf("the next code: %v", err)
		}
	})
}

func TestWaitingSetupIsReplacedAndExpires(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, other := w.Account("jo@example.com", ""), w.Account("al@example.com", "")
		first, old := w.begin(a, "first")
		_, theirs := w.begin(other, "theirs")
		second, phone := w.begin(a, "second")
		if first.ID == second.ID || first.Secret.Reveal() == second.Secret.Reveal() {
			t.Error("a set-up was not replaced")
		}
		_, err := w.confirm(a, old.now())
		w.wants(err, factor.ErrCode, "a code of the set-up that was replaced")
		_, err = w.confirm(a, theirs.now())
		w.wants(err, factor.ErrCode, "a code of another account's")
		if _, err := w.confirm(other, theirs.now()); err != nil {
			t.Errorf("the other account's set-up: %v", err)
		}
		w.pass(totp.SetupLife - time.Minute)
		if again, err := w.Waiting(t.Context(), a.ID, a.Email); err != nil || again.ID != second.ID || again.Secret.Reveal() != second.Secret.Reveal() || again.URI.Reveal() != second.URI.Reveal() || again.Name != "second" {
			t.Errorf("the set-up that waits is another, %v", err)
		}
		w.pass(time.Minute)
		_, err = w.Waiting(t.Context(), a.ID, a.Email)
		w.wants(err, totp.ErrNoSetup, "one that waited too long")
		_, err = w.confirm(a, phone.now())
		w.wants(err, totp.ErrNoSetup, "confirming one that waited too long")
		if n, err := totp.Sweep(t.Context(), w.DB.DB, 10); err != nil || n != 1 || w.Count("SELECT count(*) FROM totp_device") != 1 {
			t.Errorf("%d swept, %v", n, err)
		}
	})
}

// Somebody with a session of the owner's cannot take the owner's app away by setting up another.
func TestSetupNeverTouchesConfirmedDevices(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		d, phone := w.enrol(a, "phone")
		w.begin(a, "another")
		w.begin(a, "a third")
		if all, err := w.List(t.Context(), a.ID); err != nil || len(all) != 1 || all[0].ID != d.ID {
			t.Fatalf("%+v, %v", all, err)
		}
		if err := w.prove(a, phone.now()); err != nil {
			t.Errorf("the device that was there: %v", err)
		}
	})
}

func TestCodeIsGoodFromOneStepBeforeToOneAfter(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		_, phone := w.enrol(a, "")
		w.pass(step)
		code := phone.at(2)
		for from, good := range []bool{false, true, true, true, false, false} {
			if _, err := w.Match(t.Context(), a.ID, code); (err == nil) != good || err != nil && !errors.Is(err, factor.ErrCode) {
				t.Errorf("%d steps from its own: %v", from-2, err)
			}
			w.pass(step)
		}
	})
}

func TestCodeIsGoodOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		_, phone := w.enrol(a, "")
		before, code := phone.at(-1), phone.now()
		m, err := w.Match(t.Context(), a.ID, code)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.spend(m); err != nil {
			t.Fatal(err)
		}
		w.wants(w.spend(m), factor.ErrCode, "the same match")
		w.wants(w.prove(a, code), factor.ErrCode, "the same code")
		w.wants(w.prove(a, before), factor.ErrCode, "the code before")
		all, err := w.List(t.Context(), a.ID)
		if err != nil || len(all) != 1 || w.Now().Sub(all[0].LastUsedAt).Abs() > step {
			t.Errorf("last used %+v, %v", all, err)
		}
		w.pass(step)
		w.wants(w.prove(a, code), factor.ErrCode, "the same code a step later")
		if err := w.prove(a, phone.now()); err != nil {
			t.Errorf("the next code: %v", err)
		}
	})
}

func TestMatchOfAnEarlierStepIsNotSpentAfterALaterOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		_, phone := w.enrol(a, "")
		early, err := w.Match(t.Context(), a.ID, phone.now())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.prove(a, phone.at(1)); err != nil {
			t.Fatal(err)
		}
		w.wants(w.spend(early), factor.ErrCode, "the earlier one")
	})
}

func TestOfManyEqualCodesAtOnceOneIsTaken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		_, phone := w.enrol(a, "")
		code := phone.now()
		var won, lost atomic.Int64
		var others sync.Map
		var all, ready sync.WaitGroup
		ready.Add(64)
		for range 64 {
			all.Go(func() {
				m, err := w.Match(context.Background(), a.ID, code)
				ready.Done()
				ready.Wait() // every one of them has found the code good before any is spent
				if err == nil {
					err = w.spend(m)
				}
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, factor.ErrCode):
					lost.Add(1)
				default:
					others.Store(err.Error(), true)
				}
			})
		}
		all.Wait()
		others.Range(func(err, _ any) bool { t.Error(err); return true })
		if won.Load() != 1 || lost.Load() != 63 {
			t.Errorf("%d won, %d lost", won.Load(), lost.Load())
		}
	})
}

func TestOfManyConfirmationsAtOnceOneIsTaken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		_, phone := w.begin(a, "")
		code := phone.now()
		var won atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if _, err := w.confirm(a, code); err == nil {
					won.Add(1)
				} else if !errors.Is(err, totp.ErrNoSetup) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || w.Count("SELECT count(*) FROM totp_device") != 1 {
			t.Errorf("%d won", won.Load())
		}
	})
}

// SQLite does one transaction after another; on PostgreSQL the second confirmation comes between the
// statements of the first.
func TestConfirmationThatComesBetweenWins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if w.Engine() != "postgres" {
			return
		}
		a := w.Account("jo@example.com", "")
		_, phone := w.begin(a, "")
		code := phone.now()
		var came atomic.Bool
		w.Inspect(func(query string) error {
			if strings.HasPrefix(query, "UPDATE totp_device SET confirmed_at") && !came.Swap(true) {
				if _, err := w.confirm(a, code); err != nil {
					t.Error(err)
				}
			}
			return nil
		})
		defer w.Inspect(nil)
		_, err := w.confirm(a, code)
		w.wants(err, totp.ErrNoSetup, "the first")
		if !came.Load() {
			t.Error("nothing came between")
		}
	})
}

func TestMatchRefusesWhatHasNotTheFormOfACodeUnasked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		_, phone := w.enrol(a, "")
		code := phone.now()
		for _, bad := range []string{"", code[:5], code + "0", "0" + code, " " + code, code + " ", code[:3] + " " + code[3:], code + "\n", code + "\u00a0", wide(code), code + "\x00"} {
			asked := w.Statements(func() {
				_, err := w.Match(t.Context(), a.ID, bad)
				w.wants(err, factor.ErrCode, fmt.Sprintf("%d bytes", len(bad)))
			})
			if len(asked) != 0 {
				t.Errorf("%d bytes are looked up", len(bad))
			}
		}
		if err := w.prove(a, code); err != nil {
			t.Errorf("the code itself: %v", err)
		}
	})
}

func TestMatchIsOneStatementForAllDevices(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, other := w.Account("jo@example.com", ""), w.Account("al@example.com", "")
		var devices []*totp.Device
		var apps []app
		for _, name := range []string{"phone", "tablet", "laptop"} {
			d, phone := w.enrol(a, name)
			devices, apps = append(devices, d), append(apps, phone)
		}
		_, theirs := w.enrol(other, "theirs")
		w.readKeys()
		for i, phone := range apps {
			var m *totp.Match
			asked := w.Statements(func() {
				var err error
				if m, err = w.Match(t.Context(), a.ID, phone.now()); err != nil {
					t.Fatal(err)
				}
			})
			if len(asked) != 1 || m.Device.ID != devices[i].ID || m.Device.Name != devices[i].Name {
				t.Errorf("%q by %d statements", m.Device.Name, len(asked))
			}
			if asked := w.Statements(func() { w.wants(w.spend(m), nil, "spending") }); len(asked) != 1 {
				t.Errorf("spending takes %d statements", len(asked))
			}
		}
		_, err := w.Match(t.Context(), a.ID, theirs.now())
		w.wants(err, factor.ErrCode, "another account's code")
		_, err = w.Match(t.Context(), uuid.New(), theirs.now())
		w.wants(err, factor.ErrCode, "a code for nobody")
	})
}

func TestAccountHasAtMostTenDevices(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		for range totp.MaxDevices - 1 {
			_, phone := w.begin(a, "")
			if _, err := w.confirm(a, phone.now()); err != nil {
				t.Fatal(err)
			}
		}
		_, tenth := w.begin(a, "")
		// What waits was begun while there was room, and there is none when it is confirmed.
		w.Exec(`INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at)
			SELECT $1, account_id, 'x', secret, 0, created_at, created_at FROM totp_device WHERE confirmed_at IS NULL`, uuid.New())
		_, err := w.confirm(a, tenth.now())
		w.wants(err, totp.ErrTooMany, "confirming an eleventh")
		_, err = w.Begin(t.Context(), session.Bearer{AccountID: a.ID}, a.Email, "")
		w.wants(err, totp.ErrTooMany, "beginning an eleventh")
		if n := w.Count("SELECT count(*) FROM totp_device WHERE confirmed_at IS NOT NULL"); n != totp.MaxDevices {
			t.Errorf("%d devices", n)
		}
		if _, err := w.Begin(t.Context(), session.Bearer{AccountID: w.Account("al@example.com", "").ID}, "al", ""); err != nil {
			t.Errorf("another account: %v", err)
		}
	})
}

func TestDevicesAreRenamedAndRemovedByTheirOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, other := w.Account("jo@example.com", ""), w.Account("al@example.com", "")
		d, phone := w.enrol(a, "phone")
		waiting, _ := w.begin(a, "waits")
		change := func(owner *account.Account, id uuid.UUID, name string) error {
			return w.InTx(t.Context(), func(tx *db.Tx) error { return w.Rename(t.Context(), tx, owner.ID, id, name) })
		}
		remove := func(owner *account.Account, id uuid.UUID) (d *totp.Device, err error) {
			err = w.InTx(t.Context(), func(tx *db.Tx) (err error) { d, err = w.Remove(t.Context(), tx, owner.ID, id); return err })
			return d, err
		}
		w.wants(change(other, d.ID, "mine now"), totp.ErrNotFound, "renaming another's")
		w.wants(change(a, waiting.ID, "x"), totp.ErrNotFound, "renaming what waits")
		w.wants(change(a, d.ID, " \n"), totp.ErrName, "no name")
		w.wants(change(a, d.ID, strings.Repeat("x", 65)), totp.ErrName, "a long name")
		w.wants(change(a, d.ID, " old\nphone "), nil, "renaming")
		_, err := remove(other, d.ID)
		w.wants(err, totp.ErrNotFound, "removing another's")
		_, err = remove(a, waiting.ID)
		w.wants(err, totp.ErrNotFound, "removing what waits")
		m, err := w.Match(t.Context(), a.ID, phone.now())
		if err != nil || m.Device.Name != "old phone" {
			t.Fatalf("%v", err)
		}
		gone, err := remove(a, d.ID)
		if err != nil || gone.ID != d.ID || gone.Name != "old phone" {
			t.Errorf("%+v, %v", gone, err)
		}
		w.wants(w.spend(m), factor.ErrCode, "a code of the device that is gone")
		w.wants(w.prove(a, phone.now()), factor.ErrCode, "a code of the device that is gone")
		_, err = remove(a, d.ID)
		w.wants(err, totp.ErrNotFound, "removing it twice")
	})
}

// stored are the sealed secrets in the table.
func (w *world) stored() (all [][]byte) {
	w.t.Helper()
	err := w.DB.Each(context.Background(), "SELECT secret FROM totp_device ORDER BY id", nil, func(scan func(...any) error) error {
		var b []byte
		err := scan(&b)
		all = append(all, b)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func TestSecretsAreSealedAtRest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		for range 2 {
			_, phone := w.enrol(a, "")
			raw, err := base32.StdEncoding.DecodeString(phone.secret)
			if err != nil {
				t.Fatal(err)
			}
			for _, kept := range w.stored() {
				for _, form := range [][]byte{raw, []byte(phone.secret), []byte(base64.StdEncoding.EncodeToString(raw))} {
					if bytes.Contains(kept, form) {
						t.Error("the table holds the secret")
					}
				}
			}
		}
	})
}

// Whoever can write to the table cannot give an account another's secret, or one device that of another.
func TestSealedSecretOpensInItsOwnRowAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, thief := w.Account("jo@example.com", ""), w.Account("al@example.com", "")
		mine, _ := w.enrol(a, "phone")
		old, lost := w.enrol(a, "a phone that was lost")
		theirs, phone := w.enrol(thief, "")
		const copied = "UPDATE totp_device SET secret = (SELECT o.secret FROM totp_device o WHERE o.id = $2) WHERE id = $1"
		w.Exec(copied, mine.ID, theirs.ID)
		if err := w.prove(a, phone.now()); err == nil || errors.Is(err, factor.ErrCode) {
			t.Errorf("a secret of another account: %v", err)
		}
		w.Exec(copied, mine.ID, old.ID)
		w.Exec("DELETE FROM totp_device WHERE id = $1", old.ID)
		if err := w.prove(a, lost.now()); err == nil || errors.Is(err, factor.ErrCode) {
			t.Errorf("a secret of another device: %v", err)
		}
		w.Exec("DELETE FROM totp_device WHERE id = $1", mine.ID)
		w.Exec("UPDATE totp_device SET account_id = $1 WHERE id = $2", a.ID, theirs.ID)
		if err := w.prove(a, phone.now()); err == nil || errors.Is(err, factor.ErrCode) {
			t.Errorf("a row of another account: %v", err)
		}
	})
}

func TestDeviceThatCannotBeReadDoesNotKeepOutAnother(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		broken, lost := w.enrol(a, "broken")
		_, phone := w.enrol(a, "phone")
		w.Exec("UPDATE totp_device SET secret = $1 WHERE id = $2", []byte("nonsense"), broken.ID)
		if err := w.prove(a, lost.now()); err == nil || errors.Is(err, factor.ErrCode) {
			t.Errorf("a code of the broken one: %v", err)
		}
		if err := w.prove(a, phone.now()); err != nil {
			t.Errorf("a code of the other: %v", err)
		}
	})
}

func TestSecretsOutliveTheKeysThatSealedThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		_, phone := w.enrol(a, "phone")
		_, tablet := w.enrol(a, "tablet")
		w.begin(a, "waits")
		before := w.stored()
		if _, err := w.Keys.Rotate(t.Context(), keyring.Seal, false); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		w.toStep()
		if err := w.prove(a, phone.now()); err != nil {
			t.Errorf("under a former key: %v", err)
		}
		n, err := w.Reseal(t.Context())
		if err != nil || n != 3 {
			t.Fatalf("%d sealed anew, %v", n, err)
		}
		for i, after := range w.stored() {
			if bytes.Equal(after[:5], before[i][:5]) {
				t.Error("a secret is under the former key")
			}
		}
		if n, err := w.Reseal(t.Context()); err != nil || n != 0 {
			t.Errorf("a second time: %d, %v", n, err)
		}
		w.pass(31 * 24 * time.Hour)
		if gone, err := w.Keys.Sweep(t.Context()); err != nil || len(gone) != 1 {
			t.Fatalf("%d keys are gone, %v", len(gone), err)
		}
		w.toStep()
		for _, p := range []app{phone, tablet} {
			if err := w.prove(a, p.now()); err != nil {
				t.Errorf("after the former key is gone: %v", err)
			}
		}
	})
}

func TestResealGoesThroughAllAndPastWhatCannotBeOpened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		const many = 105 // more than are read at once
		for range many {
			_, phone := w.begin(a, "")
			if _, err := w.confirm(a, phone.now()); err != nil {
				t.Fatal(err)
			}
			if w.Count("SELECT count(*) FROM totp_device WHERE account_id = $1", a.ID) == totp.MaxDevices {
				a = w.Account(uuid.NewString()+"@example.com", "")
			}
		}
		var broken uuid.UUID
		w.Read(&broken, "SELECT id FROM totp_device ORDER BY id LIMIT 1")
		w.Exec("UPDATE totp_device SET secret = $1 WHERE id = $2", []byte("nonsense"), broken)
		if _, err := w.Keys.Rotate(t.Context(), keyring.Seal, true); err != nil {
			t.Fatal(err)
		}
		n, err := w.Reseal(t.Context())
		if n != many-1 || err == nil || !strings.Contains(err.Error(), broken.String()) {
			t.Errorf("%d sealed anew, %v", n, err)
		}
	})
}

// Whatever statement fails, nothing is half done, and the same can be done again.
func TestFailureLeavesNothingHalfDone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		a := w.Account("jo@example.com", "")
		d, phone := w.enrol(a, "phone")
		state := func() string {
			var s string
			w.Read(&s, `SELECT string_agg(s, '; ') FROM (SELECT CAST(id AS TEXT) || name || last_step || COALESCE(confirmed_at, 0) || COALESCE(last_used_at, 0) AS s FROM totp_device ORDER BY id) t`)
			return s
		}
		fails := func(what string, do func() error) {
			t.Helper()
			w.readKeys()
			before := state()
			for n := 1; ; n++ {
				var err error
				if reached := w.FailAt(n, func() { err = do() }); !reached {
					w.wants(err, nil, what)
					if n == 1 || state() == before {
						t.Errorf("%s: nothing was done", what)
					}
					return
				}
				w.wants(err, domaintest.ErrBroken, what)
				if state() != before {
					t.Fatalf("%s: half done after statement %d failed", what, n)
				}
			}
		}
		fails("begin", func() error {
			_, err := w.Begin(ctx, session.Bearer{AccountID: a.ID}, a.Email, "tablet")
			return err
		})
		setup, err := w.Waiting(ctx, a.ID, a.Email)
		if err != nil {
			t.Fatal(err)
		}
		tablet := app{w, setup.Secret.Reveal()}
		fails("confirm", func() error { _, err := w.confirm(a, tablet.now()); return err })
		fails("prove", func() error { return w.prove(a, phone.now()) })
		fails("rename", func() error {
			return w.InTx(ctx, func(tx *db.Tx) error { return w.Rename(ctx, tx, a.ID, d.ID, "old phone") })
		})
		fails("remove", func() error {
			return w.InTx(ctx, func(tx *db.Tx) error { _, err := w.Remove(ctx, tx, a.ID, d.ID); return err })
		})
	})
}

func TestDevicesGoWithTheirAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		w.enrol(a, "")
		w.begin(a, "")
		w.Exec("DELETE FROM account WHERE id = $1", a.ID)
		if n := w.Count("SELECT count(*) FROM totp_device"); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}
