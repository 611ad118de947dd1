package db

import "sync/atomic"

// counters count what was asked of the database, for benchmarks and tests.
type counters struct {
	statements   atomic.Int64
	transactions atomic.Int64
	inspect      atomic.Pointer[func(Statement) error]
}

func (c *counters) statement(in Scope, query string, args []any) error {
	c.statements.Add(1)
	if fn := c.inspect.Load(); fn != nil {
		return (*fn)(Statement{in, query, args})
	}
	return nil
}

func (c *counters) transaction() { c.transactions.Add(1) }

// Counts returns how many statements and explicit transactions were run since Open.
// BEGIN and COMMIT are not statements. On PostgreSQL BEGIN goes with the first statement, and a transaction
// adds one round trip, for COMMIT.
func (d *DB) Counts() (statements, transactions int64) {
	return d.counts.statements.Load(), d.counts.transactions.Load()
}

// Statement is one that was asked for.
type Statement struct {
	In    Scope
	Query string
	Args  []any
}

// Inspect has fn called with the text of every statement from now on; an error of fn is
// the statement's result. It is for tests that count statements or make one fail. nil
// ends it. fn must not block.
func (d *DB) Inspect(fn func(query string) error) {
	if fn == nil {
		d.counts.inspect.Store(nil)
		return
	}
	d.InspectAll(func(s Statement) error { return fn(s.Query) })
}

// InspectAll is Inspect with all that is known of a statement. Its arguments must not be changed.
func (d *DB) InspectAll(fn func(Statement) error) { d.counts.inspect.Store(&fn) }
