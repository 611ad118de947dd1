package signin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// keptView is what the page shows that keeps a form whose session has ended.
type keptView struct {
	Action string
	SignIn string // where to sign in or confirm, in another tab
	Kept   []kept
	Stale  bool
}

type kept struct{ Name, Value string }

// Refused leads whoever wants a page without a session to where they can sign in, and whoever
// proved too long ago to where they can again. A form that was sent without a session is
// not lost: the page that answers holds what was typed, except secrets, ready to be sent again.
func (s *Service) Refused(w http.ResponseWriter, r *http.Request, why error) bool {
	path := signInPath
	switch {
	case errors.Is(why, session.ErrStale):
		path = confirmPath
	case !errors.Is(why, session.ErrSignedOut):
		return false
	}
	asked := web.Asked(r)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		http.Redirect(w, r, path+"?next="+url.QueryEscape(asked), http.StatusSeeOther)
		return true
	}
	action := onward(r, asked)
	if r.Method != http.MethodPost || action == "" || web.ReadForm(r) != nil {
		return false
	}
	v := keptView{Action: action, SignIn: path + "?next=" + url.QueryEscape(homePath), Stale: path == confirmPath}
	for name, values := range r.PostForm {
		if !secretName(name) {
			for _, value := range values {
				v.Kept = append(v.Kept, kept{name, value})
			}
		}
	}
	slices.SortStableFunc(v.Kept, func(a, b kept) int { return strings.Compare(a.Name, b.Name) })
	err := s.UI.Write(w, r, ui.Page{Status: http.StatusUnauthorized, Name: "signin/kept", Data: v})
	if err != nil {
		web.Error(w, r, err)
	}
	return true
}

// secretName reports whether a form's member may hold what no page should show again.
func secretName(name string) bool {
	return slices.ContainsFunc([]string{"password", "code", "secret", "token", "ticket", "credential"}, func(part string) bool { return strings.Contains(strings.ToLower(name), part) })
}
