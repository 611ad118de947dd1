package enrol_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func TestStatusSaysAllThereIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		out := w.gets(http.StatusOK, get, "/2fa/", "")
		if got := encode(t, out); len(out) != 6 || out["level_reachable"] != "aal1" || out["required"] != false || out["email_code"] != false || !strings.Contains(got, `"totp":[]`) || !strings.Contains(got, `"passkeys":[]`) {
			t.Errorf("with nothing: %s", got)
		}
		w.app(w.here, "Phone")
		w.passkey(w.here, "Laptop")
		w.required.Store(true)
		must(t, w.flow.EnableMail(t.Context(), w.here))
		out = w.gets(http.StatusOK, get, "/2fa/", "")
		app, key := out["totp"].([]any)[0].(map[string]any), out["passkeys"].([]any)[0].(map[string]any)
		if out["level_reachable"] != "aal2" || out["required"] != true || out["email_code"] != true || out["backup_codes_left"] != 10.0 {
			t.Errorf("with all: %v", out)
		}
		at := w.Now().Format(time.RFC3339)[:16]
		if app["name"] != "Phone" || len(app) != 4 || key["name"] != "Laptop" || len(key) != 6 || key["synced"] == nil || !strings.HasPrefix(app["created_at"].(string), at) || app["last_used_at"] != nil {
			t.Errorf("app %v, passkey %v", app, key)
		}
		if n := len(w.Statements(func() { _, _ = w.flow.Status(t.Context(), w.here) })); n != 3 {
			t.Errorf("%d statements", n)
		}
	})
}

// Reading takes a session, everything else a fresh proof: a token that was stolen changes nothing for long.
func TestWhatChangesSomethingAsksForAFreshProof(t *testing.T) {
	routes := enrol.Routes(nil)
	for _, r := range routes {
		want := web.FreshToken
		if r.Method == get {
			want = web.SignedIn
		}
		if r.Access != want {
			t.Errorf("%s %s may be called by %s", r.Method, r.Path, r.Access)
		}
	}
	each(t, func(t *testing.T, w *world) {
		w.app(w.here, "Phone")
		before := w.held()
		w.advance(domaintest.Fresh + time.Second)
		for _, r := range routes {
			a := w.call(r.Method, strings.ReplaceAll(r.Path, "{id}", uuid.NewString()), "")
			if r.Method == get {
				if a.Status != http.StatusOK {
					t.Errorf("%s: answered %d", r.Path, a.Status)
				}
				continue
			}
			refuses(t, a, http.StatusUnauthorized, "proof_stale")
		}
		if w.held() != before {
			t.Error("something changed")
		}
	})
}

// With a second factor a fresh password is not enough: where policy lets a device go without the second
// step, signing in gives one.
func TestASessionWithoutTheSecondFactorChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		app, _ := w.app(w.here, "Phone")
		w.here = w.Session(w.account.ID) // a password, just now
		before := w.held()
		for _, r := range enrol.Routes(nil) {
			body := map[string]string{"/2fa/enable/": `{"code":"123456"}`, "/2fa/devices/{id}/": `{"name":"x"}`, "/passkeys/{id}/": `{"name":"x"}`}[r.Path]
			if r.Method == get || r.Path == "/passkeys/register/finish/" {
				continue
			}
			if r.Method == remove {
				body = ""
			}
			a := w.call(r.Method, strings.ReplaceAll(r.Path, "{id}", app.ID.String()), body)
			refuses(t, a, http.StatusUnauthorized, "proof_stale")
			if got := a.Header.Get("WWW-Authenticate"); !strings.Contains(got, `acr_values="aal2"`) || a.JSON["methods"].([]any)[0] != "totp" {
				t.Errorf("%s %s: it does not say what is missing: %s", r.Method, r.Path, got)
			}
		}
		wants(t, w.flow.Check(t.Context(), w.here), session.ErrStale)
		if w.held() != before {
			t.Error("something changed")
		}
	})
}

// A session that ends while a request is at work changes nothing any more, and does not come back.
func TestAnEndedSessionChangesNothing(t *testing.T) {
	ends := map[string]string{
		"signed out":            "UPDATE session SET ended_at = 1",
		"signed out everywhere": "UPDATE account SET epoch = epoch + 1",
		"disabled":              "UPDATE account SET active = FALSE",
		"idle":                  "UPDATE session SET rotated_at = 1",
	}
	for name, query := range ends {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				ctx := t.Context()
				app, _ := w.app(w.here, "Phone")
				key, _ := w.passkey(w.here, "Laptop")
				setup, err := w.flow.StartApp(ctx, w.here, "")
				must(t, err)
				before := w.held()
				w.told()
				w.Exec(query)
				tries := map[string]func() error{
					"start app":      func() error { _, err := w.flow.StartApp(ctx, w.here, ""); return err },
					"confirm app":    func() error { _, _, err := w.flow.ConfirmApp(ctx, w.here, w.code(setup.Secret.Reveal())); return err },
					"rename app":     func() error { return w.flow.RenameApp(ctx, w.here, app.ID, "x") },
					"remove app":     func() error { return w.flow.RemoveApp(ctx, w.here, app.ID) },
					"remove apps":    func() error { return w.flow.RemoveApps(ctx, w.here) },
					"start passkey":  func() error { _, err := w.flow.StartPasskey(ctx, w.here); return err },
					"rename passkey": func() error { return w.flow.RenamePasskey(ctx, w.here, key.ID, "x") },
					"remove passkey": func() error { return w.flow.RemovePasskey(ctx, w.here, key.ID) },
					"new codes":      func() error { _, err := w.flow.NewCodes(ctx, w.here); return err },
					"clear codes":    func() error { return w.flow.ClearCodes(ctx, w.here) },
					"enable mail":    func() error { return w.flow.EnableMail(ctx, w.here) },
					"disable mail":   func() error { return w.flow.DisableMail(ctx, w.here) },
					"status":         func() error { _, err := w.flow.Status(ctx, w.here); return err },
				}
				for what, try := range tries {
					if err := try(); err == nil {
						t.Errorf("%s: it was done", what)
					} else {
						wants(t, err, session.ErrEnded)
					}
				}
				if w.held() != before || w.Stands(w.here) || len(w.told()) != 0 {
					t.Error("something changed")
				}
			})
		})
	}
}

// The bearer says whose account it is; the session must be that account's.
func TestASessionOfAnotherAccountIsNone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.app(w.here, "Phone")
		crossed := w.Session(w.Account("ann@example.com", "").ID)
		crossed.AccountID = w.account.ID
		_, err := w.flow.NewCodes(t.Context(), crossed)
		wants(t, err, session.ErrEnded)
	})
}

func TestNewRefusesWhatIsMissing(t *testing.T) {
	if _, err := enrol.New(enrol.Config{}, enrol.Deps{}); err == nil {
		t.Error("no limit is fine")
	}
	if _, err := enrol.New(enrol.Config{PerAccount: perAccount}, enrol.Deps{}); err == nil {
		t.Error("no policy is fine")
	}
}
