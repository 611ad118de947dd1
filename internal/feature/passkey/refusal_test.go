package passkey_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

type edit = func(*passkeytest.Answer)

// hostile are answers that no ceremony takes, with a word of why.
var hostile = map[string]struct {
	edit edit
	why  string
}{
	"another challenge":             {func(x *passkeytest.Answer) { x.Challenge = b64(make([]byte, 32)) }, "another challenge"},
	"no challenge":                  {func(x *passkeytest.Answer) { x.Challenge = "" }, "another challenge"},
	"a foreign origin":              {func(x *passkeytest.Answer) { x.Origin = "https://id.example.net" }, "another origin"},
	"an origin below":               {func(x *passkeytest.Answer) { x.Origin = "https://evil.id.example.com" }, "another origin"},
	"an origin above":               {func(x *passkeytest.Answer) { x.Origin = "https://example.com" }, "another origin"},
	"an origin with a port":         {func(x *passkeytest.Answer) { x.Origin = origin + ":8443" }, "another origin"},
	"an origin with the usual port": {func(x *passkeytest.Answer) { x.Origin = origin + ":443" }, "another origin"},
	"an origin with a path":         {func(x *passkeytest.Answer) { x.Origin = origin + "/evil" }, "another origin"},
	"an origin with a person":       {func(x *passkeytest.Answer) { x.Origin = "https://evil@id.example.com" }, "another origin"},
	"an origin in capitals":         {func(x *passkeytest.Answer) { x.Origin = "https://ID.example.com" }, "another origin"},
	"an origin without encryption":  {func(x *passkeytest.Answer) { x.Origin = "http://id.example.com" }, "another origin"},
	"an app":                        {func(x *passkeytest.Answer) { x.Origin = "android:apk-key-hash:AAAA" }, "another origin"},
	"no origin":                     {func(x *passkeytest.Answer) { x.Origin = "" }, "another origin"},
	"a frame":                       {func(x *passkeytest.Answer) { x.CrossOrigin = true }, "inside of another's"},
	"a frame of a page":             {func(x *passkeytest.Answer) { x.CrossOrigin, x.TopOrigin = true, related }, "inside of another's"},
	"a page around that is not":     {func(x *passkeytest.Answer) { x.TopOrigin = origin }, "inside of another's"},
	"another relying party":         {func(x *passkeytest.Answer) { x.RPID = "id.example.com" }, "RP Hash"},
	"nobody there":                  {func(x *passkeytest.Answer) { x.Flags &^= passkeytest.UserPresent }, "presence"},
	"backed up, never to be":        {func(x *passkeytest.Answer) { x.Flags |= passkeytest.BackedUp }, "Backup State"},
	"id is not rawId":               {func(x *passkeytest.Answer) { x.ID = b64([]byte("another")) }, "differ"},
	"rawId is not id":               {func(x *passkeytest.Answer) { x.RawID = b64([]byte("another")) }, "differ"},
	"no id":                         {func(x *passkeytest.Answer) { x.ID, x.RawID = "", "" }, "0 bytes"},
	"an endless id":                 {func(x *passkeytest.Answer) { x.ID = b64(make([]byte, 1024)); x.RawID = x.ID }, "1024 bytes"},
	"an id with padding":            {func(x *passkeytest.Answer) { x.ID += "="; x.RawID = x.ID }, "base64url"},
	"an id with a line end":         {func(x *passkeytest.Answer) { x.ID += "\n"; x.RawID = x.ID }, "base64url"},
	"a type of its own":             {func(x *passkeytest.Answer) { x.Extra = map[string]any{"type": "password"} }, "public-key"},
	"no response":                   {func(x *passkeytest.Answer) { x.Extra = map[string]any{"response": nil} }, ""},
	"a number for an id":            {func(x *passkeytest.Answer) { x.Extra = map[string]any{"id": 1} }, "not what it should be"},
	"too long":                      {func(x *passkeytest.Answer) { x.Extra = map[string]any{"more": strings.Repeat("x", 16<<10)} }, "bytes, more than"},
	"too deep":                      {func(x *passkeytest.Answer) { x.Extra = map[string]any{"more": nested(9)} }, "deeply"},
	"client data that is none":      {func(x *passkeytest.Answer) { x.ClientData = []byte("{") }, "client data"},
	"a name twice": {func(x *passkeytest.Answer) {
		x.ClientData = fmt.Appendf(nil, `{"type":%q,"challenge":%q,"origin":"https://evil.example","origin":%q}`, x.Type, x.Challenge, x.Origin)
	}, "duplicate"},
	"names in capitals": {func(x *passkeytest.Answer) {
		x.ClientData = fmt.Appendf(nil, `{"Type":%q,"Challenge":%q,"Origin":%q}`, x.Type, x.Challenge, x.Origin)
	}, "another kind"},
	"text that is not UTF-8": {func(x *passkeytest.Answer) {
		x.ClientData = fmt.Appendf(nil, "{\"type\":%q,\"challenge\":%q,\"origin\":%q,\"x\":\"\xff\"}", x.Type, x.Challenge, x.Origin)
	}, "UTF-8"},
}

