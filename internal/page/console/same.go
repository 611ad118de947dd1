package console

import (
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// call is a request of the API.
type call struct {
	method, path string // below the API's address, escaped
	body         any    // nil: none
}

// same tells how else to do what a screen does: the words of a command after gatehouse, and a
// request. Every screen with an action shows it, with {{template "same" .Same}}.
func (c *Console) same(command []string, in call) ui.Same {
	words := []string{"gatehouse"}
	for _, w := range command {
		words = append(words, quote(w))
	}
	request := []string{"curl", "-X", in.method, `-H "Authorization: Bearer $TOKEN"`}
	if in.body != nil {
		body, err := json.Marshal(in.body, json.Deterministic(true))
		if err != nil {
			panic(err) // strings and booleans only: it can't fail
		}
		request = append(request, "-H 'Content-Type: application/json'", "-d", quote(string(body)))
	}
	return ui.Same{CLI: strings.Join(words, " "), API: strings.Join(append(request, quote(c.API+in.path)), " ")}
}

// argument is a value among a command's words: -- goes before what would be taken for a flag.
func argument(value string) []string {
	if strings.HasPrefix(value, "-") {
		return []string{"--", value}
	}
	return []string{value}
}

// searchCommand and searchRequest ask for what a search shows.
func searchCommand(q manage.Query) []string {
	words := []string{"account", "search"}
	for _, flag := range searchFlags(q) {
		words = append(words, "--"+flag[0]+"="+flag[1])
	}
	return words
}

func searchRequest(q manage.Query) string {
	asked := url.Values{}
	for _, flag := range searchFlags(q) {
		asked.Set(flag[0], flag[1])
	}
	return strings.TrimSuffix("/admin/accounts/?"+asked.Encode(), "?")
}

func searchFlags(q manage.Query) (all [][2]string) {
	for _, flag := range [][2]string{{"by", q.By}, {"prefix", q.Prefix}, {"status", q.Status}} {
		if flag[1] != "" {
			all = append(all, flag)
		}
	}
	return all
}

// requestPath is where the API has an account.
func requestPath(subject string) string {
	return "/admin/accounts/" + url.PathEscape(subject) + "/"
}

// quote writes one word so that a POSIX shell reads it as it is (IEEE Std 1003.1 section 2.2.2).
func quote(word string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
