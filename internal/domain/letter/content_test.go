package letter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

const ownLink = "https://id.example.com/account/c4n4ry/?token=c4n4ry"

// whole is every member of a content.
func whole() letter.Content {
	return letter.Content{Link: ownLink, Code: "20481632", Name: "Work phone", Count: 7, Expires: time.Date(2031, time.May, 4, 3, 2, 0, 0, time.UTC),
		Domain: mail.Domain{Name: "works.example", Record: "_challenge.works.example", File: "https://works.example/challenge.txt", Challenge: "domain=c4n4ry.20481632"}}
}

func TestLettersSayTheirContent(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("owner@example.com", "")
		for kind, parts := range map[string][]string{
			letter.SignInCode:      {ownLink, "20481632", "4 May 2031, 03:02 UTC"},
			letter.SecondCode:      {"20481632", "4 May 2031, 03:02 UTC"},
			letter.NewDevice:       {ownLink, "4 May 2031, 03:02 UTC"},
			letter.FactorAdded:     {"Work phone", domaintest.Origin + "/\n"},
			letter.FactorRemoved:   {"Work phone", domaintest.Origin + "/\n"},
			letter.BackupCodesNew:  {"Number of codes: 7\n", domaintest.Origin + "/\n"},
			letter.BackupCodeUsed:  {"Codes left: 7\n", domaintest.Origin + "/\n"},
			letter.EmailConfirm:    {ownLink, "4 May 2031, 03:02 UTC"},
			letter.EmailTaken:      nil,
			letter.EmailAsked:      {domaintest.Origin + "/\n"},
			letter.EmailChanged:    {ownLink, "4 May 2031, 03:02 UTC"},
			letter.UsernameChanged: {domaintest.Origin + "/\n"},
			letter.EraseScheduled:  {ownLink, "4 May 2031, 03:02 UTC"},
			letter.RecoveryAsked:   {ownLink, "4 May 2031, 03:02 UTC"},
			letter.RecoveryReady:   {ownLink, "4 May 2031, 03:02 UTC"},
			letter.FactorsReset:    {domaintest.Origin + "/\n"},
		} {
			c := whole()
			if len(parts) == 0 || parts[0] != ownLink {
				c.Link = "" // then a link leads to where a new password can be chosen
			}
			in(t, w, func(ctx context.Context, tx *db.Tx) error { return w.Letters.Write(ctx, tx, kind, a.ID, c) })
			w.Drain()
			m := only(t, w)
			for _, want := range append(parts, "Firefox, Linux", "192.0.2.7") {
				if !strings.Contains(m.Text, want) {
					t.Errorf("%s lacks %q:\n%s", kind, want, m.Text)
				}
			}
		}
	})
}

func TestLettersOfOthersDoNotSayFromWhere(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("owner@example.com", "")
		for _, kind := range []string{letter.Invitation, letter.TenantRoleChanged, letter.TenantRemoved, letter.TenantOwner, letter.TenantDeleted, letter.DomainMissing, letter.DomainLost} {
			in(t, w, func(ctx context.Context, tx *db.Tx) error {
				return w.Letters.WriteTo(ctx, tx, kind, a.ID, "guest@example.com", "en", whole())
			})
			w.Drain()
			m := only(t, w)
			if !strings.Contains(m.Text, "\n“Work phone”\n") || strings.Contains(m.Subject, "Work phone") || strings.Contains(m.Text, "192.0.2.7") || strings.Contains(m.Text, "Firefox") {
				t.Errorf("%s: %q\n%s", kind, m.Subject, m.Text)
			}
			domain := kind == letter.DomainMissing || kind == letter.DomainLost
			if strings.Contains(m.Text, ownLink) != (domain || kind == letter.Invitation) {
				t.Errorf("%s leads where it should not:\n%s", kind, m.Text)
			}
			for _, part := range []string{"domain works.example", "\n    _challenge.works.example\n", "\n    https://works.example/challenge.txt\n", "\n    domain=c4n4ry.20481632\n"} {
				if strings.Contains(m.Text, part) != domain {
					t.Errorf("%s, and %q:\n%s", kind, part, m.Text)
				}
			}
			if strings.Contains(m.Text, "4 May 2031") != (kind == letter.Invitation || kind == letter.DomainMissing) {
				t.Errorf("%s does not say until when:\n%s", kind, m.Text)
			}
		}
	})
}

func TestLettersGoToTheAddressOnRecordWhenTheyAreSentUnlessAnotherIsGiven(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("owner@example.com", "")
		speak(t, w, a, "fr")
		in(t, w, func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(
				w.Letters.Write(ctx, tx, letter.UsernameChanged, a.ID, letter.Content{}),
				w.Letters.WriteTo(ctx, tx, letter.EmailChanged, a.ID, "Former@example.com", "ja", whole()))
		})
		w.Exec("UPDATE account SET email = 'new@example.com', email_key = 'new@example.com' WHERE id = $1", a.ID)
		w.Drain()
		got := map[string]string{}
		for _, m := range w.Mails.Take() {
			got[m.To] = m.Subject
		}
		if len(got) != 2 || got["new@example.com"] != "Votre nom d’utilisateur pour Example a été modifié" || got["Former@example.com"] != "【Example】メールアドレスが変更されました" {
			t.Errorf("mails %v", got)
		}
	})
}

