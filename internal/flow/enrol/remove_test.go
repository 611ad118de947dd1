package enrol_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
)

func TestTheLastFactorTakesTheCodesWithIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		app, codes := w.app(w.here, "Phone")
		key, _ := w.passkey(w.here, "Laptop")
		w.told()
		w.gets(http.StatusNoContent, remove, "/2fa/devices/"+app.ID.String()+"/", "")
		if w.held().BackupCodes != 10 || !w.spends(codes[0]) {
			t.Error("one of two took the codes with it")
		}
		w.gets(http.StatusNoContent, remove, "/passkeys/"+key.ID.String()+"/", "")
		if w.held() != (factor.Held{Password: true}) || w.spends(codes[1]) {
			t.Errorf("there is %+v", w.held())
		}
		says(t, w.told(), "Phone", "Laptop")
		if n := len(w.Audited("factor.removed")); n != 2 {
			t.Errorf("%d events", n)
		}
		if !w.Stands(w.here) {
			t.Error("the session ended")
		}
	})
}

func TestTheLastFactorStaysWherePolicyAsksForOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		app, _ := w.app(w.here, "Phone")
		key, _ := w.passkey(w.here, "Laptop")
		w.required.Store(true)
		w.gets(http.StatusNoContent, remove, "/passkeys/"+key.ID.String()+"/", "")
		w.told()
		for _, try := range [][3]string{{remove, "/2fa/devices/" + app.ID.String() + "/", ""}, {post, "/2fa/disable/", ""}, {post, "/2fa/disable/", `{"id":"` + app.ID.String() + `"}`}} {
			refuses(t, w.call(try[0], try[1], try[2]), http.StatusConflict, "factor_required")
		}
		if h := w.held(); h.TOTP != 1 || h.BackupCodes != 10 || len(w.told()) != 0 || len(w.Audited("factor.removed")) != 1 {
			t.Errorf("something changed: %+v", h)
		}
		// A code by mail is no second factor, and so is free to go.
		w.gets(http.StatusNoContent, post, "/2fa/email/", "")
		w.gets(http.StatusNoContent, remove, "/2fa/email/", "")
	})
}

func TestDisablingTakesOneAppOrAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		refuses(t, w.call(post, "/2fa/disable/", ""), http.StatusNotFound, "totp_not_found")
		first, _ := w.app(w.here, "Phone")
		w.app(w.here, "Tablet")
		w.app(w.here, "Laptop")
		w.gets(http.StatusOK, post, "/2fa/disable/", `{"id":"`+first.ID.String()+`"}`)
		if w.held().TOTP != 2 {
			t.Errorf("%d apps are left", w.held().TOTP)
		}
		w.told()
		w.gets(http.StatusOK, post, "/2fa/disable/", "{}")
		if w.held() != (factor.Held{Password: true}) {
			t.Errorf("there is %+v", w.held())
		}
		says(t, w.told(), "Tablet", "Laptop")
	})
}

// What belongs to others is not there, for reading the answer as for doing something to it.
func TestNothingOfAnothersIsFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		app, _ := w.app(w.here, "Phone")
		key, _ := w.passkey(w.here, "Laptop")
		w.told()
		w.here = w.Session(w.Account("ann@example.com", "$argon2id$of-nobody").ID)
		for _, id := range []string{app.ID.String(), key.ID.String(), strings.ToUpper(app.ID.String()), strings.ReplaceAll(key.ID.String(), "-", ""), "00000000-0000-0000-0000-000000000000", "x"} {
			refuses(t, w.call(patch, "/2fa/devices/"+id+"/", `{"name":"Mine"}`), http.StatusNotFound, "totp_not_found")
			refuses(t, w.call(remove, "/2fa/devices/"+id+"/", ""), http.StatusNotFound, "totp_not_found")
			refuses(t, w.call(post, "/2fa/disable/", encode(t, map[string]string{"id": id})), http.StatusNotFound, "totp_not_found")
			refuses(t, w.call(patch, "/passkeys/"+id+"/", `{"name":"Mine"}`), http.StatusNotFound, "passkey_not_found")
			refuses(t, w.call(remove, "/passkeys/"+id+"/", ""), http.StatusNotFound, "passkey_not_found")
		}
		out := w.gets(http.StatusOK, get, "/2fa/", "")
		if len(out["totp"].([]any)) != 0 || len(out["passkeys"].([]any)) != 0 || out["backup_codes_left"] != 0.0 {
			t.Errorf("it shows another's: %v", out)
		}
		if h := w.held(); h.TOTP != 1 || h.Passkeys != 1 || h.BackupCodes != 10 || len(w.Audited("factor.removed"))+len(w.Audited("factor.renamed")) != 0 || len(w.told()) != 0 {
			t.Errorf("something changed: %+v", h)
		}
	})
}

