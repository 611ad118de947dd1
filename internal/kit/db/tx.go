package db

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// maxTries bounds how often a transaction that lost a race is run again.
const maxTries = 8

// Tx is a transaction under way. It is not safe for concurrent use and ends with the
// function it was given to.
type Tx struct {
	// Now is the transaction's one time: the clock's, cut to milliseconds, read when
	// it began. It is what is stored, compared and put into tokens.
	Now time.Time

	db       *DB
	in       Scope
	tx       transaction
	onCommit []func()
}

// InTx runs fn in a transaction and commits it when fn returns nil. Any error or panic
// rolls back, so a failure that must leave a trace returns nil and reports afterwards.
//
// When the transaction loses a race (deadlock, serialisation, a busy file) it is run again,
// so fn must not change anything but the database and variables it sets anew.
func (d *DB) InTx(ctx context.Context, fn func(tx *Tx) error) error { return d.inTx(ctx, Scope{}, fn) }

func (d *DB) inTx(ctx context.Context, in Scope, fn func(tx *Tx) error) error {
	var err error
	for try := range maxTries {
		err = d.try(ctx, in, fn)
		if err == nil || !d.engine.transient(err) || ctx.Err() != nil {
			break
		}
		d.log.DebugContext(ctx, "transaction is run again", "try", try+1, "reason", err)
		pause := time.Duration(rand.Int64N(int64(time.Millisecond) << try)) //nolint:gosec // spreads retries, guards nothing
		time.Sleep(pause)
	}
	return d.sorted(err)
}

func (d *DB) try(ctx context.Context, in Scope, fn func(tx *Tx) error) (err error) {
	inner, err := d.engine.begin(ctx, in)
	if err != nil {
		return err
	}
	d.counts.transaction()
	done := false
	defer func() {
		if done {
			return
		}
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, inner.rollback(undo))
	}()
	tx := &Tx{Now: d.Now(), db: d, in: in, tx: inner}
	if err := fn(tx); err != nil {
		return err
	}
	done = true
	if err := inner.commit(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	for _, after := range tx.onCommit {
		after()
	}
	return nil
}

// OnCommit has fn called once the transaction is committed, before InTx returns; never
// when it is rolled back. fn must be quick: it is for waking whoever waits for the rows.
func (t *Tx) OnCommit(fn func()) { t.onCommit = append(t.onCommit, fn) }

// Exec runs a statement and returns how many rows it changed.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := t.db.counts.statement(t.in, query, args); err != nil {
		return 0, err
	}
	return t.tx.exec(ctx, query, bind(args))
}

// Later is Exec for a write that nobody asks the outcome of before the transaction ends. On PostgreSQL it
// costs no round trip: it goes with the next statement, or with the commit, and so does its error.
func (t *Tx) Later(ctx context.Context, query string, args ...any) error {
	if err := t.db.counts.statement(t.in, query, args); err != nil {
		return err
	}
	return t.tx.later(ctx, query, bind(args))
}

// Row runs a statement that gives at most one row and scans it into dest. It returns
// [ErrNoRows] when there is none.
func (t *Tx) Row(ctx context.Context, query string, args []any, dest ...any) error {
	if err := t.db.counts.statement(t.in, query, args); err != nil {
		return err
	}
	r, err := t.tx.query(ctx, query, bind(args))
	return scanOne(r, err, dest)
}

// Each runs a statement and calls fn for each row. fn scans with the function it is
// given and must not use the transaction.
func (t *Tx) Each(ctx context.Context, query string, args []any, fn func(scan func(dest ...any) error) error) error {
	if err := t.db.counts.statement(t.in, query, args); err != nil {
		return err
	}
	r, err := t.tx.query(ctx, query, bind(args))
	return scanEach(r, err, fn)
}

// Unique reports whether err is a violated unique constraint or primary key. On PostgreSQL
// the transaction is then lost, so return the error you want the caller to see.
func (t *Tx) Unique(err error) bool { return t.db.engine.unique(err) }

// Orphan reports whether err is a violated foreign key: the row that a new one belongs to is gone.
// On PostgreSQL the transaction is then lost, as with Unique.
func (t *Tx) Orphan(err error) bool { return t.db.engine.orphan(err) }
