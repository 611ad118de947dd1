package manage

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Create makes an active account. It returns account.ErrTaken when the address, user name or
// subject is, and the faults of whatever member is wrong.
func (s *Service) Create(ctx context.Context, n New) (*account.Account, error) {
	row, err := s.check(n)
	if err != nil {
		return nil, err
	}
	hash, err := s.hash(ctx, n)
	if err != nil {
		return nil, err
	}
	var made *account.Account
	err = s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		if made, err = account.Create(ctx, tx, row); err != nil {
			return err
		}
		if hash != "" {
			if err := password.Set(ctx, tx, made.ID, hash); err != nil {
				return err
			}
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "account.created", AccountID: made.ID, Detail: map[string]string{
			"staff": strconv.FormatBool(row.Staff), "role": row.StaffRole, "superuser": strconv.FormatBool(row.Super), "verified": strconv.FormatBool(row.Verified),
		}})
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// check turns what was asked for into a row.
func (s *Service) check(n New) (row account.New, err error) {
	row = account.New{Subject: n.Subject, Verified: !n.Unverified, Active: true, Staff: n.Staff || n.Superuser, Super: n.Superuser}
	if n.StaffRole != "" && !row.Staff {
		return row, errRoleAlone
	}
	if row.Staff {
		if row.StaffRole, err = s.staffRole(cmp.Or(n.StaffRole, role.Operator)); err != nil {
			return row, err
		}
	}
	if row.Email, err = account.ParseEmail(n.Email); err != nil {
		return row, err
	}
	if n.Username != "" {
		if row.Username, err = account.ParseUsername(n.Username); err != nil {
			return row, err
		}
	}
	if err := checkSubject(n.Subject); err != nil {
		return row, err
	}
	row.Profile, err = s.Schema.Apply(account.Profile{}, account.Change{
		FullName: &n.FullName, Phone: &n.Phone, Locale: &n.Locale, Attributes: n.Attributes,
	}, false)
	return row, err
}

// hash returns the stored form of the account's password, empty when it has none.
func (s *Service) hash(ctx context.Context, n New) (string, error) {
	switch {
	case n.Password != "" && n.PasswordHash != "":
		return "", ErrPasswords
	case n.PasswordHash != "":
		return password.Import(n.PasswordHash)
	case n.Password == "":
		return "", nil
	}
	if !n.AnyPassword {
		person := password.Person{Email: n.Email, Username: n.Username, FullName: n.FullName}
		if err := s.Policy.Check(ctx, n.Password, person); err != nil {
			return "", password.InMember(err, "password")
		}
	}
	return s.Hasher.Hash(ctx, n.Password)
}

// Find returns the account with this address, subject or user name. It returns
// account.ErrNotFound, and ErrAmbiguous when the name is one account's subject and another's
// user name: acting on the wrong one of two would be worse than asking again.
func (s *Service) Find(ctx context.Context, name string) (*account.Account, error) {
	if !utf8.ValidString(name) || strings.ContainsRune(name, 0) { // databases take it for no text
		return nil, account.ErrNotFound
	}
	found, err := findNamed(ctx, s.DB, name)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, account.ErrNotFound
	case len(found) > 1:
		return nil, ErrAmbiguous
	}
	return found[0], nil
}

// List returns accounts in the order they were made, at most limit and web.MaxPage, starting
// after the one with the subject given; empty starts with the first.
func (s *Service) List(ctx context.Context, after string, limit int) ([]*account.Account, error) {
	var from *account.Account
	if after != "" {
		err := s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
			from, err = findSubject(ctx, tx, after)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if limit < 1 || limit > web.MaxPage {
		limit = web.MaxPage
	}
	return account.List(ctx, s.DB, from, limit)
}

// SetPassword gives the account with this subject a new password, ends all its sessions and tells
// its owner. The policy is asked unless anyPassword.
func (s *Service) SetPassword(ctx context.Context, subject, fresh string, anyPassword bool) (*account.Account, error) {
	if !anyPassword {
		a, err := s.change(ctx, subject, func(*db.Tx, *account.Account) error { return nil })
		if err != nil {
			return nil, err
		}
		if err := s.Policy.Check(ctx, fresh, password.PersonOf(a)); err != nil {
			return nil, password.InMember(err, "password")
		}
	}
	hash, err := s.Hasher.Hash(ctx, fresh)
	if err != nil {
		return nil, err
	}
	return s.change(ctx, subject, func(tx *db.Tx, a *account.Account) error {
		if _, err := account.EndSessions(ctx, tx, a.ID); err != nil {
			return err
		}
		if err := password.Set(ctx, tx, a.ID, hash); err != nil {
			return err
		}
		if err := s.Deps.Unlock(ctx, tx, a.ID); err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, audit.Event{Kind: "password.set", AccountID: a.ID}); err != nil {
			return err
		}
		return s.Letters.Tell(ctx, tx, letter.PasswordChanged, a.ID)
	})
}

// findSubject returns the account with this subject. What cannot be one is nobody's.
func findSubject(ctx context.Context, tx *db.Tx, subject string) (*account.Account, error) {
	if subject == "" || checkSubject(subject) != nil {
		return nil, account.ErrNotFound
	}
	return account.FindBySubject(ctx, tx, subject)
}

// change runs fn with the account in a transaction and returns the account as fn left it.
func (s *Service) change(ctx context.Context, subject string, fn func(tx *db.Tx, a *account.Account) error) (*account.Account, error) {
	var changed *account.Account
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		a, err := findSubject(ctx, tx, subject)
		if err != nil {
			return err
		}
		changed = a
		return fn(tx, a)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}
