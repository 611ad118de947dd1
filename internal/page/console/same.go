package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// call is a request of the API.
type call struct {
	method, path string // below the API's address, escaped; empty: there is none
	body         any    // nil: none
}

// same tells how else to do what a screen does: the words of a command after gatehouse, and a
// request. Every screen with an action shows it, with {{template "same" .Same}}.
func (c *Console) same(command []string, in call) ui.Same {
	words := []string{"gatehouse"}
	for _, w := range command {
		words = append(words, quote(w))
	}
	all := ui.Same{CLI: strings.Join(words, " ")}
	if in.path == "" {
		return all
	}
	request := []string{"curl", "-X", in.method, `-H "Authorization: Bearer $TOKEN"`}
	if in.body != nil {
		body, err := json.Marshal(in.body, json.Deterministic(true))
		if err != nil {
			panic(err) // strings and booleans only: it can't fail
		}
		request = append(request, "-H 'Content-Type: application/json'", "-d", quote(string(body)))
	}
	all.API = strings.Join(append(request, quote(c.API+in.path)), " ")
	return all
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
	if q.By != "" {
		words = append(words, "--by="+q.By)
	}
	if q.Status != "" {
		words = append(words, "--status="+q.Status)
	}
	if q.Prefix != "" {
		words = append(words, argument(q.Prefix)...)
	}
	return words
}

func searchRequest(q manage.Query) string {
	asked := url.Values{}
	for name, value := range map[string]string{"by": q.By, "prefix": q.Prefix, "status": q.Status} {
		if value != "" {
			asked.Set(name, value)
		}
	}
	return strings.TrimSuffix("/admin/accounts/?"+asked.Encode(), "?")
}

// requestPath is where the API has an account; empty: its id fits into no path.
func requestPath(subject string) string {
	if pathless(subject) {
		return ""
	}
	return (&url.URL{Path: "/admin/accounts/" + subject + "/"}).EscapedPath()
}

// sameDeed tells how else to do something to one account.
func (c *Console) sameDeed(action manage.Action, subject string) ui.Same {
	in := call{http.MethodPost, requestPath(subject) + string(action) + "/", nil}
	switch {
	case pathless(subject) && slices.Contains(manage.BulkActions(), action):
		in = bulkCall(action, []string{subject})
	case pathless(subject):
		in = call{}
	}
	return c.same(append([]string{"account", string(action)}, argument(subject)...), in)
}

// bulkCall is the request that does something to many accounts.
func bulkCall(action manage.Action, subjects []string) call {
	return call{http.MethodPost, "/admin/accounts/bulk/", map[string]any{"action": action, "accounts": subjects}}
}

// sameBulk tells how else to do something to many: a command for each, or one request.
func (c *Console) sameBulk(action manage.Action, subjects []string) ui.Same {
	var commands []string
	for _, s := range subjects {
		commands = append(commands, c.sameDeed(action, s).CLI)
	}
	return ui.Same{CLI: strings.Join(commands, "\n"), API: c.same(nil, bulkCall(action, subjects)).API}
}

// quote writes one word so that a POSIX shell reads it as it is (IEEE Std 1003.1 section 2.2.2).
func quote(word string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
