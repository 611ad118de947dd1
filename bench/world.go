package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

const thePassword = "a password for the benchmark"

// world is a database full of accounts and sessions, and what this process needs to act for them.
type world struct {
	url      string
	db       *db.DB
	keys     *keyring.Keyring
	tokens   *session.RefreshTokens
	accounts int
	counters []uint32 // of each session; a session is only ever used by one client at a time
}

// size is how much a world holds.
type size struct{ accounts, sessions int }

// atMost returns the smaller of two sizes.
func (s size) atMost(t size) size {
	return size{min(s.accounts, t.accounts), min(s.sessions, t.sessions)}
}

// populate opens the migrated database at url and fills it.
func (l *lab) populate(ctx context.Context, url string, s size) (*world, error) {
	d, err := db.Open(ctx, db.Config{URL: url, MaxConns: poolSize})
	if err != nil {
		return nil, err
	}
	w := &world{url: url, db: d, accounts: s.accounts, counters: make([]uint32, s.sessions)}
	if err := w.fill(ctx, l.secretKey); err != nil {
		d.Close()
		return nil, err
	}
	return w, nil
}

func (w *world) close() { w.db.Close() }

func (w *world) fill(ctx context.Context, secretKey string) error {
	kek, err := secret.NewKEK(secretKey)
	if err != nil {
		return err
	}
	if w.keys, err = keyring.Open(ctx, w.db, secret.KEKRing{Current: kek}, keyring.Config{}); err != nil {
		return err
	}
	w.tokens = session.NewRefreshTokens(w.keys.RefreshKeys())
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, thePassword)
	if err != nil {
		return err
	}
	return w.insert(ctx, hash)
}

// The ids of rows follow from their number.
const (
	accountPrefix = "01970000-0000-7000-8000-"
	sessionPrefix = "01970000-0000-7000-9000-"
)

func idOf(prefix string, n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("%s%012x", prefix, n))
}

func emailOf(account int) string { return fmt.Sprintf("person%d@example.com", account) }

// accountOf is whose session this is.
func (w *world) accountOf(session int) int { return session % w.accounts }

// chunk is how many rows one statement makes: few enough for the serving connection's time limit.
const chunk = 50_000

// insert fills the tables by statements that count. Those differ by engine, which the product's
// own never do.
func (w *world) insert(ctx context.Context, hash string) error {
	series := "(WITH RECURSIVE s(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM s WHERE i < $2) SELECT i FROM s) AS n"
	id := func(prefix, number string) string { return "printf('" + prefix + "%012x', " + number + ")" }
	if w.db.Engine() == "postgres" {
		series = "generate_series(CAST($1 AS BIGINT), CAST($2 AS BIGINT)) AS n(i)"
		id = func(prefix, number string) string {
			return "CAST('" + prefix + "' || lpad(to_hex(" + number + "), 12, '0') AS UUID)"
		}
	}
	account, owner, now := id(accountPrefix, "i"), id(accountPrefix, "i % $4"), w.db.Now()
	for _, table := range []struct {
		rows int
		text string
		args []any
	}{
		{w.accounts, `INSERT INTO account (id, subject, email, email_key, email_verified, active, staff, superuser, epoch, created_at)
			SELECT ` + account + `, CAST(` + account + ` AS TEXT), 'person' || i || '@example.com', 'person' || i || '@example.com', TRUE, TRUE, FALSE, FALSE, 0, CAST($3 AS BIGINT)
			FROM ` + series, []any{now}},
		{w.accounts, `INSERT INTO profile (account_id, full_name, phone, locale, attributes, updated_at)
			SELECT ` + account + `, 'A Person', '+49 30 1234567', 'en', '{}', CAST($3 AS BIGINT) FROM ` + series, []any{now}},
		{w.accounts, `INSERT INTO password_credential (account_id, hash, changed_at)
			SELECT ` + account + `, $4, CAST($3 AS BIGINT) FROM ` + series, []any{now, hash}},
		{len(w.counters), `INSERT INTO session (id, account_id, epoch, client_id, transport, jkt, audience, amr, aal, auth_time,
				counter, rotated_at, repeats, idle_ms, expires_at, created_at, device, address)
			SELECT ` + id(sessionPrefix, "i") + `, ` + owner + `, 0, '` + session.FirstParty + `', '` + session.Body + `', '', '` + publicURL + `', '` + authn.Password + `', 1, CAST($3 AS BIGINT),
				0, CAST($3 AS BIGINT), 0, CAST($5 AS BIGINT), CAST($6 AS BIGINT), CAST($3 AS BIGINT), 'Firefox on Linux', '192.0.2.1'
			FROM ` + series, []any{now, w.accounts, (7 * 24 * time.Hour).Milliseconds(), now.Add(30 * 24 * time.Hour)}},
	} {
		for first := 0; first < table.rows; first += chunk {
			args := append([]any{first, min(first+chunk, table.rows) - 1}, table.args...)
			err := w.db.InTx(ctx, func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, table.text, args...)
				return err
			})
			if err != nil {
				return fmt.Errorf("fill the tables: %w", err)
			}
		}
	}
	return nil
}

// pick returns a random session that no other of so many clients picks.
func (w *world) pick(client, clients int) int {
	return rand.IntN(len(w.counters)/clients)*clients + client
}

// spend returns the counter to present for a session and notes that it is used up.
func (w *world) spend(n int) uint64 {
	w.counters[n]++
	return uint64(w.counters[n] - 1)
}

// refreshToken returns the newest refresh token of a session and notes that it is used up.
func (w *world) refreshToken(n int) (string, error) {
	return w.tokens.Mint(session.RefreshClaims{SessionID: idOf(sessionPrefix, n), Counter: w.spend(n)})
}

// firstParty is the client that every session was opened with.
var firstParty = session.Client{ID: session.FirstParty, Transport: session.Body}

// window is how long a spent token is answered again.
const window = 30 * time.Second

// textOf returns the text of the one statement that do runs.
func (w *world) textOf(do func() error) (string, error) {
	var texts []string
	w.db.Inspect(func(query string) error {
		texts = append(texts, query)
		return nil
	})
	defer w.db.Inspect(nil)
	if err := do(); err != nil {
		return "", err
	}
	if len(texts) != 1 {
		return "", fmt.Errorf("%d statements where one is expected:\n%s", len(texts), strings.Join(texts, "\n"))
	}
	return texts[0], nil
}

// refreshText is the statement that a refresh is.
func (w *world) refreshText(ctx context.Context) (string, error) {
	return w.textOf(func() error {
		_, err := session.Refresh(ctx, w.db, idOf(sessionPrefix, 0), w.spend(0), firstParty, w.db.Now(), window)
		return err
	})
}