func nested(depth int) any {
	if depth == 0 {
		return 1
	}
	return []any{nested(depth - 1)}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func encode(t *testing.T, v any) []byte {
	t.Helper()
	out, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRegistrationRefuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("There already")
		rows := maps.Clone(hostile)
		for name, row := range map[string]struct {
			edit edit
			why  string
		}{
			"an answer to a sign-in":     {func(x *passkeytest.Answer) { x.Type = "webauthn.get" }, "another kind"},
			"an unverified user":         {func(x *passkeytest.Answer) { x.Flags &^= passkeytest.UserVerified }, "verification"},
			"an algorithm not offered":   {func(x *passkeytest.Answer) { x.Algorithm = -35 }, "algorithm not supported"},
			"an id that is not attested": {func(x *passkeytest.Answer) { x.CredentialID = []byte("another") }, "credential id"},
			"an endless attested id":     {func(x *passkeytest.Answer) { x.CredentialID = make([]byte, 1024) }, "attestation response"},
			"an attestation of a maker": {func(x *passkeytest.Answer) {
				x.Format, x.Statement = "packed", map[string]any{"alg": -7, "sig": []byte{1}, "x5c": [][]byte{{1}}}
			}, "not asked for"},
			"an attestation of a chip":        {func(x *passkeytest.Answer) { x.Format = "tpm" }, "not asked for"},
			"an attestation of no known kind": {func(x *passkeytest.Answer) { x.Format = "own" }, "not asked for"},
			"none, with a statement":          {func(x *passkeytest.Answer) { x.Statement = map[string]any{"alg": -7} }, "none with attestation"},
			"signed by another key":           {func(x *passkeytest.Answer) { x.Format, x.Unsigned = "packed", true }, "verify signature"},
			"an algorithm the key has not":    {func(x *passkeytest.Answer) { x.Algorithm = -8 }, "not usable"},
			"a point off the curve": {func(x *passkeytest.Answer) {
				x.PublicKey = encode(t, map[int]any{1: 2, 3: -7, -1: 1, -2: bytes.Repeat([]byte{1}, 32), -3: bytes.Repeat([]byte{2}, 32)})
			}, "not usable"},
			"another curve": {func(x *passkeytest.Answer) {
				x.PublicKey = encode(t, map[int]any{1: 1, 3: -8, -1: 7, -2: make([]byte, 57)})
			}, "not usable"},
			"a short RSA key":            {rsaKey(t, -257, 1024), "RSA key is not usable"},
			"an endless RSA key":         {rsaKey(t, -257, 16384), "RSA key is not usable"},
			"an RSA key for another use": {rsaKey(t, -7, 2048), "RSA key is not usable"},
			"no key":                     {func(x *passkeytest.Answer) { x.PublicKey = []byte{} }, "attestation response"},
		} {
			rows[name] = row
		}
		for name, row := range rows {
			c := w.beginRegistration()
			before := w.rows()
			_, err := w.service.FinishRegistration(t.Context(), w.by, c.Ticket, w.device.Create(c.Options, row.edit), "")
			if !errors.Is(err, passkey.ErrInvalid) || !strings.Contains(err.Error(), row.why) {
				t.Errorf("%s: %v", name, err)
			}
			if after := w.rows(); after != before {
				t.Errorf("%s changed something:\n%s\n%s", name, before, after)
			}
		}
	})
}

