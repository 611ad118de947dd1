package ui_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

func TestChartsAreADrawingAndATable(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	rows := []ui.Row{{At: at, Values: []float64{1200, 3}}, {At: at, Hourly: true, Values: []float64{1}}, {Label: "Label", Values: []float64{0, 0}}}
	for name, chart := range map[string]ui.Chart{"bars": ui.Bars("sample.plain", []string{"sample.only", "ui.save"}, rows), "lines": ui.Lines("sample.plain", []string{"sample.only", "ui.save"}, rows)} {
		text := show(t, "console", `{{template "chart" (chart .)}}`, ui.Page{Data: chart})
		// What happens is summed; what is measured stands as it was last.
		legend := map[string]string{"bars": "Only here 1,201, Save 3", "lines": "Only here 0, Save 0"}[name]
		for _, want := range []string{`role="img" aria-label="Good day: ` + legend + `"`, "<td class=\"num\">1,200</td>", `<th scope="row">2 Jan 2026</th>`, `<th scope="row">2 Jan 2026, 03:00 UTC</th>`, `<th scope="row">Label</th>`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", name, want, text)
			}
		}
		if bars, lines := len(elements(t, text, "rect")), len(elements(t, text, "polyline")); name == "bars" && (bars != 3 || lines != 0) || name == "lines" && (bars != 0 || lines != 2) {
			t.Errorf("%s: %d bars, %d lines", name, bars, lines)
		}
	}
	if text := show(t, "console", `{{template "chart" (chart .)}}`, ui.Page{Data: ui.Bars("sample.plain", nil, nil)}); !strings.Contains(text, `class="empty"`) || strings.Contains(text, "<svg") {
		t.Error("an empty chart is drawn")
	}
}

// What was not measured is not drawn as nothing.
func TestLinesBeginWithTheFirstReading(t *testing.T) {
	no := math.NaN()
	rows := []ui.Row{{Label: "a", Values: []float64{no, no, no}}, {Label: "b", Values: []float64{4, no, no}}, {Label: "c", Values: []float64{2, no, 3}}}
	text := show(t, "console", `{{template "chart" (chart .)}}`, ui.Page{Data: ui.Lines("sample.plain", []string{"sample.only", "ui.save", "ui.cancel"}, rows)})
	if want := `aria-label="Good day: Only here 2, Save no reading yet, Cancel 3"`; !strings.Contains(text, want) {
		t.Errorf("no %s in\n%s", want, text)
	}
	if n := strings.Count(text, `<td class="num">no reading yet</td>`); n != 6 {
		t.Errorf("%d cells without a reading", n)
	}
	var points []string
	for _, line := range elements(t, text, "polyline") {
		points = append(points, attribute(line, "points"))
	}
	if want := []string{"500.0,0.0 833.3,500.0", "", "833.3,250.0 833.3,250.0"}; !slices.Equal(points, want) {
		t.Errorf("lines go through %q, want %q", points, want)
	}
}

// Whatever is counted, bars stay on the canvas and lines have a point for each row.
func TestChartsStayOnTheirCanvas(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", map[string]string{"page": `{{template "chart" (chart .)}}`}))
	value := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1e6), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), -1, math.MaxFloat64}))
	rapid.Check(t, func(rt *rapid.T) {
		var rows []ui.Row
		for _, values := range rapid.SliceOfN(rapid.SliceOfN(value, 0, 3), 1, 40).Draw(rt, "rows") {
			rows = append(rows, ui.Row{Label: "x", Values: values})
		}
		make := ui.Bars
		if rapid.Bool().Draw(rt, "lines") {
			make = ui.Lines
		}
		text := write(t, u, get(t, "/"), ui.Page{Name: "sample/page", Data: make("sample.plain", []string{"a", "b"}, rows)}).Body.String()
		for _, bar := range elements(t, text, "rect") {
			y, h := coordinate(rt, attribute(bar, "y")), coordinate(rt, attribute(bar, "height"))
			x, w := coordinate(rt, attribute(bar, "x")), coordinate(rt, attribute(bar, "width"))
			if y < -1 || h < 0 || y+h > 1001 || x < 0 || w <= 0 || x+w > 1001 {
				rt.Fatalf("a bar at %v,%v of %v by %v", x, y, w, h)
			}
		}
		for _, line := range elements(t, text, "polyline") {
			points := strings.Fields(attribute(line, "points"))
			if len(points) > max(len(rows), 2) || len(points) == 1 {
				rt.Fatalf("%d points for %d rows", len(points), len(rows))
			}
			for _, p := range points {
				x, y, _ := strings.Cut(p, ",")
				if x, y := coordinate(rt, x), coordinate(rt, y); x < 0 || x > 1000 || y < -1 || y > 1000 {
					rt.Fatalf("a point at %v", p)
				}
			}
		}
	})
}

func coordinate(t *rapid.T, s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		t.Fatalf("%q is no coordinate", s)
	}
	return v
}
