package db

import "sync/atomic"

// counters count what was asked of the database, for benchmarks and tests.
type counters struct {
	statements   atomic.Int64
	transactions atomic.Int64
	inspect      atomic.Pointer[func(query string) error]
}

func (c *counters) statement(query string) error {
	c.statements.Add(1)
	if fn := c.inspect.Load(); fn != nil {
		return (*fn)(query)
	}
	return nil
}

func (c *counters) transaction() { c.transactions.Add(1) }

// Counts returns how many statements and explicit transactions were run since Open.
// BEGIN and COMMIT are not statements; each transaction adds two round trips for them.
func (d *DB) Counts() (statements, transactions int64) {
	return d.counts.statements.Load(), d.counts.transactions.Load()
}

// Inspect has fn called with the text of every statement from now on; an error of fn is
// the statement's result. It is for tests that count statements or make one fail. nil
// ends it. fn must not block.
func (d *DB) Inspect(fn func(query string) error) {
	if fn == nil {
		d.counts.inspect.Store(nil)
		return
	}
	d.counts.inspect.Store(&fn)
}
