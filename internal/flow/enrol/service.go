package enrol

import (
	"context"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Check returns what would refuse every change now, for pages that lead to one: session.ErrEnded, or
// session.ErrStale where the account has a second factor that was not proven in this session.
func (s *Service) Check(ctx context.Context, by session.Bearer) error {
	_, err := s.look(ctx, by)
	return err
}

// look is enter without a change to come.
func (s *Service) look(ctx context.Context, by session.Bearer) (*standing, error) {
	st, err := find(ctx, s.DB, by, s.DB.Now())
	if err == nil {
		err = st.proven()
	}
	return st, err
}

// enter begins a change: it locks the account and returns how things stand.
func enter(ctx context.Context, tx *db.Tx, by session.Bearer) (*standing, error) {
	st, err := lock(ctx, tx, by)
	if err == nil {
		err = st.proven()
	}
	return st, err
}

// proven refuses a session without a second factor where the account has one. A fresh proof alone does
// not say so much: on a device that policy lets go without the second step, a password is one.
func (st *standing) proven() error {
	return st.Enough(st.level)
}

// thing is a factor that a change is about.
type thing struct {
	method string // of package factor
	id     uuid.UUID
	name   string // as its owner calls it
}

// detail is what the audit says of it. Its name is its owner's, and goes with the account.
func (t thing) detail() map[string]string {
	d := map[string]string{"factor": t.method}
	if t.id != uuid.Nil {
		d["id"] = t.id.String()
	}
	return d
}

// tell writes the audit event and the letter of a change.
func (s *Service) tell(ctx context.Context, tx *db.Tx, by session.Bearer, kind, letterKind string, t thing) error {
	err := audit.Record(ctx, tx, audit.Event{Kind: kind, AccountID: by.AccountID, SessionID: by.SessionID, Detail: t.detail()})
	if err != nil {
		return err
	}
	return s.Letters.Write(ctx, tx, letterKind, by.AccountID, letter.Content{Name: t.name})
}

// add makes what save saves a second factor of the account. proof is the method of package authn that
// saving it proved. It returns new backup codes where this is the account's first.
func (s *Service) add(ctx context.Context, by session.Bearer, proof string, save func(tx *db.Tx) (thing, error)) (codes []string, err error) {
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		codes = nil
		st, err := enter(ctx, tx, by)
		if err != nil {
			return err
		}
		added, err := save(tx)
		if err != nil {
			return err
		}
		if err := s.tell(ctx, tx, by, "factor.added", letter.FactorAdded, added); err != nil || st.Strong() {
			return err
		}
		codes, err = s.first(ctx, tx, by, st, proof)
		return err
	})
	return codes, err
}

// first is what the first second factor brings with it. The other sessions were opened without it, and
// whoever added it has just proven it.
func (s *Service) first(ctx context.Context, tx *db.Tx, by session.Bearer, st *standing, proof string) (codes []string, err error) {
	if _, err := session.EndOthers(ctx, tx, by.AccountID, by.SessionID); err != nil {
		return nil, err
	}
	methods, level := authn.Together(append(st.methods, proof)...)
	if err := session.Prove(ctx, tx, by.SessionID, methods, level); err != nil || st.BackupCodes > 0 {
		return nil, err
	}
	return s.replaceCodes(ctx, tx, by)
}

// remove takes factors from the account: what take returns. With the last second factor the backup
// codes go, unless policy asks for one: then it returns ErrRequired.
func (s *Service) remove(ctx context.Context, by session.Bearer, take func(tx *db.Tx) ([]thing, error)) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		st, err := enter(ctx, tx, by)
		if err != nil {
			return err
		}
		taken, err := take(tx)
		if err != nil {
			return err
		}
		left, err := factor.Of(ctx, tx, by.AccountID)
		if err != nil {
			return err
		}
		if !left.Strong() {
			if s.Required(st.account) {
				return ErrRequired
			}
			if err := s.BackupCodes.Clear(ctx, tx, by.AccountID); err != nil {
				return err
			}
		}
		for _, t := range taken {
			if err := s.tell(ctx, tx, by, "factor.removed", letter.FactorRemoved, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// rename changes what a factor is called.
func (s *Service) rename(ctx context.Context, by session.Bearer, t thing, change func(tx *db.Tx) error) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		if _, err := enter(ctx, tx, by); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "factor.renamed", AccountID: by.AccountID, SessionID: by.SessionID, Detail: t.detail()})
	})
}

// refused leaves the trace of an attempt that was refused.
func (s *Service) refused(ctx context.Context, by session.Bearer, t thing, why string) error {
	return audit.RecordAlone(ctx, s.DB, audit.Event{Kind: "factor.add_refused", AccountID: by.AccountID, SessionID: by.SessionID, Reason: why, Detail: t.detail()})
}
