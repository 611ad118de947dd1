package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// row is one line of the table.
type row struct {
	path   string // what was measured
	beside string // the limit it is held against; empty: an absolute number
	ours   string // with its unit
	limit  string // beside's, with its unit
	result string // the ratio, or the number itself
	rounds string // how many, and how far they lay apart
	gate   string // what result must be; empty: for information
	missed bool
	note   string
}

// gate is a bound on a result.
type gate struct {
	bound float64
	most  bool // bound is the most, not the least
}

func atLeast(bound float64) gate { return gate{bound: bound} }
func atMost(bound float64) gate  { return gate{bound, true} }

func (g gate) String() string {
	if g.most {
		return "at most " + number(g.bound)
	}
	return "at least " + number(g.bound)
}

func (g gate) missedBy(v float64) bool {
	if math.IsNaN(v) {
		return true
	}
	if g.most {
		return v > g.bound
	}
	return v < g.bound
}

// bounded returns r with a gate on v.
func (r row) bounded(g gate, v float64) row {
	r.gate, r.missed = g.String(), g.missedBy(v)
	return r
}

func missed(rows []row) bool {
	return slices.ContainsFunc(rows, func(r row) bool { return r.missed })
}

// number writes v with three digits that count.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "-"
	case a >= 100 || v == math.Trunc(v):
		return grouped(int64(math.Round(v)))
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// grouped writes thousands apart: 12,345.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes n things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprint(n) + " " + thing
}

// median returns the middle of values, which must not be empty.
func median[T cmp.Ordered](values []T) T {
	s := slices.Sorted(slices.Values(values))
	return s[len(s)/2]
}

var header = []string{"path", "beside", "ours", "limit", "result", "rounds (range)", "must be", "", "notes"}

func (r row) cells() []string {
	verdict := ""
	if r.gate != "" {
		verdict = "ok"
	}
	if r.missed {
		verdict = "MISSED"
	}
	return []string{r.path, r.beside, r.ours, r.limit, r.result, r.rounds, r.gate, verdict, r.note}
}

// format lays rows out as aligned text or as Markdown.
func format(rows []row, markdown bool) string {
	lines := [][]string{header}
	for _, r := range rows {
		lines = append(lines, r.cells())
	}
	if markdown {
		return markdownTable(lines)
	}
	return alignedTable(lines)
}

func markdownTable(lines [][]string) string {
	var b strings.Builder
	for i, l := range lines {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(l, " | "))
		if i == 0 {
			b.WriteString(strings.Repeat("| --- ", len(l)) + "|\n")
		}
	}
	return b.String()
}

func alignedTable(lines [][]string) string {
	width := make([]int, len(header))
	for _, l := range lines {
		for i, c := range l {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, l := range lines {
		for i, c := range l {
			pad := width[i] - utf8.RuneCountInString(c)
			if i == len(l)-1 {
				pad = 0
			}
			b.WriteString(c + strings.Repeat(" ", pad+2))
		}
		b.WriteString("\n")
	}
	return b.String()
}
