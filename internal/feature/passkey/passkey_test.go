package passkey_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

const (
	origin  = "https://id.example.com"
	related = "https://example.org"
	rpID    = "example.com"
)

// world is an account with a session, at a browser with an authenticator.
type world struct {
	*domaintest.World
	t       *testing.T
	service *passkey.Service
	by      session.Bearer
	device  *passkeytest.Authenticator
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	domaintest.Each(t, func(t *testing.T, inner *domaintest.World) { fn(t, newWorld(t, inner)) })
}

func newWorld(t *testing.T, inner *domaintest.World) *world {
	t.Helper()
	s, err := passkey.New(passkey.Config{RPID: rpID, Name: "Example", Origins: []string{origin, related}},
		passkey.Deps{DB: inner.DB.DB, Tickets: ticket.NewBook(inner.Keys.Hasher)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{World: inner, t: t, service: s, device: passkeytest.NewAuthenticator(origin)}
	w.by = w.newcomer("ada@example.com")
	return w
}

func (w *world) newcomer(email string) session.Bearer {
	w.t.Helper()
	return w.Session(w.Account(email, "").ID)
}

// begun fails the test where a challenge was not issued.
func (w *world) begun(c *passkey.Challenge, err error) *passkey.Challenge {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) beginRegistration() *passkey.Challenge {
	w.t.Helper()
	return w.begun(w.service.BeginRegistration(w.t.Context(), w.by, "ada@example.com", "Ada"))
}

func (w *world) beginSignIn() *passkey.Challenge {
	w.t.Helper()
	return w.begun(w.service.BeginSignIn(w.t.Context(), "data"))
}

func (w *world) beginProof(parent uuid.UUID) *passkey.Challenge {
	w.t.Helper()
	return w.begun(w.service.BeginProof(w.t.Context(), w.by.AccountID, parent))
}

func (w *world) save(p *passkey.Passkey) error {
	return w.InTx(context.Background(), func(tx *db.Tx) error { return w.service.Save(context.Background(), tx, p) })
}

func (w *world) spend(a *passkey.Assertion) error {
	return w.InTx(context.Background(), func(tx *db.Tx) error { return w.service.Spend(context.Background(), tx, a) })
}

// register adds a passkey of the device to the account.
func (w *world) register(name string, edits ...func(*passkeytest.Answer)) *passkey.Passkey {
	w.t.Helper()
	c := w.beginRegistration()
	p, err := w.service.FinishRegistration(w.t.Context(), w.by, c.Ticket, w.device.Create(c.Options, edits...), name)
	if err == nil {
		err = w.save(p)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// signIn signs in with the device and uses the assertion.
func (w *world) signIn(edits ...func(*passkeytest.Answer)) (*passkey.Assertion, error) {
	w.t.Helper()
	c := w.beginSignIn()
	a, err := w.service.FinishSignIn(w.t.Context(), c.Ticket, w.device.Get(c.Options, edits...))
	if err != nil {
		return nil, err
	}
	return a, w.spend(a)
}

// rows is all that a refusal must leave as it is: of the ceremony nothing changes but that its challenge is spent.
func (w *world) rows() string {
	w.t.Helper()
	var all []string
	for _, query := range []string{
		`SELECT name || credential || CAST(created_at AS TEXT) || COALESCE(CAST(last_used_at AS TEXT), '-') FROM passkey ORDER BY id`,
		`SELECT CAST(epoch AS TEXT) FROM account ORDER BY id`,
		`SELECT CAST(id AS TEXT) || amr || CAST(auth_time AS TEXT) || COALESCE(CAST(ended_at AS TEXT), '-') FROM session ORDER BY id`,
		`SELECT CAST(id AS TEXT) || purpose || data || CAST(expires_at AS TEXT) FROM ticket ORDER BY id`,
	} {
		err := w.DB.Each(context.Background(), query, nil, func(scan func(...any) error) error {
			var row string
			err := scan(&row)
			all = append(all, row)
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return strings.Join(all, "\n")
}

func TestOptionsAskForWhatIsNeeded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("", func(x *passkeytest.Answer) {
			x.Transports = []string{"internal", "<script>", "hybrid", "internal", strings.Repeat("x", 1000)}
		})
		id := base64.RawURLEncoding.EncodeToString(w.device.Last().ID)
		accountID := base64.RawURLEncoding.EncodeToString(w.by.AccountID[:])
		for name, c := range map[string]struct {
			challenge *passkey.Challenge
			want      string
		}{
			"registration": {w.beginRegistration(), `{"attestation":"none","authenticatorSelection":{"requireResidentKey":true,"residentKey":"required","userVerification":"required"},"challenge":"C","excludeCredentials":[{"id":"` + id + `","transports":["hybrid","internal"],"type":"public-key"}],"pubKeyCredParams":[{"alg":-7,"type":"public-key"},{"alg":-8,"type":"public-key"},{"alg":-257,"type":"public-key"}],"rp":{"id":"example.com","name":"Example"},"timeout":300000,"user":{"displayName":"Ada","id":"` + accountID + `","name":"ada@example.com"}}`},
			"sign-in":      {w.beginSignIn(), `{"challenge":"C","rpId":"example.com","timeout":300000,"userVerification":"required"}`},
			"proof":        {w.beginProof(uuid.New()), `{"allowCredentials":[{"id":"` + id + `","transports":["hybrid","internal"],"type":"public-key"}],"challenge":"C","rpId":"example.com","timeout":300000,"userVerification":"preferred"}`},
		} {
			var options map[string]any
			if err := json.Unmarshal(c.challenge.Options, &options); err != nil {
				t.Fatal(err)
			}
			if raw, err := base64.RawURLEncoding.DecodeString(options["challenge"].(string)); err != nil || len(raw) != 32 {
				t.Errorf("%s: the challenge is %v", name, options["challenge"])
			}
			options["challenge"] = "C"
			if got, _ := json.Marshal(options); string(got) != c.want {
				t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
			}
		}
	})
}

func TestAPasskeySignsIn(t *testing.T) {
	bound, synced := []string{authn.BoundPasskey, authn.Multi}, []string{authn.SyncedPasskey, authn.Multi}
	each(t, func(t *testing.T, w *world) {
		for name, setup := range map[string]struct {
			prepare func(*passkeytest.Authenticator)
			methods []string
			synced  bool
		}{
			"bound":           {func(*passkeytest.Authenticator) {}, bound, false},
			"may be synced":   {func(a *passkeytest.Authenticator) { a.Flags |= passkeytest.BackupEligible }, synced, false},
			"synced":          {func(a *passkeytest.Authenticator) { a.Flags |= passkeytest.BackupEligible | passkeytest.BackedUp }, synced, true},
			"EdDSA":           {func(a *passkeytest.Authenticator) { a.Algorithm = passkeytest.EdDSA }, bound, false},
			"counting":        {func(a *passkeytest.Authenticator) { a.Counts = true }, bound, false},
			"a related place": {func(a *passkeytest.Authenticator) { a.Origin = related }, bound, false},
		} {
			email := strings.ReplaceAll(name, " ", "") + "@example.com"
			w.device, w.by = passkeytest.NewAuthenticator(origin), w.newcomer(email)
			setup.prepare(w.device)
			made := w.register("My key")
			for range 2 {
				w.Clock.Advance(time.Hour)
				a, err := w.signIn()
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if a.AccountID != w.by.AccountID || a.Account.ID != w.by.AccountID || a.Account.Email != email || a.Data != "data" || a.Passkey.ID != made.ID || !slices.Equal(a.Methods, setup.methods) {
					t.Errorf("%s: %s, %q, %q", name, a.AccountID, a.Data, a.Methods)
				}
			}
			all, err := w.service.List(t.Context(), w.by.AccountID)
			if err != nil || len(all) != 1 {
				t.Fatalf("%s: %d passkeys, %v", name, len(all), err)
			}
			p := all[0]
			if p.ID != made.ID || p.Name != "My key" || p.Synced != setup.synced || !p.CreatedAt.Equal(made.CreatedAt) || p.LastUsedAt.Sub(p.CreatedAt).Round(time.Minute) != 2*time.Hour {
				t.Errorf("%s: %s, synced %t, %s, %s", name, p.Name, p.Synced, p.CreatedAt, p.LastUsedAt)
			}
		}
	})
}

// Of the answer to a registration the key is kept, and what is needed to use it.
func TestNothingNeedlessIsStored(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		var stored string
		w.Read(&stored, "SELECT credential FROM passkey")
		if len(stored) > 600 || strings.Contains(stored, "clientData") {
			t.Errorf("%d bytes: %s", len(stored), stored)
		}
	})
}

func TestBackupStateFollowsTheAuthenticator(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.device.Flags |= passkeytest.BackupEligible
		w.register("")
		w.device.Flags |= passkeytest.BackedUp
		if _, err := w.signIn(); err != nil {
			t.Fatal(err)
		}
		if all, err := w.service.List(t.Context(), w.by.AccountID); err != nil || !all[0].Synced {
			t.Error(all, err)
		}
	})
}

