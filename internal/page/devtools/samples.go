package devtools

import (
	"crypto/rand"
	"errors"
	"net/http"
	"sync"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
)

// sample is an account to look around with.
type sample struct{ Email, Key string }

// samples are made on request. Their password is made anew each time and kept in memory alone: a
// database from development never holds one that everybody knows.
type samples struct {
	mu       sync.Mutex
	password string
}

var sampleAccounts = []struct {
	sample
	manage.New
	disabled bool
}{
	{sample{"sample.person@example.com", "devtools.samples.person"}, manage.New{FullName: "Sample Person", Locale: "en"}, false},
	{sample{"sample.unverified@example.com", "devtools.samples.unverified"}, manage.New{FullName: "Sample Unverified", Unverified: true}, false},
	{sample{"sample.disabled@example.com", "devtools.samples.disabled"}, manage.New{FullName: "Sample Disabled"}, true},
	{sample{"sample.arabic@example.com", "devtools.samples.arabic"}, manage.New{FullName: "شخص تجريبي", Locale: "ar"}, false},
	{sample{"sample.staff@example.com", "devtools.samples.staff"}, manage.New{FullName: "Sample Staff", Staff: true}, false},
	{sample{"sample.support@example.com", "devtools.samples.support"}, manage.New{FullName: "Sample Support", Staff: true, StaffRole: "support"}, false},
	{sample{"sample.superuser@example.com", "devtools.samples.superuser"}, manage.New{FullName: "Sample Superuser", Staff: true, Superuser: true}, false},
}

// shown returns the sample accounts and their password, once there is one.
func (s *samples) shown() (list []sample, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.password == "" {
		return nil, ""
	}
	for _, a := range sampleAccounts {
		list = append(list, a.sample)
	}
	return list, s.password
}

// postSamples makes the sample accounts, or gives those that are there a new password.
func (t *Tools) postSamples(w http.ResponseWriter, r *http.Request) error {
	ctx, password := r.Context(), rand.Text()
	for _, a := range sampleAccounts {
		a.New.Email, a.New.Password = a.sample.Email, password
		made, err := t.Manage.Create(ctx, a.New)
		if errors.Is(err, account.ErrTaken) {
			if made, err = t.Manage.Find(ctx, a.sample.Email); err == nil {
				_, err = t.Manage.SetPassword(ctx, made.Subject, password, false)
			}
		}
		if err == nil && a.disabled {
			_, err = t.Manage.Disable(ctx, manage.Operator(false), made.Subject)
		}
		if err != nil {
			return err
		}
	}
	t.samples.mu.Lock()
	t.samples.password = password
	t.samples.mu.Unlock()
	http.Redirect(w, r, "/dev/?done=devtools.done.samples#samples", http.StatusSeeOther)
	return nil
}
