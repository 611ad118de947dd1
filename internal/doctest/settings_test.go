package doctest

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// setting is one value that can be configured, as the tags of the source declare it.
type setting struct {
	path   string // in a file: sessions.idle
	secret bool
}

func (s setting) variable() string {
	return "GATEHOUSE_" + strings.ToUpper(strings.ReplaceAll(s.path, ".", "__"))
}

// settings lists all of the engine's and the server's, in the order of the source.
func settings(t *testing.T) []setting {
	t.Helper()
	engine, server := load(t, "."), load(t, "cmd/gatehouse")
	all := under("", structOf(t, engine.types, "Config"))
	return append(all, under("", structOf(t, server.types, "settings"))...)
}

func structOf(t *testing.T, p *types.Package, name string) *types.Struct {
	t.Helper()
	found := p.Scope().Lookup(name)
	if found == nil {
		t.Fatalf("%s has no type %s", p.Name(), name)
	}
	return found.Type().Underlying().(*types.Struct)
}

func under(path string, s *types.Struct) []setting {
	var all []setting
	for i := range s.NumFields() {
		name, option, _ := strings.Cut(configTag(s.Tag(i)), ",")
		nested, isStruct := s.Field(i).Type().Underlying().(*types.Struct)
		switch {
		case name == "" || name == "-":
		case isStruct:
			all = append(all, under(path+name+".", nested)...)
		default:
			all = append(all, setting{path: path + name, secret: option == "secret"})
		}
	}
	return all
}

func configTag(tag string) string {
	m := regexp.MustCompile(`config:"([^"]*)"`).FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	return m[1]
}

func TestConfigurationListsEverySetting(t *testing.T) {
	rows := map[string][]string{}
	p := read(t, "docs/configuration.md")
	var documented, there []string
	for _, row := range table(t, p, "## Every setting") {
		name := named([][]string{row}, 0)
		if len(name) != 1 || len(row) != 5 {
			t.Fatalf("%s: a row has one variable and five cells: %v", p.name, row)
		}
		documented = append(documented, name[0])
		rows[name[0]] = row
	}
	for _, s := range settings(t) {
		there = append(there, s.variable())
		row, ok := rows[s.variable()]
		if !ok {
			continue
		}
		if in := named([][]string{row}, 1); len(in) != 1 || in[0] != s.path {
			t.Errorf("%s: in a file it is %s, not %v", s.variable(), s.path, in)
		}
		if strings.Contains(row[1], "secret") != s.secret {
			t.Errorf("%s: secret is %v", s.variable(), s.secret)
		}
	}
	same(t, "settings", documented, there)
	for path, value := range defaults(t) {
		row := rows[setting{path: path}.variable()]
		if row == nil || row[2] != "`"+value+"`" {
			t.Errorf("%s: the default is %s, not %v", path, value, row)
		}
	}
}

// defaults reads the calls of orDefault in Config.withDefaults whose value is a constant.
func defaults(t *testing.T) map[string]string {
	t.Helper()
	s := load(t, ".")
	all := map[string]string{}
	for _, f := range s.files {
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Name.Name == "withDefaults" {
				ast.Inspect(fn, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok {
						s.noteCall(all, call)
					}
					return true
				})
			}
		}
	}
	if len(all) < 15 {
		t.Fatalf("only %d defaults found", len(all))
	}
	return all
}

func (s source) noteCall(all map[string]string, call *ast.CallExpr) {
	switch fn := call.Fun.(type) {
	case *ast.Ident:
		if address, ok := call.Args[0].(*ast.UnaryExpr); fn.Name == "orDefault" && ok {
			s.note(all, s.path(address.X), call.Args[1])
		}
	case *ast.SelectorExpr: // of a Limit
		if fn.Sel.Name == "orDefault" {
			s.note(all, s.path(fn.X)+".tries", call.Args[0])
			s.note(all, s.path(fn.X)+".per", call.Args[1])
		}
	}
}

func (s source) note(all map[string]string, path string, value ast.Expr) {
	if v := s.info.Types[value]; v.Value != nil && !strings.HasPrefix(path, "?") {
		all[path] = spell(v)
	}
}