func TestPasskeysAreNamed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		apple := [16]byte(uuid.MustParse("fbfc3007-154e-4ecc-8c0b-6e020557d7bd"))
		for _, c := range []struct {
			given  string
			aaguid [16]byte
			want   string
			model  string
		}{
			{"", [16]byte{}, "Passkey", ""},
			{"", apple, "Apple Passwords", "Apple Passwords"},
			{"  Work laptop ", apple, "Work laptop", "Apple Passwords"},
			{strings.Repeat("ö", 64), [16]byte{1}, strings.Repeat("ö", 64), ""},
		} {
			w.device.AAGUID = c.aaguid
			if p := w.register(c.given); p.Name != c.want || p.Model != c.model {
				t.Errorf("%q: %q, %q", c.given, p.Name, p.Model)
			}
		}
		c := w.beginRegistration()
		answer := w.device.Create(c.Options)
		for _, bad := range []string{" ", strings.Repeat("x", 65), "a\nb", "\x00", "\xff"} {
			if _, err := w.service.FinishRegistration(t.Context(), w.by, c.Ticket, answer, bad); !errors.Is(err, passkey.ErrName) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if _, err := w.service.FinishRegistration(t.Context(), w.by, c.Ticket, answer, "good"); err != nil {
			t.Errorf("a bad name used the challenge up: %v", err)
		}
	})
}

