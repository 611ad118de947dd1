// Command bench prints what Gatehouse's hot paths reach of the limit that the same machine shows
// in the same run, and what the server takes of it: time to start, memory, statements.
//
// Both sides of a row are measured in short blocks, one after the other in changing order, and a
// row is the median of the blocks' ratios: rates of one machine differ by a third between minutes,
// such ratios by a few per cent. docs/performance.md says what each row means. It exits with 1
// when a row misses its gate, unless -quick.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"
)

// options are the flags.
type options struct {
	rounds   int           // of every duel
	block    time.Duration // one side's share of a round
	only     *regexp.Regexp
	quick    bool
	markdown bool
	size     size // of the tables where it matters
}

// parts are the measurements in order. Each gives one or more rows.
var parts = []struct {
	name string
	run  func(context.Context, *lab) ([]row, error)
}{
	{"verify", benchVerify},
	{"signin", benchSignIn},
	{"refresh-postgres", benchRefreshPostgres},
	{"refresh-sqlite", benchRefreshSQLite},
	{"me", benchMe},
	{"process", benchProcess},
	{"enrol", benchEnrol},
	{"endpoints", benchEndpoints},
	{"tenants", benchTenants},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == floorMode {
		exit(serveFloor(os.Args[2:]))
	}
	o := options{size: size{accounts: 100_000, sessions: 1_000_000}}
	flag.IntVar(&o.rounds, "rounds", 7, "rounds of each comparison")
	flag.DurationVar(&o.block, "block", 3*time.Second, "how long one side runs in a round")
	flag.BoolVar(&o.quick, "quick", false, "tiny sizes and no gates: shows that everything runs, measures nothing")
	flag.BoolVar(&o.markdown, "markdown", false, "print the table as Markdown")
	flag.Func("only", "run the parts that match a `regexp`: verify, signin, refresh-postgres, refresh-sqlite, me, process, enrol, endpoints, tenants", func(s string) (err error) {
		o.only, err = regexp.Compile(s)
		return err
	})
	flag.Parse()
	if o.quick {
		o.quicken()
	}
	exit(run(ctx, o))
}

// quicken makes every size as small as it can be.
func (o *options) quicken() {
	o.rounds, o.block, o.size = 1, 200*time.Millisecond, size{accounts: 200, sessions: 2_000}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

var errGate = errors.New("a gate is missed")

func run(ctx context.Context, o options) error {
	l, err := openLab(o)
	if err != nil {
		return err
	}
	defer l.close()
	fmt.Println(l.conditions())
	var all []row
	for _, p := range parts {
		if o.only != nil && !o.only.MatchString(p.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", p.name)
		rows, err := p.run(ctx, l)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		all = append(all, rows...)
	}
	fmt.Print(format(all, o.markdown))
	if !o.quick && missed(all) {
		return errGate
	}
	return nil
}
