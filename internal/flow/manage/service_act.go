package manage

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// act does something to the account with this subject and returns the account as fn left it.
func (s *Service) act(ctx context.Context, by Actor, action Action, subject string, fn func(ctx context.Context, tx *db.Tx, a *account.Account) error) (*account.Account, error) {
	// Who may not is told so before they are told who there is.
	if err := by.needFor(action); err != nil {
		return nil, err
	}
	var changed *account.Account
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		a, err := findSubject(ctx, tx, subject)
		if err != nil {
			return err
		}
		changed, err = s.do(ctx, tx, by, action, a, func(ctx context.Context, a *account.Account) error { return fn(ctx, tx, a) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// Disable keeps the account with this subject from signing in and ends all its sessions.
// Disabling it again changes nothing. It returns account.ErrNotFound, ErrLastSuperuser and what
// Allowed returns, like all that follow.
func (s *Service) Disable(ctx context.Context, by Actor, subject string) (*account.Account, error) {
	return s.setActive(ctx, by, Disable, subject, false, "account.disabled")
}

// Enable lets a disabled account sign in again. Its former sessions stay ended.
func (s *Service) Enable(ctx context.Context, by Actor, subject string) (*account.Account, error) {
	return s.setActive(ctx, by, Enable, subject, true, "account.enabled")
}

func (s *Service) setActive(ctx context.Context, by Actor, action Action, subject string, active bool, event string) (*account.Account, error) {
	return s.act(ctx, by, action, subject, func(ctx context.Context, tx *db.Tx, a *account.Account) error {
		if a.Active == active {
			return nil
		}
		a.Active = active
		if err := account.SetActive(ctx, tx, a.ID, active); err != nil {
			return err
		}
		if err := session.EndLooksOf(ctx, tx, a.ID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: event, AccountID: a.ID})
	})
}

// SignOut ends every session of the account with this subject.
func (s *Service) SignOut(ctx context.Context, by Actor, subject string) (*account.Account, error) {
	return s.act(ctx, by, SignOut, subject, func(ctx context.Context, tx *db.Tx, a *account.Account) error {
		if err := endAll(ctx, tx, a); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "session.all_ended", AccountID: a.ID, Reason: session.EndedByStaff})
	})
}

// endAll ends every session of an account, and what it looks at as a member of staff.
func endAll(ctx context.Context, tx *db.Tx, a *account.Account) (err error) {
	if a.Epoch, err = account.EndSessions(ctx, tx, a.ID); err != nil {
		return err
	}
	return session.EndLooksOf(ctx, tx, a.ID)
}

// EndSession ends one session. It returns session.ErrNotFound when there is none, or when it had
// ended before.
func (s *Service) EndSession(ctx context.Context, by Actor, id uuid.UUID) error {
	if err := by.needFor(EndSession); err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		accountID, err := session.AccountOf(ctx, tx, id)
		if err != nil {
			return err
		}
		owner, err := account.Find(ctx, tx, accountID)
		if err != nil {
			return err
		}
		_, err = s.do(ctx, tx, by, EndSession, owner, func(ctx context.Context, a *account.Account) error {
			_, ended, err := session.End(ctx, tx, id, session.EndedByStaff)
			if err != nil {
				return err
			}
			if !ended {
				return session.ErrNotFound
			}
			if err := session.EndLooks(ctx, tx, id); err != nil {
				return err
			}
			return audit.Record(ctx, tx, audit.Event{Kind: "session.ended", AccountID: a.ID, SessionID: id, Reason: session.EndedByStaff})
		})
		return err
	})
}

// resetsByStaff bounds the links that staff send to one account: a form sent twice must not fill a mailbox.
var resetsByStaff = ratelimit.Limit{Name: "reset.staff", Burst: 5, Per: time.Hour}

