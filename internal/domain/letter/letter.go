// Package letter sends mail to accounts. What must be told is queued in the transaction of
// what happened; the address and the language are looked up when the mail goes out, so it
// reaches the address on record and no other. Flows that mail to unknown addresses decide
// that in their own jobs and use Send.
package letter

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

// Kinds of letters; the templates of kit/mail have these names.
const (
	Verify            = "verify"
	AlreadyRegistered = "already_registered"
	Reset             = "reset"
	PasswordChanged   = "password_changed"
	SessionReuse      = "session_reuse"
	AccountErased     = "account_erased"
	Impersonated      = "impersonated"

	SignInCode      = "sign_in_code"     // Link and Code: the way in by mail
	SecondCode      = "second_code"      // Code: a step besides another
	NewDevice       = "new_device"       // Link: this was not me
	FactorAdded     = "factor_added"     // Name: what was added
	FactorRemoved   = "factor_removed"   // Name: what was removed
	BackupCodesNew  = "backup_codes_new" // Count: how many
	BackupCodeUsed  = "backup_code_used" // Count: how many are left
	EmailConfirm    = "email_confirm"    // Link, to the new address
	EmailTaken      = "email_taken"      // to the new address, which has an account already
	EmailAsked      = "email_asked"      // to the old address
	EmailChanged    = "email_changed"    // Link to undo, to the old address
	UsernameChanged = "username_changed" //
	EraseScheduled  = "erase_scheduled"  // Link to keep it; Expires: when it happens
	RecoveryAsked   = "recovery_asked"   // Link to say no; Expires: when it can be done
	RecoveryReady   = "recovery_ready"   // Link to do it
	FactorsReset    = "factors_reset"    // all second factors were removed
)

// Kinds lists them all.
func Kinds() []string {
	return []string{Verify, AlreadyRegistered, Reset, PasswordChanged, SessionReuse, AccountErased, Impersonated,
		SignInCode, SecondCode, NewDevice, FactorAdded, FactorRemoved, BackupCodesNew, BackupCodeUsed,
		EmailConfirm, EmailTaken, EmailAsked, EmailChanged, UsernameChanged, EraseScheduled, RecoveryAsked, RecoveryReady, FactorsReset}
}

// ErrKind says that there is no such kind of letter.
var ErrKind = errors.New("letter: there is no such kind")

// ErrLink is the one refusal of a mailed token, whatever is wrong with it: unknown, used,
// expired, or overtaken by a change of what it would change.
var ErrLink = fault.New(fault.Invalid, "link_invalid", "This link is not good any more. Ask for a new one.")

// Links are where mails lead. Verify and Reset hold {token}, which is replaced.
type Links struct {
	Verify string
	Reset  string
	// Recover is where a person goes to choose a new password. No token.
	Recover string
}

// Post sends letters. It is safe for concurrent use.
type Post struct {
	db        *db.DB
	queue     *jobs.Queue
	sender    mail.Sender
	templates *mail.Templates
	brand     mail.Brand
	links     Links
}

const job = "letter"

// New returns a Post and registers its job with queue.
func New(d *db.DB, queue *jobs.Queue, sender mail.Sender, templates *mail.Templates, brand mail.Brand, links Links) *Post {
	p := &Post{db: d, queue: queue, sender: sender, templates: templates, brand: brand, links: links}
	queue.Register(job, jobs.JSON(p.deliver))
	return p
}

// notice is the payload of a letter's job.
type notice struct {
	Kind      string     `json:"kind"`
	AccountID account.ID `json:"account_id"`
	At        time.Time  `json:"at"`
	Device    string     `json:"device"`
	Address   string     `json:"address"`
	Reason    string     `json:"reason,omitempty"`
	Content

	// Where no account can be asked any more, or none is meant: whom and in which language to
	// tell. Otherwise empty, and AccountID says who.
	To     string `json:"to,omitempty"`
	Locale string `json:"locale,omitempty"`
	Test   bool   `json:"test,omitempty"`
}

