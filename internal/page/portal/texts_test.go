package portal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

func TestEveryPageIsWholeInEveryLanguage(t *testing.T) {
	u, err := ui.New(ui.Config{}, Pages())
	if err != nil {
		t.Fatal(err)
	}
	p := New(Deps{UI: u, Attributes: []account.Attribute{
		{Name: "team", Type: "string", OneOf: []string{"red"}}, {Name: "level", Type: "number"}, {Name: "note", Type: "string", Required: true},
		{Name: "letters", Type: "boolean"}, {Name: "badge", Type: "string", ReadOnly: true}, {Name: "chosen", Type: "boolean", ReadOnly: true},
	}})
	now := time.Date(2026, time.March, 1, 12, 30, 0, 0, time.UTC)
	long := strings.Repeat("long", 60)
	form := func() *ui.Form { return &ui.Form{Values: map[string]string{}, Problems: map[string][]ui.Problem{}} }
	wrong := form()
	wrong.Add("attributes.note", "required", "")
	wrong.Add("", "other", "Something else.")
	person := frame{Account: &account.Account{Email: "jo@example.com", EmailVerified: true, Joined: now}, Form: form()}
	other := frame{LookOnly: true, Form: wrong, Account: &account.Account{Email: long + "@example.com", Username: long, Joined: now, Profile: account.Profile{FullName: long}}}
	tiles := []tileGroup{{Key: You, Tiles: []tileView{{Href: profilePath, Key: "portal.profile.title"}, {Href: passwordPath, Key: "portal.password.title", State: long, At: now}}}}
	fields := p.attributeFields(map[string]any{"badge": long, "chosen": true}, "en")
	one := session.Session{CreatedAt: now, LastSeen: now}
	another := session.Session{CreatedAt: now, LastSeen: now, Device: long, Address: "192.0.2.1"}
	app, key := device{Name: "Phone", Path: "/account/security/app/1/", CreatedAt: now}, device{Name: long, Path: "/x/", Model: long, Synced: true, CreatedAt: now, LastUsedAt: now}
	both := []device{app, key}
	held := &enrol.Status{Held: factor.Held{BackupCodes: 1, Email: true}, Apps: make([]totp.Device, 2), Passkeys: make([]passkey.Passkey, 1)}
	uitest.Check(t, Pages(), map[string][]any{
		"security": {securityView{frame: person, Status: &enrol.Status{}, Advice: advice{"warn", "portal.security.next_none", 0}},
			securityView{frame: other, Status: held, Advice: advice{"warn", "portal.security.next_few", 1}, AppUsed: now, PasskeyUsed: now}},
		"app":          {devicesView{person, both}, devicesView{other, both}, devicesView{person, nil}},
		"app_add":      {appAddView{frame: person}, appAddView{frame: frame{Form: wrong}, Setup: "1", QR: `<svg class="qr" viewBox="0 0 1 1"></svg>`, Secret: "ABCD EFGH"}},
		"passkeys":     {devicesView{person, both}, devicesView{other, both}, devicesView{person, nil}},
		"passkeys_add": {passkeyAddView{person, "ticket", `{"challenge":"x"}`}},
		"device":       {deviceView{frame: person, device: app, BackKey: "portal.app.title"}, deviceView{frame: person, device: key, BackKey: "portal.passkeys.title", Last: true}, deviceView{frame: other, device: key, BackKey: "portal.app.title", Kept: true}},
		"codes":        {codesView{frame: person, None: true}, codesView{frame: person, Fresh: true}, codesView{frame: person, Left: 1, Fresh: true}, codesView{frame: person, Left: 2}, codesView{frame: other}},
		"codes_new":    {newCodesView{person, "aaaa-aaaa-aaaa-aaaa\nbbbb-bbbb-bbbb-bbbb"}},
		"mail":         {mailView{frame: person}, mailView{frame: person, May: true, Fresh: true}, mailView{frame: person, On: true, Strong: true, Fresh: true}, mailView{frame: person, On: true}, mailView{frame: other}},
		"home":         {homeView{frame: person, Groups: tiles}, homeView{frame: person, EraseAt: now}, homeView{frame: other, EraseAt: now}},
		"profile":      {profileView{person, fields}, profileView{other, fields}, profileView{person, nil}},
		"password":     {passwordView{frame: person, MinLength: 8}, passwordView{frame: person, MinLength: 15, Breach: true}, passwordView{frame: person, None: true}, passwordView{frame: other}},
		"sessions": {sessionsView{frame: person, Remembered: 2, Sessions: []sessionView{{Session: one, Current: true}}},
			sessionsView{frame: other, Others: true, Sessions: []sessionView{{Session: one, Staff: true}, {Session: another, Place: place.Place{City: long, Country: "DE"}, Ways: []string{"x", "y"}}}}},
		"language": {languageView{person, []ui.Option{{Value: "", Text: "x"}}}, languageView{other, nil}},
		"data":     {person, other},
		"delete":   {deleteView{frame: person, AskPassword: true, Times: []ui.Option{{Value: "0", Text: "x"}}}, deleteView{frame: frame{Account: person.Account, Form: wrong}, EraseAt: now}},
		"email":    {emailView{person, nil}, emailView{frame{Account: other.Account, Form: wrong}, []identifier.Link{{Email: long + "@example.com", Expires: now}}}},
		"username": {usernameView{person, 90}, usernameView{frame{Account: other.Account, Form: wrong}, 1}},
		"email_link": {linkView{Action: "/x/", Link: &identifier.Link{Email: long + "@example.com"}, Form: form()}, linkView{Undo: true, Action: "/x/", Link: &identifier.Link{}, Form: wrong},
			linkView{Form: form()}, linkView{Undo: true, Used: true, Form: form()}},
		"email_done": {linkView{}, linkView{Undo: true}},
		"goodbye":    {nil},
	})
}

// A text that nothing says would be translated seven times for nobody.
func TestEveryTextIsSaid(t *testing.T) {
	var said strings.Builder
	for _, pattern := range []string{"*.go", "pages/*.html"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "_test.go") {
				said.Write(text)
			}
		}
	}
	english, err := files.ReadFile("locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]map[string]map[string]any
	if err := json.Unmarshal(english, &texts); err != nil {
		t.Fatal(err)
	}
	for place, all := range texts["portal"] {
		for name := range all {
			key := `"portal.` + place + "." + name + `"`
			if place == "done" {
				key = `, "` + name + `")`
			}
			if !strings.Contains(said.String(), key) {
				t.Errorf("%s is said nowhere", key)
			}
		}
	}
}
