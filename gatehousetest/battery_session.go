package gatehousetest

import (
	"net/http"
	"testing"
)

func (b *battery) signsOut(t *testing.T) {
	acc := b.visitor(t)
	s, other := b.signIn(t, acc), b.signIn(t, acc)
	for range 2 {
		b.post(t, "/logout/", members{"refresh": s.Refresh}).want(t, http.StatusOK)
	}
	b.mustBeOver(t, s)
	b.mustStand(t, other)
}

func (b *battery) signsOutByBearer(t *testing.T) {
	acc := b.visitor(t)
	s, other := b.signIn(t, acc), b.signIn(t, acc)
	for range 2 {
		b.call(t, http.MethodPost, "/logout/", bearerToken(s.Access)).want(t, http.StatusOK)
	}
	b.mustBeOver(t, s)
	b.mustStand(t, other)
}

func (b *battery) signsOutBadly(t *testing.T) {
	b.post(t, "/logout/", members{"refresh": forged()}).want(t, http.StatusOK)
	b.call(t, http.MethodPost, "/logout/", bearerToken(forged())).want(t, http.StatusOK)
	b.call(t, http.MethodPost, "/logout/").want(t, http.StatusOK)
	b.call(t, http.MethodPost, "/logout/all/").want(t, http.StatusOK)
}

func (b *battery) signsOutEverywhere(t *testing.T) {
	acc := b.account(t)
	first, second, neighbour := b.signIn(t, acc), b.signIn(t, acc), b.signIn(t, b.visitor(t))
	b.post(t, "/logout/all/", members{"refresh": first.Refresh}).want(t, http.StatusOK)
	b.mustBeOver(t, first)
	b.mustBeOver(t, second)
	b.mustStand(t, neighbour)
	// Whoever is signed out cannot sign out whoever came back.
	back := b.signIn(t, acc)
	b.post(t, "/logout/all/", members{"refresh": first.Refresh}).want(t, http.StatusOK)
	b.mustStand(t, back)
}

type listed struct {
	Sessions []struct {
		ID      string `json:"id"`
		Current bool   `json:"current"`
	} `json:"sessions"`
}

func (b *battery) list(t testing.TB, s tokens) listed {
	t.Helper()
	a := b.call(t, http.MethodGet, "/sessions/", bearerToken(s.Access))
	a.want(t, http.StatusOK)
	a.quiet(t, s.Access, s.Refresh)
	var out listed
	a.decode(t, &out)
	return out
}

func (b *battery) endsOther(t *testing.T) {
	acc := b.account(t)
	mine, other := b.signIn(t, acc), b.signIn(t, acc)
	me := b.read(t, mine.Access)
	them := b.read(t, other.Access)
	found := b.list(t, mine)
	current := map[string]bool{}
	for _, s := range found.Sessions {
		current[s.ID] = s.Current
	}
	if len(found.Sessions) != 2 || !current[me.SessionID] || current[them.SessionID] {
		t.Fatalf("%d sessions are listed, not two; or another than the asking one is marked as current", len(found.Sessions))
	}
	b.call(t, http.MethodDelete, "/sessions/"+them.SessionID+"/", bearerToken(mine.Access)).want(t, http.StatusNoContent)
	b.mustBeOver(t, other)
	b.call(t, http.MethodDelete, "/sessions/"+them.SessionID+"/", bearerToken(mine.Access)).refused(t, http.StatusNotFound, "session_not_found")
	if left := b.list(t, mine).Sessions; len(left) != 1 {
		t.Errorf("%d sessions are listed after one of two was ended", len(left))
	}
	b.mustStand(t, mine)
}

func (b *battery) endsForeign(t *testing.T) {
	mine, other := b.signIn(t, b.visitor(t)), b.signIn(t, b.account(t))
	them := b.read(t, other.Access)
	same(t,
		b.call(t, http.MethodDelete, "/sessions/"+them.SessionID+"/", bearerToken(mine.Access)),
		b.call(t, http.MethodDelete, "/sessions/00000000-0000-7000-8000-000000000000/", bearerToken(mine.Access)), "request_id")
	b.call(t, http.MethodDelete, "/sessions/"+them.SessionID+"/").refused(t, http.StatusUnauthorized, "token_missing")
	b.mustStand(t, other)
}
