package portal

import (
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// homeView is what the first page shows.
type homeView struct {
	frame
	Groups  []tileGroup
	EraseAt time.Time // when the account is erased; zero: never
	// Lost is somebody's wish to remove the second factors; nil: there is none.
	Lost *factor.Recovery
}

type tileGroup struct {
	Key   string
	Tiles []tileView
}

type tileView struct {
	Href, Key string
	State     string // in the language of the page
	At        time.Time
}

func (p *Portal) showHome(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writeHome(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeHome(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	m, err := p.Profile.Summary(r.Context(), v.Account.ID)
	if err != nil {
		return err
	}
	lost, err := p.Recovery.Pending(r.Context(), v.Account.ID)
	if err != nil {
		return err
	}
	view, lang := homeView{frame: newFrame(v, f), EraseAt: m.EraseAt, Lost: lost}, p.UI.Language(r)
	for _, t := range p.places {
		tile := tileView{Href: t.Href, Key: t.Key}
		if t.State != nil {
			state, err := t.State(r.Context(), v)
			if err != nil {
				return err
			}
			if tile.State, tile.At = state.Value, state.At; state.Key != "" {
				tile.State = p.UI.Text(lang, state.Key, state.Args...)
			}
		}
		if t.Quiet && tile.State == "" {
			continue
		}
		if n := len(view.Groups); n == 0 || view.Groups[n-1].Key != t.Group {
			view.Groups = append(view.Groups, tileGroup{Key: t.Group})
		}
		last := &view.Groups[len(view.Groups)-1]
		last.Tiles = append(last.Tiles, tile)
	}
	return p.write(w, r, v, homePath, ui.Page{Status: status, Name: "portal/home", Data: view})
}

// postKeepFactors ends what somebody waits for who said that they lost the second factors. Whoever is
// signed in here has them, or had.
func (p *Portal) postKeepFactors(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if err := p.Recovery.Cancel(r.Context(), v.Bearer()); err != nil && !errors.Is(err, factor.ErrNoRecovery) {
		return err
	}
	return done(w, r, homePath, "factors_kept")
}
