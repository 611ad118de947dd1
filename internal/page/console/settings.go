package console

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Setting is one value that was configured, or its default.
type Setting struct {
	Name     string // in a file: sessions.idle
	Variable string // in the environment
	Value    string // empty where it is secret
	Secret   bool
	Set      bool   // a secret has a value
	Source   string // the variable, file or flag that set it; empty: the default, or the program itself
	Default  bool
}

func (c *Console) settingsRoutes() []web.Route {
	return []web.Route{web.Get(settingsPath, web.Staff, web.Page(c.showSettings)).Needs(role.StaffReadSettings)}
}

func (c *Console) showSettings(w http.ResponseWriter, r *http.Request) error {
	return c.write(w, r, http.StatusOK, "settings", c.Settings)
}
