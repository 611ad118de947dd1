package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

// read loads settings from a file's text and variables.
func read(t *testing.T, file string, env map[string]string) (*settings, error) {
	t.Helper()
	s := &settings{}
	l := newLoader(s)
	if file != "" {
		path := filepath.Join(t.TempDir(), "gatehouse.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		l.file(path)
	}
	l.environment(env)
	s.warnings = l.warnings
	return s, errors.Join(l.problems...)
}

func TestVariableWinsOverFileOverDefault(t *testing.T) {
	s, err := read(t, "public_url: https://file.example\nmount_path: /file\nsessions:\n  idle: 2d\n  absolute: 3d\n", map[string]string{
		"GATEHOUSE_PUBLIC_URL": "https://variable.example", "GATEHOUSE_SESSIONS__IDLE": "90m", "GATEHOUSE_MOUNT_PATH": "",
		"PATH": "/bin", "GATEHOUSEKEEPER": "is not ours",
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.PublicURL != "https://variable.example" || s.MountPath != "/file" || s.Sessions.Idle != 90*time.Minute || s.Sessions.Absolute != 72*time.Hour || s.Algorithm != "" {
		t.Errorf("%q %q %v %q", s.PublicURL, s.MountPath, s.Sessions, s.Algorithm)
	}
}

func TestSettingsHaveTypes(t *testing.T) {
	want := gatehouse.Config{
		RegistrationClosed: true, MaxConns: 8, TrustedProxies: []string{"10.0.0.0/8", "192.0.2.0/24"},
		Password:   gatehouse.Password{MemoryKiB: 65536, Threads: 4, Words: []string{"harbour"}},
		Limits:     gatehouse.Limits{MailPerAddress: gatehouse.Limit{Tries: 3, Per: 24 * time.Hour}},
		Attributes: []gatehouse.Attribute{{Name: "department", Type: "string", OneOf: []string{"sales", "research"}, ReadOnly: true}, {Name: "grade", Type: "number", MaxLength: 9}},
		Tenants:    gatehouse.Tenants{Attributes: []gatehouse.Attribute{{Name: "job_title", Type: "string", Required: true}}},
	}
	fromFile, err := read(t, `
registration_closed: true
max_conns: 8
trusted_proxies: [10.0.0.0/8, 192.0.2.0/24]
password: {memory_kib: 65536, threads: 4, words: [harbour]}
limits:
  mail_per_address: {tries: 3, per: 1d}
  mail_per_network:
    tries: null
attributes:
  - {name: department, type: string, one_of: [sales, research], read_only: true}
  - name: grade
    type: number
    max_length: 9
tenants:
  attributes:
    - {name: job_title, type: string, required: true}
`, nil)
	if err != nil || !reflect.DeepEqual(fromFile.Config, want) {
		t.Errorf("file: %v\n got %+v\nwant %+v", err, fromFile.Config, want)
	}
	fromVariables, err := read(t, "", map[string]string{
		"GATEHOUSE_REGISTRATION_CLOSED": "True", "GATEHOUSE_MAX_CONNS": "8", "GATEHOUSE_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.0/24,",
		"GATEHOUSE_PASSWORD__MEMORY_KIB": "65536", "GATEHOUSE_PASSWORD__THREADS": "4", "GATEHOUSE_PASSWORD__WORDS": "harbour",
		"GATEHOUSE_LIMITS__MAIL_PER_ADDRESS__TRIES": "3", "GATEHOUSE_LIMITS__MAIL_PER_ADDRESS__PER": "24h",
		"GATEHOUSE_ATTRIBUTES":          `[{"name": "department", "type": "string", "one_of": ["sales", "research"], "read_only": true}, {"name": "grade", "type": "number", "max_length": 9}]`,
		"GATEHOUSE_TENANTS__ATTRIBUTES": `[{"name": "job_title", "type": "string", "required": true}]`,
	})
	if err != nil || !reflect.DeepEqual(fromVariables.Config, want) {
		t.Errorf("variables: %v\n got %+v\nwant %+v", err, fromVariables.Config, want)
	}
}

func TestSwitchesReadEverySpellingOfNo(t *testing.T) {
	for _, no := range []string{"false", "False", "FALSE", "0", "f"} {
		if s, err := read(t, "", map[string]string{"GATEHOUSE_AUTO_MIGRATE": no}); err != nil || s.AutoMigrate {
			t.Errorf("%q: %v, %v", no, s.AutoMigrate, err)
		}
	}
	for _, other := range []string{"no", "off", "2", "truee", " "} {
		if _, err := read(t, "", map[string]string{"GATEHOUSE_AUTO_MIGRATE": other}); err == nil {
			t.Errorf("%q was taken", other)
		}
	}
}

func TestMalformedSettingsAreNamedAndNotRepeated(t *testing.T) {
	for name, value := range map[string]string{
		"MAX_CONNS": "canary", "MAX_CONNS ": "9", "PASSWORD__THREADS": "256", "PASSWORD__MEMORY_KIB": "-1", "PASSWORD__QUEUE": "0", "PASSWORD__TIME": "2.5",
		"SESSIONS__IDLE": "canary", "SESSIONS__ABSOLUTE": "-1h", "ACCESS_TOKEN_LIFETIME": "600", "SIGNING_KEY_LIFETIME": "1.5d", "PASSWORD__WAIT": "99999999d",
		"ATTRIBUTES": "canary", "SESSIONS": "{idle: 1h}", "SESSIONS_IDLE": "1h", "DEV": "true", "NO_WORKERS": "true", "CLOCK": "canary",
		"PUBLIC_URL_FILE": "/etc/hostname", "public_url": "x", "SECRET_KEY_FILE_FILE": "x",
	} {
		name = "GATEHOUSE_" + name
		_, err := read(t, "", map[string]string{name: value})
		if err == nil || !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for file, where := range map[string]string{
		"public_url: [a, b]":                          "gatehouse.yaml:1: public_url: must be one value",
		"public_url: {a: b}":                          "gatehouse.yaml:1: public_url: must be one value",
		"\npublic_url: a\npublic_url: b":              "gatehouse.yaml:3: public_url: is there twice",
		"sessions: 7d":                                "gatehouse.yaml:1: sessions: must hold names with values",
		"sessions: [idle]":                            "gatehouse.yaml:1: sessions: must hold names with values",
		"- public_url":                                "must hold names with values",
		"attributes: {name: a}":                       "gatehouse.yaml:1: attributes: must be one value",
		"attributes: [canary]":                        "attributes[0]",
		"attributes: [{name: a}, {nam: b}]":           "attributes[1].nam: is no setting; did you mean name?",
		"trusted_proxies: [[canary]]":                 "trusted_proxies: must be one value",
		"Public_URL: x":                               "is no setting; did you mean public_url?",
		"secret_key: a\nsecret_key_file: canary-file": "gatehouse.yaml:2: secret_key_file: is set beside secret_key",
		"secret_key_file: a\nsecret_key: canary":      "gatehouse.yaml:2: secret_key: is there twice",
		"secret_key: \"canary\n":                      "gatehouse.yaml: is not YAML",
		"dev: true":                                   "dev: is no setting",
	} {
		_, err := read(t, file, nil)
		if err == nil || !strings.Contains(err.Error(), where) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want %s", file, err, where)
		}
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s, err := read(t, "secret_key_previous_file: "+write("previous", "one, two\r\n", 0o400), map[string]string{
		"GATEHOUSE_SECRET_KEY_FILE": write("key", "canary\n", 0o600), "GATEHOUSE_DKIM_KEY_FILE": write("dkim", "a\nb\n\n", 0o444),
		"GATEHOUSE_MIGRATE_DATABASE_URL_FILE": write("url", "sqlite:x", 0o640), "GATEHOUSE_TLS_CERT_FILE": "cert.pem", "GATEHOUSE_SMTP_URL_FILE": "",
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.SecretKey != "canary" || s.DKIMKey != "a\nb\n" || s.MigrateDatabaseURL != "sqlite:x" || s.TLSCertFile != "cert.pem" || !slices.Equal(s.SecretKeyPrevious, []string{"one", "two"}) {
		t.Errorf("%q %q %q %q %q", s.SecretKey, s.DKIMKey, s.MigrateDatabaseURL, s.TLSCertFile, s.SecretKeyPrevious)
	}
	if len(s.warnings) != 1 || !strings.HasPrefix(s.warnings[0], "GATEHOUSE_DKIM_KEY_FILE: everybody on this machine can read") {
		t.Errorf("warnings: %q", s.warnings)
	}
	for name, env := range map[string]map[string]string{
		"no file":           {"GATEHOUSE_SECRET_KEY_FILE": filepath.Join(dir, "none")},
		"a directory":       {"GATEHOUSE_SECRET_KEY_FILE": dir},
		"an empty file":     {"GATEHOUSE_SECRET_KEY_FILE": write("empty", "\n", 0o600)},
		"a huge file":       {"GATEHOUSE_SECRET_KEY_FILE": write("huge", strings.Repeat("a", maxSecret+1), 0o600)},
		"a file of all":     {"GATEHOUSE_SECRET_KEY_FILE": write("all", "canary", 0o606)},
		"both ways at once": {"GATEHOUSE_SECRET_KEY": "canary", "GATEHOUSE_SECRET_KEY_FILE": filepath.Join(dir, "key")},
	} {
		s, err := read(t, "", env)
		if err == nil || strings.Contains(err.Error(), "canary") || !strings.HasPrefix(err.Error(), "GATEHOUSE_SECRET_KEY_FILE: ") {
			t.Errorf("%s: %v", name, err)
		}
		if name != "both ways at once" && s.SecretKey != "" {
			t.Errorf("%s: the secret was taken all the same", name)
		}
	}
}

func TestFileWithSecretsThatAllCanReadIsWarnedOf(t *testing.T) {
	for text, warned := range map[string]bool{"secret_key: canary": true, "smtp_url: smtp://u:p@h": true, "smtp_url: off\ndatabase_url: sqlite:x": false, "max_conns: 9": false} {
		path := filepath.Join(t.TempDir(), "gatehouse.yaml")
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, 0o644)); err != nil {
			t.Fatal(err)
		}
		l := newLoader(&settings{})
		l.file(path)
		if len(l.problems) > 0 || (len(l.warnings) > 0) != warned {
			t.Errorf("%q: %v, %v", text, l.problems, l.warnings)
		}
	}
}

// Kubernetes describes every service of a namespace to every container of it.
func TestVariablesOfKubernetesAreNoSettings(t *testing.T) {
	env := map[string]string{
		"GATEHOUSE_SERVICE_HOST": "10.0.0.1", "GATEHOUSE_SERVICE_PORT": "80", "GATEHOUSE_SERVICE_PORT_HTTP": "80", "GATEHOUSE_PORT": "tcp://10.0.0.1:80",
		"GATEHOUSE_PORT_80_TCP": "tcp://10.0.0.1:80", "GATEHOUSE_PORT_80_TCP_PROTO": "tcp", "GATEHOUSE_PORT_80_TCP_PORT": "80", "GATEHOUSE_PORT_80_TCP_ADDR": "10.0.0.1",
	}
	if _, err := read(t, "", env); err == nil {
		t.Error("outside of Kubernetes they are mistakes")
	}
	env["KUBERNETES_SERVICE_HOST"] = "10.0.0.1"
	if _, err := read(t, "", env); err != nil {
		t.Error(err)
	}
	env["GATEHOUSE_PORTS"] = "80"
	if _, err := read(t, "", env); err == nil {
		t.Error("GATEHOUSE_PORTS is nobody's")
	}
}

// A member of Config without a name could not be set by the server.
func TestEveryMemberOfConfigHasAName(t *testing.T) {
	var check func(reflect.Type)
	check = func(typ reflect.Type) {
		for f := range typ.Fields() {
			if f.Tag.Get("config") == "" {
				t.Errorf("%s.%s has no config tag", typ, f.Name)
			}
			switch {
			case f.Type.Kind() == reflect.Struct:
				check(f.Type)
			case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
				check(f.Type.Elem())
			}
		}
	}
	check(reflect.TypeFor[gatehouse.Config]())
}

// Names that deployments rely on.
func TestNamesOfVariables(t *testing.T) {
	names := map[string]bool{}
	for _, s := range newLoader(&settings{}).settings {
		names[s.variable()] = true
	}
	for name := range strings.FieldsSeq(`PUBLIC_URL MOUNT_PATH LISTEN METRICS_LISTEN DATABASE_URL MIGRATE_DATABASE_URL SECRET_KEY SECRET_KEY_PREVIOUS AUDIENCE
		ALLOWED_ORIGINS TRUSTED_PROXIES SMTP_URL MAIL_FROM DKIM_KEY TLS_CERT_FILE TLS_KEY_FILE SESSIONS__IDLE LINKS__VERIFY`) {
		if !names["GATEHOUSE_"+name] {
			t.Errorf("GATEHOUSE_%s is gone", name)
		}
	}
}
