package gatehouse

import (
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
)

// roles are configured roles as the domain knows them.
func roles(declared []Role) []role.Role {
	out := make([]role.Role, len(declared))
	for i, r := range declared {
		out[i] = role.Role{Name: r.Name, Permissions: r.Permissions}
	}
	return out
}
