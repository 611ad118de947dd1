package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"

	"golang.org/x/crypto/argon2"

	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
)

// benchSignIn compares signing in with computing the same hashes and nothing else.
func benchSignIn(ctx context.Context, l *lab) ([]row, error) {
	w, err := l.populatePostgres(ctx, "signin", l.size.atMost(size{accounts: 10_000, sessions: 10_000}))
	if err != nil {
		return nil, err
	}
	defer w.close()
	s, err := l.startBuilt(ctx, w.url)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	cores := runtime.GOMAXPROCS(0)
	var rows []row
	for _, clients := range []int{cores, 16} {
		ours, done, err := s.signIns(clients, w.accounts)
		if err != nil {
			return nil, err
		}
		d, err := l.fight(ctx, ours, bareHashes(cores))
		done()
		if err != nil {
			return nil, err
		}
		mb, err := resident(s.pid())
		if err != nil {
			return nil, err
		}
		r := d.row("sign in, "+plural(clients, "client"), fmt.Sprintf("the same argon2id, %d at once", cores), atLeast(0.85))
		r.note += fmt.Sprintf("; server %s MB afterwards", number(mb))
		rows = append(rows, r)
	}
	return rows, nil
}

// signIns has each client sign in accounts of its own, one after the other.
func (s *server) signIns(clients, accounts int) (load side, done func(), err error) {
	conns, err := s.dialAll(clients)
	if err != nil {
		return side{}, nil, err
	}
	next := make([]int, clients)
	do := func(c int) error {
		next[c]++
		account := (next[c]*clients + c) % accounts
		_, err := conns[c].do("POST", mount+"/login/", "", `{"email":"`+emailOf(account)+`","password":"`+thePassword+`"}`)
		return err
	}
	return side{clients: clients, do: do}, func() { closeAll(conns) }, nil
}

// bareHashes computes hashes with the default parameters, as many at once as there are cores.
func bareHashes(cores int) side {
	p := password.DefaultParams()
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	return side{clients: cores, do: func(int) error {
		argon2.IDKey([]byte(thePassword), salt, p.Time, p.MemoryKiB, p.Threads, 32)
		return nil
	}}
}
