package main

import (
	"fmt"
	"os"
	"text/tabwriter"
)

// maxPage is how many rows are asked for at once.
const maxPage = 200

// pages asks for page after page until there are limit rows; 0 means all. page returns how many
// it found and where to go on.
func pages(limit int, page func(after string, limit int) (int, string, error)) error {
	if limit < 0 {
		return usage("--limit must not be negative")
	}
	for after, left := "", limit; ; {
		size := maxPage
		if limit > 0 {
			size = min(left, maxPage)
		}
		n, next, err := page(after, size)
		left -= n
		if err != nil || next == "" || limit > 0 && left <= 0 {
			return err
		}
		after = next
	}
}

// rows prints a list: a table for people, a JSON object on each line for programs.
type rows struct {
	json  bool
	table *tabwriter.Writer
	err   error
}

func newRows(asJSON bool, head string) *rows {
	r := &rows{json: asJSON, table: tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)}
	if !asJSON {
		fmt.Fprintln(r.table, head)
	}
	return r
}

// add prints v, or its cells.
func (r *rows) add(v any, cells ...string) {
	if r.err != nil {
		return
	}
	if r.json {
		r.err = printJSON(v)
		return
	}
	for i, cell := range cells {
		end := "\t"
		if i == len(cells)-1 {
			end = "\n"
		}
		if _, err := fmt.Fprint(r.table, printable(cell), end); err != nil {
			r.err = err
		}
	}
}

// end prints what is left and returns the first error.
func (r *rows) end(err error) error {
	if flush := r.table.Flush(); r.err == nil {
		r.err = flush
	}
	if err == nil {
		err = r.err
	}
	return err
}