func TestPasskeysAreRenamedAndRemovedByTheirOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := w.register("Old")
		other := w.newcomer("eve@example.com")
		inTx := func(fn func(tx *db.Tx) error) error { return w.InTx(t.Context(), fn) }
		rename := func(who, id uuid.UUID, name string) error {
			return inTx(func(tx *db.Tx) error { return w.service.Rename(t.Context(), tx, who, id, name) })
		}
		remove := func(who, id uuid.UUID) (gone *passkey.Passkey, err error) {
			err = inTx(func(tx *db.Tx) error { gone, err = w.service.Remove(t.Context(), tx, who, id); return err })
			return gone, err
		}
		before := w.rows()
		for name, err := range map[string]error{
			"rename of another's":  rename(other.AccountID, p.ID, "Mine"),
			"rename of none":       rename(w.by.AccountID, uuid.New(), "New"),
			"removal of another's": second(remove(other.AccountID, p.ID)),
			"removal of none":      second(remove(w.by.AccountID, uuid.New())),
		} {
			if !errors.Is(err, passkey.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := rename(w.by.AccountID, p.ID, " "); !errors.Is(err, passkey.ErrName) {
			t.Error(err)
		}
		if after := w.rows(); after != before {
			t.Errorf("a refusal changed something:\n%s\n%s", before, after)
		}
		if err := rename(w.by.AccountID, p.ID, " New "); err != nil {
			t.Fatal(err)
		}
		gone, err := remove(w.by.AccountID, p.ID)
		if err != nil || gone.Name != "New" || gone.ID != p.ID {
			t.Fatal(gone, err)
		}
		if _, err := w.signIn(); !errors.Is(err, passkey.ErrRejected) {
			t.Errorf("a removed passkey signs in: %v", err)
		}
		if _, err := w.service.BeginProof(t.Context(), w.by.AccountID, uuid.New()); !errors.Is(err, passkey.ErrNotFound) {
			t.Errorf("proof without a passkey: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestACredentialBelongsToOneAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		id := w.device.Last().ID
		same := func(x *passkeytest.Answer) {
			x.CredentialID = id
			x.ID = base64.RawURLEncoding.EncodeToString(id)
			x.RawID = x.ID
		}
		for _, who := range []session.Bearer{w.by, w.newcomer("eve@example.com")} {
			c := w.begun(w.service.BeginRegistration(t.Context(), who, "", ""))
			p, err := w.service.FinishRegistration(t.Context(), who, c.Ticket, w.device.Create(c.Options, same), "")
			if err != nil {
				t.Fatal(err)
			}
			before := w.rows()
			var usable error
			err = w.InTx(t.Context(), func(tx *db.Tx) error {
				err := w.service.Save(t.Context(), tx, p)
				_, usable = tx.Exec(t.Context(), "UPDATE account SET epoch = epoch WHERE id = $1", who.AccountID)
				return err
			})
			if !errors.Is(err, passkey.ErrTaken) || usable != nil {
				t.Errorf("%v, %v", err, usable)
			}
			if after := w.rows(); after != before {
				t.Errorf("a refusal changed something:\n%s\n%s", before, after)
			}
		}
	})
}

func TestAnAccountHasAtMostTwentyPasskeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var last []*passkey.Passkey
		for i := range passkey.MaxPerAccount + 1 {
			c := w.beginRegistration()
			p, err := w.service.FinishRegistration(t.Context(), w.by, c.Ticket, w.device.Create(c.Options), fmt.Sprint(i))
			if err != nil {
				t.Fatal(err)
			}
			if i < passkey.MaxPerAccount-1 {
				if err := w.save(p); err != nil {
					t.Fatal(err)
				}
				continue
			}
			last = append(last, p)
		}
		if err := w.save(last[0]); err != nil {
			t.Error(err)
		}
		if err := w.save(last[1]); !errors.Is(err, passkey.ErrTooMany) {
			t.Errorf("one more is saved: %v", err)
		}
		if _, err := w.service.BeginRegistration(t.Context(), w.by, "", ""); !errors.Is(err, passkey.ErrTooMany) {
			t.Errorf("one more is begun: %v", err)
		}
	})
}