func rsaKey(t *testing.T, algorithm, bits int) edit {
	t.Helper()
	n := bytes.Repeat([]byte{0xff}, bits/8)
	public := encode(t, map[int]any{1: 3, 3: algorithm, -1: n, -2: []byte{1, 0, 1}})
	return func(x *passkeytest.Answer) { x.PublicKey = public }
}

func TestRegistrationTakesWhatIsHarmless(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, e := range map[string]edit{
			"members that we do not know": func(x *passkeytest.Answer) { x.Extra = map[string]any{"more": nested(7)} },
			"extensions not asked for": func(x *passkeytest.Answer) {
				x.Extensions = map[string]any{"example": true, "credProtect": 2}
				x.Extra = map[string]any{"clientExtensionResults": map[string]any{"credProps": "yes", "example": []int{1}, "appid": true}}
			},
			"an attestation by the key itself": func(x *passkeytest.Answer) { x.Format = "packed" },
			"an RSA key":                       rsaKey(t, -257, 2048),
			"the longest id": func(x *passkeytest.Answer) {
				x.CredentialID = append(make([]byte, 1022), 1)
				x.ID = b64(x.CredentialID)
				x.RawID = x.ID
			},
		} {
			if p := w.register(name, e); p.Name != name {
				t.Error(p.Name)
			}
		}
	})
}

func TestSignInRefuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.device.Counts = true
		w.register("")
		if _, err := w.signIn(); err != nil { // the counter is 1
			t.Fatal(err)
		}
		eve := w.newcomer("eve@example.com")
		rows := uses(eve.AccountID)
		rows["an unverified user"] = refusal{func(x *passkeytest.Answer) { x.Flags &^= passkeytest.UserVerified }, passkey.ReasonUnproven, "verification"}
		rows["no user handle"] = refusal{func(x *passkeytest.Answer) { x.UserHandle = nil }, passkey.ReasonUnproven, "no user handle"}
		for name, row := range rows {
			c := w.beginSignIn()
			answer := w.device.Get(c.Options, row.edit)
			before := w.rows()
			a, err := w.service.FinishSignIn(t.Context(), c.Ticket, answer)
			w.checkRefusal(name, row, a, err)
			if after := w.rows(); after != before {
				t.Errorf("%s changed something:\n%s\n%s", name, before, after)
			}
		}
	})
}

func TestProofRefuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.device.Counts = true
		w.register("")
		if _, err := w.signIn(); err != nil { // the counter is 1
			t.Fatal(err)
		}
		eve := w.newcomer("eve@example.com")
		for name, row := range uses(eve.AccountID) {
			parent := uuid.New()
			c := w.beginProof(parent)
			answer := w.device.Get(c.Options, row.edit)
			before := w.rows()
			a, err := w.service.FinishProof(t.Context(), w.by.AccountID, parent, c.Ticket, answer)
			w.checkRefusal(name, row, a, err)
			if after := w.rows(); after != before {
				t.Errorf("%s changed something:\n%s\n%s", name, before, after)
			}
		}
	})
}

type refusal struct {
	edit        edit
	reason, why string
}

// uses are answers that neither sign-in nor proof take. The counter is 1 already.
func uses(foreign uuid.UUID) map[string]refusal {
	rows := map[string]refusal{
		"an answer to a registration": {func(x *passkeytest.Answer) { x.Type = "webauthn.create" }, passkey.ReasonUnproven, "another kind"},
		"another's user handle":       {func(x *passkeytest.Answer) { x.UserHandle = foreign[:] }, passkey.ReasonUnproven, "User handle"},
		"no account's user handle":    {func(x *passkeytest.Answer) { x.UserHandle = []byte("ada") }, passkey.ReasonUnproven, "User handle"},
		"another key's signature":     {func(x *passkeytest.Answer) { x.Unsigned = true }, passkey.ReasonUnproven, "signature"},
		"now it can be backed up":     {func(x *passkeytest.Answer) { x.Flags |= passkeytest.BackupEligible }, passkey.ReasonUnproven, "Backup Eligible"},
		"the counter stands":          {func(x *passkeytest.Answer) { x.Counter = 1 }, passkey.ReasonCounter, "counter"},
		"the counter goes back":       {func(x *passkeytest.Answer) { x.Counter = 0 }, passkey.ReasonCounter, "counter"},
		"nobody's passkey": {func(x *passkeytest.Answer) {
			x.ID = b64([]byte("nobody's"))
			x.RawID = x.ID
		}, passkey.ReasonUnknown, ""},
	}
	for name, h := range hostile {
		reason := passkey.ReasonUnproven
		if slices.Contains([]string{"differ", "base64url", "0 bytes", "1024 bytes", "bytes, more than", "not what it should be", "deeply", "public-key"}, h.why) {
			reason = passkey.ReasonMalformed
		}
		rows[name] = refusal{h.edit, reason, h.why}
	}
	return rows
}

