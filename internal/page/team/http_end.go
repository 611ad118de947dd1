package team

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (t *Team) endRoutes() []web.Route {
	return []web.Route{
		web.Get(one+"leave/", web.Person, web.Page(t.belonging(t.showLeave))),
		web.Post(one+"leave/", web.Person, web.Form(t.belonging(t.postLeave))),
		web.Get(one+"delete/", web.Member, web.Page(within(t.showDelete))).Needs(role.DeleteTenant).Freshly(),
		web.Post(one+"delete/", web.Member, web.Form(within(t.postDelete))).Needs(role.DeleteTenant).Freshly(),
	}
}

// aboutMember returns the question of whether something is to be done to the member of the path.
func (t *Team) aboutMember(r *http.Request, h here, key string, typed bool) (question, error) {
	m, err := t.changed(r, h)
	if err != nil {
		return question{}, err
	}
	return question{Key: key, Who: m.Email, Cancel: memberPathOf(h, m.Subject), Typed: typed}, nil
}

// toLeave reports whether the member of the path is whoever asks, and then leads to where one leaves.
func toLeave(w http.ResponseWriter, r *http.Request, h here) bool {
	if r.PathValue("account") != h.Visit.Account.Subject {
		return false
	}
	http.Redirect(w, r, h.path()+"leave/", http.StatusSeeOther)
	return true
}

func (t *Team) showRemove(w http.ResponseWriter, r *http.Request, h here) error {
	if toLeave(w, r, h) {
		return nil
	}
	q, err := t.aboutMember(r, h, "remove", false)
	if err != nil {
		return err
	}
	return t.ask(w, r, h, q)
}

func (t *Team) postRemove(w http.ResponseWriter, r *http.Request, h here) error {
	if toLeave(w, r, h) {
		return nil
	}
	q, err := t.aboutMember(r, h, "remove", false)
	if err != nil {
		return err
	}
	return t.answered(w, r, h, q, h.path()+"members/", "removed", func() error {
		return t.Members.Remove(r.Context(), h.by(), h.Tenant.ID, r.PathValue("account"))
	})
}

func (t *Team) showTransfer(w http.ResponseWriter, r *http.Request, h here) error {
	q, err := t.aboutMember(r, h, "transfer", true)
	if err != nil {
		return err
	}
	return t.ask(w, r, h, q)
}

func (t *Team) postTransfer(w http.ResponseWriter, r *http.Request, h here) error {
	q, err := t.aboutMember(r, h, "transfer", true)
	if err != nil {
		return err
	}
	return t.answered(w, r, h, q, h.path(), "transferred", func() error {
		return t.Members.Transfer(r.Context(), h.by(), h.Tenant.ID, r.PathValue("account"))
	})
}

func leaving(h here) question {
	return question{Key: "leave", Cancel: Path, Typed: true, Outside: true}
}

// keeps reports whether whoever looks is the only owner, whom leaving would be refused.
func (t *Team) keeps(r *http.Request, h here) (bool, error) {
	err := t.Members.MayLeave(r.Context(), h.Membership)
	if errors.Is(err, tenant.ErrLastOwner) {
		return true, nil
	}
	return false, err
}

func (t *Team) showLeave(w http.ResponseWriter, r *http.Request, h here) error {
	q := leaving(h)
	var err error
	if q.Barred, err = t.keeps(r, h); err != nil {
		return err
	}
	return t.ask(w, r, h, q)
}

func (t *Team) postLeave(w http.ResponseWriter, r *http.Request, h here) error {
	return t.answered(w, r, h, leaving(h), Path, "left", func() error {
		return t.Members.Leave(r.Context(), h.AccountID, h.Tenant.ID)
	})
}

func deleting(h here) question { return question{Key: "delete", Cancel: h.path(), Typed: true} }

func (t *Team) showDelete(w http.ResponseWriter, r *http.Request, h here) error {
	return t.ask(w, r, h, deleting(h))
}

func (t *Team) postDelete(w http.ResponseWriter, r *http.Request, h here) error {
	return t.answered(w, r, h, deleting(h), Path, "deleted", func() error {
		return t.Tenancy.Delete(r.Context(), h.by(), h.Tenant.ID, strings.TrimSpace(r.PostForm.Get("typed")), "")
	})
}
