// Package profile shows an account to its owner and lets them change what people may tell about
// themselves. What a profile may hold is decided by domain/account; addresses, passwords and
// status are changed elsewhere and cannot be reached from here.
package profile

import (
	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Service reads and changes profiles. It is safe for concurrent use.
type Service struct {
	db     *db.DB
	schema account.Schema
}

// New returns a Service. schema declares the custom attributes.
func New(d *db.DB, schema account.Schema) *Service { return &Service{db: d, schema: schema} }