// checkRefusal looks at a refusal: one code for the caller, the reason for the audit.
func (w *world) checkRefusal(name string, want refusal, a *passkey.Assertion, err error) {
	w.t.Helper()
	var why *passkey.Refusal
	if !errors.Is(err, passkey.ErrRejected) || !errors.As(err, &why) || a != nil {
		w.t.Errorf("%s: %v", name, err)
		return
	}
	if why.Reason != want.reason || !strings.Contains(why.Error(), want.why) {
		w.t.Errorf("%s: %v", name, why)
	}
	known := want.reason == passkey.ReasonUnproven || want.reason == passkey.ReasonCounter
	if known && why.AccountID != w.by.AccountID || !known && why.AccountID != uuid.Nil {
		w.t.Errorf("%s: the refusal names %s", name, why.AccountID)
	}
}

func TestBackupEligibilityNeverEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.device.Flags |= passkeytest.BackupEligible
		w.register("")
		w.device.Flags &^= passkeytest.BackupEligible
		_, err := w.signIn()
		w.checkRefusal("no longer", refusal{nil, passkey.ReasonUnproven, "Backup Eligible"}, nil, err)
	})
}

// A counter that was never used may stay so, and an authenticator may begin to count; it may not stop.
func TestACounterOnlyGoesUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		for _, step := range []struct {
			counter uint32
			good    bool
		}{{0, true}, {0, true}, {5, true}, {5, false}, {4, false}, {0, false}, {6, true}, {1<<32 - 1, true}, {0, false}} {
			if _, err := w.signIn(func(x *passkeytest.Answer) { x.Counter = step.counter }); (err == nil) != step.good {
				t.Errorf("counter %d: %v", step.counter, err)
			}
		}
	})
}

func TestAProofNeedsNoVerifiedUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		w.device.Flags &^= passkeytest.UserVerified
		parent := uuid.New()
		c := w.beginProof(parent)
		a, err := w.service.FinishProof(t.Context(), w.by.AccountID, parent, c.Ticket, w.device.Get(c.Options, func(x *passkeytest.Answer) { x.UserHandle = nil }))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Methods, []string{authn.BoundPasskey}) || a.AccountID != w.by.AccountID || a.Account != nil {
			t.Errorf("%q of %s", a.Methods, a.AccountID)
		}
	})
}

func TestTheEpochIsThatOfTheAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		w.Exec("UPDATE account SET epoch = 7")
		parent := uuid.New()
		c := w.beginProof(parent)
		proof, err := w.service.FinishProof(t.Context(), w.by.AccountID, parent, c.Ticket, w.device.Get(c.Options))
		if err != nil || proof.Epoch != 7 {
			t.Error(proof, err)
		}
		if a, err := w.signIn(); err != nil || a.Epoch != 7 {
			t.Error(a, err)
		}
	})
}

