package role

import (
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrEscalation refuses whoever would give, change or take away more than they have themselves.
var ErrEscalation = fault.New(fault.Forbidden, "role_escalation", "You can give, change and take away no more than what you have yourself.")

// Gives reports whether the member may give a role to somebody, promise it, or say what it holds: they
// have all of it themselves. Owners hold *, which nobody else does, so they alone give that role.
func (g Grant) Gives(r Role) bool { return g.all(r.Permissions) }

// Commands reports whether the member may change what another may do, or remove them: they may do all
// that the other may.
func (g Grant) Commands(other Grant) bool { return g.all(other.FromRole) && g.all(other.Direct) }

func (g Grant) all(entries []string) bool {
	return !slices.ContainsFunc(entries, func(entry string) bool { return !g.Covers(entry) })
}