// path turns c.Sessions.Idle into sessions.idle, by the tags of the members.
func (s source) path(e ast.Expr) string {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	parent := s.path(sel.X)
	if parent != "" {
		parent += "."
	}
	of, ok := s.info.Types[sel.X].Type.Underlying().(*types.Struct)
	if !ok {
		return "?"
	}
	for i := range of.NumFields() {
		if of.Field(i).Name() == sel.Sel.Name {
			name, _, _ := strings.Cut(configTag(of.Tag(i)), ",")
			return parent + name
		}
	}
	return "?"
}

// spell writes a constant as a setting is written.
func spell(v types.TypeAndValue) string {
	if v.Type.String() != "time.Duration" {
		return strings.Trim(v.Value.ExactString(), `"`)
	}
	n, _ := constant.Int64Val(v.Value)
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if n%int64(unit.size) == 0 {
			return strconv.FormatInt(n/int64(unit.size), 10) + unit.name
		}
	}
	return time.Duration(n).String()
}

func TestAttributeMembersAreDocumented(t *testing.T) {
	var there []string
	for _, s := range under("", structOf(t, load(t, ".").types, "Attribute")) {
		there = append(there, s.path)
	}
	same(t, "attribute", named(table(t, read(t, "docs/configuration.md"), "## Custom attributes"), 0), there)
}

// Files of settings in the documents are accepted, beside what each of them leaves out.
func TestSettingsFilesAreAccepted(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.info != "yaml" {
				continue
			}
			found++
			s := newStage(t)
			file := filepath.Join(s.dir, "gatehouse.yaml")
			if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			gatehouse, _ := binary()
			cmd := s.command(t.Context(), gatehouse, "check", "--config", file)
			for name, value := range map[string]string{"public_url": "https://id.example.com", "database_url": "sqlite:x.db", "secret_key": throwawayKey, "smtp_url": "off"} {
				if !regexp.MustCompile(`(?m)^` + name + `(_file)?:`).MatchString(b.text) {
					cmd.Env = append(cmd.Env, "GATEHOUSE_"+strings.ToUpper(name)+"="+value)
				}
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s:%d: %v: %s", p.name, b.line, err, out)
			}
		}
	}
	if found == 0 {
		t.Error("no file of settings found")
	}
}

// throwawayKey was made with openssl rand -base64 32 and seals nothing.
const throwawayKey = "8qDGkbF3ti5m1M9Jx/1yFvXyqBMmKiGUCqbBD8JtsKc="

var amount = regexp.MustCompile(`^([\d,]+)(?: ([A-Za-z]+))?`)

// Fixed limits name the constant that they are.
func TestFixedLimitsAreWhatTheSourceSays(t *testing.T) {
	packages := map[string]source{}
	for _, row := range table(t, read(t, "docs/limits.md"), "## Fixed limits") {
		where := strings.Trim(row[2], "`")
		at := strings.LastIndexByte(where, '.')
		dir, name := where[:at], where[at+1:]
		if dir == "gatehouse" {
			dir = "."
		}
		if _, ok := packages[dir]; !ok {
			packages[dir] = load(t, dir)
		}
		c, ok := packages[dir].types.Scope().Lookup(name).(*types.Const)
		if !ok {
			t.Errorf("limits: there is no constant %s", where)
			continue
		}
		want, err := amountOf(row[1], c.Type().String() == "time.Duration")
		have, exact := constant.Int64Val(constant.ToInt(c.Val()))
		if err != nil || !exact || have != want {
			t.Errorf("limits: %s is %v, not %s (%v)", where, c.Val(), row[1], err)
		}
	}
}

// amountOf reads 64 KiB, 10 min or 1,000 mails.
func amountOf(text string, isDuration bool) (int64, error) {
	m := amount.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%q begins with no number", text)
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", ""), 10, 64)
	units := map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20}
	if isDuration {
		units = map[string]int64{"ms": int64(time.Millisecond), "s": int64(time.Second), "min": int64(time.Minute), "h": int64(time.Hour), "d": int64(24 * time.Hour)}
	}
	if factor, ok := units[m[2]]; ok {
		n *= factor
	} else if isDuration {
		return 0, fmt.Errorf("%q has no unit of time", text)
	}
	return n, err
}
