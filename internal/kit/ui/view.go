package ui

import (
	"net/http"
	"net/url"
	"strings"
)

// view is the dot of the layouts.
type view struct {
	Page
	Product, Home, Support string
	Groups                 []group
	Here                   *Link // the current place
	Languages              []choice
	Language               Language
	Flash                  string
}

type group struct {
	Key   string
	Links []Link
}

// choice is one entry of the language picker.
type choice struct {
	Language
	Href    string
	Current bool
}

func (u *UI) view(r *http.Request, lang string, p Page) view {
	v := view{Page: p, Product: u.cfg.Product, Home: u.cfg.Home, Support: u.cfg.Support}
	for i, link := range p.Nav {
		if i == 0 || p.Nav[i-1].Group != link.Group {
			v.Groups = append(v.Groups, group{Key: link.Group})
		}
		last := &v.Groups[len(v.Groups)-1]
		last.Links = append(last.Links, link)
		if link.Current && v.Here == nil {
			v.Here = &p.Nav[i]
		}
	}
	// The key comes with the address, so anybody may have written it: only what this set says when
	// something is done is said, and nothing with a placeholder.
	set, _, _ := strings.Cut(p.Name, "/")
	if _, known := u.languages.in(languages[0].Tag).plain[p.Done]; known && strings.HasPrefix(p.Done, set+".done.") {
		v.Flash = u.Text(lang, p.Done)
	}
	if r.URL.Query().Has("token") {
		return v // a mailed token stands in no link
	}
	for _, l := range Languages() {
		c := choice{Language: l, Href: inLanguage(r.URL, l.Tag), Current: l.Tag == lang}
		if c.Current {
			v.Language = l
		}
		v.Languages = append(v.Languages, c)
	}
	return v
}

// maxKeptQuery is how many bytes of a query the language picker repeats eight times.
const maxKeptQuery = 1024

// inLanguage is the address of the same page in another language, relative to it. What was just
// done is not said again.
func inLanguage(page *url.URL, lang string) string {
	q := url.Values{}
	if len(page.RawQuery) <= maxKeptQuery {
		q = page.Query()
	}
	q.Del("done")
	q.Set("lang", lang)
	return "?" + q.Encode()
}
