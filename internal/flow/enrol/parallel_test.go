package enrol_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
)

// together runs all of fns at once.
func together(fns ...func()) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for _, fn := range fns {
		all.Go(func() {
			<-start
			fn()
		})
	}
	close(start)
	all.Wait()
}

// Several add what each believes to be the first factor. One of them is, and has the only codes; a session
// that the first one ended adds none.
func TestOfSeveralFirstFactorsOneIsTheFirst(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		setup, err := w.flow.StartApp(t.Context(), w.here, "")
		must(t, err)
		code := w.code(setup.Secret.Reveal())
		var sets, added atomic.Int32
		try := func(by session.Bearer, do func() ([]string, error)) func() {
			return func() {
				codes, err := do()
				switch {
				case err == nil:
					added.Add(1)
				case !errors.Is(err, session.ErrEnded) && !errors.Is(err, session.ErrStale):
					t.Errorf("it returned %v", err)
				}
				if len(codes) > 0 {
					sets.Add(1)
				}
			}
		}
		fns := []func(){try(w.here, func() ([]string, error) {
			_, codes, err := w.flow.ConfirmApp(t.Context(), w.here, code)
			return codes, err
		})}
		for _, by := range []session.Bearer{w.here, w.there, w.there} {
			c, err := w.flow.StartPasskey(t.Context(), by)
			must(t, err)
			answer := passkeytest.NewAuthenticator(domaintest.Origin).Create(c.Options)
			fns = append(fns, try(by, func() ([]string, error) {
				_, codes, err := w.flow.FinishPasskey(t.Context(), by, c.Ticket, answer, "")
				if errors.Is(err, passkey.ErrInvalid) {
					err = session.ErrEnded // the epoch moved on before the ticket was looked at
				}
				return codes, err
			}))
		}
		together(fns...)
		h := w.held()
		if sets.Load() != 1 || h.BackupCodes != 10 || h.TOTP+h.Passkeys != int(added.Load()) || added.Load() == 0 {
			t.Errorf("%d sets of codes, %d added, there is %+v", sets.Load(), added.Load(), h)
		}
		if w.Stands(w.here) == w.Stands(w.there) {
			t.Error("not one session stands")
		}
	})
}

// Of factors that are removed at the same moment the last one stays, where policy asks for one.
func TestPolicyHoldsHoweverManyAreRemovedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.required.Store(true)
		var fns []func()
		var removed, kept atomic.Int32
		note := func(err error) {
			switch {
			case err == nil:
				removed.Add(1)
			case errors.Is(err, enrol.ErrRequired):
				kept.Add(1)
			default:
				t.Errorf("it returned %v", err)
			}
		}
		for range 2 {
			app, _ := w.app(w.here, "")
			key, _ := w.passkey(w.here, "")
			fns = append(fns, func() { note(w.flow.RemoveApp(t.Context(), w.here, app.ID)) }, func() { note(w.flow.RemovePasskey(t.Context(), w.here, key.ID)) })
		}
		together(fns...)
		if h := w.held(); h.TOTP+h.Passkeys != 1 || h.BackupCodes != 10 || removed.Load() != 3 || kept.Load() != 1 {
			t.Errorf("%d removed, %d kept, there is %+v", removed.Load(), kept.Load(), h)
		}
	})
}

// Whatever is added and removed at the same moment, there are no backup codes without a second factor,
// and no first factor without backup codes.
func TestCodesComeAndGoWithTheFactors(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 8 {
			key, _ := w.passkey(w.here, "")
			setup, err := w.flow.StartApp(t.Context(), w.here, "")
			must(t, err)
			code := w.code(setup.Secret.Reveal())
			var errs [3]error
			together(
				func() { errs[0] = w.flow.RemovePasskey(t.Context(), w.here, key.ID) },
				func() { _, _, errs[1] = w.flow.ConfirmApp(t.Context(), w.here, code) },
				func() {
					if _, errs[2] = w.flow.NewCodes(t.Context(), w.here); errors.Is(errs[2], enrol.ErrNone) {
						errs[2] = nil
					}
				},
			)
			must(t, errors.Join(errs[:]...))
			if h := w.held(); h.TOTP != 1 || h.Passkeys != 0 || h.BackupCodes != 10 {
				t.Fatalf("there is %+v", h)
			}
			together(
				func() { errs[0] = w.flow.RemoveApps(t.Context(), w.here) },
				func() {
					if errs[1] = w.flow.RemoveApps(t.Context(), w.here); errors.Is(errs[1], totp.ErrNotFound) {
						errs[1] = nil
					}
				},
				func() {
					if _, errs[2] = w.flow.NewCodes(t.Context(), w.here); errors.Is(errs[2], enrol.ErrNone) {
						errs[2] = nil
					}
				},
			)
			if errors.Is(errs[0], totp.ErrNotFound) {
				errs[0] = nil // the other one was quicker
			}
			must(t, errors.Join(errs[:]...))
			if h := w.held(); h.Second() || h.BackupCodes != 0 {
				t.Fatalf("there is %+v", h)
			}
		}
	})
}

func TestOneCodeEnablesOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		setup, err := w.flow.StartApp(t.Context(), w.here, "")
		must(t, err)
		code := w.code(setup.Secret.Reveal())
		var enabled atomic.Int32
		fns := make([]func(), perAccount.Burst)
		for i := range fns {
			fns[i] = func() {
				if _, _, err := w.flow.ConfirmApp(t.Context(), w.here, code); err == nil {
					enabled.Add(1)
				}
			}
		}
		together(fns...)
		if enabled.Load() != 1 || w.held().TOTP != 1 || w.held().BackupCodes != 10 || len(w.Audited("factor.added")) != 1 {
			t.Errorf("enabled %d times", enabled.Load())
		}
	})
}
