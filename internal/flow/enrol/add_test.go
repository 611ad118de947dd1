package enrol_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// The whole way through the API, as a client goes it.
func TestTheFirstAppRaisesThisSessionEndsTheOthersAndGivesCodes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		setup := w.gets(http.StatusOK, post, "/2fa/setup/", `{"name":"Phone"}`)
		secret, _ := setup["secret"].(string)
		uri, _ := setup["otpauth_uri"].(string)
		png, _ := setup["qr_b64"].(string)
		svg, _ := setup["qr_svg"].(string)
		raw, err := base64.StdEncoding.DecodeString(png)
		if err != nil || !strings.HasPrefix(string(raw), "\x89PNG") || !strings.HasPrefix(svg, "<svg") || !strings.Contains(uri, "secret="+secret) || len(secret) != 32 {
			t.Fatal("the set-up is not whole")
		}
		if w.held().Second() || !w.Stands(w.there) {
			t.Fatal("an app counts before its first code")
		}
		out := w.gets(http.StatusOK, post, "/2fa/enable/", `{"code":"`+w.code(secret)+`"}`)
		codes := texts(out["backup_codes"])
		device, _ := out["device"].(map[string]any)
		if len(codes) != 10 || len(codes[0]) != 19 || device["name"] != "Phone" || device["id"] != setup["id"] || device["last_used_at"] != nil {
			t.Errorf("answered %v and %d codes", device, len(codes))
		}
		if methods, level := w.proven(w.here); methods != "pwd otp mfa" || level != 2 {
			t.Errorf("the session has %q, level %d", methods, level)
		}
		if !w.Stands(w.here) || w.Stands(w.there) {
			t.Error("the wrong sessions stand")
		}
		if len(w.Audited("factor.added")) != 1 || len(w.Audited("backup_codes.replaced")) != 1 {
			t.Error("it is not audited once")
		}
		mails := w.told()
		says(t, mails, "Phone", "10")
		for _, m := range mails {
			if strings.Contains(m.Text+m.HTML, secret) || strings.Contains(m.Text+m.HTML, codes[0]) {
				t.Error("a mail holds a secret")
			}
		}
		if !w.spends(codes[9]) {
			t.Error("a backup code is not good")
		}
		if out := w.gets(http.StatusOK, get, "/2fa/backup-codes/", ""); out["left"] != 9.0 {
			t.Errorf("left: %v", out)
		}
	})
}

func TestAFirstPasskeyDoesTheSame(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		begun := w.gets(http.StatusOK, post, "/passkeys/register/begin/", "")
		answer := passkeytest.NewAuthenticator(domaintest.Origin).Create([]byte(encode(t, begun["publicKey"])))
		body := encode(t, map[string]any{"ticket": begun["ticket"], "name": "Laptop"})
		body = strings.TrimSuffix(body, "}") + `,"credential":` + string(answer) + `}`
		out := w.gets(http.StatusOK, post, "/passkeys/register/finish/", body)
		made, _ := out["passkey"].(map[string]any)
		if made["name"] != "Laptop" || len(texts(out["backup_codes"])) != 10 {
			t.Errorf("answered %v", made)
		}
		if methods, level := w.proven(w.here); methods != "pwd hwk mfa" || level != 2 {
			t.Errorf("the session has %q, level %d", methods, level)
		}
		if !w.Stands(w.here) || w.Stands(w.there) || len(w.Audited("factor.added")) != 1 {
			t.Error("the wrong sessions stand, or it is not audited")
		}
		says(t, w.told(), "Laptop", "10")
		// The same answer once more.
		refuses(t, w.call(post, "/passkeys/register/finish/", body), http.StatusBadRequest, "passkey_invalid")
		if list := w.gets(http.StatusOK, get, "/passkeys/", ""); w.held().Passkeys != 1 || len(list["passkeys"].([]any)) != 1 {
			t.Errorf("%v", list)
		}
	})
}

func TestAPasskeyThatIsSyncedProvesNoHardware(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c, err := w.flow.StartPasskey(t.Context(), w.here)
		must(t, err)
		phone := passkeytest.NewAuthenticator(domaintest.Origin)
		phone.Flags |= passkeytest.BackupEligible | passkeytest.BackedUp
		_, _, err = w.flow.FinishPasskey(t.Context(), w.here, c.Ticket, phone.Create(c.Options), "")
		must(t, err)
		if methods, level := w.proven(w.here); methods != "pwd swk mfa" || level != 2 {
			t.Errorf("the session has %q, level %d", methods, level)
		}
	})
}

func TestAFurtherFactorEndsNothingAndLeavesTheCodes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, codes := w.app(w.here, "Phone")
		second := w.Session(w.account.ID)
		if _, more := w.passkey(w.here, ""); more != nil || !w.Stands(second) || !w.spends(codes[0]) {
			t.Error("a second factor did what the first does")
		}
		// Codes that are used up, or were thrown away, are not made anew unasked.
		must(t, w.flow.ClearCodes(t.Context(), w.here))
		if _, more := w.app(w.here, "Tablet"); more != nil || w.held().BackupCodes != 0 {
			t.Error("codes were made")
		}
	})
}

