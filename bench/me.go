package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// benchMe compares GET me/ with a bare handler in a process of its own that runs the same SELECT. It
// gets the same token, which it does not look at, and the key in the query.
func benchMe(ctx context.Context, l *lab) ([]row, error) {
	const clients, people = 16, 1000
	w, err := l.populatePostgres(ctx, "me", l.size)
	if err != nil {
		return nil, err
	}
	defer w.close()
	s, err := l.startBuilt(ctx, w.url)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	floor, err := w.startFloor(ctx)
	if err != nil {
		return nil, err
	}
	defer floor.stop()
	bearers, err := s.signedIn(w, people)
	if err != nil {
		return nil, err
	}
	ours, err := s.dialAll(clients)
	if err != nil {
		return nil, err
	}
	defer closeAll(ours)
	bare, err := floor.dialAll(clients)
	if err != nil {
		return nil, err
	}
	defer closeAll(bare)
	next := make([]int, clients)
	each := func(do func(c, person int) error) func(c int) error {
		return func(c int) error {
			next[c]++
			return do(c, (next[c]*clients+c)%people)
		}
	}
	d, err := l.fight(ctx,
		side{clients: clients, do: each(func(c, person int) error {
			_, err := ours[c].do("GET", mount+"/me/", bearers[person], "")
			return err
		})},
		side{clients: clients, do: each(func(c, person int) error {
			_, err := bare[c].do("GET", "/?session="+idOf(sessionPrefix, person).String()+"&subject="+idOf(accountPrefix, w.accountOf(person)).String(), bearers[person], "")
			return err
		})})
	if err != nil {
		return nil, err
	}
	return []row{d.row("GET me/ on PostgreSQL, 16 clients", "a bare net/http handler with the same SELECT", atLeast(0.85))}, nil
}

// signedIn returns an access token for each of the first sessions.
func (s *server) signedIn(w *world, people int) ([]string, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	defer closeAll([]*client{c})
	bearers := make([]string, people)
	for n := range people {
		token, err := w.refreshToken(n)
		if err != nil {
			return nil, err
		}
		body, err := c.do("POST", mount+"/token/refresh/", "", `{"refresh":"`+token+`"}`)
		if err != nil {
			return nil, err
		}
		var answer struct{ Access string }
		if err := json.Unmarshal(body, &answer); err != nil {
			return nil, err
		}
		bearers[n] = answer.Access
	}
	return bearers, nil
}

// floorMode is the argument that makes this program the bare handler.
const floorMode = "bare-handler"

// startFloor starts this program as the bare handler on the same database.
func (w *world) startFloor(ctx context.Context) (*server, error) {
	schema, err := account.NewSchema(nil)
	if err != nil {
		return nil, err
	}
	by := session.Bearer{SessionID: idOf(sessionPrefix, 0), Subject: idOf(accountPrefix, 0).String()}
	text, err := w.textOf(func() error {
		people, err := profile.New(profile.Config{PerExport: ratelimit.Limit{Name: "profile.export", Burst: 1, Per: time.Hour}, Fresh: time.Minute, DeleteURL: publicURL}, profile.Deps{DB: w.db, Schema: schema})
		if err == nil {
			_, err = people.Me(ctx, by)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, floorMode, address, w.url, text)
	return launch(ctx, &server{cmd: cmd, address: address, host: address}, "/?session="+by.SessionID.String()+"&subject="+by.Subject)
}

// serveFloor is that process: a handler that reads one account by the session's key, and writes it.
func serveFloor(args []string) error {
	if len(args) != 3 {
		return errors.New("the bare handler is started by this program itself")
	}
	address, url, text := args[0], args[1], args[2]
	pool, err := (&world{url: url}).pool(context.Background())
	if err != nil {
		return err
	}
	defer pool.Close()
	h := func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		id, err := uuid.Parse(q.Get("session"))
		var a account.Account
		if err == nil {
			dest, _ := a.Dest()
			err = pool.QueryRow(r.Context(), text, [16]byte(id), time.Now().UnixMilli(), q.Get("subject")).Scan(dest...)
		}
		if err != nil {
			http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
			return
		}
		body, err := json.Marshal(a.JSON())
		if err != nil {
			http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // the caller may be gone
	}
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(h), ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
