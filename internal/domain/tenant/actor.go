package tenant

import "github.com/google/uuid"

// Actor is who changes a tenant. The zero Actor may do nothing.
type Actor struct {
	member  uuid.UUID
	session uuid.UUID
	staff   bool
	officer uuid.UUID // the account of the member of staff; uuid.Nil: the operator of the machine
}

// By is a member, who may do what their role allows at the moment of the change.
func By(accountID uuid.UUID) Actor { return Actor{member: accountID} }

// Through is the member with the session that they act in: what they change must go on to let it in.
func (a Actor) Through(session uuid.UUID) Actor {
	a.session = session
	return a
}

// ByStaff is whoever runs the service: the command line, or staff where it does not matter who of them it
// is, and whose permission was checked. They may do all.
func ByStaff() Actor { return Actor{staff: true} }

// ByOfficer is one member of staff whose permission was checked. They may do all but what Entrust
// refuses. uuid.Nil may do nothing.
func ByOfficer(accountID uuid.UUID) Actor {
	return Actor{staff: accountID != uuid.Nil, officer: accountID}
}

// Staff reports whether it is whoever runs the service.
func (a Actor) Staff() bool { return a.staff }

// AccountID returns whose account acts; uuid.Nil: it is whoever runs the service.
func (a Actor) AccountID() uuid.UUID { return a.member }

// SessionID returns which session acts; uuid.Nil: none.
func (a Actor) SessionID() uuid.UUID { return a.session }
