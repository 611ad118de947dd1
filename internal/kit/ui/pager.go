package ui

import "net/url"

// Pager leads to the neighbours of a page of rows. An empty address: there is none.
type Pager struct{ Previous, Next string }

// maxTrail is how many bytes of the pages before this one an address carries. From deeper in the
// list, "previous" leads to its beginning after that many pages.
const maxTrail = 2048

// PagerOf leads to the neighbours of the page at an address; next is what asks for the one that follows,
// as the parameter after. A list is read forwards only, so the addresses carry where the pages before this
// one began.
func PagerOf(page *url.URL, next string) Pager {
	q := page.Query()
	after, trail := q.Get("after"), q["back"]
	at := func(after string, trail []string) string {
		q := page.Query()
		for _, name := range []string{"after", "back", "done", "lang"} {
			q.Del(name)
		}
		if after != "" {
			q.Set("after", after)
		}
		q["back"] = trail
		return page.Path + "?" + q.Encode()
	}
	var p Pager
	switch {
	case after == "":
	case len(trail) == 0:
		p.Previous = at("", nil)
	default:
		p.Previous = at(trail[len(trail)-1], trail[:len(trail)-1])
	}
	if next != "" {
		if after != "" {
			trail = append(trail[:len(trail):len(trail)], after)
		}
		p.Next = at(next, cutTrail(trail))
	}
	return p
}

// cutTrail drops the oldest steps of a trail that has become too long.
func cutTrail(trail []string) []string {
	size := 0
	for i := len(trail) - 1; i >= 0; i-- {
		if size += len(trail[i]); size > maxTrail {
			return trail[i+1:]
		}
	}
	return trail
}
