package gatehousetest

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

func (b *battery) rotates(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	for range 3 {
		a := b.refresh(t, s.Refresh)
		next := a.tokens(t)
		hasExactly(t, "the answer", a.object(t), "access", "refresh", "token_type", "expires_in", "refresh_expires_in")
		if next.Refresh == "" || next.Refresh == s.Refresh || next.Access == s.Access {
			t.Fatal("a refresh gives a token that was there before")
		}
		b.call(t, http.MethodGet, "/me/", bearerToken(next.Access)).want(t, http.StatusOK)
		s = next
	}
}

// repeats: the first answer got lost, so the client asks again.
func (b *battery) repeats(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	first := b.refresh(t, s.Refresh).tokens(t)
	for range 3 {
		if again := b.refresh(t, s.Refresh).tokens(t); again.Refresh != first.Refresh {
			t.Fatal("a repeated refresh gives another successor: there are two lineages")
		}
	}
	b.mustStand(t, first)
}

func (b *battery) endsOnReplay(t *testing.T) {
	acc := b.account(t)
	other := b.signIn(t, acc)
	first := b.signIn(t, acc)
	second := b.refresh(t, first.Refresh).tokens(t)
	third := b.refresh(t, second.Refresh).tokens(t)
	b.refresh(t, first.Refresh).refused(t, http.StatusUnauthorized, "refresh_rejected")
	b.mustBeOver(t, third)
	b.mustStand(t, other)
	if b.mails != nil {
		if m := b.mails.Wait(t, acc.Email); m.Token() != "" {
			t.Errorf("the alarm %q holds a token", m.Subject)
		}
	}
}

// endsOnLateReplay waits as long as the repeat window can be set to.
func (b *battery) endsOnLateReplay(t *testing.T) {
	b.needsClock(t)
	s := b.signIn(t, b.visitor(t))
	next := b.refresh(t, s.Refresh).tokens(t)
	b.advance(t, 10*time.Minute+time.Second)
	b.refresh(t, s.Refresh).refused(t, http.StatusUnauthorized, "refresh_rejected")
	b.refresh(t, next.Refresh).refused(t, http.StatusUnauthorized, "refresh_rejected")
}

func (b *battery) refreshesInParallel(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	const clients = 50
	answers, failures := make([]answer, clients), make([]error, clients)
	body := jsonBody(t, members{"refresh": s.Refresh})
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			answers[i], failures[i] = try(t, b.client, http.MethodPost, b.address("/token/refresh/"), body)
		})
	}
	all.Wait()
	var successor tokens
	for i, a := range answers {
		if failures[i] != nil {
			t.Fatal(failures[i])
		}
		got := a.tokens(t)
		if i > 0 && got.Refresh != successor.Refresh {
			t.Fatal("parallel refreshes of one token give several successors")
		}
		successor = got
	}
	b.mustStand(t, successor)
}

func (b *battery) refreshesBadly(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	last := len(s.Refresh) - 1
	for _, token := range []string{
		forged(), "grt_" + forged(), s.Refresh + "A", s.Refresh[:last],
		changed(s.Refresh, last/2), changed(s.Refresh, last-1),
		s.Refresh[:last] + string(s.Refresh[last]+1), // the same bytes in another spelling
	} {
		a := b.refresh(t, token)
		a.refused(t, http.StatusUnauthorized, "refresh_rejected")
		a.quiet(t, token)
	}
	b.refresh(t, s.Access).refused(t, http.StatusUnauthorized, "refresh_rejected")
	b.post(t, "/token/refresh/", members{}).refused(t, http.StatusUnauthorized, "refresh_rejected")
	b.call(t, http.MethodPost, "/token/refresh/").refused(t, http.StatusUnauthorized, "refresh_rejected")
	b.call(t, http.MethodPost, "/token/refresh/", bearerToken(s.Refresh)).refused(t, http.StatusUnauthorized, "refresh_rejected")
	b.mustStand(t, s)
}

// changed returns s with another character at i.
func changed(s string, i int) string {
	c := "A"
	if s[i] == 'A' {
		c = "B"
	}
	return s[:i] + c + s[i+1:]
}

func (b *battery) refreshesLate(t *testing.T) {
	b.needsClock(t)
	s := b.signIn(t, b.visitor(t))
	b.advance(t, time.Duration(s.RefreshExpiresIn)*time.Second/2)
	s = b.refresh(t, s.Refresh).tokens(t)
	b.advance(t, time.Duration(s.RefreshExpiresIn)*time.Second+time.Second)
	b.refresh(t, s.Refresh).refused(t, http.StatusUnauthorized, "refresh_rejected")
}
