// Package team is the pages of organisations, which programs call tenants: those that a person belongs
// to, and, in one of them, its members, invitations, roles, settings, domains and what happened there. It
// gathers what features and flows can do; what is allowed is decided there, and each page offers only what
// whoever looks may do.
package team

import (
	"context"
	"embed"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/flow/join"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

//go:embed pages locales
var files embed.FS

// Pages are the templates and texts of these pages.
func Pages() ui.Set { return ui.Set{Name: "team", Layout: "home", Files: files} }

// Where the first page lies, below which the others do, and the key of its name.
const (
	Path  = "/account/tenants/"
	Title = "team.choose.title"
)

// NoState is what Team.State returns for whom there is nothing on these pages.
const NoState = "team.state.none"

// Deps is what the pages work with. Every member is required.
type Deps struct {
	DB          *db.DB
	UI          *ui.UI
	Tenancy     *tenancy.Service
	Members     *member.Service
	Invitations *invitation.Service
	Join        *join.Service
	// Nav is the navigation of a person's own pages with the place at current marked.
	Nav func(current string) []ui.Link
}

// Team serves the pages. It is safe for concurrent use.
type Team struct{ Deps }

// New returns a Team.
func New(deps Deps) *Team { return &Team{deps} }

// State is what the tile of these pages says of a person: the key of a text, and its arguments.
func (t *Team) State(ctx context.Context, v *session.Visit) (key string, args []any, err error) {
	waiting, err := t.Invitations.Waiting(ctx, v.Account)
	if err != nil {
		return "", nil, err
	}
	if len(waiting) > 0 {
		return "team.state.waiting", []any{"n", len(waiting)}, nil
	}
	mine, err := t.Tenancy.Mine(ctx, v.Account.ID)
	switch {
	case err != nil:
		return "", nil, err
	case len(mine) == 0:
		return NoState, nil, nil
	default:
		return "team.state.some", []any{"n", len(mine)}, nil
	}
}
