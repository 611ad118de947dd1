// Package passkeytest is an authenticator in software, for tests.
package passkeytest

// Authenticator makes passkeys and signs with them.
type Authenticator struct{ origin string }

// NewAuthenticator returns an authenticator whose browser is at origin.
func NewAuthenticator(origin string) *Authenticator { return &Authenticator{origin} }

// Create answers the options of a registration.
func (a *Authenticator) Create(options []byte) []byte { panic("unfinished") }

// Get answers the options of a sign-in or proof.
func (a *Authenticator) Get(options []byte) []byte { panic("unfinished") }