// Content is what a letter says besides when and from where. Which members a kind has is said where
// the kinds are.
type Content struct {
	Link    string    `json:"link,omitempty"` // empty: where a new password can be chosen
	Code    string    `json:"code,omitempty"`
	Name    string    `json:"name,omitempty"` // of a thing of the recipient's own, in their words
	Count   int       `json:"count,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// Write queues a letter with content to an account.
func (p *Post) Write(ctx context.Context, tx *db.Tx, kind string, to account.ID, c Content) error {
	src := audit.FromContext(ctx)
	return p.enqueue(ctx, tx, to.String(), notice{Kind: kind, AccountID: to, At: tx.Now, Device: src.Device, Address: src.Address, Content: c})
}

// WriteTo is Write to an address that is not, or not any more, the account's own. It travels in the
// job, sealed, until the letter is sent; the queue shows recipient in its place.
func (p *Post) WriteTo(ctx context.Context, tx *db.Tx, kind string, recipient account.ID, address, locale string, c Content) error {
	src := audit.FromContext(ctx)
	return p.enqueue(ctx, tx, recipient.String(), notice{Kind: kind, AccountID: recipient, At: tx.Now, Device: src.Device, Address: src.Address, Content: c, To: address, Locale: locale})
}

// Tell queues a letter of a kind that needs no token to an account. When and from where it was
// caused is taken from tx and ctx.
func (p *Post) Tell(ctx context.Context, tx *db.Tx, kind string, to account.ID) error {
	src := audit.FromContext(ctx)
	return p.enqueue(ctx, tx, to.String(), notice{Kind: kind, AccountID: to, At: tx.Now, Device: src.Device, Address: src.Address})
}

// TellErased queues the letter to the owner of an account that tx erases: nobody can be asked for
// the address later, so it travels in the job, sealed, until the letter is sent.
func (p *Post) TellErased(ctx context.Context, tx *db.Tx, a *account.Account) error {
	src := audit.FromContext(ctx)
	return p.enqueue(ctx, tx, a.ID.String(), notice{
		Kind: AccountErased, AccountID: a.ID, At: tx.Now, Device: src.Device, Address: src.Address,
		To: a.Email, Locale: a.Profile.Locale,
	})
}

// TellImpersonated queues the letter to an account whose pages a member of staff looks at, for a
// reason that must be given. From which device and address they look is not the recipient's to know.
func (p *Post) TellImpersonated(ctx context.Context, tx *db.Tx, to account.ID, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return errors.New("letter: an impersonation without a reason")
	}
	return p.enqueue(ctx, tx, to.String(), notice{Kind: Impersonated, AccountID: to, At: tx.Now, Reason: reason})
}

func (p *Post) enqueue(ctx context.Context, tx *db.Tx, recipient string, n notice) error {
	return p.queue.Enqueue(ctx, tx, jobs.Job{Kind: job, Recipient: recipient, Payload: n})
}

func (p *Post) deliver(ctx context.Context, info jobs.Info, n notice) error {
	if n.Test {
		data := p.sample(n.Kind)
		data.At, data.Expires, data.Test = n.At, n.At.Add(24*time.Hour), true
		return p.Send(ctx, info.ID, n.To, n.Locale, n.Kind, data)
	}
	data := mail.Data{Link: cmp.Or(n.Link, p.links.Recover), At: n.At, Device: n.Device, Address: n.Address, Reason: n.Reason, Code: n.Code, Name: n.Name, Count: n.Count, Expires: n.Expires}
	if n.To != "" {
		return p.Send(ctx, info.ID, n.To, n.Locale, n.Kind, data)
	}
	var a *account.Account
	err := p.db.InTx(ctx, func(tx *db.Tx) (err error) {
		a, err = account.Find(ctx, tx, n.AccountID)
		return err
	})
	if errors.Is(err, account.ErrNotFound) {
		return nil // erased meanwhile: there is nobody to tell
	}
	if err != nil {
		return err
	}
	return p.Send(ctx, info.ID, a.Email, a.Profile.Locale, n.Kind, data)
}

// Send renders and sends one mail now. id makes the Message-ID, so a mail that is sent again is
// known as the same one. A permanent failure is marked for the queue.
func (p *Post) Send(ctx context.Context, id uuid.UUID, to, locale, kind string, data mail.Data) error {
	data.Brand = p.brand
	subject, text, html, err := p.templates.Render(kind, locale, data)
	if err != nil {
		return jobs.Permanent(err)
	}
	err = p.sender.Send(ctx, mail.Message{ID: id.String(), To: to, Subject: subject, Text: text, HTML: html, At: data.At})
	if err != nil && mail.Permanent(err) {
		return jobs.Permanent(err)
	}
	return err
}

// Links returns where mails lead.
func (p *Post) Links() Links { return p.links }

// With returns link with its {token} replaced.
func With(link, token string) string {
	return strings.ReplaceAll(link, "{token}", url.QueryEscape(token))
}