// SendReset mails the owner of the account with this subject a link to choose a new password. It
// returns ErrInactive where no link would be good, and ratelimit.ErrLimited.
func (s *Service) SendReset(ctx context.Context, by Actor, subject string) (*account.Account, error) {
	if !by.operator {
		// Who may not is refused before they are counted, or they could use up what others may.
		a, err := s.act(ctx, by, SendReset, subject, func(context.Context, *db.Tx, *account.Account) error { return nil })
		if err != nil {
			return a, err
		}
		if _, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: resetsByStaff, Key: subject}); err != nil {
			return nil, err
		}
	}
	return s.act(ctx, by, SendReset, subject, func(ctx context.Context, tx *db.Tx, a *account.Account) error {
		if !a.Active {
			return ErrInactive
		}
		if err := s.Deps.SendReset(ctx, tx, a); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "password.reset_sent", AccountID: a.ID})
	})
}

// Unlock forgives the account with this subject its failed sign-ins.
func (s *Service) Unlock(ctx context.Context, by Actor, subject string) (*account.Account, error) {
	return s.act(ctx, by, Unlock, subject, func(ctx context.Context, tx *db.Tx, a *account.Account) error {
		if err := s.Deps.Unlock(ctx, tx, a.ID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "account.unlocked", AccountID: a.ID})
	})
}

// Rank says what an account shall be; nil leaves it as it is. A superuser is staff: making one
// makes the other, and who is no longer staff is no longer superuser. Role is what staff may do; whoever
// becomes staff without one is role.Operator.
type Rank struct {
	Staff, Superuser *bool
	Role             *string
}

// SetRank changes the rank or the role of the account with this subject, who is signed out everywhere and
// begins anew with it. It returns ErrRank when the wish contradicts itself, and role.ErrStaffRole.
func (s *Service) SetRank(ctx context.Context, by Actor, subject string, r Rank) (*account.Account, error) {
	action := Promote
	if r.Staff != nil && !*r.Staff || r.Superuser != nil && !*r.Superuser {
		action = Demote
	}
	if r.Staff != nil && r.Superuser != nil && *r.Superuser && !*r.Staff {
		return nil, ErrRank
	}
	return s.act(ctx, by, action, subject, func(ctx context.Context, tx *db.Tx, a *account.Account) error {
		staff, super := r.of(a)
		as, err := s.roleOf(r, a, staff)
		if err != nil {
			return err
		}
		if staff == a.Staff && super == a.Superuser && as == a.StaffRole {
			return nil
		}
		a.Staff, a.Superuser, a.StaffRole = staff, super, as
		if err := account.SetRank(ctx, tx, a.ID, staff, super, as); err != nil {
			return err
		}
		// What was a person's session must not become staff's, nor a look at a person one at staff.
		if err := endAll(ctx, tx, a); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "account.rank_changed", AccountID: a.ID, Detail: map[string]string{
			"staff": strconv.FormatBool(staff), "role": as, "superuser": strconv.FormatBool(super)}})
	})
}

// errRoleAlone refuses a role for who is not staff.
var errRoleAlone = ErrRank.WithDetail("Only staff have a staff role.")

// of returns what a becomes.
func (r Rank) of(a *account.Account) (staff, superuser bool) {
	staff, superuser = a.Staff, a.Superuser
	if r.Superuser != nil {
		superuser = *r.Superuser
		staff = staff || superuser
	}
	if r.Staff != nil {
		staff = *r.Staff
		superuser = superuser && staff
	}
	return staff, superuser
}

// roleOf returns the role that a gets. One that it has stays, even if there is no such role any more:
// that allows nothing.
func (s *Service) roleOf(r Rank, a *account.Account, staff bool) (string, error) {
	switch {
	case r.Role != nil && !staff:
		return "", errRoleAlone
	case r.Role != nil:
		return s.staffRole(*r.Role)
	case !staff:
		return "", nil
	case !a.Staff:
		return role.Operator, nil
	default:
		return a.StaffRole, nil
	}
}

// staffRole returns name if there is such a role.
func (s *Service) staffRole(name string) (string, error) {
	if s.Roles.Check(name) != nil {
		return "", role.ErrStaffRole.WithField("staff_role", role.ErrStaffRole.Code, role.ErrStaffRole.Detail)
	}
	return name, nil
}
