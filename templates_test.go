package gatehouse_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// write puts a file below dir.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOperatorsMayReplaceATemplate(t *testing.T) {
	dir := t.TempDir()
	page := gatehouse.Templates()["pages/signin/sign_in.html"]
	write(t, dir, "pages/signin/sign_in.html", strings.Replace(page, `{{define "body"}}`, `{{define "body"}}<p>Ask the front desk.</p>`, 1))
	letter := gatehouse.Templates()["mails/en/verify.txt"]
	write(t, dir, "mails/en/verify.txt", strings.Replace(letter, `{{define "lead"}}`, `{{define "lead"}}The front desk says hello. `, 1))
	srv := quiet(t, func(c *gatehouse.Config) { c.TemplateDir, c.NoWorkers = dir, false })
	resp, err := srv.Client.Get(srv.URL + "/account/sign-in/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(text), "<p>Ask the front desk.</p>") {
		t.Errorf("the page is %s, %v", text, err)
	}
	srv.MustCall(t, http.MethodPost, "/register/", gatehousetest.Session{}, map[string]any{"email": "new@example.com", "password": "an evening by the harbour", "full_name": "New"}, nil)
	if m := srv.Mailbox.Wait(t, "new@example.com"); !strings.Contains(m.Text, "The front desk says hello.") {
		t.Errorf("the mail is %s", m.Text)
	}
}

func TestATemplateThatDoesNotFitKeepsTheServerFromStarting(t *testing.T) {
	page := gatehouse.Templates()["pages/signin/sign_in.html"]
	for name, file := range map[string][2]string{
		"another version": {"pages/signin/sign_in.html", strings.Replace(page, "version 1", "version 0", 1)},
		"no version":      {"pages/signin/sign_in.html", strings.SplitN(page, "\n", 2)[1]},
		"broken":          {"pages/signin/sign_in.html", page + "{{if}}"},
		"no such page":    {"pages/signin/sign_on.html", page},
		"no such mail":    {"mails/en/welcome.txt", "x"},
		"a broken mail":   {"mails/en/verify.txt", "{{define"},
	} {
		dir := t.TempDir()
		write(t, dir, file[0], file[1])
		cfg := gatehouse.Config{Dev: true, NoWorkers: true, PublicURL: "http://localhost", DatabaseURL: "sqlite:" + filepath.Join(dir, "db"), TemplateDir: dir}
		if err := cfg.Check(); err == nil || !strings.HasPrefix(err.Error(), "TemplateDir (GATEHOUSE_TEMPLATE_DIR): ") {
			t.Errorf("%s: checked as %v", name, err)
		}
		gh, err := gatehouse.New(t.Context(), cfg)
		if err == nil {
			_ = gh.Close()
			t.Errorf("%s: it starts", name)
			continue
		}
		if !strings.Contains(err.Error(), filepath.Base(file[0])) && !strings.Contains(err.Error(), strings.TrimSuffix(filepath.Base(file[0]), ".txt")) {
			t.Errorf("%s: the error does not name the file: %v", name, err)
		}
	}
}
