package tenant

import "github.com/google/uuid"

// AccountID returns whose account acts; uuid.Nil: it is whoever runs the service.
func (a Actor) AccountID() uuid.UUID { return a.member }

// SessionID returns which session acts; uuid.Nil: none.
func (a Actor) SessionID() uuid.UUID { return a.session }
