package tenant

import (
	"context"
	"maps"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// ByMember is what an event's detail "by" says where its actor is the inner id of a member: without it,
// an id there is that of a member of staff.
const ByMember = "member"

// Record writes an event of what by did in a tenant. Where it concerns another than by, it says who that
// was.
func Record(ctx context.Context, tx *db.Tx, by Actor, e audit.Event) error {
	ctx, e = by.sign(ctx, e)
	return audit.Record(ctx, tx, e)
}

// Refuse is Record where by was refused, and there is nothing else to write: the first of several alike.
func Refuse(ctx context.Context, d *db.DB, noted *audit.Noted, by Actor, e audit.Event) error {
	ctx, e = by.sign(ctx, e)
	return noted.RecordAlone(ctx, d, e)
}

// sign names a member as who acted, unless the event is about themselves anyway.
func (a Actor) sign(ctx context.Context, e audit.Event) (context.Context, audit.Event) {
	if a.member == uuid.Nil || a.member == e.AccountID {
		return ctx, e
	}
	source := audit.FromContext(ctx)
	source.Actor = a.member.String()
	detail := map[string]string{"by": ByMember}
	maps.Copy(detail, e.Detail)
	e.Detail = detail
	return audit.NewContext(ctx, source), e
}
