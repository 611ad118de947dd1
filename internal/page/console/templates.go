package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// testMails bounds how many samples a member of staff may send to themselves.
var testMails = ratelimit.Limit{Name: "mail.test", Burst: 10, Per: time.Hour}

func (c *Console) templatesRoutes() []web.Route {
	const one = templatesPath + "{kind}/{language}/"
	return []web.Route{
		web.Get(templatesPath, web.Staff, web.Page(c.showTemplates)).Needs(role.StaffReadTemplates),
		web.Get(one, web.Staff, web.Page(c.showTemplate)).Needs(role.StaffReadTemplates),
		web.Get(one+"preview/", web.Staff, web.Page(c.showPreview)).Needs(role.StaffReadTemplates),
		web.Post(one+"test/", web.Staff, web.Form(c.postTest)).Needs(role.StaffTestTemplates),
	}
}

// templatesView lists every kind of mail in every language.
type templatesView struct {
	Kinds     []string
	Languages []letterLanguage
}

type letterLanguage struct {
	Tag, Name, Dir string
	Current        bool
}

func (c *Console) languages(current string) []letterLanguage {
	names := map[string]ui.Language{}
	for _, l := range ui.Languages() {
		names[l.Tag] = l
	}
	var all []letterLanguage
	for _, tag := range c.Letters.Languages() {
		l := letterLanguage{Tag: tag, Name: tag, Dir: "ltr", Current: tag == current}
		if known, ok := names[tag]; ok {
			l.Name, l.Dir = known.Name, known.Dir
		}
		all = append(all, l)
	}
	return all
}

func (c *Console) showTemplates(w http.ResponseWriter, r *http.Request) error {
	return c.write(w, r, http.StatusOK, "templates", templatesView{letter.Kinds(), c.languages("")})
}

// templateView is one kind of mail in one language, with sample data.
type templateView struct {
	Form      *ui.Form
	Kind      string
	Language  letterLanguage
	Languages []letterLanguage
	Subject   string
	Text      string
	Path      string
	To        string // where a sample goes; empty: none may be sent
}

// letterOf returns the kind and language that a path names; only those that there are.
func (c *Console) letterOf(r *http.Request) (kind string, language letterLanguage, err error) {
	kind = r.PathValue("kind")
	for _, l := range c.languages(r.PathValue("language")) {
		if l.Current && slices.Contains(letter.Kinds(), kind) {
			return kind, l, nil
		}
	}
	return "", language, web.ErrNotFound
}

func (c *Console) showTemplate(w http.ResponseWriter, r *http.Request) error {
	return c.writeTemplate(w, r, http.StatusOK, ui.NewForm(r))
}

func (c *Console) writeTemplate(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	kind, language, err := c.letterOf(r)
	if err != nil {
		return err
	}
	v := templateView{Form: form, Kind: kind, Language: language, Languages: c.languages(language.Tag),
		Path: templatesPath + url.PathEscape(kind) + "/" + url.PathEscape(language.Tag) + "/"}
	if c.actor(r).May(role.StaffTestTemplates) {
		v.To = session.VisitFromContext(r.Context()).Account.Email
	}
	if v.Subject, v.Text, _, err = c.Letters.Preview(kind, language.Tag); err != nil {
		return err
	}
	return c.writePage(w, r, ui.Page{Status: status, Name: "console/template", Data: v, Frames: true})
}

// showPreview is the mail's HTML part as it is sent, in a frame where nothing runs or loads. Mails
// style themselves, so styles are let in here and nowhere else.
func (c *Console) showPreview(w http.ResponseWriter, r *http.Request) error {
	kind, language, err := c.letterOf(r)
	if err != nil {
		return err
	}
	_, _, html, err := c.Letters.Preview(kind, language.Tag)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	_, _ = w.Write([]byte(html)) // the caller may be gone
	return nil
}

// postTest sends the mail to whoever asks, with sample data.
func (c *Console) postTest(w http.ResponseWriter, r *http.Request) error {
	kind, language, err := c.letterOf(r)
	if err != nil {
		return err
	}
	ctx, a := r.Context(), session.VisitFromContext(r.Context()).Account
	if _, err = c.Limiter.Take(ctx, ratelimit.Bucket{Limit: testMails, Key: a.ID.String()}); err == nil {
		err = c.DB.InTx(ctx, func(tx *db.Tx) error {
			if err := c.Letters.Test(ctx, tx, kind, language.Tag, a.Email); err != nil {
				return err
			}
			return audit.Record(ctx, tx, audit.Event{Kind: "mail.tested", AccountID: a.ID, Detail: map[string]string{"kind": kind, "language": language.Tag}})
		})
	}
	if err != nil {
		form := ui.NewForm(r)
		if !form.Fail(err) {
			return err
		}
		return c.writeTemplate(w, r, web.StatusFor(w, err), form)
	}
	return done(w, r, templatesPath+url.PathEscape(kind)+"/"+url.PathEscape(language.Tag)+"/", "mail_tested")
}
