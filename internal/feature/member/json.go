package member

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
)

// JSON is a member as the API shows it.
type JSON struct {
	Account     string    `json:"account" doc:"Its id"`
	Email       string    `json:"email"`
	FullName    string    `json:"full_name"`
	IsActive    bool      `json:"is_active" doc:"Whether the account is"`
	Role        string    `json:"role"`
	Permissions []string  `json:"permissions" doc:"Those besides the role's"`
	JoinedAt    time.Time `json:"joined_at"`
	// Attributes are in no list, which stays light.
	Attributes map[string]any `json:"attributes,omitzero" doc:"Custom members as declared; left out of lists, and where none are declared"`
}

// JSON returns the member as the API shows it.
func (m *Member) JSON() JSON {
	return JSON{Account: m.Subject, Email: m.Email, FullName: m.FullName, IsActive: m.Active, Role: m.Role, Permissions: append([]string{}, m.Direct...), JoinedAt: m.JoinedAt.UTC(), Attributes: m.Attributes}
}

// ChangeJSON asks for a change of a member.
type ChangeJSON struct {
	Role        *string  `json:"role,omitempty" maxLength:"64"`
	Permissions []string `json:"permissions,omitempty" doc:"Besides the role's, in place of those there are; left out: as they are"`
	// Attributes may be any that are declared.
	Attributes map[string]any `json:"attributes,omitempty" doc:"Custom members as declared, also those that only others than the member may set; null removes one, those left out stay"`
}

// Change returns what is asked for.
func (j ChangeJSON) Change() Change {
	c := Change{Role: j.Role, Attributes: j.Attributes}
	if j.Permissions != nil {
		c.Direct = &j.Permissions
	}
	return c
}

// RoleJSON is a role as the API shows it.
type RoleJSON struct {
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
	Common      bool     `json:"common" doc:"All organisations have it; it cannot be changed here"`
	Members     int      `json:"members" doc:"How many have it"`
	Assignable  bool     `json:"assignable" doc:"Whether you may give it"`
}

// JSON returns the role as the API shows it to whoever has g.
func (r *RoleInfo) JSON(g role.Grant) RoleJSON {
	return RoleJSON{Name: r.Name, Permissions: append([]string{}, r.Permissions...), Common: r.Common, Members: r.Members, Assignable: g.Gives(r.Role)}
}
