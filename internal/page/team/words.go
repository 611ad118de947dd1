package team

import (
	"context"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// roleName returns what people call a role: the built-in ones have names in every language.
func (t *Team) roleName(lang, name string) string {
	if key := "team.role." + name; slices.Contains([]string{role.Owner, role.Admin, role.Member}, name) {
		return t.UI.Text(lang, key)
	}
	return name
}

// roleOptions are roles to choose from.
func (t *Team) roleOptions(lang string, names []string) []ui.Option {
	options := make([]ui.Option, len(names))
	for i, name := range names {
		options[i] = ui.Option{Value: name, Text: t.roleName(lang, name)}
	}
	return options
}

// glossary says what permissions are for.
type glossary struct {
	ui       *ui.UI
	lang     string
	declared []role.Declaration
}

func (t *Team) glossary(ctx context.Context, lang string) (glossary, error) {
	declared, err := role.Declarations(ctx, t.DB)
	return glossary{t.UI, lang, declared}, err
}

// text says what an entry allows; empty where nobody said.
func (g glossary) text(entry string) string {
	if entry == role.Everything {
		return g.ui.Text(g.lang, "team.member.everything")
	}
	if noun, wild := strings.CutSuffix(entry, ".*"); wild {
		return g.ui.Text(g.lang, "team.member.wildcard", "noun", noun)
	}
	key := "team.permission." + strings.ReplaceAll(entry, ".", "_")
	if text := g.ui.Text(g.lang, key); text != key {
		return text
	}
	i := slices.IndexFunc(g.declared, func(d role.Declaration) bool { return d.Name == entry })
	if i < 0 {
		return ""
	}
	return g.declared[i].Description
}

// choice is an entry that can be given, in a form.
type choice struct {
	Entry, Text string
	Chosen      bool
}

// choices are the entries that can be given, and those that are, by their names.
func (g glossary) choices(offered, chosen []string) []choice {
	entries := slices.Concat(offered, chosen)
	slices.Sort(entries)
	entries = slices.Compact(entries)
	all := make([]choice, len(entries))
	for i, entry := range entries {
		all[i] = choice{entry, g.text(entry), slices.Contains(chosen, entry)}
	}
	return all
}