// Two that would both be the last: the second waits until the first is there.
func TestTheLastPasskeyIsOne(t *testing.T) {
	inner := domaintest.New(t, dbtest.Open(t, "postgres")) // SQLite has one writer
	w := newWorld(t, inner)
	var last []*passkey.Passkey
	for i := range passkey.MaxPerAccount + 1 {
		c := w.beginRegistration()
		p, err := w.service.FinishRegistration(t.Context(), w.by, c.Ticket, w.device.Create(c.Options), "")
		if err == nil && i < passkey.MaxPerAccount-1 {
			err = w.save(p)
		}
		if err != nil {
			t.Fatal(err)
		}
		last = append(last, p)
	}
	last = last[passkey.MaxPerAccount-1:]
	late := make(chan error, 1)
	err := w.InTx(t.Context(), func(tx *db.Tx) error {
		if err := w.service.Save(t.Context(), tx, last[0]); err != nil {
			return err
		}
		go func() { late <- w.save(last[1]) }()
		for waiting := 0; waiting == 0 && len(late) == 0; {
			w.Read(&waiting, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-late; !errors.Is(err, passkey.ErrTooMany) {
		t.Error(err)
	}
}

func TestAVanishedAccountGetsNoPasskey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.beginRegistration()
		p, err := w.service.FinishRegistration(t.Context(), w.by, c.Ticket, w.device.Create(c.Options), "")
		if err != nil {
			t.Fatal(err)
		}
		w.Exec("DELETE FROM session")
		w.Exec("DELETE FROM account")
		if err := w.save(p); !errors.Is(err, account.ErrNotFound) {
			t.Error(err)
		}
		if _, err := w.service.BeginRegistration(t.Context(), w.by, "", ""); !errors.Is(err, account.ErrNotFound) {
			t.Error(err)
		}
		if _, err := w.service.BeginProof(t.Context(), w.by.AccountID, uuid.New()); !errors.Is(err, account.ErrNotFound) {
			t.Error(err)
		}
	})
}

func TestSigningInCostsThreeStatements(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		parent := uuid.New()
		signIn, proof := w.beginSignIn(), w.beginProof(parent)
		signInAnswer, proofAnswer := w.device.Get(signIn.Options), w.device.Get(proof.Options)
		var a *passkey.Assertion
		for name, c := range map[string]struct {
			want int
			fn   func() error
		}{
			"sign-in": {2, func() (err error) {
				a, err = w.service.FinishSignIn(t.Context(), signIn.Ticket, signInAnswer)
				return err
			}},
			"proof": {2, func() error {
				return second(w.service.FinishProof(t.Context(), w.by.AccountID, parent, proof.Ticket, proofAnswer))
			}},
		} {
			if got := w.Statements(func() {
				if err := c.fn(); err != nil {
					t.Error(name, err)
				}
			}); len(got) != c.want {
				t.Errorf("%s: %q", name, got)
			}
		}
		if got := w.Statements(func() {
			if err := w.spend(a); err != nil {
				t.Error(err)
			}
		}); len(got) != 1 {
			t.Errorf("spend: %q", got)
		}
	})
}

