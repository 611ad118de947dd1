package manage

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// MaxExport is how many events an export has at most.
const MaxExport = 100_000

const (
	// exportPage is how many events are read at once.
	exportPage = 1000
	// maxExportPages is how many pages are read at most: a page may look at many events and find none.
	maxExportPages = 2 * MaxExport / exportPage
)

// exports bounds how many a member of staff may ask for: each reads much.
var exports = ratelimit.Limit{Name: "audit.export", Burst: 10, Per: time.Hour}

var exportHead = []string{"at", "kind", "account", "email", "account_id", "session_id", "actor", "address", "device", "request_id", "reason", "detail", "tenant_id"}

// ExportAudit writes events as CSV (RFC 4180), the newest first, with a header row. Times are
// RFC 3339 in UTC. After MaxExport events a last row says that there are more. No cell begins what a
// spreadsheet takes for a formula: an apostrophe stands before it. That somebody exported is an
// event itself. It returns what Audit returns, before it has written anything.
func (s *Service) ExportAudit(ctx context.Context, by Actor, q AuditQuery, w io.Writer) error {
	if err := by.need(role.StaffReadAudit); err != nil {
		return err
	}
	f, err := s.filter(ctx, q)
	if err != nil {
		return err
	}
	if !by.operator {
		if _, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: exports, Key: by.ID.String()}); err != nil {
			return err
		}
	}
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		by, err := s.permitted(ctx, tx, by, role.StaffReadAudit)
		if err != nil {
			return err
		}
		if f.Until.IsZero() {
			f.Until = tx.Now // what happens from now on, this export among it, is not in it
		}
		e := audit.Event{Kind: "audit.exported", AccountID: f.Account}
		if f.Tenant != uuid.Nil {
			e.Detail = map[string]string{"tenant": f.Tenant.String()}
		}
		return audit.Record(by.signed(ctx), tx, e)
	})
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(exportHead); err != nil {
		return fmt.Errorf("manage: export: %w", err)
	}
	if err := s.exportRows(ctx, f, out); err != nil {
		return fmt.Errorf("manage: export: %w", err)
	}
	out.Flush()
	return out.Error()
}

func (s *Service) exportRows(ctx context.Context, f audit.Filter, out *csv.Writer) error {
	for left, pages := MaxExport, 1; ; pages++ {
		f.Limit = min(left, exportPage)
		page, next, err := audit.List(ctx, s.DB, f)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := out.Write(exported(e)); err != nil {
				return err
			}
		}
		left -= len(page)
		switch {
		case next == nil:
			return nil
		case left == 0 || pages == maxExportPages:
			last := make([]string, len(exportHead))
			last[0] = fmt.Sprintf("There is more: this export ends after %d events.", MaxExport-left)
			return out.Write(last)
		}
		out.Flush()
		f.After = next
	}
}

func exported(e audit.Entry) []string {
	detail, err := json.Marshal(e.Detail, json.Deterministic(true))
	if err != nil || len(e.Detail) == 0 {
		detail = nil
	}
	row := []string{e.At.Format(time.RFC3339Nano), e.Kind, e.Subject, e.Email, idText(e.AccountID), idText(e.SessionID),
		e.Source.Actor, e.Source.Address, e.Source.Device, e.Source.RequestID, e.Reason, string(detail), idText(e.TenantID)}
	for i := range row {
		row[i] = inert(row[i])
	}
	return row
}

// inert puts an apostrophe before whatever a spreadsheet could take for a formula: = + - @ and
// their look-alikes at the beginning of the cell, behind blanks and quotes, and after whatever may be
// a separator where the file is opened, so that no part of the cell becomes a cell of its own.
func inert(cell string) string {
	var out strings.Builder
	begins := true
	for i, r := range cell {
		if begins && (formula(r) || i == 0 && (r == '\t' || r == '\r')) {
			out.WriteByte('\'')
		}
		out.WriteRune(r)
		switch {
		case strings.ContainsRune(";,|\t\r\n", r):
			begins = true
		case r != '"' && !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r):
			begins = false
		}
	}
	return out.String()
}

// formula reports whether r begins a formula, or is drawn or folded like what does.
func formula(r rune) bool {
	return r == '\u2212' || strings.ContainsAny(norm.NFKC.String(string(r)), "=+-@")
}