func TestLettersToGivenAddressesNeedNoAccount(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		in(t, w, func(ctx context.Context, tx *db.Tx) error {
			return w.Letters.WriteTo(ctx, tx, letter.EmailTaken, uuid.Must(uuid.NewV7()), "former@example.com", "en", letter.Content{})
		})
		w.Drain()
		if m := only(t, w); m.To != "former@example.com" {
			t.Errorf("went to %s", m.To)
		}
	})
}

// Codes, links and addresses are in the payload alone, and that is sealed, and gone with the mail.
func TestLettersTravelSealed(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("owner@example.com", "")
		in(t, w, func(ctx context.Context, tx *db.Tx) error {
			return w.Letters.WriteTo(ctx, tx, letter.SignInCode, a.ID, "former@example.com", "en", whole())
		})
		var payload []byte
		var recipient string
		w.Read(&payload, "SELECT payload FROM job")
		w.Read(&recipient, "SELECT recipient FROM job")
		if len(payload) == 0 || recipient != a.ID.String() {
			t.Errorf("a payload of %d bytes for %s", len(payload), recipient)
		}
		for _, secret := range []string{"20481632", "c4n4ry", "Work phone", "former@"} {
			if bytes.Contains(payload, []byte(secret)) {
				t.Errorf("the payload can be read: it holds %q", secret)
			}
		}
		w.Drain()
		only(t, w)
		if n := w.Count("SELECT count(*) FROM job WHERE payload IS NOT NULL"); n != 0 {
			t.Error("the payload outlives the mail")
		}
	})
}

func TestContentPrintsNothingOfItself(t *testing.T) {
	c := whole()
	if s := fmt.Sprintf("%v %+v %#v %s", c, &c, c, c.LogValue()); strings.ContainsAny(s, "0123456789") || strings.Contains(s, "c4n4ry") {
		t.Errorf("prints %q", s)
	}
}

func TestWhatTheWriterGotWrongIsRefused(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("owner@example.com", "")
		in(t, w, func(ctx context.Context, tx *db.Tx) error {
			if err := w.Letters.Write(ctx, tx, "newsletter", a.ID, whole()); !errors.Is(err, letter.ErrKind) {
				t.Errorf("an unknown kind: %v", err)
			}
			if w.Letters.WriteTo(ctx, tx, letter.EmailTaken, a.ID, "", "en", letter.Content{}) == nil {
				t.Error("no address was given, and the letter would go to the account's")
			}
			for _, kind := range []string{
				letter.Verify, letter.Reset, letter.SignInCode, letter.NewDevice, letter.EmailConfirm, letter.EmailChanged, letter.EraseScheduled, letter.RecoveryAsked, letter.RecoveryReady, letter.Invitation, letter.DomainMissing, letter.DomainLost,
			} {
				c := whole()
				c.Link = ""
				if w.Letters.Write(ctx, tx, kind, a.ID, c) == nil {
					t.Errorf("%s would lead to a new password", kind)
				}
			}
			return nil
		})
		if n := w.Count("SELECT count(*) FROM job"); n != 0 {
			t.Errorf("%d letters are queued", n)
		}
	})
}

func TestLettersWithoutAPartAreNotSentAndTellNothing(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("owner@example.com", "")
		for kind, leave := range map[string]func(*letter.Content){
			letter.SecondCode:    func(c *letter.Content) { c.Code = "" },
			letter.SignInCode:    func(c *letter.Content) { c.Code = "<b>20481632</b>" },
			letter.FactorAdded:   func(c *letter.Content) { c.Name = "\u200b\n" },
			letter.RecoveryAsked: func(c *letter.Content) { c.Expires = time.Time{} },
		} {
			c := whole()
			leave(&c)
			in(t, w, func(ctx context.Context, tx *db.Tx) error { return w.Letters.Write(ctx, tx, kind, a.ID, c) })
			w.Drain()
			if sent := w.Mails.Take(); len(sent) != 0 {
				t.Errorf("%s was sent", kind)
			}
			var why string
			w.Read(&why, "SELECT last_error FROM job WHERE dead_at IS NOT NULL")
			if why == "" || strings.Contains(why, "c4n4ry") || strings.Contains(why, "20481632") {
				t.Errorf("%s failed with %q", kind, why)
			}
			w.Exec("DELETE FROM job")
		}
	})
}

func TestNamesCarryNeitherMarkupNorLines(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("owner@example.com", "")
		c := letter.Content{Name: "<b>Phone</b>\r\n\r\nBcc: eve@example.net\u202e"}
		in(t, w, func(ctx context.Context, tx *db.Tx) error {
			return w.Letters.Write(ctx, tx, letter.FactorRemoved, a.ID, c)
		})
		w.Drain()
		m := only(t, w)
		if !strings.Contains(m.Text, "\n“<b>Phone</b> Bcc: eve@example.net”\n") || !strings.Contains(m.HTML, "“&lt;b&gt;Phone&lt;/b&gt; Bcc: eve@example.net”") || strings.Contains(m.Subject, "Bcc") {
			t.Errorf("%q\n%s", m.Subject, m.Text)
		}
	})
}
