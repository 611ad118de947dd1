// Package portal is a person's own pages: who they are, their password, where they are signed in,
// their language, their data, and the way out. It gathers what features and flows can do; what is
// allowed is decided there.
//
// A later feature adds its place by a [Tile] in [Deps]: it then stands in the navigation and on the
// first page, and brings its own pages.
package portal

import (
	"context"
	"embed"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

//go:embed pages locales
var files embed.FS

// Pages are the templates and texts of these pages.
func Pages() ui.Set { return ui.Set{Name: "portal", Layout: "home", Files: files} }

// Deps is what the pages work with. Every member but Usernames, Places and Tiles is required.
type Deps struct {
	DB         *db.DB
	UI         *ui.UI
	Profile    *profile.Service
	Identifier *identifier.Service
	Usernames  bool // there is a page to change one's user name
	Password   *password.Service
	Policy     password.Policy // its rules are shown before somebody breaks one
	SignIn     *signin.Service
	Enrol      *enrol.Service
	Recovery   *recovery.Service
	Places     *place.Finder       // of network addresses; nil: none are known
	Attributes []account.Attribute // as declared
	Tiles      []Tile              // of further features
}

// Portal serves the pages. It is safe for concurrent use.
type Portal struct {
	Deps
	places []Tile
}

// New returns a Portal.
func New(deps Deps) *Portal {
	p := &Portal{Deps: deps}
	p.places = ordered(slices.Concat(p.ownTiles(), deps.Tiles))
	return p
}

// Tile is a place in the portal: an entry of the navigation, and a tile of the first page.
type Tile struct {
	Href  string // such as /account/passkeys/
	Key   string // of its name
	Group string // one of the groups below; it stands there after those before it
	// Quiet places are seen on the first page alone, and only by those whom State has something to say to.
	Quiet bool
	// State tells what is the matter there with whoever looks. Optional.
	State func(ctx context.Context, v *session.Visit) (State, error)
}

// State is one short line on a tile: a text or what somebody wrote, and a day after it where there
// is one.
type State struct {
	Key   string
	Args  []any  // name, value pairs of the text
	Value string // shown as it is, where Key is empty
	At    time.Time
}

// Groups of places, in their order; each is the key of its name.
const (
	You           = "portal.group.you"
	Organisations = "portal.group.organisations"
	Security      = "portal.group.security"
	Data          = "portal.group.data"
)
