package console_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// A million accounts, each with a session and an event; and mails and counts. PostgreSQL makes them.
var million = []string{
	`SET LOCAL statement_timeout = 0`,
	`CREATE TEMPORARY TABLE series AS SELECT i, CAST('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0') AS UUID) AS id, 1700000000000 + i * 1000 AS at FROM generate_series(CAST(1 AS BIGINT), 1000000) AS i`,
	`INSERT INTO account (id, subject, email, email_key, email_verified, active, staff, superuser, epoch, created_at)
		SELECT id, CAST(id AS TEXT), 'p' || lpad(to_hex(i * 7919 % 1000003), 6, '0') || '@example.com', 'p' || lpad(to_hex(i * 7919 % 1000003), 6, '0') || '@example.com', i % 10 > 0, i % 100 > 0, FALSE, FALSE, 0, at FROM series`,
	`INSERT INTO profile (account_id, full_name, name_key, phone, locale, attributes, updated_at) SELECT id, 'Jo ' || i, 'jo ' || i, '', 'en', '{}', at FROM series`,
	`INSERT INTO session (id, account_id, epoch, client_id, transport, jkt, audience, amr, aal, auth_time, counter, rotated_at, repeats, idle_ms, expires_at, created_at, device, address)
		SELECT id, id, 0, 'first-party', 'body', '', '', 'pwd', 1, at, 0, at, 0, 604800000, 4000000000000, at, 'Firefox on Linux', '192.0.2.1' FROM series`,
	`INSERT INTO audit_event (id, at, kind, account_id, actor, address, device, request_id, reason, detail)
		SELECT id, at, CASE WHEN i % 5 = 0 THEN 'signin.refused' ELSE 'session.created' END, id, 'self', '192.0.2.1', 'Firefox on Linux', '', '', '{}' FROM series`,
	`INSERT INTO job (id, kind, recipient, payload, attempt, run_at, leased_until, created_at, done_at, dead_at, last_error)
		SELECT id, 'letter', CAST(id AS TEXT), NULL, 1, at, 0, at, CASE WHEN i % 3 = 0 THEN at END, CASE WHEN i % 3 = 1 THEN at END, '' FROM series WHERE i <= 100000`,
	`INSERT INTO stat_hour (name, hour, n) SELECT n, h, 1000 FROM unnest(ARRAY['accounts', 'accounts.active', 'sessions.live', 'event.session.created', 'event.signin.refused', 'event.account.created']) AS n, generate_series(0, 9600) AS k, LATERAL (SELECT CAST($1 AS BIGINT) - k * CAST(3600000 AS BIGINT) AS h) AS hours`,
	`ANALYZE`,
}

// BenchmarkScreensWithAMillionAccounts measures the server's time for each screen, statements and
// templates included. Run it with -bench Million -benchtime 200x.
func BenchmarkScreensWithAMillionAccounts(b *testing.B) {
	d := dbtest.Open(b, "postgres")
	owner, err := db.Open(b.Context(), db.Config{URL: d.OwnerURL, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer owner.Close()
	hour := d.Now().UnixMilli() / 3_600_000 * 3_600_000
	err = owner.InTx(b.Context(), func(tx *db.Tx) error {
		for _, statement := range million {
			args := []any{}
			if strings.Contains(statement, "$1") {
				args = append(args, hour)
			}
			if _, err := tx.Exec(b.Context(), statement, args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	w := newWorld(b, domaintest.New(b, d))
	one := &account.Account{Subject: "01900000-0000-7000-8000-0000000f0000"}
	form := url.Values{"action": {"disable"}}
	for _, c := range "0123456789abcdef" {
		form.Add("account[]", "01900000-0000-7000-8000-00000000000"+string(c))
	}
	deep := "/console/accounts/"
	for range 30 {
		deep = link(nextPage, w.client.Page(deep, w.asSuper).Text)
	}
	for name, address := range map[string]string{
		"overview": "/console/", "accounts": "/console/accounts/", "accounts-page-31": deep, "by-email": "/console/accounts/?by=email&prefix=p0", "by-name": "/console/accounts/?by=name&prefix=jo+9",
		"by-id": "/console/accounts/?by=id&prefix=" + one.Subject, "by-email-disabled": "/console/accounts/?by=email&prefix=p&status=disabled", "disabled": "/console/accounts/?status=disabled",
		"staff": "/console/accounts/?status=staff", "nobody": "/console/accounts/?by=email&prefix=zz", "account": path(one, ""), "confirm": path(one, "disable/"),
		"sessions": "/console/sessions/", "mails": "/console/mails/", "dead-mails": "/console/mails/?state=dead", "keys": "/console/keys/", "audit": "/console/audit/", "audit-of-one": "/console/audit/?account=" + one.Subject,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if a := w.client.Page(address, w.asSuper); a.Status != http.StatusOK {
					b.Fatalf("%s: %d", address, a.Status)
				}
			}
		})
	}
	b.Run("bulk", func(b *testing.B) {
		for b.Loop() {
			if a := w.client.Submit("/console/accounts/~selected/", form, w.asSuper); a.Status != http.StatusOK {
				b.Fatal(a.Status)
			}
		}
	})
}
