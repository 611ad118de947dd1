package gatehouse

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
)

// claims is Config.Claims as the flow asks it.
func (c Config) claims() func(context.Context, signin.About) (map[string]any, error) {
	if c.Claims == nil {
		return nil
	}
	return func(ctx context.Context, about signin.About) (map[string]any, error) {
		return c.Claims(ctx, ClaimsFor(about))
	}
}

// roles are configured roles as the domain knows them.
func roles(declared []Role) []role.Role {
	out := make([]role.Role, len(declared))
	for i, r := range declared {
		out[i] = role.Role{Name: r.Name, Permissions: r.Permissions}
	}
	return out
}