func TestANameIsChangedAndAudited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		app, _ := w.app(w.here, "Phone")
		key, _ := w.passkey(w.here, "Laptop")
		w.gets(http.StatusNoContent, patch, "/2fa/devices/"+app.ID.String()+"/", `{"name":"Old phone"}`)
		w.gets(http.StatusNoContent, patch, "/passkeys/"+key.ID.String()+"/", `{"name":"Old laptop"}`)
		refuses(t, w.call(patch, "/2fa/devices/"+app.ID.String()+"/", `{"name":" "}`), http.StatusBadRequest, "totp_name_invalid")
		refuses(t, w.call(patch, "/passkeys/"+key.ID.String()+"/", `{"name":" "}`), http.StatusBadRequest, "passkey_name_invalid")
		st, err := w.flow.Status(t.Context(), w.here)
		must(t, err)
		if st.Apps[0].Name != "Old phone" || st.Passkeys[0].Name != "Old laptop" || len(w.Audited("factor.renamed")) != 2 {
			t.Errorf("called %q and %q", st.Apps[0].Name, st.Passkeys[0].Name)
		}
	})
}

func TestRemovingIsWholeOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		app, _ := w.app(w.here, "Phone")
		w.told()
		whole := w.held()
		for n := 1; ; n++ {
			var err error
			if !w.FailAt(n, func() { err = w.flow.RemoveApp(t.Context(), w.here, app.ID) }) {
				must(t, err)
				break
			}
			if err == nil || w.held() != whole || len(w.Audited("factor.removed")) != 0 || len(w.told()) != 0 {
				t.Fatalf("statement %d: half a change", n)
			}
		}
		if w.held().Second() || w.held().BackupCodes != 0 {
			t.Error("nothing changed in the end")
		}
	})
}

func TestNewCodesReplaceTheFormer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		refuses(t, w.call(post, "/2fa/backup-codes/", ""), http.StatusConflict, "factor_none")
		_, former := w.app(w.here, "Phone")
		w.told()
		codes := texts(w.gets(http.StatusOK, post, "/2fa/backup-codes/", "")["backup_codes"])
		if len(codes) != 10 || slices.Contains(codes, former[0]) || w.spends(former[0]) || !w.spends(codes[0]) {
			t.Error("the codes are not new ones alone")
		}
		says(t, w.told(), "10")
		if len(w.Audited("backup_codes.replaced")) != 2 {
			t.Error("it is not audited")
		}
		for range 2 {
			w.gets(http.StatusNoContent, remove, "/2fa/backup-codes/", "")
		}
		if w.spends(codes[1]) || w.held().TOTP != 1 {
			t.Error("a code is good yet")
		}
		says(t, w.told(), "Backup codes")
		if n := len(w.Audited("factor.removed")); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func TestCodesByMailNeedAPasswordAndAProvenAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET email_verified = FALSE")
		refuses(t, w.call(post, "/2fa/email/", ""), http.StatusConflict, "email_code_unavailable")
		w.Exec("UPDATE account SET email_verified = TRUE")
		w.Exec("DELETE FROM password_credential")
		refuses(t, w.call(post, "/2fa/email/", ""), http.StatusConflict, "email_code_unavailable")
		w.Exec("INSERT INTO password_credential (account_id, hash, changed_at) VALUES ($1, 'x', 1)", w.account.ID)
		for range 2 {
			w.gets(http.StatusNoContent, post, "/2fa/email/", "")
		}
		if h := w.held(); !h.Email || h.Strong() || !w.Stands(w.there) {
			t.Errorf("there is %+v", h)
		}
		says(t, w.told(), email)
		for range 2 {
			w.gets(http.StatusNoContent, remove, "/2fa/email/", "")
		}
		says(t, w.told(), email)
		if w.held().Email || len(w.Audited("factor.added")) != 1 || len(w.Audited("factor.removed")) != 1 {
			t.Error("doing it twice is not the same as once")
		}
		if _, level := w.proven(w.here); level != 1 {
			t.Errorf("mail raised the level to %d", level)
		}
	})
}
