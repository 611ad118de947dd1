package member

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// List returns members of a tenant, those who joined first in front. It returns web.ErrQuery.
func (s *Service) List(ctx context.Context, id tenant.ID, q Query) (*Page, error) {
	if q.Limit == 0 {
		q.Limit = web.DefaultPage
	}
	if q.Limit < 1 || q.Limit > web.MaxPage {
		return nil, web.ErrQuery.WithField("limit", "invalid", "A number from 1 to 200.")
	}
	for name, text := range map[string]string{"prefix": q.Prefix, "role": q.Role} {
		if !isText(text) {
			return nil, web.ErrQuery.WithField(name, "invalid", "Give it once, as text in UTF-8.")
		}
	}
	return list(ctx, s.DB, s.Deps.Roles, id, q)
}

// Get returns a member of a tenant, or tenant.ErrMemberNotFound.
func (s *Service) Get(ctx context.Context, id tenant.ID, subject string) (*Member, error) {
	return find(ctx, s.DB.In(db.Tenant(id)), s.Deps, id, subject)
}

// isText reports whether databases take a text: whatever else came in names nothing.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
