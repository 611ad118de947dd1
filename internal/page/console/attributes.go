package console

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// attributesView asks what is to be said of an account in declared attributes.
type attributesView struct {
	accountRow
	Form   *ui.Form
	Fields []account.Field
}

func (c *Console) showAttributes(w http.ResponseWriter, r *http.Request) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	if err := manage.Allowed(c.actor(r), manage.SetAttributes, a); err != nil {
		return err
	}
	return c.writeAttributes(w, r, http.StatusOK, a, ui.NewForm(r))
}

func (c *Console) writeAttributes(w http.ResponseWriter, r *http.Request, status int, a *account.Account, form *ui.Form) error {
	v := attributesView{accountRow: rowOf(a), Form: form, Fields: c.edited(r, form, c.Manage.Schema, a.Profile.Attributes)}
	form.Set("was", mark(a))
	return c.write(w, r, status, "attributes", v)
}

// edited are the attributes of somebody in a form of staff, who may set those that are read-only for people.
// What is required is asked of the person alone, but nobody can take it away.
func (c *Console) edited(r *http.Request, form *ui.Form, schema account.Schema, values map[string]any) []account.Field {
	lang := c.UI.Language(r)
	fields := account.Fields(c.UI, lang, schema.Attributes(), schema.Shown(values))
	account.Explain(c.UI, lang, form, fields)
	for i, f := range fields {
		fields[i].Required = f.Required && f.Text != ""
		form.Set(f.Field, f.Text)
	}
	return fields
}

// attributeNames are what a form calls the attributes of schema.
func attributeNames(schema account.Schema) (names []string) {
	for _, a := range schema.Attributes() {
		names = append(names, a.FieldName())
	}
	return names
}

// mark stands for the attributes of an account: it differs when they do.
func mark(a *account.Account) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", a.Profile.Attributes))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// postAttributes changes what the form says otherwise, unless somebody else did since it was shown: then it
// would undo what they wrote.
func (c *Console) postAttributes(w http.ResponseWriter, r *http.Request) error {
	a, err := c.find(r.Context(), r)
	if err != nil {
		return err
	}
	schema := c.Manage.Schema
	form := ui.NewForm(r, append(attributeNames(schema), "was")...)
	if form.Values["was"] != mark(a) {
		form = ui.NewForm(r) // what was wished was wished of something else
		err = manage.ErrOvertaken
	} else {
		change := account.Differences(schema.Attributes(), schema.Shown(a.Profile.Attributes), r.PostForm, false)
		_, err = c.Manage.SetAttributes(r.Context(), c.actor(r), a.Subject, change)
	}
	switch {
	case err == nil:
		return done(w, r, accountPath(a.Subject), "attributes")
	case form.Fail(err):
		return c.writeAttributes(w, r, web.StatusFor(w, err), a, form)
	default:
		return err
	}
}
