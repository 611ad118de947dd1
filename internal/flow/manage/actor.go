package manage

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Refusals of what somebody may not do.
var (
	ErrDenied    = fault.New(fault.Forbidden, "access_denied", "You may not do this.")
	ErrProtected = fault.New(fault.Forbidden, "account_protected", "This account is staff. Only a superuser may do this to it.")
	ErrOwn       = fault.New(fault.Forbidden, "own_account", "You cannot do this to your own account. Ask another superuser.")
	// ErrOvertaken says that somebody made the account a superuser at this very moment.
	ErrOvertaken     = fault.New(fault.Conflict, "account_overtaken", "The account has just changed. Look at it and try again.")
	ErrLastSuperuser = fault.New(fault.Conflict, "last_superuser", "This is the last active superuser. Make another one first.")
)

// Actor is who acts. The zero Actor may do nothing.
type Actor struct {
	ID        account.ID
	Staff     bool
	Superuser bool

	permissions verifier.Permissions // of the staff role
	operator    bool
	force       bool
}

// ActorOf returns an account as somebody who acts, with what their role allows.
func (s *Service) ActorOf(a *account.Account) Actor {
	return Actor{ID: a.ID, Staff: a.Staff, Superuser: a.Superuser, permissions: s.Roles.Permissions(a.StaffRole)}
}

// May reports whether by has a permission of staff, going by the rank and role given.
func (by Actor) May(permission string) bool { return by.need(permission) == nil }

// need returns ErrDenied to who is no staff, and role.ErrDenied to staff whose role does not have the
// permission.
func (by Actor) need(permission string) error {
	switch {
	case by.operator, by.Superuser:
		return nil
	case !by.Staff:
		return ErrDenied
	case !by.permissions.Has(permission):
		return role.ErrDenied.WithNext(fault.Next{Permission: permission})
	}
	return nil
}

// needFor is need for what an action takes, whomever it is done to.
func (by Actor) needFor(action Action) error {
	needed := action.permission()
	if needed == "" && !by.Superuser && !by.operator {
		return ErrDenied
	}
	return by.need(needed)
}

// Operator is whoever holds the machine: the command line and the library. They may do all, but
// leave no active superuser only by force.
func Operator(force bool) Actor { return Actor{operator: true, force: force} }

// Action is something done to an account.
type Action string

// The actions.
const (
	Disable   Action = "disable"
	Enable    Action = "enable"
	SignOut   Action = "sign-out"
	SendReset Action = "send-reset"
	Unlock    Action = "unlock"
	Promote   Action = "promote" // make staff or superuser, or give another role
	Demote    Action = "demote"  // the opposite
	// Second factors: take all of them, and let nobody do so who says that they lost them.
	ResetFactors   Action = "reset-factors"
	CancelRecovery Action = "cancel-recovery"
	// What is said of an account in declared attributes, those that its owner cannot change among them.
	SetAttributes Action = "attributes"
	// One session of an account.
	EndSession Action = "end-session"
)

// permission is what staff need for an action; empty: it is for superusers.
func (a Action) permission() string {
	switch a {
	case Disable, Enable, SignOut, SendReset, Unlock, CancelRecovery, SetAttributes:
		return role.StaffManageAccounts
	case EndSession:
		return role.StaffEndSessions
	default:
		return ""
	}
}

// Allowed returns nil when by may do this to a, going by the ranks and roles given. Otherwise it returns
// ErrDenied, role.ErrDenied, ErrProtected or ErrOwn. That the last superuser stays is asked when it is
// done.
func Allowed(by Actor, action Action, a *account.Account) error {
	if err := by.needFor(action); err != nil {
		return err
	}
	switch {
	case by.operator:
		return nil
	case by.ID == a.ID && (action == Disable || action == Demote || action == Unlock || action == ResetFactors):
		return ErrOwn
	case (a.Staff || a.Superuser) && !by.Superuser:
		return ErrProtected
	}
	return nil
}

// signed returns ctx with by as the actor of audit events.
func (by Actor) signed(ctx context.Context) context.Context {
	if by.operator {
		return ctx
	}
	src := audit.FromContext(ctx)
	src.Actor = by.ID.String()
	return audit.NewContext(ctx, src)
}

// ranked returns by with the rank and role it has now, or ErrDenied when that is none: who was demoted or
// disabled a moment ago is refused.
func (s *Service) ranked(ctx context.Context, tx *db.Tx, by Actor) (Actor, error) {
	if by.operator {
		return by, nil
	}
	a, err := account.Find(ctx, tx, by.ID)
	if errors.Is(err, account.ErrNotFound) {
		return Actor{}, ErrDenied
	}
	if err != nil {
		return Actor{}, err
	}
	if !a.Active || !a.Staff && !a.Superuser {
		return Actor{}, ErrDenied
	}
	return s.ActorOf(a), nil
}

// permitted is ranked for who needs a permission.
func (s *Service) permitted(ctx context.Context, tx *db.Tx, by Actor, permission string) (Actor, error) {
	by, err := s.ranked(ctx, tx, by)
	if err == nil {
		err = by.need(permission)
	}
	return by, err
}

// do runs fn with account a in tx if by may do this to it. It holds both accounts as they are, and all
// superusers where one may be lost, in the order that everything does that locks several.
func (s *Service) do(ctx context.Context, tx *db.Tx, by Actor, action Action, a *account.Account, fn func(ctx context.Context, a *account.Account) error) (*account.Account, error) {
	guarded := a.Superuser && (action == Disable || action == Demote)
	a, err := hold(ctx, tx, by, a, guarded)
	if err != nil {
		return nil, err
	}
	if by, err = s.ranked(ctx, tx, by); err != nil {
		return nil, err
	}
	if err := Allowed(by, action, a); err != nil {
		return nil, err
	}
	counted := a.Superuser && a.Active
	if err := fn(by.signed(ctx), a); err != nil {
		return nil, err
	}
	if counted && !by.force && (!a.Active || !a.Superuser) {
		left, err := account.ActiveSuperusers(ctx, tx)
		if err != nil {
			return nil, err
		}
		if left == 0 {
			return nil, ErrLastSuperuser
		}
	}
	return a, nil
}

// hold locks and returns the account as it is now. Who became a superuser meanwhile is not held with
// the others: that is ErrOvertaken.
func hold(ctx context.Context, tx *db.Tx, by Actor, found *account.Account, guarded bool) (*account.Account, error) {
	if guarded {
		if err := account.LockSuperusers(ctx, tx); err != nil {
			return nil, err
		}
	}
	if err := account.Lock(ctx, tx, found.ID, by.ID); err != nil {
		return nil, err
	}
	a, err := account.Find(ctx, tx, found.ID)
	if err == nil && a.Superuser && !found.Superuser {
		err = ErrOvertaken
	}
	return a, err
}
