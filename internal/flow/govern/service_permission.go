package govern

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Where a permission comes from.
const (
	BuiltIn    = "built_in"      // over the tenant itself
	Configured = "configuration" // of this instance
	Declared   = "declared"      // while running
)

// Permission is one that roles can hold.
type Permission struct {
	Name        string
	Description string
	Source      string    // BuiltIn, Configured or Declared
	DeclaredAt  time.Time // zero unless it was declared while running
}

// Permissions returns all that roles can hold, by name. One that is configured and was declared as
// well is Configured, with the description that it was given.
func (s *Service) Permissions(ctx context.Context) ([]Permission, error) {
	running, err := role.Declarations(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	all := map[string]Permission{}
	for _, d := range running {
		all[d.Name] = Permission{d.Name, d.Description, Declared, d.CreatedAt}
	}
	for _, name := range s.Roles.Declared() {
		p := all[name]
		p.Name, p.Source = name, Configured
		if role.CheckDeclared(name) != nil {
			p.Source = BuiltIn
		}
		all[name] = p
	}
	sorted := make([]Permission, 0, len(all))
	for _, p := range all {
		sorted = append(sorted, p)
	}
	slices.SortFunc(sorted, func(a, b Permission) int { return cmp.Compare(a.Name, b.Name) })
	return sorted, nil
}

// Declare makes a permission one that roles can hold, or gives it another description. Declaring it once
// more changes nothing, so an application can declare its own whenever it starts. It returns
// role.ErrPermission, ErrDescription and ErrTooMany.
func (s *Service) Declare(ctx context.Context, name, description string) error {
	if err := role.CheckDeclared(name); err != nil {
		return inMember(err, "name")
	}
	if description = strings.TrimSpace(description); utf8.RuneCountInString(description) > maxDescription || strings.ContainsFunc(description, unprintable) {
		return ErrDescription.WithField("description", ErrDescription.Code, ErrDescription.Detail)
	}
	known, err := role.Declarations(ctx, s.DB)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(known, func(d role.Declaration) bool { return d.Name == name && d.Description == description }) {
		return nil
	}
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := role.Declare(ctx, tx, role.Declaration{Name: name, Description: description}); err != nil {
			return err
		}
		if n, err := countDeclared(ctx, tx); err != nil || n > MaxDeclared {
			return cmp.Or(err, error(ErrTooMany))
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "permission.declared", Detail: map[string]string{"permission": name}})
	})
}

func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// Withdraw ends a declaration. Roles that hold the permission keep it, and nobody can give it any more.
// It returns ErrUndeclared.
func (s *Service) Withdraw(ctx context.Context, name string) error {
	if role.CheckDeclared(name) != nil {
		return ErrUndeclared
	}
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		known, err := role.Withdraw(ctx, tx, name)
		if err != nil {
			return err
		}
		if !known {
			return ErrUndeclared
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "permission.withdrawn", Detail: map[string]string{"permission": name}})
	})
}
