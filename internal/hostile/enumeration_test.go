package hostile

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

// shape is all of an answer but what differs from request to request.
func shape(a answer) string {
	object := maps.Clone(a.object)
	delete(object, "request_id")
	delete(object, "email") // the caller's own
	return fmt.Sprint(a.status, text(object), a.header, len(a.cookies))
}

// crowd is an address in each state that an address can be in, all of one length: an answer that repeats one
// says how long it is.
func (w *world) crowd() []string {
	w.t.Helper()
	w.account("verified-one@example.com")
	disabled := w.account("disabled-one@example.com")
	if _, err := w.Gatehouse().DisableAccount(w.t.Context(), disabled.ID); err != nil {
		w.t.Fatal(err)
	}
	w.CreateAccount(w.t, func(n *gatehouse.NewAccount) { n.Email, n.Password = "passwordless@example.com", "" })
	w.CreateAccount(w.t, func(n *gatehouse.NewAccount) {
		n.Email, n.Password, n.Unverified = "unverified-1@example.com", password, true
	})
	w.call(http.MethodPost, "/register/", text(map[string]string{"email": "waiting-here@example.com", "password": password, "full_name": ""}))
	return []string{"nobody-there@example.com", "verified-one@example.com", "disabled-one@example.com", "passwordless@example.com", "unverified-1@example.com", "waiting-here@example.com"}
}

// What is asked about an address is answered without regard to whose it is.
func TestNothingTellsWhoHasAnAccount(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		crowd := w.crowd()
		for name, ask := range map[string]func(address string) answer{
			"login": func(address string) answer {
				return w.call(http.MethodPost, "/login/", text(map[string]string{"email": address, "password": "not the password"}))
			},
			"login by cookie": func(address string) answer {
				return w.call(http.MethodPost, "/login/", text(map[string]string{"email": address, "password": "not the password", "transport": "cookie"}), header("Origin", w.URL))
			},
			"empty password": func(address string) answer {
				return w.call(http.MethodPost, "/login/", text(map[string]string{"email": address, "password": ""}))
			},
			"a password too long": func(address string) answer {
				return w.call(http.MethodPost, "/login/", text(map[string]string{"email": address, "password": strings.Repeat("x", 2000)}))
			},
			"register": func(address string) answer {
				return w.call(http.MethodPost, "/register/", text(map[string]string{"email": address, "password": "Another-Long-2-Secret", "full_name": "Eve"}))
			},
			"reset": func(address string) answer {
				return w.call(http.MethodPost, "/password/reset/", text(map[string]string{"email": address}))
			},
			"resend": func(address string) answer {
				return w.call(http.MethodPost, "/email/verify/resend/", text(map[string]string{"email": address}))
			},
		} {
			want := shape(ask(crowd[0]))
			for _, address := range crowd[1:] {
				if got := shape(ask(address)); got != want {
					t.Errorf("%s tells %s apart:\n%s\n%s", name, address, got, want)
				}
			}
		}
	})
}

// After too many wrong guesses too: the refusal comes after as many tries, and says the same.
func TestLimitsTellNoOneApart(t *testing.T) {
	few := func(c *gatehouse.Config) {
		c.NoWorkers, c.Limits.SignInPerAccount = true, gatehouse.Limit{Tries: 2, Per: time.Hour}
		c.Limits.MailPerAddress = gatehouse.Limit{Tries: 2, Per: time.Hour}
	}
	each(t, few, func(t *testing.T, w *world) {
		w.account("verified@example.com")
		for _, path := range []string{"/login/", "/password/reset/", "/email/verify/resend/"} {
			var shapes [2][]string
			for i, address := range []string{"nobody@example.com", "verified@example.com"} {
				body := map[string]string{"email": address}
				if path == "/login/" {
					body["password"] = "not the password"
				}
				for range 4 {
					a := w.call(http.MethodPost, path, text(body))
					shapes[i] = append(shapes[i], fmt.Sprint(a.status, a.code, a.header.Get("Retry-After") != ""))
				}
			}
			if !slices.Equal(shapes[0], shapes[1]) {
				t.Errorf("%s: %v and %v", path, shapes[0], shapes[1])
			}
			if path != "/email/verify/resend/" && shapes[0][3] != "429rate_limitedtrue" {
				t.Errorf("%s: the fourth try: %s", path, shapes[0][3])
			}
		}
	})
}

// The hash dominates a sign-in, so leaving it out for nobody would show. Pairs are interleaved
// and compared by their medians, and a busy machine gets three tries.
func TestSigningInTakesAsLongForNobody(t *testing.T) {
	w := open(t, "sqlite", silent)
	w.account("verified@example.com")
	measure := func(address string) time.Duration {
		began := time.Now()
		w.refused(w.call(http.MethodPost, "/login/", text(map[string]string{"email": address, "password": "not the password"})), address, http.StatusUnauthorized, "credentials_rejected")
		return time.Since(began)
	}
	for try := range 3 {
		var nobody, somebody []time.Duration
		for i := range 30 {
			if i%2 == 0 {
				nobody, somebody = append(nobody, measure("nobody@example.com")), append(somebody, measure("verified@example.com"))
			} else {
				somebody, nobody = append(somebody, measure("verified@example.com")), append(nobody, measure("nobody@example.com"))
			}
		}
		slices.Sort(nobody)
		slices.Sort(somebody)
		ratio := float64(nobody[15]) / float64(somebody[15])
		if ratio > 0.75 && ratio < 1.25 {
			return
		}
		t.Logf("try %d: nobody takes %.2f of somebody's time", try+1, ratio)
	}
	t.Error("the time tells who has an account")
}
