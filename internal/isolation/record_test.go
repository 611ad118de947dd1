package isolation

import (
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// tables are those whose rows are tenants', with the column that says whose.
var tables = map[string]string{
	"tenant": "id", "tenant_slug": "tenant_id", "tenant_domain": "tenant_id", "tenant_role": "tenant_id", "membership": "tenant_id", "invitation": "tenant_id", "audit_event": "tenant_id",
}

// names finds tables of tenants in SQL.
var names = regexp.MustCompile(`\b(?:FROM|JOIN|INTO|UPDATE)\s+(tenant|tenant_slug|tenant_domain|tenant_role|membership|invitation|audit_event)\b`)

// shot is a statement as it was run.
type shot struct {
	in    db.Scope
	query string
	args  []any
	from  string // the function that ran it, such as domain/tenant.Lock
}

// perText is how many different runs of one text, and in one kind of scope, are kept.
const perText = 8

// recorder keeps statements that name a table of tenants, and the texts of all.
type recorder struct {
	mu    sync.Mutex
	shots []shot
	seen  map[string]int
	texts map[string]bool
}

// record has what g asks of its database recorded.
func record(g *gatehouse.Gatehouse) *recorder {
	r := &recorder{seen: map[string]int{}, texts: map[string]bool{}}
	pool(g).InspectAll(func(s db.Statement) error {
		r.keep(shot{s.In, s.Query, plain(s.Args), asker()})
		return nil
	})
	return r
}

// pool returns the database that g works with, which is nobody else's business.
func pool(g *gatehouse.Gatehouse) *db.DB {
	return (*db.DB)(reflect.ValueOf(g).Elem().FieldByName("db").UnsafePointer())
}

// post returns what g sends letters with.
func post(g *gatehouse.Gatehouse) *letter.Post {
	return (*letter.Post)(reflect.ValueOf(g).Elem().FieldByName("letters").UnsafePointer())
}

func (r *recorder) keep(s shot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts[even(s.query)] = true
	if !names.MatchString(s.query) {
		return
	}
	kind := fmt.Sprint(s.query, s.in == db.All(), s.in == db.Scope{}, s.from)
	if exact := fmt.Sprint(kind, s.in, s.args); r.seen[exact] == 0 && r.seen[kind] < perText {
		r.seen[exact]++
		r.seen[kind]++
		r.shots = append(r.shots, s)
	}
}

// closure is what a function in a function is called besides.
var closure = regexp.MustCompile(`\.func\d.*$`)

// asker is the function outside of kit/db that runs a statement.
func asker() string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		name, ours := strings.CutPrefix(f.Function, "github.com/gatehouse-auth/gatehouse/internal/")
		if ours && !strings.HasPrefix(name, "kit/db.") && !strings.HasPrefix(name, "isolation.") || !more {
			return strings.TrimSuffix(closure.ReplaceAllString(name, ""), "[...]")
		}
	}
}

// plain copies arguments as any driver takes them: the ones that were recorded may be bound by now.
func plain(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case [16]byte:
			out[i] = uuid.UUID(v)
		case uuid.NullUUID:
			if v.Valid {
				out[i] = v.UUID
			}
		case time.Time:
			if !v.IsZero() {
				out[i] = v.UnixMilli()
			}
		case []byte:
			out[i] = slices.Clone(v)
		default:
			out[i] = a
		}
	}
	return out
}
