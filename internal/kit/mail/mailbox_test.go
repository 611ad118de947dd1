package mail_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

func caught(id, to string) mail.Message {
	return mail.Message{ID: id, To: to, Subject: "Grüße\r\nBcc: x@example.com", Text: "text of " + id, HTML: "<p>" + id, At: time.UnixMilli(1)}
}

func catch(t *testing.T, s mail.Sender, messages ...mail.Message) {
	t.Helper()
	for _, m := range messages {
		if err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

func texts(t *testing.T, b *mail.Mailbox, to string, limit int) (all []string) {
	t.Helper()
	list, err := b.List(t.Context(), to, limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		all = append(all, s.Text)
	}
	return all
}

func TestMailboxKeepsEachMessageOnceAndListsByAddress(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		b := mail.NewMailbox(d.DB, "no-reply@example.com")
		catch(t, b, caught("1", "Ada@Example.com"), caught("2", "grace@example.com"), caught("1", "Ada@Example.com"))
		d.Clock.Advance(time.Hour)
		catch(t, b, caught("3", "ada@example.com"))
		for _, c := range []struct {
			to    string
			limit int
			want  []string
		}{
			{"aDA@example.COM", 10, []string{"text of 1", "text of 3"}},
			{"ada@example.com", 1, []string{"text of 3"}},
			{"", 10, []string{"text of 1", "text of 2", "text of 3"}},
			{"ad_@example.com", 10, nil},
			{"nobody@example.com", 10, nil},
		} {
			if got := texts(t, b, c.to, c.limit); !reflect.DeepEqual(got, c.want) {
				t.Errorf("mails to %q: %q, want %q", c.to, got, c.want)
			}
		}
	})
}

func TestMailboxShowsAMailAsJSON(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		b := mail.NewMailbox(d.DB, "no-reply@example.com")
		if empty, err := b.List(t.Context(), "", 10); err != nil || empty == nil {
			t.Fatalf("an empty mailbox must be an empty list in JSON: %v, %v", empty, err)
		}
		catch(t, b, caught("1", "ada@example.com"))
		list, err := b.List(t.Context(), "", 10)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		one, err := b.Get(t.Context(), list[0].ID)
		if err != nil || one != list[0] {
			t.Errorf("Get gave %v, %v", one, err)
		}
		if _, err := b.Get(t.Context(), uuid.New()); !errors.Is(err, mail.ErrNotInMailbox) {
			t.Errorf("a missing mail: %v", err)
		}
		raw, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"id": one.ID.String(), "to": "ada@example.com", "from": "no-reply@example.com", "subject": "Grüße Bcc: x@example.com",
			"text": "text of 1", "html": "<p>1", "sent_at": one.SentAt.UTC().Format(time.RFC3339Nano),
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("JSON is %s", raw)
		}
		if since := d.Now().Sub(one.SentAt); since < 0 || since > time.Hour {
			t.Errorf("sent %v ago", since)
		}
	})
}

func TestMailboxRefusesWhatSMTPRefuses(t *testing.T) {
	d := dbtest.Open(t, "sqlite")
	for _, to := range []string{"", "a@example.com, b@example.com", "A <a@example.com>", "a@example.com\r\nBcc: b@example.com"} {
		if err := mail.NewMailbox(d.DB, "x@example.com").Send(t.Context(), caught("1", to)); !mail.Permanent(err) {
			t.Errorf("to %q: %v", to, err)
		}
	}
}

func TestMailboxKeepsTheNewestThousand(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		for i := range 1000 {
			err := d.Once(t.Context(), `INSERT INTO dev_mail (id, message_id, sender, recipient, recipient_key, subject, text_part, html_part, sent_at)
				VALUES ($1, $2, '', '', '', '', $2, '', $3)`, []any{uuid.Must(uuid.NewV7()), fmt.Sprint("old", i), int64(i)})
			if err != nil {
				t.Fatal(err)
			}
		}
		b := mail.NewMailbox(d.DB, "no-reply@example.com")
		catch(t, b, caught("new", "ada@example.com"))
		all := texts(t, b, "", 2000)
		if len(all) != 1000 || all[0] != "old1" || all[999] != "text of new" {
			t.Errorf("%d mails from %q to %q", len(all), all[0], all[len(all)-1])
		}
	})
}
