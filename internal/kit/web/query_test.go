package web_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// newList is an edge with a list, which says what it was asked.
func newList(t *testing.T) *edge {
	t.Helper()
	e := newEdge(t, nil)
	e.api = e.API("sample", "1", []web.Route{web.Get("/list/", web.Public, web.JSON(func(ctx context.Context, _ *struct{}) (*answer, error) {
		q, err := web.ReadQuery(ctx, "prefix", "since", "after", "limit")
		if err != nil {
			return nil, err
		}
		since, err := q.Time("since")
		if err != nil {
			return nil, err
		}
		at := "ever"
		if !since.IsZero() {
			at = since.Format(time.RFC3339Nano)
		}
		return say(fmt.Sprintf("%s|%s|%s|%d", q.Get("prefix"), at, q.Get("after"), q.Limit))
	}))})
	return e
}

func TestQueriesAreRead(t *testing.T) {
	e := newList(t)
	for query, want := range map[string]string{
		"":                                    "|ever||50",
		"?limit=1":                            "|ever||1",
		"?limit=200&after=x&prefix=":          "|ever|x|200",
		"?prefix=%C3%A9+%26%3D":               "é &=|ever||50",
		"?since=":                             "|ever||50",
		"?since=2030-01-31T12:00:00%2B02:00":  "|2030-01-31T10:00:00Z||50",
		"?since=1970-01-01T00:00:00.001Z":     "|1970-01-01T00:00:00.001Z||50",
		"?since=9999-12-31T23:59:59Z&limit=7": "|9999-12-31T23:59:59Z||7",
	} {
		if a := e.call(http.MethodGet, "/list/"+query, ""); a.status != http.StatusOK || a.said != want {
			t.Errorf("%s: %d %q, want %q", query, a.status, a.said, want)
		}
	}
}

func TestQueriesThatCouldMeanAnotherQuestionAreRefused(t *testing.T) {
	e := newList(t)
	for query, field := range map[string]string{
		"?limit=0": "limit", "?limit=201": "limit", "?limit=-1": "limit", "?limit=": "limit", "?limit": "limit", "?limit=x": "limit", "?limit=1e2": "limit", "?limit=%201": "limit", "?limit=9999999999999999999999": "limit",
		"?limit=2&limit=3": "limit", "?prefix=a&prefix=a": "prefix", "?prefix=%FF": "prefix", "?prefix=a%00": "prefix", "?after=%ff": "after",
		"?since=yesterday": "since", "?since=1": "since", "?since=2030-01-31": "since", "?since=0001-01-01T00:00:00Z": "since", "?since=1969-12-31T23:59:59Z": "since", "?since=2030-01-31T12:00:00": "since",
		"?offset=5": "", "?Limit=5": "", "?=5": "", "?%zz": "", "?a;b": "", "?prefix=a;limit=5": "",
	} {
		a := e.call(http.MethodGet, "/list/"+query, "")
		named := ""
		if len(a.problem.Errors) == 1 {
			named = a.problem.Errors[0].Field
		}
		if a.status != http.StatusBadRequest || a.problem.Code != "query_invalid" || len(a.problem.Errors) > 1 || named != field {
			t.Errorf("%s: %d %s", query, a.status, a.text)
		}
	}
}

func TestPagesHaveBounds(t *testing.T) {
	for asked, want := range map[int]int{-1: 50, 0: 50, 1: 1, 200: 200, 201: 200} {
		if got := web.PageSize(asked); got != want {
			t.Errorf("of %d: %d, want %d", asked, got, want)
		}
	}
}
