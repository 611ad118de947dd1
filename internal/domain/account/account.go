// Package account holds the person: identifiers, status and profile.
//
// An account has two names: id, which is ours alone and what foreign keys and audit use,
// and subject, which the world sees (claim sub, JSON id) and which never changes. How a person
// proves to be the owner is left to the features; when an account is made is decided by flows.
package account

import (
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Failures a caller can act on.
var (
	ErrNotFound      = fault.New(fault.NotFound, "account_not_found", "There is no such account.")
	ErrTaken         = fault.New(fault.Conflict, "account_exists", "An account with this address or user name exists already.")
	ErrUsernameTaken = fault.New(fault.Conflict, "username_taken", "This user name is taken. Choose another.")
	ErrEmail         = fault.New(fault.Invalid, "email_invalid", "This is not an email address we can use.")
	ErrUsername      = fault.New(fault.Invalid, "username_invalid", "A user name has 1 to 150 letters, digits or . + - _, all of one script.")
	ErrProfile       = fault.New(fault.Invalid, "profile_invalid", "Some profile members are wrong; see errors.")
)

// ID is an account's primary key (UUIDv7).
type ID = uuid.UUID

// Account is one person's record.
type Account struct {
	ID            ID
	Subject       string
	Email         string // as typed; mail goes here and nowhere else
	EmailVerified bool
	Username      string // as typed; empty if there is none
	Active        bool
	Staff         bool
	Superuser     bool
	StaffRole     string // what staff may do, by a name of package role
	// Epoch is raised when all sessions must end. A session lives only while it has the
	// account's epoch.
	Epoch     int64
	Joined    time.Time
	LastLogin time.Time // zero: never
	Profile   Profile
}

// Profile is what the person may tell about themselves.
type Profile struct {
	FullName   string         `json:"full_name"`
	Phone      string         `json:"phone"`
	Locale     string         `json:"locale"`
	Attributes map[string]any `json:"attributes"`
}

// JSON is an account as the API shows it to its owner.
type JSON struct {
	ID          string         `json:"id" doc:"The subject: never changes, never reused"`
	Email       string         `json:"email"`
	Verified    bool           `json:"email_verified"`
	Username    *string        `json:"username" doc:"null when there is none"`
	FullName    string         `json:"full_name"`
	Phone       string         `json:"phone"`
	Locale      string         `json:"locale"`
	Attributes  map[string]any `json:"attributes"`
	IsActive    bool           `json:"is_active"`
	IsStaff     bool           `json:"is_staff"`
	IsSuperuser bool           `json:"is_superuser"`
	StaffRole   string         `json:"staff_role,omitempty" doc:"What a member of staff may do; left out of everybody else's"`
	DateJoined  time.Time      `json:"date_joined"`
	LastLogin   *time.Time     `json:"last_login" doc:"null before the first"`
}

// JSON returns the account as the API shows it.
func (a *Account) JSON() JSON {
	j := JSON{
		ID: a.Subject, Email: a.Email, Verified: a.EmailVerified, FullName: a.Profile.FullName, Phone: a.Profile.Phone,
		Locale: a.Profile.Locale, Attributes: a.Profile.Attributes, IsActive: a.Active, IsStaff: a.Staff, IsSuperuser: a.Superuser,
		DateJoined: a.Joined.UTC(),
	}
	if a.Staff {
		j.StaffRole = a.StaffRole
	}
	if a.Username != "" {
		j.Username = &a.Username
	}
	if !a.LastLogin.IsZero() {
		at := a.LastLogin.UTC()
		j.LastLogin = &at
	}
	if j.Attributes == nil {
		j.Attributes = map[string]any{}
	}
	return j
}

// String returns the address: how an account is named among people.
func (a *Account) String() string { return a.Email }

// LogValue is the id: how an account is named in logs.
func (a Account) LogValue() slog.Value { return slog.StringValue(a.ID.String()) }
