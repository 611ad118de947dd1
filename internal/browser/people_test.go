package browser

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// person is somebody with an account, or about to have one.
type person struct {
	email, password string
	id              string // of the account, as its subject
}

var serial atomic.Int64

// stranger returns an address that nobody has used yet, and a password.
func stranger() person {
	n := serial.Add(1)
	return person{email: fmt.Sprintf("person%d@example.com", n), password: fmt.Sprintf("a quiet evening by harbour %d", n)}
}

// newAccount makes a verified account with flags of the command line, such as --superuser.
func newAccount(t testing.TB, flags ...string) person {
	t.Helper()
	return create(t, stranger(), flags...)
}

// couple makes two accounts whose addresses begin alike, as no others do; the second one has flags.
func couple(t testing.TB, flags ...string) (one, two person) {
	t.Helper()
	one, two = stranger(), stranger()
	two.email = strings.Replace(one.email, "@", ".two@", 1)
	one.email = strings.Replace(one.email, "@", ".one@", 1)
	return create(t, one), create(t, two, flags...)
}

func create(t testing.TB, p person, flags ...string) person {
	t.Helper()
	said := site.command(t, p.password, append([]string{"account", "create", p.email, "--password-stdin"}, flags...)...)
	p.id = strings.Fields(said)[2] // created ADDRESS ID
	return p
}

// deadLetter has a mail wait that failed for good, and that nobody can send any more.
func (s *server) deadLetter(t testing.TB, to string) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite:" + filepath.Join(s.data, "gatehouse.db"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	id, now := uuid.Must(uuid.NewV7()), d.Now()
	err = d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO job (id, kind, recipient, payload, attempt, run_at, leased_until, created_at, dead_at, last_error)
			VALUES ($1, 'recovery.link', $2, $3, 8, $4, 0, $4, $4, '550 5.1.1 no such mailbox')`, id, to, []byte("not sealed"), now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// letter is a mail as the development mailbox shows it.
type letter struct{ ID, Subject, Text string }

var linkPattern = regexp.MustCompile(`https?://\S+`)

// link returns the path and query of the first link in a letter.
func (l letter) link(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(linkPattern.FindString(l.Text))
	if err != nil || u.Path == "" || u.Scheme+"://"+u.Host != site.URL {
		t.Fatalf("the mail %q leads nowhere here", l.Subject)
	}
	return u.RequestURI()
}

// mails returns every mail to an address, the oldest first.
func mails(t testing.TB, to string) (all []letter) {
	t.Helper()
	resp := site.call(t, http.MethodGet, "/dev/mailbox/?to="+url.QueryEscape(to), "", "", "Accept", "application/json")
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatalf("the mailbox answered %d: %v", resp.StatusCode, err)
	}
	return all
}

// mailed does something and returns the mail that comes of it.
func mailed(t testing.TB, to string, do func()) letter {
	t.Helper()
	before := len(mails(t, to))
	do()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // a mailbox can only be asked
		if all := mails(t, to); len(all) > before {
			return all[len(all)-1]
		}
	}
	t.Fatalf("no mail to %s came", to)
	return letter{}
}

// registered registers a person through the API and returns where the mail leads.
func registered(t testing.TB, p person) string {
	t.Helper()
	return mailed(t, p.email, func() {
		site.post(t, "/register/", map[string]string{"email": p.email, "password": p.password, "full_name": "Jo Doe"}, http.StatusCreated)
	}).link(t)
}

// signsOutEverywhere has a program of the same person end all of their sessions.
func signsOutEverywhere(t testing.TB, p person) {
	t.Helper()
	access := signsIn(t, p, http.StatusOK)
	if resp := site.call(t, http.MethodPost, mountPath+"/logout/all/", "application/json", "{}", "Authorization", "Bearer "+access); resp.StatusCode >= http.StatusBadRequest {
		t.Fatalf("signing out everywhere answered %d", resp.StatusCode)
	}
}

// resetLink asks for a reset through the API and returns where the mail leads.
func resetLink(t testing.TB, p person) string {
	t.Helper()
	return mailed(t, p.email, func() {
		site.post(t, "/password/reset/", map[string]string{"email": p.email}, http.StatusAccepted)
	}).link(t)
}

// signsIn has a program sign in and returns its access token. It fails unless the answer has the
// wanted status.
func signsIn(t testing.TB, p person, want int) (access string) {
	t.Helper()
	var tokens struct{ Access string }
	resp := site.post(t, "/login/", map[string]string{"email": p.email, "password": p.password}, want)
	if err := json.NewDecoder(resp.Body).Decode(&tokens); err != nil {
		t.Fatal(err)
	}
	return tokens.Access
}

// newDeviceLink has somebody sign in with two browsers and returns where the mail about the second leads.
func newDeviceLink(t testing.TB, p person) string {
	t.Helper()
	signIn := func() {
		sent := url.Values{"name": {p.email}, "password": {p.password}}.Encode()
		site.call(t, http.MethodPost, firstPage, "application/x-www-form-urlencoded", sent, "Origin", site.URL)
	}
	signIn()
	return mailed(t, p.email, signIn).link(t)
}

// newAddressLink has somebody ask for another address and returns where the mail to it leads.
func newAddressLink(t testing.TB, p person, address string) string {
	t.Helper()
	access := signsIn(t, p, http.StatusOK)
	return mailed(t, address, func() { site.asks(t, access, "/me/email/", map[string]string{"email": address}, nil) }).link(t)
}