// What breaks says nothing about who asks, and lets nobody in.
func TestAFailureIsNoRefusal(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		parent := uuid.New()
		for name, fn := range map[string]func() error{
			"registration": func() error {
				c, err := w.service.BeginRegistration(t.Context(), w.by, "", "")
				if err != nil {
					return err
				}
				p, err := w.service.FinishRegistration(t.Context(), w.by, c.Ticket, w.device.Create(c.Options), "")
				if err != nil {
					return err
				}
				return w.save(p)
			},
			"sign-in": func() error {
				c, err := w.service.BeginSignIn(t.Context(), "")
				if err != nil {
					return err
				}
				a, err := w.service.FinishSignIn(t.Context(), c.Ticket, w.device.Get(c.Options))
				if err != nil {
					return err
				}
				return w.spend(a)
			},
			"proof": func() error {
				c, err := w.service.BeginProof(t.Context(), w.by.AccountID, parent)
				if err != nil {
					return err
				}
				a, err := w.service.FinishProof(t.Context(), w.by.AccountID, parent, c.Ticket, w.device.Get(c.Options))
				if err != nil {
					return err
				}
				return w.spend(a)
			},
			"list": func() error { return second(w.service.List(t.Context(), w.by.AccountID)) },
			"rename": func() error {
				return w.InTx(t.Context(), func(tx *db.Tx) error { return w.service.Rename(t.Context(), tx, w.by.AccountID, uuid.New(), "x") })
			},
			"remove": func() error {
				return w.InTx(t.Context(), func(tx *db.Tx) error { return second(w.service.Remove(t.Context(), tx, w.by.AccountID, uuid.New())) })
			},
		} {
			for n := 1; ; n++ {
				var err error
				if reached := w.FailAt(n, func() { err = fn() }); !reached {
					break
				}
				if !errors.Is(err, domaintest.ErrBroken) || errors.Is(err, passkey.ErrRejected) || errors.Is(err, passkey.ErrInvalid) || errors.Is(err, passkey.ErrNotFound) {
					t.Errorf("%s, statement %d: %v", name, n, err)
				}
			}
		}
	})
}
