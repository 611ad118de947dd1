package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrNotInMailbox is the fault for a caught mail that is not there, or no longer.
var ErrNotInMailbox = fault.New(fault.NotFound, "mail_not_found", "There is no such mail.")

// maxCaught is how many mails a mailbox keeps; older ones make room.
const maxCaught = 1000

// Mailbox is the [Sender] of development mode: it keeps mails in the database, to be read
// on a page or as JSON, instead of sending them. It is safe for concurrent use.
type Mailbox struct {
	db   *db.DB
	from string
}

// NewMailbox returns a mailbox in d whose mails come from the given address.
func NewMailbox(d *db.DB, from string) *Mailbox { return &Mailbox{db: d, from: from} }

// Stored is a caught mail, its parts decoded.
type Stored struct {
	ID      uuid.UUID `json:"id"`
	To      string    `json:"to"`
	From    string    `json:"from"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	SentAt  time.Time `json:"sent_at"` // in UTC, so that JSON has it as RFC 3339
}

// Send keeps m, once however often it is sent. It refuses what SMTP refuses.
func (b *Mailbox) Send(ctx context.Context, m Message) error {
	if _, err := m.check(); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("mail: mailbox: %w", err)
	}
	err = b.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO dev_mail (id, message_id, sender, recipient, recipient_key, subject, text_part, html_part, sent_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (message_id) DO NOTHING`,
			id, m.ID, b.from, m.To, lower(m.To), oneLine(m.Subject), m.Text, m.HTML, tx.Now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM dev_mail WHERE id IN (SELECT id FROM dev_mail ORDER BY sent_at DESC, id DESC LIMIT 100 OFFSET $1)", maxCaught)
		return err
	})
	if err != nil {
		return fmt.Errorf("mail: mailbox: %w", err)
	}
	return nil
}

const storedColumns = "SELECT id, recipient, sender, subject, text_part, html_part, sent_at FROM dev_mail "

func (s *Stored) dest() []any {
	return []any{&s.ID, &s.To, &s.From, &s.Subject, &s.Text, &s.HTML, db.Time(&s.SentAt)}
}

// List returns the newest mails, at most limit of them, the oldest first: those to one
// address, compared without regard to ASCII case, or all when to is empty.
func (b *Mailbox) List(ctx context.Context, to string, limit int) ([]Stored, error) {
	all := []Stored{} // so that JSON has a list, not null
	err := b.db.Each(ctx, storedColumns+"WHERE $1 = '' OR recipient_key = $1 ORDER BY sent_at DESC, id DESC LIMIT $2",
		[]any{lower(to), limit}, func(scan func(dest ...any) error) error {
			var s Stored
			err := scan(s.dest()...)
			all = append(all, s)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("mail: mailbox: %w", err)
	}
	slices.Reverse(all)
	return all, nil
}

// Get returns one mail, or [ErrNotInMailbox].
func (b *Mailbox) Get(ctx context.Context, id uuid.UUID) (Stored, error) {
	var s Stored
	err := b.db.Row(ctx, storedColumns+"WHERE id = $1", []any{id}, s.dest()...)
	if errors.Is(err, db.ErrNoRows) {
		return Stored{}, ErrNotInMailbox
	}
	if err != nil {
		return Stored{}, fmt.Errorf("mail: mailbox: %w", err)
	}
	return s, nil
}

// lower folds ASCII letters and nothing else.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
