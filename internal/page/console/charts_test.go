package console

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/stat"
)

func TestChartsPutEachHourInItsPlace(t *testing.T) {
	now := time.Date(2030, 5, 17, 9, 30, 0, 0, time.UTC)
	at := func(hoursAgo int, n int64) stat.Point {
		return stat.Point{Hour: now.Truncate(time.Hour).Add(-time.Duration(hoursAgo) * time.Hour), N: n}
	}
	points := []stat.Point{at(24*6+9, 1), at(24, 2), at(23, 4), at(2, 8), at(0, 16)}
	byHour := hours(now, points)
	if len(byHour) != 24 || byHour[0].Values[0] != 4 || byHour[21].Values[0] != 8 || byHour[22].Values[0] != 0 || byHour[23].Values[0] != 16 || !byHour[23].At.Equal(now.Truncate(time.Hour)) {
		t.Errorf("hours: %v", byHour)
	}
	byDay := days(now, points)
	if got := fmt.Sprint(byDay[0].Values, byDay[5].Values, byDay[6].Values); len(byDay) != 7 || got != "[1] [6] [24]" {
		t.Errorf("days: %v", byDay)
	}
	measured := levels(now, []stat.Point{at(30, 5), at(10, 7)}, nil)
	if got := fmt.Sprint(measured[0].Values, measured[12].Values, measured[13].Values, measured[23].Values); got != "[5 NaN] [5 NaN] [7 NaN] [7 NaN]" {
		t.Errorf("levels: %s", got)
	}
	if late := levels(now, []stat.Point{at(10, 7)}); fmt.Sprint(late[12].Values, late[13].Values) != "[NaN] [7]" {
		t.Errorf("before the first reading: %v", late)
	}
	if hours(now, nil, nil) != nil || levels(now, nil) != nil {
		t.Error("nothing is drawn as zeroes")
	}
}
