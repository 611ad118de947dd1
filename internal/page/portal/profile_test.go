package portal_test

import (
	"net/http"
	"strings"
	"testing"
)

func (w *world) profile() (name, phone, attributes string) {
	w.Read(&name, "SELECT full_name FROM profile")
	w.Read(&phone, "SELECT phone FROM profile")
	w.Read(&attributes, "SELECT attributes FROM profile")
	return name, phone, attributes
}

func TestProfileTakesEveryKindOfMember(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.did(w.send("/account/profile/", "full_name", " Jo B. Doe ", "phone", "+1 555 0100", "attributes.team", "blue", "attributes.cost_centre", "B2",
			"attributes.level", "2.50", "attributes.newsletter", "no"), "/account/profile/", "Your profile is saved.")
		name, phone, attributes := w.profile()
		if name != "Jo B. Doe" || phone != "+1 555 0100" || attributes != `{"cost_centre":"B2","level":2.5,"newsletter":false,"team":"blue"}` {
			t.Errorf("stored %q %q %s", name, phone, attributes)
		}
		d := w.open("/account/profile/")
		for field, want := range map[string]string{"full_name": "Jo B. Doe", "phone": "+1 555 0100", "attributes.team": "blue", "attributes.cost_centre": "B2", "attributes.level": "2.5", "attributes.newsletter": "no"} {
			if got := d.value(field); got != want {
				t.Errorf("%s shows %q", field, got)
			}
		}
		// Nothing said takes a member away.
		w.did(w.send("/account/profile/", "attributes.team", "", "attributes.newsletter", "", "attributes.level", ""), "/account/profile/", "saved")
		if name, _, attributes = w.profile(); name != "Jo B. Doe" || attributes != `{"cost_centre":"B2"}` {
			t.Errorf("stored %q %s", name, attributes)
		}
	})
}

func TestProfileSaysWhatIsWrongAndKeepsWhatWasTyped(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.send("/account/profile/", "full_name", "New Name", "phone", "call me", "attributes.level", "many", "attributes.cost_centre", "", "attributes.team", "green", "attributes.newsletter", "maybe")
		d := parse(t, a)
		if a.Status != http.StatusBadRequest || len(d.all("h1")) != 1 {
			t.Fatalf("answered %d\n%s", a.Status, a.Text)
		}
		for _, field := range []string{"phone", "attributes.level", "attributes.cost_centre", "attributes.team", "attributes.newsletter"} {
			if d.blames(field) == "" {
				t.Errorf("%s has no problem", field)
			}
		}
		if d.blames("attributes.cost_centre") != "Fill in “Cost centre”." || !strings.Contains(d.blames("attributes.level"), "a number") || d.value("attributes.level") != "many" {
			t.Errorf("it says\n%s", d.text())
		}
		if d.value("full_name") != "New Name" || d.value("phone") != "call me" || d.blames("full_name") != "" {
			t.Errorf("it shows %q %q", d.value("full_name"), d.value("phone"))
		}
		if name, phone, attributes := w.profile(); name != "Jo Doe" || phone != "" || attributes != `{"cost_centre":"A1"}` {
			t.Errorf("stored %q %q %s", name, phone, attributes)
		}
	})
}

func TestProfileLeavesAloneWhatIsNotThePersons(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`UPDATE profile SET attributes = '{"badge":"gold","cost_centre":"A1"}'`)
		d := w.open("/account/profile/")
		if d.field("attributes.badge") != nil || !strings.Contains(d.text(), "Badge gold") {
			t.Errorf("it shows\n%s", d.text())
		}
		w.did(w.send("/account/profile/", "attributes.badge", "lead", "email", "x@example.com", "username", "x", "is_superuser", "yes"), "/account/profile/", "saved")
		if _, _, attributes := w.profile(); !strings.Contains(attributes, "gold") || w.Count("SELECT count(*) FROM account WHERE email = 'jo@example.com' AND NOT superuser AND username IS NULL") != 1 {
			t.Errorf("stored %s", attributes)
		}
	})
}

// Sent twice, or as it was, a form changes nothing and leaves no trace.
func TestProfileWritesOnlyWhatChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		same := []string{"full_name", "Jo Doe", "phone", "", "attributes.cost_centre", "A1", "attributes.level", "", "attributes.team", ""}
		w.did(w.send("/account/profile/", same...), "/account/profile/", "saved")
		if n := len(w.Audited("profile.changed")); n != 0 {
			t.Errorf("%d events", n)
		}
		w.Exec("UPDATE profile SET phone = '5550100'")
		w.did(w.send("/account/profile/", "full_name", "Jo Two"), "/account/profile/", "saved")
		if name, phone, _ := w.profile(); name != "Jo Two" || phone != "5550100" {
			t.Errorf("stored %q %q", name, phone)
		}
	})
}

func TestProfileShowsWhatWasTypedAsText(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		bad := `"><script>alert(1)</script>` + strings.Repeat("long ", 40)
		w.send("/account/profile/", "full_name", bad)
		for _, path := range paths {
			d := w.open(path)
			for _, s := range d.all("script") {
				if attr(s, "src") == "" {
					t.Errorf("%s runs what was typed", path)
				}
			}
		}
		if got := w.open("/account/profile/").value("full_name"); got != strings.TrimSpace(bad) {
			t.Errorf("it shows %q", got)
		}
	})
}

func TestFieldsSayWhatTheyAreFor(t *testing.T) {
	want := map[string]map[string]string{
		"/account/profile/":  {"full_name": "name", "phone": "tel"},
		"/account/password/": {"old_password": "current-password", "new_password": "new-password", "name": "username"},
		"/account/delete/":   {"password": "current-password", "name": "username"},
	}
	each(t, func(t *testing.T, w *world) {
		for path, fields := range want {
			d := w.open(path)
			for name, autocomplete := range fields {
				if n := d.field(name); n == nil || attr(n, "autocomplete") != autocomplete {
					t.Errorf("%s: %s is not marked %s", path, name, autocomplete)
				}
			}
		}
	})
}
