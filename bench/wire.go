package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
)

// wire stands between the server and PostgreSQL and counts what passes: statements, and how
// often the server waits for an answer. It reads the messages of the frontend (PostgreSQL
// documentation, "Frontend/Backend Protocol"), which is nearer to the truth than any driver's word.
type wire struct {
	ln net.Listener
	to string // PostgreSQL's socket

	mu    sync.Mutex
	total traffic
	conns sync.WaitGroup
}

// traffic is what passed.
type traffic struct {
	statements int // without BEGIN, COMMIT and ROLLBACK
	roundTrips int
}

func (t traffic) since(before traffic) traffic {
	return traffic{t.statements - before.statements, t.roundTrips - before.roundTrips}
}

// listenWire listens on a socket in dir for a PostgreSQL that has its socket in target.
func listenWire(dir, target string) (*wire, error) {
	const name = "/.s.PGSQL.5432"
	ln, err := new(net.ListenConfig).Listen(context.Background(), "unix", dir+name)
	if err != nil {
		return nil, err
	}
	w := &wire{ln: ln, to: target + name}
	w.conns.Go(w.accept)
	return w, nil
}

func (w *wire) close() {
	_ = w.ln.Close()
	w.conns.Wait()
}

func (w *wire) accept() {
	for {
		server, err := w.ln.Accept()
		if err != nil {
			return // it was closed
		}
		database, err := net.Dial("unix", w.to)
		if err != nil {
			_ = server.Close()
			continue
		}
		w.conns.Go(func() {
			_, _ = io.Copy(server, database)
			_ = server.Close()
		})
		w.conns.Go(func() {
			_ = w.watch(server, database) // either end may hang up at any time
			_ = database.Close()
		})
	}
}

// watch copies messages one by one. The first has no type byte.
func (w *wire) watch(from io.Reader, to io.Writer) error {
	var head [5]byte
	prepared := map[string]string{}
	portal := ""
	for first := true; ; first = false {
		h := head[:]
		if first {
			h = head[1:]
			head[0] = 0
		}
		if _, err := io.ReadFull(from, h); err != nil {
			return err
		}
		size := int(binary.BigEndian.Uint32(head[1:])) - 4
		if size < 0 || size > 1<<26 {
			return errors.New("not PostgreSQL's protocol")
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		switch head[0] {
		case 'P': // Parse: name, text
			name, rest := cstring(body)
			prepared[name], _ = cstring(rest)
		case 'B': // Bind: portal, name of the statement
			_, rest := cstring(body)
			name, _ := cstring(rest)
			portal = prepared[name]
		case 'E': // Execute
			w.count(portal, 0)
		case 'Q': // Query: text
			text, _ := cstring(body)
			w.count(text, 1)
		case 'S': // Sync
			w.trip()
		}
		if _, err := to.Write(append(h[:len(h):len(h)], body...)); err != nil {
			return err
		}
	}
}

func cstring(b []byte) (text string, rest []byte) {
	text, after, _ := strings.Cut(string(b), "\x00")
	return text, []byte(after)
}

func (w *wire) count(text string, trips int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total.roundTrips += trips
	word, _, _ := strings.Cut(strings.TrimSpace(strings.ToLower(text)), " ")
	switch strings.TrimRight(word, ";") {
	case "begin", "commit", "rollback":
	default:
		w.total.statements++
	}
}

func (w *wire) trip() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total.roundTrips++
}

func (w *wire) read() traffic {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}
