package letter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

// from is a context as the edge makes it.
func from(t *testing.T) context.Context {
	return audit.NewContext(t.Context(), audit.Source{Actor: "self", Device: "Firefox, Linux", Address: "192.0.2.7"})
}

func in(t *testing.T, w *domaintest.World, fn func(ctx context.Context, tx *db.Tx) error) {
	t.Helper()
	ctx := from(t)
	if err := w.InTx(ctx, func(tx *db.Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
}

func only(t *testing.T, w *domaintest.World) mail.Message {
	t.Helper()
	sent := w.Mails.Take()
	if len(sent) != 1 {
		t.Fatalf("%d mails, want 1", len(sent))
	}
	return sent[0]
}

func speak(t *testing.T, w *domaintest.World, a *account.Account, locale string) {
	t.Helper()
	in(t, w, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE profile SET locale = $1 WHERE account_id = $2", locale, a.ID)
		return err
	})
	a.Profile.Locale = locale
}

func TestLettersSayWhenAndFromWhereInTheAccountsLanguage(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("Owner@example.com", "")
		speak(t, w, a, "de-AT")
		in(t, w, func(ctx context.Context, tx *db.Tx) error {
			return w.Letters.Tell(ctx, tx, letter.PasswordChanged, a.ID)
		})
		w.Drain()
		m := only(t, w)
		if m.To != "Owner@example.com" || m.Subject != "Ihr Passwort für Example wurde geändert" || !strings.Contains(m.Text, "Firefox, Linux") || !strings.Contains(m.Text, "192.0.2.7") {
			t.Errorf("%s: %q\n%s", m.To, m.Subject, m.Text)
		}
	})
}

func TestErasedOwnersAreToldWhereTheirAccountIsGone(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("owner@example.com", "")
		speak(t, w, a, "ja")
		in(t, w, func(ctx context.Context, tx *db.Tx) error {
			if err := w.Letters.TellErased(ctx, tx, a); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "DELETE FROM account WHERE id = $1", a.ID)
			return err
		})
		w.Drain()
		m := only(t, w)
		if m.To != "owner@example.com" || m.Subject != "【Example】アカウントが削除されました" || !strings.Contains(m.Text, "Firefox, Linux") {
			t.Errorf("%s: %q\n%s", m.To, m.Subject, m.Text)
		}
	})
}

func TestLettersToErasedAccountsGoNowhere(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("owner@example.com", "")
		in(t, w, func(ctx context.Context, tx *db.Tx) error {
			if err := w.Letters.Tell(ctx, tx, letter.PasswordChanged, a.ID); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "DELETE FROM account WHERE id = $1", a.ID)
			return err
		})
		w.Drain()
		if sent := w.Mails.Take(); len(sent) != 0 {
			t.Errorf("%d mails", len(sent))
		}
	})
}

func TestImpersonationIsToldWithItsReasonAndWithoutTheStaffsDevice(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("owner@example.com", "")
		in(t, w, func(ctx context.Context, tx *db.Tx) error {
			if w.Letters.TellImpersonated(ctx, tx, a.ID, " \n") == nil {
				t.Error("a reason may be left out")
			}
			return w.Letters.TellImpersonated(ctx, tx, a.ID, "Ticket 1234: <b>cannot sign in</b>")
		})
		w.Drain()
		m := only(t, w)
		if !strings.Contains(m.Text, "Reason: Ticket 1234: <b>cannot sign in</b>\n") || !strings.Contains(m.HTML, "Ticket 1234: &lt;b&gt;cannot") {
			t.Errorf("the reason is missing:\n%s", m.Text)
		}
		if strings.Contains(m.Text+m.HTML, "Firefox") || strings.Contains(m.Text+m.HTML, "192.0.2.7") {
			t.Error("the mail tells the device or address of a member of staff")
		}
	})
}

func TestPreviewsShowEveryKindInEveryLanguage(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		languages := w.Letters.Languages()
		if len(languages) != 8 || languages[0] != "en" {
			t.Errorf("languages %v", languages)
		}
		seen := map[string]bool{}
		for _, lang := range languages {
			for _, kind := range letter.Kinds() {
				subject, text, html, err := w.Letters.Preview(kind, lang)
				if err != nil || subject == "" || !strings.Contains(text, "Example") || !strings.Contains(html, `lang="`+lang+`"`) {
					t.Errorf("%s in %s: %v", kind, lang, err)
				}
				seen[subject] = true
			}
		}
		if want := len(languages) * len(letter.Kinds()); len(seen) != want {
			t.Errorf("%d subjects, want %d", len(seen), want)
		}
		if _, text, _, err := w.Letters.Preview(letter.Reset, "xx"); err != nil || !strings.Contains(text, domaintest.Origin+"/account/reset/?token=sample") {
			t.Errorf("an unknown language: %v\n%s", err, text)
		}
		if _, _, _, err := w.Letters.Preview("newsletter", "en"); !errors.Is(err, letter.ErrKind) {
			t.Errorf("an unknown kind: %v", err)
		}
	})
}

func TestTestMailsAreMarkedAndGoToTheAddressGiven(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		in(t, w, func(ctx context.Context, tx *db.Tx) error {
			for _, kind := range letter.Kinds() {
				if err := w.Letters.Test(ctx, tx, kind, "es", "tester@example.com"); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
			if err := w.Letters.Test(ctx, tx, "newsletter", "es", "tester@example.com"); !errors.Is(err, letter.ErrKind) {
				t.Errorf("an unknown kind: %v", err)
			}
			if err := w.Letters.Test(ctx, tx, letter.Verify, "es", "a@example.com, b@example.com"); !errors.Is(err, account.ErrEmail) {
				t.Errorf("two addresses: %v", err)
			}
			return nil
		})
		w.Drain()
		sent := w.Mails.Take()
		if len(sent) != len(letter.Kinds()) {
			t.Fatalf("%d mails", len(sent))
		}
		var ids []string
		for _, m := range sent {
			if m.To != "tester@example.com" || !strings.HasPrefix(m.Subject, "[Prueba] ") || !strings.Contains(m.Text, "Firefox, Linux") {
				t.Errorf("%s: %q", m.To, m.Subject)
			}
			ids = append(ids, m.ID)
		}
		slices.Sort(ids)
		if len(slices.Compact(ids)) != len(sent) {
			t.Error("two mails have one id")
		}
	})
}
