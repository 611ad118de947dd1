package team

import (
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// showProfile adds to a member's page what they are here. Those who manage members change all of it, others
// of their own what people may set themselves.
func (t *Team) showProfile(view *memberView, lang string) {
	fields := account.Fields(t.UI, lang, t.Members.Schema.Attributes(), view.Attributes)
	account.Explain(t.UI, lang, view.Form, fields)
	for _, f := range fields {
		if !view.Own {
			// Only the member is asked for what is missing, and nobody can take it away.
			f.ReadOnly, f.Required = !view.Changes, f.Required && f.Text != ""
		}
		if f.ReadOnly || view.LookOnly {
			view.Fixed = append(view.Fixed, f)
			continue
		}
		view.Edited = append(view.Edited, f)
		view.Form.Set(f.Field, f.Text)
	}
	view.Form.Set("was", view.Mark())
}

func (t *Team) postOwnProfile(w http.ResponseWriter, r *http.Request, h here) error {
	return t.saveProfile(w, r, h, h.Visit.Account.Subject, true)
}

func (t *Team) postProfile(w http.ResponseWriter, r *http.Request, h here) error {
	return t.saveProfile(w, r, h, r.PathValue("account"), false)
}

// saveProfile changes what a form says otherwise of a member, or of oneself. What is the same is not written.
func (t *Team) saveProfile(w http.ResponseWriter, r *http.Request, h here, subject string, own bool) error {
	ctx, id, declared := r.Context(), h.Tenant.ID, t.Members.Schema.Attributes()
	m, err := t.Members.Get(ctx, id, subject)
	if err != nil {
		return err
	}
	path, again := memberPathOf(h, m.Subject), t.writeOne
	if own {
		path, again = h.path()+"access/", t.writeOwn
	}
	change, was := account.Differences(declared, m.Attributes, r.PostForm, own), r.PostForm.Get("was")
	switch {
	case len(change) == 0:
	case own:
		_, err = t.Members.SetOwn(ctx, h.by(), id, subject, change, was)
	default:
		_, err = t.Members.Set(ctx, h.by(), id, subject, member.Change{Attributes: change, Was: was})
	}
	if err == nil {
		return done(w, r, path, "profile")
	}
	names := []string{"was"}
	for _, a := range declared {
		names = append(names, a.FieldName())
	}
	if errors.Is(err, member.ErrChanged) {
		names = nil // what was wished was wished of something else
	}
	f := ui.NewForm(r, names...)
	if !mend(f, err) {
		return err
	}
	return again(w, r, h, web.StatusFor(w, err), f)
}