// What is wrong with the account is for the sign-in to tell: only its owner gets this far.
func TestADisabledAccountIsFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		w.Exec("UPDATE account SET active = FALSE")
		if a, err := w.signIn(); err != nil || a.Account.Active {
			t.Error(a, err)
		}
		for name, err := range map[string]error{
			"registration": second(w.service.BeginRegistration(t.Context(), w.by, "", "")),
			"proof":        second(w.service.BeginProof(t.Context(), w.by.AccountID, uuid.New())),
		} {
			if !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Every ceremony with a challenge of every other, and of others, of one that was used, and of one too old.
func TestAChallengeIsGoodOnceForWhatItWasIssuedFor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		parent := uuid.New()
		eve := w.newcomer("eve@example.com")
		elsewhere := w.Session(w.by.AccountID) // the same account, another browser
		register := func(by session.Bearer) func(string, []byte) error {
			return func(token string, answer []byte) error {
				return second(w.service.FinishRegistration(t.Context(), by, token, answer, ""))
			}
		}
		prove := func(id, parent uuid.UUID) func(string, []byte) error {
			return func(token string, answer []byte) error {
				return second(w.service.FinishProof(t.Context(), id, parent, token, answer))
			}
		}
		signIn := func(token string, answer []byte) error {
			return second(w.service.FinishSignIn(t.Context(), token, answer))
		}
		begin := map[string]func() (*passkey.Challenge, []byte){
			"registration": func() (*passkey.Challenge, []byte) {
				c := w.beginRegistration()
				return c, passkeytest.NewAuthenticator(origin).Create(c.Options)
			},
			"sign-in": func() (*passkey.Challenge, []byte) { c := w.beginSignIn(); return c, w.device.Get(c.Options) },
			"proof":   func() (*passkey.Challenge, []byte) { c := w.beginProof(parent); return c, w.device.Get(c.Options) },
		}
		own := map[string]func(string, []byte) error{"registration": register(w.by), "sign-in": signIn, "proof": prove(w.by.AccountID, parent)}
		type attempt struct {
			name   string
			finish func(string, []byte) error
		}
		for of, fn := range begin {
			attempts := []attempt{
				{"another session", register(elsewhere)}, {"another account's registration", register(eve)},
				{"another account's proof", prove(eve.AccountID, parent)}, {"a proof for something else", prove(w.by.AccountID, uuid.New())},
			}
			for name, finish := range own {
				if name != of {
					attempts = append(attempts, attempt{name, finish})
				}
			}
			for _, a := range attempts {
				c, answer := fn()
				before := w.rows()
				if err := a.finish(c.Ticket, answer); !errors.Is(err, passkey.ErrRejected) && !errors.Is(err, passkey.ErrInvalid) {
					t.Errorf("%s with a challenge of %s: %v", a.name, of, err)
				}
				if after := w.rows(); after != before {
					t.Errorf("%s with a challenge of %s changed something:\n%s\n%s", a.name, of, before, after)
				}
			}
			finish := own[of]
			for name, prepare := range map[string]func(token string, answer []byte){
				"used": func(token string, answer []byte) {
					if err := finish(token, answer); err != nil {
						t.Errorf("%s: %v", of, err)
					}
				},
				"spoilt by a bad answer": func(token string, _ []byte) {
					if finish(token, []byte("{}")) == nil {
						t.Errorf("%s took an empty answer", of)
					}
				},
				"too old": func(string, []byte) { w.Clock.Advance(passkey.Lifetime) },
			} {
				c, answer := fn()
				prepare(c.Ticket, answer)
				if err := finish(c.Ticket, answer); !errors.Is(err, ticket.ErrRejected) || !errors.Is(err, passkey.ErrRejected) && !errors.Is(err, passkey.ErrInvalid) {
					t.Errorf("%s with a challenge that is %s: %v", of, name, err)
				}
			}
			for _, token := range []string{"", "x", b64(make([]byte, 32))} {
				_, answer := fn()
				if err := finish(token, answer); !errors.Is(err, ticket.ErrRejected) {
					t.Errorf("%s with a ticket of nobody: %v", of, err)
				}
			}
		}
	})
}

// A challenge dies with the state that it was issued for.
func TestAChallengeDiesWithItsEpoch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		parent := uuid.New()
		registration, proof := w.beginRegistration(), w.beginProof(parent)
		proven, made := w.device.Get(proof.Options), w.device.Create(registration.Options)
		w.Exec("UPDATE account SET epoch = epoch + 1 WHERE id = $1", w.by.AccountID)
		if _, err := w.service.FinishRegistration(t.Context(), w.by, registration.Ticket, made, ""); !errors.Is(err, passkey.ErrInvalid) {
			t.Error(err)
		}
		if _, err := w.service.FinishProof(t.Context(), w.by.AccountID, parent, proof.Ticket, proven); !errors.Is(err, passkey.ErrRejected) {
			t.Error(err)
		}
	})
}

