package portal

import (
	"context"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Where the pages lie.
const (
	homePath     = "/account/"
	profilePath  = "/account/profile/"
	passwordPath = "/account/password/"
	sessionsPath = "/account/sessions/"
	languagePath = "/account/language/"
	dataPath     = "/account/data/"
	deletePath   = "/account/delete/"
	keepPath     = "/account/keep/"
	goodbyePath  = "/account/goodbye/"
	emailPath    = "/account/email/"
	usernamePath = "/account/username/"

	securityPath = "/account/security/"
	appsPath     = securityPath + "app/"
	passkeysPath = securityPath + "passkeys/"
	codesPath    = securityPath + "codes/"
	mailPath     = securityPath + "mail/"
)

// Pages of others that these lead to.
const (
	signInPath  = "/account/sign-in/"
	confirmPath = "/account/confirm/"
	forgotPath  = "/account/forgot/"
	stopPath    = "/account/look/stop/"
)

// ownTiles are the places of these pages.
func (p *Portal) ownTiles() []Tile {
	tiles := []Tile{
		{Href: profilePath, Key: "portal.profile.title", Group: You, State: profileState},
		{Href: emailPath, Key: "portal.email.title", Group: You, State: emailState},
	}
	if p.Usernames {
		tiles = append(tiles, Tile{Href: usernamePath, Key: "portal.username.title", Group: You, State: usernameState})
	}
	return append(tiles, []Tile{
		{Href: languagePath, Key: "portal.language.title", Group: You, State: languageState},
		{Href: passwordPath, Key: "portal.password.title", Group: Security, State: p.passwordState},
		{Href: securityPath, Key: "portal.security.title", Group: Security, State: p.securityState},
		{Href: sessionsPath, Key: "portal.sessions.title", Group: Security, State: p.sessionsState},
		{Href: dataPath, Key: "portal.data.title", Group: Data, State: dataState},
	}...)
}

// ordered puts tiles of one group together. Within a group they keep their order.
func ordered(tiles []Tile) []Tile {
	groups := []string{You, Organisations, Security, Data}
	slices.SortStableFunc(tiles, func(a, b Tile) int { return slices.Index(groups, a.Group) - slices.Index(groups, b.Group) })
	return tiles
}

// Nav returns the navigation with the place at current marked. Features that add a tile give it to
// their own pages.
func (p *Portal) Nav(current string) []ui.Link {
	links := []ui.Link{{Href: homePath, Key: "portal.home.nav", Current: current == homePath}}
	for _, t := range p.places {
		if t.Quiet && t.Href != current {
			continue
		}
		links = append(links, ui.Link{Href: t.Href, Key: t.Key, Current: current == t.Href, Group: t.Group})
	}
	return links
}

func profileState(_ context.Context, v *session.Visit) (State, error) {
	if v.Account.Profile.FullName == "" {
		return State{Key: "portal.profile.state_empty"}, nil
	}
	return State{Value: v.Account.Profile.FullName}, nil
}

func emailState(_ context.Context, v *session.Visit) (State, error) {
	return State{Value: v.Account.Email}, nil
}

func usernameState(_ context.Context, v *session.Visit) (State, error) {
	if v.Account.Username == "" {
		return State{Key: "portal.username.state_none"}, nil
	}
	return State{Value: v.Account.Username}, nil
}

func languageState(_ context.Context, v *session.Visit) (State, error) {
	if v.Account.Profile.Locale == "" {
		return State{Key: "portal.language.browser"}, nil
	}
	return State{Value: nameOf(v.Account.Profile.Locale)}, nil
}

func (p *Portal) passwordState(ctx context.Context, v *session.Visit) (State, error) {
	m, err := p.Profile.Summary(ctx, v.Account.ID)
	switch {
	case err != nil:
		return State{}, err
	case m.PasswordChanged.IsZero():
		return State{Key: "portal.password.state_none"}, nil
	default:
		return State{Key: "portal.password.state", At: m.PasswordChanged}, nil
	}
}

func (p *Portal) securityState(ctx context.Context, v *session.Visit) (State, error) {
	held, err := factor.Of(ctx, p.DB, v.Account.ID)
	switch {
	case err != nil:
		return State{}, err
	case held.Strong():
		return State{Key: "portal.security.state_two"}, nil
	case held.Email:
		return State{Key: "portal.security.state_mail"}, nil
	default:
		return State{Key: "portal.security.state_one"}, nil
	}
}

func (p *Portal) sessionsState(ctx context.Context, v *session.Visit) (State, error) {
	m, err := p.Profile.Summary(ctx, v.Account.ID)
	if err != nil {
		return State{}, err
	}
	return State{Key: "portal.sessions.state", Args: []any{"n", m.Sessions}}, nil
}

func dataState(context.Context, *session.Visit) (State, error) {
	return State{Key: "portal.data.state"}, nil
}
