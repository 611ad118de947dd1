package ui

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Chart is a drawing of counts over time or by name. Templates show it with
// {{template "chart" (chart .Name)}}: a drawing for the eye and a table for all.
type Chart struct {
	title  string
	series []string
	rows   []Row
	lines  bool
}

// Row is one place on the horizontal axis: a time, or a label where At is zero. Values has one
// entry for each series, none of them negative; of a line, one that is no number was not measured then,
// and is not drawn.
type Row struct {
	At     time.Time
	Hourly bool // At names an hour, not a day
	Label  string
	Values []float64
}

// Bars stacks the series of each row. title and series are keys of texts; at most four series
// can be told apart.
func Bars(title string, series []string, rows []Row) Chart {
	return Chart{title: title, series: series, rows: rows}
}

// Lines draws one line for each series.
func Lines(title string, series []string, rows []Row) Chart {
	return Chart{title: title, series: series, rows: rows, lines: true}
}

// chartView is a laid out chart, on a canvas of 1000 by 1000.
type chartView struct {
	Title               string
	Series              []seriesView
	Rows                []rowView
	Grid                []gridView
	First, Middle, Last string
	Empty               bool
	Lines               bool
}

type seriesView struct {
	Name   string
	Class  string // s1 to s4
	Points string // of a line
	Total  string
}

type rowView struct {
	Label  string
	Values []string
	Bars   []barView
}

type barView struct{ Class, X, Y, W, H string }

type gridView struct{ Y, Text string }

const canvas = 1000.0

func (u *UI) layOut(lang string, c Chart) chartView {
	v := chartView{Title: u.Text(lang, c.title), Empty: len(c.rows) == 0, Lines: c.lines}
	top := ceiling(c.highest())
	for i, key := range c.series {
		s := seriesView{Name: u.Text(lang, key), Class: "s" + strconv.Itoa(i%4+1)}
		if c.lines {
			s.Points = c.points(i, top)
			s.Total = u.reading(lang, c.last(i)) // how it stands now; sums are for what happens
		} else {
			s.Total, _ = u.number(lang, c.sum(i))
		}
		v.Series = append(v.Series, s)
	}
	for x := range c.rows {
		v.Rows = append(v.Rows, u.layOutRow(lang, c, x, top))
	}
	for _, share := range []float64{1, 0.5, 0} {
		text, _ := u.number(lang, top*share)
		v.Grid = append(v.Grid, gridView{coordinate(canvas * (1 - share)), text})
	}
	if n := len(v.Rows); n > 0 {
		v.First = v.Rows[0].Label
		if n > 1 {
			v.Last = v.Rows[n-1].Label
		}
		if n > 4 {
			v.Middle = v.Rows[n/2].Label
		}
	}
	return v
}

// points are where the line of a series goes. One alone is there twice, for else nothing were drawn.
func (c Chart) points(i int, top float64) string {
	var all []string
	for x, row := range c.rows {
		if row.measured(i) {
			all = append(all, coordinate((float64(x)+0.5)/float64(len(c.rows))*canvas)+","+coordinate(canvas-row.value(i)/top*canvas))
		}
	}
	if len(all) == 1 {
		all = append(all, all[0])
	}
	return strings.Join(all, " ")
}

// last is the value of a series that was measured last; no number where none was.
func (c Chart) last(i int) float64 {
	for _, row := range slices.Backward(c.rows) {
		if row.measured(i) {
			return row.value(i)
		}
	}
	return math.NaN()
}

func (c Chart) sum(i int) (sum float64) {
	for _, row := range c.rows {
		sum += row.value(i)
	}
	return sum
}

// reading writes what was measured, or that nothing was.
func (u *UI) reading(lang string, value float64) string {
	if math.IsNaN(value) {
		return u.Text(lang, "ui.chart.unread")
	}
	text, _ := u.number(lang, value)
	return text
}

func (u *UI) layOutRow(lang string, c Chart, x int, top float64) rowView {
	row := c.rows[x]
	r := rowView{Label: row.Label}
	switch {
	case row.At.IsZero():
	case row.Hourly:
		r.Label = u.moment(lang, row.At)
	default:
		r.Label = u.day(lang, row.At)
	}
	width := canvas / float64(len(c.rows))
	below := 0.0
	for i := range c.series {
		value := row.value(i)
		if c.lines && !row.measured(i) {
			r.Values = append(r.Values, u.reading(lang, math.NaN()))
			continue
		}
		r.Values = append(r.Values, u.reading(lang, value))
		if height := value / top * canvas; !c.lines && height > 0 {
			below += height
			r.Bars = append(r.Bars, barView{"s" + strconv.Itoa(i%4+1), coordinate((float64(x) + 0.15) * width), coordinate(canvas - below), coordinate(0.7 * width), coordinate(height)})
		}
	}
	return r
}

// measured reports whether the i-th value is known.
func (r Row) measured(i int) bool { return i >= len(r.Values) || !math.IsNaN(r.Values[i]) }

// value is the i-th value; what is missing or no number is nothing, and no count is beyond highest.
func (r Row) value(i int) float64 {
	const highest = 1e15
	if i >= len(r.Values) || math.IsNaN(r.Values[i]) {
		return 0
	}
	return min(max(r.Values[i], 0), highest)
}

func (c Chart) highest() float64 {
	highest := 0.0
	for _, row := range c.rows {
		sum := 0.0
		for i := range c.series {
			if sum += row.value(i); c.lines {
				highest, sum = max(highest, sum), 0
			}
		}
		highest = max(highest, sum)
	}
	return highest
}

// ceiling is the next number that is easy to halve: 2, 4, 10, 20, 40, 100 …
func ceiling(v float64) float64 {
	for unit := 1.0; ; unit *= 10 {
		for _, step := range []float64{2, 4, 10} {
			if step*unit >= v {
				return step * unit
			}
		}
	}
}

func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
