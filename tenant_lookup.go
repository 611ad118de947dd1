package gatehouse

import (
	"context"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// lookUpPermissions finds what a token's holder may do in its tenant, where that is too much for the token
// to carry.
func (g *Gatehouse) lookUpPermissions(ctx context.Context, _ string, id *verifier.Identity) (verifier.Permissions, error) {
	tenantID, err := uuid.Parse(id.TenantID)
	if err != nil {
		return nil, verifier.ErrTokenInvalid.Wrap(err)
	}
	b, err := bearerOf(id)
	if err != nil {
		return nil, verifier.ErrTokenInvalid.Wrap(err)
	}
	_, m, err := session.CheckMember(ctx, g.db, g.roles, b.SessionID, b.Subject, tenantID, g.db.Now())
	if f, ok := fault.From(err); ok && f.Kind == fault.Unauthenticated {
		return nil, verifier.ErrTokenInvalid.Wrap(err)
	} else if ok && f.Kind == fault.Forbidden {
		return nil, verifier.ErrPermissionRequired.Wrap(err)
	}
	if err != nil {
		return nil, err
	}
	return m.Grant.Permissions(), nil
}
