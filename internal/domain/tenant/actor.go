package tenant

import "github.com/google/uuid"

// Actor is who changes a tenant. The zero Actor may do nothing.
type Actor struct {
	member  uuid.UUID
	session uuid.UUID
	staff   bool
}

// By is a member, who may do what their role allows at the moment of the change.
func By(accountID uuid.UUID) Actor { return Actor{member: accountID} }

// Through is the member with the session that they act in: what they change must go on to let it in.
func (a Actor) Through(session uuid.UUID) Actor {
	a.session = session
	return a
}

// ByStaff is whoever runs the service: a member of staff whose permission was checked, or the command
// line. They may do all.
func ByStaff() Actor { return Actor{staff: true} }

// Staff reports whether it is whoever runs the service.
func (a Actor) Staff() bool { return a.staff }

// AccountID returns whose account acts; uuid.Nil: it is whoever runs the service.
func (a Actor) AccountID() uuid.UUID { return a.member }

// SessionID returns which session acts; uuid.Nil: none.
func (a Actor) SessionID() uuid.UUID { return a.session }
