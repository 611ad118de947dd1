package console

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
)

func TestTheSameIsQuotedForAShell(t *testing.T) {
	c := New(Deps{API: "https://id.example.com/api/auth"})
	for _, value := range []string{"plain", "", "it's", `$(id) "x" \ ; & | > *`, "'", "--help", "a\nb", "~x", "é", "a/b"} {
		same := c.same(append([]string{"account", "show"}, argument(value)...), call{http.MethodPost, requestPath("x" + value), map[string]string{"reason": value}})
		for _, line := range []string{same.CLI, same.API} {
			if line == "" {
				continue
			}
			// printf stands in for the program and prints each word it is given on a line.
			_, words, _ := strings.Cut(line, " ")
			out, err := exec.CommandContext(t.Context(), "sh", "-c", `printf '[%s]' `+words).Output()
			if err != nil {
				t.Fatal(err)
			}
			if line == same.CLI && !strings.HasSuffix(string(out), "["+value+"]") {
				t.Errorf("%q reads %s", value, out)
			}
			if strings.Contains(string(out), "uid=") {
				t.Errorf("%q ran a command", value)
			}
		}
	}
	if same := c.same([]string{"account", "search"}, call{http.MethodGet, searchRequest(manage.Query{Prefix: "a b&c"}), nil}); !strings.HasSuffix(same.API, `'https://id.example.com/api/auth/admin/accounts/?prefix=a+b%26c'`) {
		t.Errorf("the call is %s", same.API)
	}
	if same := c.sameDeed(manage.Disable, "a/b"); !strings.Contains(same.API, "/admin/accounts/bulk/") || !strings.Contains(same.API, `"accounts":["a/b"]`) {
		t.Errorf("what fits into no path is done by %s", same.API)
	}
	if words := searchCommand(manage.Query{By: "name", Prefix: "-x", Status: "active"}); strings.Join(words, " ") != "account search --by=name --status=active -- -x" {
		t.Errorf("the command is %v", words)
	}
}

func TestSubjectsSurviveAPath(t *testing.T) {
	for _, s := range []string{"plain", "a/b", `a\b`, ".", "..", "~", "~selected", "%2F", "a?b#c", "a+b;c,d"} {
		r := httptest.NewRequest(http.MethodGet, accountPath(s), nil)
		if r.URL.RawPath != "" {
			t.Errorf("%q: the edge refuses %s", s, r.URL.RawPath)
		}
		parts := strings.Split(r.URL.Path, "/")
		if len(parts) != 5 {
			t.Fatalf("%q lies at %s", s, r.URL.Path)
		}
		r.SetPathValue("account", parts[3])
		if got := subjectOf(r); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}
