package gatehouse

import (
	"io/fs"
	"path"

	"github.com/gatehouse-auth/gatehouse/internal/flow/join"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signup"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/internal/page/console"
	"github.com/gatehouse-auth/gatehouse/internal/page/devtools"
	"github.com/gatehouse-auth/gatehouse/internal/page/portal"
	"github.com/gatehouse-auth/gatehouse/internal/page/reference"
	"github.com/gatehouse-auth/gatehouse/internal/page/team"
)

// pageSets are the templates and texts of all pages; reference pages find their style sheet under
// docAssets.
func pageSets(docAssets string) []ui.Set {
	return []ui.Set{web.Pages(), signin.Pages(), signup.Pages(), recovery.Pages(), portal.Pages(), join.Pages(), team.Pages(), console.Pages(), reference.Pages(docAssets), devtools.Pages()}
}

// Templates returns the built-in templates of pages and mails, by the path below Config.TemplateDir at which
// a file replaces each.
func Templates() map[string]string {
	all := map[string]string{}
	pages, err := ui.New(ui.Config{}, pageSets(docAssets)...)
	if err != nil {
		panic(err) // nothing of it comes from outside
	}
	for _, name := range pages.Names() {
		all["pages/"+name+".html"], _ = pages.Builtin(name)
	}
	mails := mail.Builtin()
	err = fs.WalkDir(mails, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(mails, file)
		all[path.Join("mails", file)] = string(text)
		return err
	})
	if err != nil {
		panic(err) // they are embedded
	}
	return all
}
