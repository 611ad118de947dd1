package devtools

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
)

// sample is an account to look around with.
type sample struct{ Email, Key string }

// samples are made on request. Their password is made anew each time and kept in memory alone: a
// database from development never holds one that everybody knows.
type samples struct {
	mu       sync.Mutex
	password string
	tenant   string // short name of their organisation
}

// Who belongs to the sample organisation.
const (
	sampleOwner  = "sample.owner@example.com"
	sampleAdmin  = "sample.admin@example.com"
	sampleMember = "sample.member@example.com"
)

var sampleAccounts = []struct {
	sample
	manage.New
	disabled bool
}{
	{sample{"sample.person@example.com", "devtools.samples.person"}, manage.New{FullName: "Sample Person", Locale: "en"}, false},
	{sample{"sample.unverified@example.com", "devtools.samples.unverified"}, manage.New{FullName: "Sample Unverified", Unverified: true}, false},
	{sample{"sample.disabled@example.com", "devtools.samples.disabled"}, manage.New{FullName: "Sample Disabled"}, true},
	{sample{"sample.arabic@example.com", "devtools.samples.arabic"}, manage.New{FullName: "شخص تجريبي", Locale: "ar"}, false},
	{sample{sampleOwner, "devtools.samples.owner"}, manage.New{FullName: "Sample Owner"}, false},
	{sample{sampleAdmin, "devtools.samples.admin"}, manage.New{FullName: "Sample Administrator"}, false},
	{sample{sampleMember, "devtools.samples.member"}, manage.New{FullName: "Sample Member"}, false},
	{sample{"sample.staff@example.com", "devtools.samples.staff"}, manage.New{FullName: "Sample Staff", Staff: true}, false},
	{sample{"sample.support@example.com", "devtools.samples.support"}, manage.New{FullName: "Sample Support", Staff: true, StaffRole: "support"}, false},
	{sample{"sample.superuser@example.com", "devtools.samples.superuser"}, manage.New{FullName: "Sample Superuser", Staff: true, Superuser: true}, false},
}

// shown returns the sample accounts, their password and their organisation, once there are any.
func (s *samples) shown() (list []sample, password, slug string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.password == "" {
		return nil, "", ""
	}
	for _, a := range sampleAccounts {
		list = append(list, a.sample)
	}
	return list, s.password, s.tenant
}

// postSamples makes the sample accounts and their organisation, or gives those that are there a new
// password.
func (t *Tools) postSamples(w http.ResponseWriter, r *http.Request) error {
	ctx, password, made := r.Context(), rand.Text(), map[string]*account.Account{}
	for _, a := range sampleAccounts {
		a.New.Email, a.New.Password = a.sample.Email, password
		one, err := t.Manage.Create(ctx, a.New)
		if errors.Is(err, account.ErrTaken) {
			if one, err = t.Manage.Find(ctx, a.sample.Email); err == nil {
				_, err = t.Manage.SetPassword(ctx, one.Subject, password, false)
			}
		}
		if err == nil && a.disabled {
			_, err = t.Manage.Disable(ctx, manage.Operator(false), one.Subject)
		}
		if err != nil {
			return err
		}
		made[a.sample.Email] = one
	}
	slug, err := t.makeTenant(ctx, made)
	if err != nil {
		return err
	}
	t.samples.mu.Lock()
	t.samples.password, t.samples.tenant = password, slug
	t.samples.mu.Unlock()
	http.Redirect(w, r, "/dev/?done=devtools.done.samples#samples", http.StatusSeeOther)
	return nil
}

// makeTenant makes the sample organisation, unless its owner has one already, and returns its short name.
func (t *Tools) makeTenant(ctx context.Context, people map[string]*account.Account) (slug string, err error) {
	mine, err := t.Govern.Tenancy.Mine(ctx, people[sampleOwner].ID)
	if err != nil {
		return "", err
	}
	if len(mine) > 0 {
		slug = mine[0].Tenant.Slug
	} else if slug, err = t.newTenant(ctx, people[sampleOwner].Subject); err != nil {
		return "", err
	}
	for email, as := range map[string]string{sampleAdmin: role.Admin, sampleMember: role.Member} {
		_, err := t.Govern.AddMember(ctx, tenant.ByStaff(), slug, people[email].Subject, as)
		if err != nil && !errors.Is(err, tenant.ErrMember) {
			return "", err
		}
	}
	return slug, nil
}

// maxSamples is how many sample organisations there can be in the life of a database: a short name is used
// once.
const maxSamples = 100

func (t *Tools) newTenant(ctx context.Context, owner string) (slug string, err error) {
	for n := range maxSamples {
		name, slug := "Sample organisation", "sample"
		if n > 0 {
			name, slug = fmt.Sprint(name, " ", n+1), fmt.Sprint(slug, "-", n+1)
		}
		_, err = t.Govern.Create(ctx, name, slug, owner)
		if !errors.Is(err, tenant.ErrSlugTaken) && !errors.Is(err, tenant.ErrNameTaken) {
			return slug, err
		}
	}
	return "", err
}
