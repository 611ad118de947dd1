package arch

import (
	"go/ast"
	"go/types"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stored is everything Gatehouse keeps, by what of authentication it is. A table that fits nowhere here is an
// application's, which has a database of its own and the subject of a token to tell people apart by.
var stored = map[string][]string{
	"who somebody is":                   {"account", "profile", "registration", "reserved_name"},
	"how they prove it":                 {"password_credential", "totp_device", "passkey", "backup_code", "email_factor", "factor_grace", "factor_recovery", "one_time_token", "ticket"},
	"where they are signed in":          {"session", "page_cookie", "device"},
	"which organisation they act for":   {"tenant", "tenant_slug", "tenant_domain", "membership", "invitation"},
	"what they may do":                  {"tenant_role", "declared_permission"},
	"what the tokens are signed with":   {"key_material"},
	"what happened":                     {"audit_event", "stat_hour"},
	"how the service does its own work": {"job", "job_schedule", "rate_limit", "dev_mail"},
}

// known is all there is about a person and about their place in an organisation. Whatever else an application
// wants to know of them is an attribute it declares, or in a table of its own.
var known = map[string]string{
	"account":    "id subject email email_key username username_key email_verified active staff superuser staff_role epoch erase_at created_at last_login_at",
	"profile":    "account_id full_name name_key phone locale attributes updated_at",
	"membership": "tenant_id account_id role permissions created_at attributes",
}

var classified = regexp.MustCompile("`([a-z_]+)\\.([a-z_]+)`")

// columns returns those of every table on either database, as docs/data-classification.md has them: that they
// are those of the migrations is a test of package doctest.
func columns(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/data-classification.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(text), "\n## Columns\n")
	rows, _, _ = strings.Cut(rows, "\n## ")
	all := map[string][]string{}
	for row := range strings.Lines(rows) {
		if cells := strings.Split(row, "|"); len(cells) > 2 {
			for _, m := range classified.FindAllStringSubmatch(cells[1], -1) {
				all[m[1]] = append(all[m[1]], m[2])
			}
		}
	}
	return all
}

func TestWhatIsStoredIsOfAuthentication(t *testing.T) {
	there := columns(t)
	for what, tables := range stored {
		for _, table := range tables {
			if there[table] == nil {
				t.Errorf("%s: there is no table %s; take it off the list", what, table)
			}
		}
	}
	ours := slices.Concat(slices.Collect(maps.Values(stored))...)
	for table, columns := range there {
		if !slices.Contains(ours, table) {
			t.Errorf("table %s is nothing of authentication: it belongs to an application", table)
		}
		want, person := known[table]
		if slices.Sort(columns); person && !slices.Equal(columns, slices.Sorted(strings.FieldsSeq(want))) {
			t.Errorf("table %s has the columns %v, want %s: what only an application knows is an attribute, or in its own tables", table, columns, want)
		}
	}
}

// doors are where an application comes in: functions that it gives, and declarations of its own. They are all
// members of Config that are more than a number, a text or a list of texts.
var doors = map[string]string{
	"Claims":             "func(ctx context.Context, about ClaimsFor) (map[string]any, error)",
	"Clock":              "Clock",
	"Logger":             "*slog.Logger",
	"Sources":            "map[string]string",
	"Password.Around":    "func() (after func())",
	"Attributes":         "[]Attribute",
	"Tenants.Roles":      "[]Role",
	"Tenants.Attributes": "[]Attribute",
	"Staff.Roles":        "[]Role",
}

func TestApplicationsComeInByHooksAndDeclarations(t *testing.T) {
	structs := map[string]*ast.StructType{}
	for _, s := range sources(t) {
		if s.dir == "." && !s.test {
			ast.Inspect(s.file, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					if of, ok := spec.Type.(*ast.StructType); ok {
						structs[spec.Name.Name] = of
					}
				}
				return true
			})
		}
	}
	there := map[string]string{}
	collect(structs, "", structs["Config"], there)
	if !maps.Equal(there, doors) {
		t.Errorf("Config lets applications in by\n%v\nwant\n%v\nan application's own things come in by a hook or a declaration", there, doors)
	}
	for _, declaration := range []string{"Attribute", "Role"} {
		inside := map[string]string{}
		if collect(structs, "", structs[declaration], inside); len(inside) > 0 {
			t.Errorf("%s is no declaration: it holds %v", declaration, inside)
		}
	}
}

// collect puts the members of a struct, and of those in it, into doors that are no plain settings.
func collect(structs map[string]*ast.StructType, prefix string, of *ast.StructType, doors map[string]string) {
	plain := []string{"string", "bool", "int", "uint8", "uint32", "float64", "time.Duration", "[]string"}
	for _, member := range of.Fields.List {
		kind := types.ExprString(member.Type)
		if slices.Contains(plain, kind) {
			continue
		}
		for _, name := range member.Names {
			if inner, ok := structs[kind]; ok {
				collect(structs, prefix+name.Name+".", inner, doors)
			} else {
				doors[prefix+name.Name] = kind
			}
		}
	}
}

// Applications depend on Gatehouse, never the other way round.
func TestNothingImportsAnApplication(t *testing.T) {
	for _, s := range sources(t) {
		for _, i := range s.imports {
			if dir, ok := local(i); ok && strings.HasPrefix(dir, "examples/") && !strings.HasPrefix(s.dir, "examples/") {
				t.Errorf("%s imports %s: an application", s.path, i)
			}
		}
	}
}
