package team

import (
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// overviewView is what an organisation's first page shows.
type overviewView struct {
	frame
	Role     string
	JoinedAt time.Time
	Asks     []string // texts: what it asks of members
	Places   []place
	// Keeps: whoever looks is its only owner, and so cannot leave.
	Keeps bool
}

func (t *Team) showOverview(w http.ResponseWriter, r *http.Request, h here) error {
	lang := t.UI.Language(r)
	keeps, err := t.keeps(r, h)
	if err != nil {
		return err
	}
	view := overviewView{newFrame(h, ui.NewForm(r)), t.roleName(lang, h.Grant.Role), h.JoinedAt, t.asks(lang, h.Tenant.Policy), placesOf(h), keeps}
	return t.write(w, r, h, ui.Page{Name: "team/overview", Data: view})
}

// asks says what a policy asks for.
func (t *Team) asks(lang string, p tenant.Policy) (texts []string) {
	say := func(when bool, key string, args ...any) {
		if when {
			texts = append(texts, t.UI.Text(lang, key, args...))
		}
	}
	say(p.SecondFactor, "team.overview.second_factor")
	say(p.MaxAge > 0, "team.overview.max_age", "age", t.age(lang, p.MaxAge))
	say(p.MaxIdle > 0, "team.overview.max_idle", "age", t.age(lang, p.MaxIdle))
	say(p.NoPassword, "team.overview.no_pw")
	say(p.NoPasskey, "team.overview.no_key")
	say(p.NoMail, "team.overview.no_mail")
	say(len(p.EmailDomains) > 0, "team.overview.email_domains", "domains", strings.Join(p.EmailDomains, ", "))
	return texts
}

// age says how long d is, in the largest unit that it is whole in, but for minutes.
func (t *Team) age(lang string, d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return t.UI.Text(lang, "team.settings.age_any")
	case d%day == 0:
		return t.UI.Text(lang, "team.settings.age_days", "n", int(d/day))
	case d%time.Hour == 0:
		return t.UI.Text(lang, "team.settings.age_hours", "n", int(d/time.Hour))
	default:
		return t.UI.Text(lang, "team.settings.age_minutes", "n", int(d/time.Minute))
	}
}
