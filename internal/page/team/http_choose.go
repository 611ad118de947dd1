package team

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

const newPath = Path + "new/"

func (t *Team) chooseRoutes() []web.Route {
	return []web.Route{
		web.Get(Path, web.Person, web.Page(signedIn(t.showChoose))),
		web.Post(Path+"accept/", web.Person, web.Form(signedIn(t.postAccept))),
		web.Post(Path+"join/", web.Person, web.Form(signedIn(t.postJoin))),
		web.Get(newPath, web.Person, web.Page(signedIn(t.showNew))),
		web.Post(newPath, web.Person, web.Form(signedIn(t.postNew))),
		web.Get(one, web.Member, web.Page(within(t.showOverview))).Needs(role.Enter),
	}
}

// chooseView is what the page shows that lists a person's organisations.
type chooseView struct {
	LookOnly  bool
	Form      *ui.Form
	MayCreate bool
	Waiting   []waiting
	Joinable  []tenant.Tenant
	Mine      []mine
}

// waiting is an invitation to whoever looks.
type waiting struct {
	ID         uuid.UUID
	Name, Role string
	Expires    time.Time
}

// mine is an organisation that whoever looks belongs to.
type mine struct {
	Name, Slug, Path, Role string
	Suspended              bool
	// NeedsFactor: it asks for a second factor, and this session was not proven by one.
	NeedsFactor bool
	// Refused: it does not let this session in however fresh, so its own pages do not lead to where one leaves.
	Refused bool
}

// Open reports whether the organisation lets its member in.
func (m mine) Open() bool { return !m.Suspended && !m.NeedsFactor }

func (t *Team) showChoose(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return t.writeChoose(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (t *Team) writeChoose(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	ctx, lang := r.Context(), t.UI.Language(r)
	view := chooseView{LookOnly: v.Staff != nil, Form: f, MayCreate: t.Tenancy.MayCreate(v.Account)}
	memberships, err := t.Tenancy.Mine(ctx, v.Account.ID)
	if err != nil {
		return err
	}
	for _, m := range memberships {
		view.Mine = append(view.Mine, mine{Name: m.Tenant.Name, Slug: m.Tenant.Slug, Path: pathOf(m.Tenant.Slug), Role: t.roleName(lang, m.Grant.Role),
			Suspended: !m.Tenant.Active, NeedsFactor: m.Tenant.Policy.SecondFactor && v.Level < authn.AAL2,
			Refused: !m.Tenant.Active || !m.Tenant.Policy.Admits(v.Methods, v.Level, 0, 0)})
	}
	open, err := t.Invitations.Waiting(ctx, v.Account)
	if err != nil {
		return err
	}
	for _, o := range open {
		view.Waiting = append(view.Waiting, waiting{o.ID, o.Tenant.Name, t.roleName(lang, o.Role), o.ExpiresAt})
	}
	if view.Joinable, err = t.Members.Joinable(ctx, v.Account); err != nil {
		return err
	}
	return t.writePersonal(w, r, v, ui.Page{Status: status, Name: "team/choose", Nav: t.Nav(Path), Data: view})
}

// postAccept accepts an invitation that the page shows: it is to the address of whoever is signed in.
func (t *Team) postAccept(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	id, err := uuid.Parse(r.PostForm.Get("invitation"))
	if err != nil {
		return invitation.ErrNotFound
	}
	accepted, err := t.Join.AcceptWaiting(r.Context(), v.Account.ID, id)
	if err != nil {
		return t.notJoined(w, r, v, err)
	}
	return done(w, r, pathOf(accepted.Tenant.Slug), "joined")
}

// postJoin joins what is open to addresses of its domain.
func (t *Team) postJoin(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	to, err := t.Members.Join(r.Context(), v.Account.ID, r.PostForm.Get("tenant"))
	if err != nil {
		return t.notJoined(w, r, v, err)
	}
	return done(w, r, pathOf(to.Slug), "joined")
}

// notJoined shows the list again with why somebody did not join.
func (t *Team) notJoined(w http.ResponseWriter, r *http.Request, v *session.Visit, err error) error {
	f := ui.NewForm(r)
	if errors.Is(err, tenant.ErrNotMember) {
		f.Add("", "not_open", "This organisation does not let you join by yourself. Ask somebody in it to invite you.")
	} else if !mend(f, err) {
		return err
	}
	return t.writeChoose(w, r, v, web.StatusFor(w, err), f)
}

// newView is what the page shows that makes an organisation.
type newView struct{ Form *ui.Form }

func (t *Team) showNew(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if !t.Tenancy.MayCreate(v.Account) {
		return tenancy.ErrClosed
	}
	return t.writeNew(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (t *Team) writeNew(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	return t.writePersonal(w, r, v, ui.Page{Status: status, Name: "team/new", Nav: t.Nav(Path), Data: newView{f}})
}

func (t *Team) postNew(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	made, err := t.Tenancy.Create(r.Context(), v.Bearer(), r.PostForm.Get("name"), r.PostForm.Get("slug"))
	if err == nil {
		return done(w, r, pathOf(made.Slug), "created")
	}
	f := ui.NewForm(r, "name", "slug")
	if !blame(f, "name", err, tenant.ErrNameTaken) && !blame(f, "slug", err, tenant.ErrSlugTaken) && !mend(f, err) {
		return err
	}
	return t.writeNew(w, r, v, web.StatusFor(w, err), f)
}
