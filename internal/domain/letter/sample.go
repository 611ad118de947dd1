package letter

import (
	"context"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

// Languages returns the tags of the languages that there are letters in, English first.
func (p *Post) Languages() []string { return p.templates.Languages() }

// Preview renders a kind of letter with sample data, in the language that an account with this
// locale would get it in. It returns ErrKind for a kind that there is not.
func (p *Post) Preview(kind, locale string) (subject, text, html string, err error) {
	if !slices.Contains(Kinds(), kind) {
		return "", "", "", ErrKind
	}
	return p.templates.Render(kind, locale, p.sample(kind))
}

// Test queues a letter with sample data, marked as a test in its subject; its link leads to a page
// that says the link is not good. Who may ask for it, how often, and the audit are the caller's.
// It returns ErrKind and account.ErrEmail.
func (p *Post) Test(ctx context.Context, tx *db.Tx, kind, locale, to string) error {
	email, err := account.ParseEmail(to)
	if err != nil {
		return err
	}
	return p.enqueue(ctx, tx, email.Typed, notice{Kind: kind, At: tx.Now, To: email.Typed, Locale: locale, Test: true})
}

// sample is what a letter of this kind could say.
func (p *Post) sample(kind string) mail.Data {
	data := mail.Sample()
	data.Brand = p.brand
	switch kind {
	case Verify:
		data.Link = With(p.links.Verify, "sample")
	case Reset:
		data.Link = With(p.links.Reset, "sample")
	default:
		data.Link = p.links.Recover
	}
	return data
}
