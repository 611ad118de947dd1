package console

import (
	"math"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/stat"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

const day = 24 * time.Hour

// turnout are the series of charts of sign-ins.
var turnout = []string{"console.overview.sign_ins", "console.overview.refusals"}

// dayOf returns the beginning of a day in UTC, counted from today.
func dayOf(now time.Time, n int) time.Time { return now.Truncate(day).Add(time.Duration(n) * day) }

// hours are the last 24 hours, the one that runs included. Each series is one column.
func hours(now time.Time, series ...[]stat.Point) []ui.Row {
	rows := make([]ui.Row, 24)
	first := now.Truncate(time.Hour).Add(-23 * time.Hour)
	for i := range rows {
		rows[i] = ui.Row{At: first.Add(time.Duration(i) * time.Hour), Hourly: true, Values: make([]float64, len(series))}
	}
	return fill(rows, first, time.Hour, series)
}

// levels are hours of what is measured, not counted: until it is measured again it is what it was,
// and before it ever was it is no number.
func levels(now time.Time, series ...[]stat.Point) []ui.Row {
	rows := hours(now, series...)
	for column, points := range series {
		known := math.NaN()
		for i, row := range rows {
			for len(points) > 0 && !points[0].Hour.After(row.At) {
				known, points = float64(points[0].N), points[1:]
			}
			rows[i].Values[column] = known
		}
	}
	return rows
}

// days are the last 7 days, today included.
func days(now time.Time, series ...[]stat.Point) []ui.Row {
	rows := make([]ui.Row, 7)
	first := dayOf(now, -6)
	for i := range rows {
		rows[i] = ui.Row{At: first.Add(time.Duration(i) * day), Values: make([]float64, len(series))}
	}
	return fill(rows, first, day, series)
}

// fill adds each point to its row. Without any point there are no rows: nothing has happened yet.
func fill(rows []ui.Row, first time.Time, width time.Duration, series [][]stat.Point) []ui.Row {
	some := false
	for column, points := range series {
		for _, p := range points {
			if i := int(p.Hour.Sub(first) / width); !p.Hour.Before(first) && i < len(rows) {
				rows[i].Values[column] += float64(p.N)
				some = true
			}
		}
	}
	if !some {
		return nil
	}
	return rows
}

func latest(points []stat.Point) int64 {
	if len(points) == 0 {
		return 0
	}
	return points[len(points)-1].N
}

func sum(points []stat.Point) (n int64) {
	for _, p := range points {
		n += p.N
	}
	return n
}
