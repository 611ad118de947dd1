package portal

import (
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
)

// attributeFields shows the declared attributes with an account's values.
func (p *Portal) attributeFields(values map[string]any, lang string) []account.Field {
	return account.Fields(p.UI, lang, p.Attributes, values)
}

// change returns what a form would change of an account. Members that it does not have, that are
// read-only or that stay as they are are left out, and so stay out of the audit.
func (p *Portal) change(a *account.Account, form url.Values) account.Change {
	c := account.Change{Attributes: account.Differences(p.Attributes, a.Profile.Attributes, form, true)}
	if s := form.Get("full_name"); form.Has("full_name") && strings.TrimSpace(s) != a.Profile.FullName {
		c.FullName = &s
	}
	if s := form.Get("phone"); form.Has("phone") && strings.TrimSpace(s) != a.Profile.Phone {
		c.Phone = &s
	}
	return c
}

// empty reports whether c changes nothing.
func empty(c account.Change) bool {
	return c.FullName == nil && c.Phone == nil && c.Locale == nil && len(c.Attributes) == 0
}