// Somebody who knows the password of another answers with a passkey of their own.
func TestAnothersPasskeyIsNoProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		ada, parent := w.by, uuid.New()
		c := w.beginProof(parent)
		w.by, w.device = w.newcomer("eve@example.com"), passkeytest.NewAuthenticator(origin)
		w.register("")
		var asked struct{ Challenge string }
		if err := json.Unmarshal(c.Options, &asked); err != nil {
			t.Fatal(err)
		}
		answer := w.device.Get(w.beginSignIn().Options, func(x *passkeytest.Answer) { x.Challenge = asked.Challenge })
		for who, reason := range map[uuid.UUID]string{ada.AccountID: passkey.ReasonUnknown, w.by.AccountID: passkey.ReasonChallenge} {
			w.Exec("UPDATE ticket SET used_at = NULL")
			before := w.rows()
			a, err := w.service.FinishProof(t.Context(), who, parent, c.Ticket, answer)
			w.checkRefusal("eve's", refusal{nil, reason, ""}, a, err)
			if after := w.rows(); after != before {
				t.Errorf("a refusal changed something:\n%s\n%s", before, after)
			}
		}
	})
}

func TestOneOfManyParallelAnswersWins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		parent := uuid.New()
		registration, signIn, proof := w.beginRegistration(), w.beginSignIn(), w.beginProof(parent)
		signed, proven, made := w.device.Get(signIn.Options), w.device.Get(proof.Options), w.device.Create(registration.Options)
		for name, finish := range map[string]func() error{
			"registration": func() error {
				return second(w.service.FinishRegistration(context.Background(), w.by, registration.Ticket, made, ""))
			},
			"sign-in": func() error { return second(w.service.FinishSignIn(context.Background(), signIn.Ticket, signed)) },
			"proof": func() error {
				return second(w.service.FinishProof(context.Background(), w.by.AccountID, parent, proof.Ticket, proven))
			},
		} {
			var won atomic.Int64
			var wg sync.WaitGroup
			for range 32 {
				wg.Go(func() {
					if err := finish(); err == nil {
						won.Add(1)
					} else if !errors.Is(err, ticket.ErrRejected) {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				t.Errorf("%s: %d won", name, won.Load())
			}
		}
	})
}

// Two answers of a counting authenticator that were verified side by side: the second to be used knows
// nothing of the first, and loses.
func TestAnAnswerOvertakenByAnotherIsNotSpent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.device.Counts = true
		w.register("")
		var both []*passkey.Assertion
		for range 2 {
			c := w.beginSignIn()
			a, err := w.service.FinishSignIn(t.Context(), c.Ticket, w.device.Get(c.Options))
			if err != nil {
				t.Fatal(err)
			}
			both = append(both, a)
		}
		if err := w.spend(both[1]); err != nil {
			t.Fatal(err)
		}
		before := w.rows()
		var why *passkey.Refusal
		if err := w.spend(both[0]); !errors.Is(err, passkey.ErrRejected) || !errors.As(err, &why) || why.Reason != passkey.ReasonOvertaken {
			t.Error(err)
		}
		if after := w.rows(); after != before {
			t.Errorf("a refusal changed something:\n%s\n%s", before, after)
		}
	})
}

func TestAnAnswerOfARemovedPasskeyIsNotSpent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := w.register("")
		c := w.beginSignIn()
		a, err := w.service.FinishSignIn(t.Context(), c.Ticket, w.device.Get(c.Options))
		if err != nil {
			t.Fatal(err)
		}
		err = w.InTx(t.Context(), func(tx *db.Tx) error {
			return second(w.service.Remove(t.Context(), tx, w.by.AccountID, p.ID))
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.spend(a); !errors.Is(err, passkey.ErrRejected) {
			t.Error(err)
		}
	})
}

func TestAChallengeLastsFiveMinutes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.register("")
		c := w.beginSignIn()
		answer := w.device.Get(c.Options)
		w.Clock.Advance(passkey.Lifetime - 30*time.Second)
		if _, err := w.service.FinishSignIn(t.Context(), c.Ticket, answer); err != nil {
			t.Error(err)
		}
	})
}