func TestSettingUpAnAppNeverTouchesOneThatCounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		setup, err := w.flow.StartApp(t.Context(), w.here, "Phone")
		must(t, err)
		_, _, err = w.flow.ConfirmApp(t.Context(), w.here, w.code(setup.Secret.Reveal()))
		must(t, err)
		var before []byte
		w.Read(&before, "SELECT secret FROM totp_device WHERE confirmed_at IS NOT NULL")
		for range 2 {
			w.gets(http.StatusOK, post, "/2fa/setup/", "")
		}
		var after []byte
		w.Read(&after, "SELECT secret FROM totp_device WHERE confirmed_at IS NOT NULL")
		w.advance(time.Minute)
		if _, err := w.flow.TOTP.Match(t.Context(), w.account.ID, w.code(setup.Secret.Reveal())); err != nil || string(before) != string(after) {
			t.Errorf("the first app: %v", err)
		}
		if w.Count("SELECT count(*) FROM totp_device WHERE confirmed_at IS NULL") != 1 {
			t.Error("more than one waits")
		}
	})
}

// Whoever else is signed in may have put a secret that they know in the place of the one shown.
func TestAWaitingAppIsShownAgainToWhoStartedItAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine, err := w.flow.StartApp(t.Context(), w.here, "")
		must(t, err)
		again, err := w.flow.WaitingApp(t.Context(), w.here, mine.ID)
		if err != nil || again.Secret.Reveal() != mine.Secret.Reveal() {
			t.Fatalf("once more: %v", err)
		}
		_, err = w.flow.StartApp(t.Context(), w.there, "")
		must(t, err)
		_, err = w.flow.WaitingApp(t.Context(), w.here, mine.ID)
		wants(t, err, totp.ErrNoSetup)
		_, _, err = w.flow.ConfirmApp(t.Context(), w.here, w.code(mine.Secret.Reveal()))
		wants(t, err, factor.ErrCode)
		_, err = w.flow.WaitingApp(t.Context(), w.here, uuid.Nil)
		wants(t, err, totp.ErrNoSetup)
	})
}

func TestWrongCodesAreCountedBeforeTheyAreLookedAt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		setup, err := w.flow.StartApp(t.Context(), w.here, "")
		must(t, err)
		right := w.code(setup.Secret.Reveal())
		wrong := string('0'+(right[0]-'0'+1)%10) + right[1:]
		for range perAccount.Burst {
			refuses(t, w.call(post, "/2fa/enable/", `{"code":"`+wrong+`"}`), http.StatusForbidden, "code_rejected")
		}
		a := w.call(post, "/2fa/enable/", `{"code":"`+right+`"}`)
		refuses(t, a, http.StatusTooManyRequests, "rate_limited")
		if a.Header.Get("Retry-After") == "" || w.held().Second() || !w.Stands(w.there) {
			t.Error("too many tries, and yet something changed")
		}
		if got := strings.Join(w.Audited("factor.add_refused"), " "); got != "wrong_code wrong_code wrong_code rate_limited" {
			t.Errorf("audited %q", got)
		}
		if len(w.told()) != 0 {
			t.Error("a mail went out")
		}
	})
}

func TestARightCodeCostsNoTry(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range perAccount.Burst + 1 {
			w.app(w.here, "")
		}
		if _, err := w.Limiter.Take(t.Context(), ratelimit.Bucket{Limit: perAccount, Key: w.account.ID.String()}); err != nil {
			t.Error(err)
		}
	})
}

func TestNothingWaitsForACode(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		refuses(t, w.call(post, "/2fa/enable/", `{"code":"123456"}`), http.StatusConflict, "totp_setup_missing")
		for _, code := range []string{"12345", "1234567", " 123456", "123 456", "１２３４５６", ""} {
			refuses(t, w.call(post, "/2fa/enable/", encode(t, map[string]string{"code": code})), http.StatusBadRequest, "fields_invalid")
		}
	})
}

// A passkey's challenge belongs to one session of one account.
func TestAPasskeyIsAddedInTheSessionThatBegan(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := w.Session(w.Account("ann@example.com", "$argon2id$of-nobody").ID)
		for name, by := range map[string]session.Bearer{"another session": w.there, "another account": other} {
			c, err := w.flow.StartPasskey(t.Context(), w.here)
			must(t, err)
			answer := passkeytest.NewAuthenticator(domaintest.Origin).Create(c.Options)
			if _, _, err := w.flow.FinishPasskey(t.Context(), by, c.Ticket, answer, ""); err == nil {
				t.Errorf("%s took the answer", name)
			}
		}
		if w.Count("SELECT count(*) FROM passkey") != 0 || !w.Stands(w.there) {
			t.Error("something changed")
		}
	})
}

func TestAddingIsWholeOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for n := 1; ; n++ {
			setup, err := w.flow.StartApp(t.Context(), w.here, "")
			must(t, err)
			code := w.code(setup.Secret.Reveal())
			if !w.FailAt(n, func() { _, _, err = w.flow.ConfirmApp(t.Context(), w.here, code) }) {
				must(t, err)
				break
			}
			if err == nil || w.held() != (factor.Held{Password: true}) || !w.Stands(w.there) || w.Count("SELECT count(*) FROM job") != 0 || len(w.Audited("factor.added")) != 0 {
				t.Fatalf("statement %d: half a change, %v", n, err)
			}
			w.advance(time.Hour) // or the tries run out
			w.Exec("UPDATE session SET auth_time = $1", w.Now())
		}
		if !w.held().Strong() || w.Stands(w.there) {
			t.Error("nothing changed in the end")
		}
	})
}
