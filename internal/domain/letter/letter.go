// Package letter sends mail to accounts. What must be told is queued in the transaction of
// what happened; the address and the language are looked up when the mail goes out, so it
// reaches the address on record and no other. Flows that mail to unknown addresses decide
// that in their own jobs and use Send.
package letter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
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

	SignInCode      = "sign_in_code"     // Link, Code, Expires: the way in by mail
	SecondCode      = "second_code"      // Code, Expires: a step besides another
	NewDevice       = "new_device"       // Link, Expires: this was not me
	FactorAdded     = "factor_added"     // Name: what was added
	FactorRemoved   = "factor_removed"   // Name: what was removed
	BackupCodesNew  = "backup_codes_new" // Count: how many
	BackupCodeUsed  = "backup_code_used" // Count: how many are left
	EmailConfirm    = "email_confirm"    // Link, Expires; to the new address
	EmailTaken      = "email_taken"      // to the new address, which has an account already
	EmailAsked      = "email_asked"      // to the old address
	EmailChanged    = "email_changed"    // Link, Expires: undo it; to the old address
	UsernameChanged = "username_changed" //
	EraseScheduled  = "erase_scheduled"  // Link: keep it; Expires: when it happens
	RecoveryAsked   = "recovery_asked"   // Link: say no; Expires: when it can be done
	RecoveryReady   = "recovery_ready"   // Link, Expires: do it
	FactorsReset    = "factors_reset"    // all second factors were removed

	// What somebody else did in a tenant; Name is the tenant's. From which device and address they did
	// it is not the recipient's to know.
	Invitation        = "invitation" // Link, Expires; to the address that is invited
	TenantRoleChanged = "tenant_role_changed"
	TenantRemoved     = "tenant_removed"
	TenantOwner       = "tenant_owner" // to whom the tenant belongs from then on
	TenantDeleted     = "tenant_deleted"

	// What was found of a tenant's domain; Name is the tenant's, Link leads to where its domains are.
	DomainMissing = "domain_missing" // Domain; Expires: when it can be lost
	DomainLost    = "domain_lost"    // Domain
)

// Kinds lists them all.
func Kinds() []string {
	return []string{Verify, AlreadyRegistered, Reset, PasswordChanged, SessionReuse, AccountErased, Impersonated,
		SignInCode, SecondCode, NewDevice, FactorAdded, FactorRemoved, BackupCodesNew, BackupCodeUsed,
		EmailConfirm, EmailTaken, EmailAsked, EmailChanged, UsernameChanged, EraseScheduled, RecoveryAsked, RecoveryReady, FactorsReset,
		Invitation, TenantRoleChanged, TenantRemoved, TenantOwner, TenantDeleted, DomainMissing, DomainLost}
}

// hasOwnLink reports whether only the writer of a letter knows where it leads. The others that have a
// link lead to where a new password can be chosen.
func hasOwnLink(kind string) bool {
	switch kind {
	case Verify, Reset, SignInCode, NewDevice, EmailConfirm, EmailChanged, EraseScheduled, RecoveryAsked, RecoveryReady, Invitation, DomainMissing, DomainLost:
		return true
	}
	return false
}

// isOfOthers reports whether it is others than the recipient who cause a letter, or nobody.
func isOfOthers(kind string) bool {
	switch kind {
	case Invitation, TenantRoleChanged, TenantRemoved, TenantOwner, TenantDeleted, DomainMissing, DomainLost:
		return true
	}
	return false
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
// the kinds are. It prints as ***: a link or a code may be one that signs somebody in.
type Content struct {
	Link    string      `json:"link,omitempty"` // empty: where a new password can be chosen
	Code    string      `json:"code,omitempty"`
	Name    string      `json:"name,omitempty"` // of a thing of the recipient's own, in their words, or of a tenant
	Count   int         `json:"count,omitempty"`
	Expires time.Time   `json:"expires,omitzero"`
	Domain  mail.Domain `json:"domain,omitzero"`
}

// Format prints *** for every verb.
func (Content) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// LogValue is ***.
func (Content) LogValue() slog.Value { return slog.StringValue("***") }

// Write queues a letter with content to an account. It goes to the address that the account has when
// it is sent.
func (p *Post) Write(ctx context.Context, tx *db.Tx, kind string, to account.ID, c Content) error {
	n := about(ctx, tx, kind, to)
	n.Content = c
	return p.enqueue(ctx, tx, to.String(), n)
}

// WriteTo is Write to an address that is not, or not any more, the account's own. It travels in the
// job, sealed, until the letter is sent; the queue shows recipient in its place.
func (p *Post) WriteTo(ctx context.Context, tx *db.Tx, kind string, recipient account.ID, address, locale string, c Content) error {
	if address == "" {
		return errors.New("letter: no address to write to") // it would go to the account's own
	}
	n := about(ctx, tx, kind, recipient)
	n.Content, n.To, n.Locale = c, address, locale
	return p.enqueue(ctx, tx, recipient.String(), n)
}

// Tell is Write for a kind that needs no content.
func (p *Post) Tell(ctx context.Context, tx *db.Tx, kind string, to account.ID) error {
	return p.Write(ctx, tx, kind, to, Content{})
}

// about returns a notice that says when it was caused and, to whom that concerns, from where.
func about(ctx context.Context, tx *db.Tx, kind string, whom account.ID) notice {
	if isOfOthers(kind) {
		return notice{Kind: kind, AccountID: whom, At: tx.Now}
	}
	src := audit.FromContext(ctx)
	return notice{Kind: kind, AccountID: whom, At: tx.Now, Device: src.Device, Address: src.Address}
}

// TellErased queues the letter to the owner of an account that tx erases: nobody can be asked for
// the address later, so it travels in the job, sealed, until the letter is sent.
func (p *Post) TellErased(ctx context.Context, tx *db.Tx, a *account.Account) error {
	return p.WriteTo(ctx, tx, AccountErased, a.ID, a.Email, a.Profile.Locale, Content{})
}

// TellImpersonated queues the letter to an account whose pages a member of staff looks at, for a
// reason that must be given. From which device and address they look is not the recipient's to know.
func (p *Post) TellImpersonated(ctx context.Context, tx *db.Tx, to account.ID, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return errors.New("letter: an impersonation without a reason")
	}
	return p.enqueue(ctx, tx, to.String(), notice{Kind: Impersonated, AccountID: to, At: tx.Now, Reason: reason})
}

// enqueue refuses what its writer got wrong; what else a kind cannot do without, its template refuses.
func (p *Post) enqueue(ctx context.Context, tx *db.Tx, recipient string, n notice) error {
	if !slices.Contains(Kinds(), n.Kind) {
		return ErrKind
	}
	if n.Link == "" && hasOwnLink(n.Kind) && !n.Test {
		return fmt.Errorf("letter: %s without its link", n.Kind)
	}
	return p.queue.Enqueue(ctx, tx, jobs.Job{Kind: job, Recipient: recipient, Payload: n})
}

func (p *Post) deliver(ctx context.Context, info jobs.Info, n notice) error {
	if n.Test {
		data := p.sample(n.Kind)
		data.At, data.Expires, data.Test = n.At, n.At.Add(24*time.Hour), true
		return p.Send(ctx, info.ID, n.To, n.Locale, n.Kind, data)
	}
	data := mail.Data{
		Link: cmp.Or(n.Link, p.links.Recover), At: n.At, Device: n.Device, Address: n.Address, Reason: n.Reason,
		Code: n.Code, Name: n.Name, Count: n.Count, Expires: n.Expires, Domain: n.Domain,
	}
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
