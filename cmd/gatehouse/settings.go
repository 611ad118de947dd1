package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/kit/clock"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// settings is everything that can be configured: the engine, and what only the server has.
type settings struct {
	gatehouse.Config

	// Listen is where the server listens; default :8080, in development mode 127.0.0.1:8080.
	Listen string `config:"listen"`
	// MetricsListen is where GET /metrics is answered; default nowhere.
	MetricsListen string `config:"metrics_listen"`
	// MigrateDatabaseURL is the database as the role that may change its schema; default DatabaseURL.
	MigrateDatabaseURL string `config:"migrate_database_url,secret"`
	// TLSCertFile and TLSKeyFile make the server speak TLS itself. Changed files are taken up
	// while it runs. Default: a proxy in front does it.
	TLSCertFile string `config:"tls_cert_file"`
	TLSKeyFile  string `config:"tls_key_file"`

	// data is the folder of development mode's files.
	data string
	// warnings are things that work and are unwise.
	warnings []string
}

// load reads the settings: GATEHOUSE_* over the file over defaults. The error lists every
// problem, one line each; no value of a setting appears in it.
func load(g *globals) (*settings, error) {
	s := &settings{}
	l := newLoader(s)
	if g.Data != "" && !g.Dev {
		l.problem("--data", "is for --dev; elsewhere everything lives in the database")
	}
	env, err := environment(g.Dev)
	if err != nil {
		l.problem(".env", reason(err))
	}
	if file := cmp.Or(g.Config, env["GATEHOUSE_CONFIG"]); file != "" {
		l.file(file)
	}
	l.environment(env)
	if g.Dev {
		l.problems = append(l.problems, s.develop(g.Data))
	}
	s.Listen = cmp.Or(s.Listen, ":8080")
	s.warnings, s.Sources = l.warnings, l.sources
	return s, errors.Join(l.problems...)
}

// environment returns the variables of this process. In development mode those of a file .env
// come in where the process has none.
func environment(dev bool) (map[string]string, error) {
	env := map[string]string{}
	for _, line := range os.Environ() {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	if !dev {
		return env, nil
	}
	text, err := os.ReadFile(".env")
	if errors.Is(err, fs.ErrNotExist) {
		return env, nil
	}
	if err != nil {
		return env, err
	}
	all, err := parseDotenv(string(text), env)
	maps.Copy(all, env)
	return all, err
}

// develop fills in what development mode makes on the spot.
func (s *settings) develop(data string) error {
	s.Dev = true
	s.data = cmp.Or(data, ".gatehouse")
	c, err := clock.Open(filepath.Join(s.data, "clock"))
	if err != nil {
		return fmt.Errorf("--data: %s", reason(err))
	}
	s.Clock = c
	s.DatabaseURL = cmp.Or(s.DatabaseURL, "sqlite:"+filepath.Join(s.data, "gatehouse.db"))
	s.Listen = cmp.Or(s.Listen, "127.0.0.1:8080")
	return nil
}

// makeData makes development mode's folder, for the commands that begin a database.
func (s *settings) makeData() error {
	if !s.Dev {
		return nil
	}
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return usage("--data: %s", reason(err))
	}
	return nil
}

// lacksDatabase keeps every other command from making an empty database, in a folder that was not meant.
func (s *settings) lacksDatabase() error {
	path, ok := strings.CutPrefix(s.DatabaseURL, "sqlite:")
	if _, err := os.Stat(path); !ok || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if s.Dev {
		return fmt.Errorf("there is no Gatehouse database %s; `gatehouse serve --dev` makes one, and --data names another folder", path)
	}
	return fmt.Errorf("there is no Gatehouse database %s; `gatehouse migrate up` makes one", path)
}

// loadServer loads what serve needs and checks it. All problems are reported at once.
func loadServer(g *globals, addr string) (*settings, error) {
	s, err := load(g)
	s.Listen = cmp.Or(addr, s.Listen)
	return s, refuse(err, s.checkServer(), s.check())
}

// loadEngine loads what commands beside a running server need: the same configuration, without
// background work.
func loadEngine(g *globals) (*settings, error) {
	s, err := load(g)
	s.NoWorkers = true
	return s, refuse(err, s.check())
}

// refuse joins problems into one error of wrong usage.
func refuse(problems ...error) error {
	if err := errors.Join(problems...); err != nil {
		return usage("the configuration must not run like this:\n%w", err)
	}
	return nil
}

// check asks the engine for its problems. In development mode its address may be still to come.
func (s *settings) check() error {
	c := s.Config
	if c.Dev && c.PublicURL == "" {
		c.PublicURL = s.developmentURL(defaultPort)
	}
	return c.Check()
}

const defaultPort = "8080"

// developmentURL is PublicURL where none is set.
func (s *settings) developmentURL(port string) string {
	if s.TLSCertFile != "" {
		return "https://localhost:" + port
	}
	return "http://localhost:" + port
}

// checkMigration returns the problem of the address that commands migrate with.
func (s *settings) checkMigration() error {
	if s.MigrateDatabaseURL == "" {
		return nil
	}
	if err := db.CheckURL(s.MigrateDatabaseURL); err != nil {
		return fmt.Errorf("MigrateDatabaseURL (GATEHOUSE_MIGRATE_DATABASE_URL): %w", err)
	}
	return nil
}

// checkServer returns the problems of what only the server has, and brings addresses into form.
func (s *settings) checkServer() error {
	var problems []error
	address := func(setting string, value *string) {
		checked, err := checkListen(*value, s.Dev)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", setting, err))
			return
		}
		*value = checked
	}
	address("--addr (GATEHOUSE_LISTEN)", &s.Listen)
	if s.MetricsListen != "" {
		address("MetricsListen (GATEHOUSE_METRICS_LISTEN)", &s.MetricsListen)
	}
	if _, port, err := net.SplitHostPort(s.Listen); err == nil && port != "0" && s.MetricsListen == s.Listen {
		problems = append(problems, errors.New("MetricsListen (GATEHOUSE_METRICS_LISTEN): must differ from GATEHOUSE_LISTEN; metrics are not for everybody"))
	}
	problems = append(problems, s.checkMigration())
	switch {
	case (s.TLSCertFile == "") != (s.TLSKeyFile == ""):
		problems = append(problems, errors.New("TLSCertFile, TLSKeyFile (GATEHOUSE_TLS_CERT_FILE, GATEHOUSE_TLS_KEY_FILE): set both or neither"))
	case s.TLSCertFile != "":
		if _, err := loadCertificate(s.TLSCertFile, s.TLSKeyFile, nil); err != nil {
			problems = append(problems, fmt.Errorf("TLSCertFile, TLSKeyFile (GATEHOUSE_TLS_CERT_FILE, GATEHOUSE_TLS_KEY_FILE): %s", reason(err)))
		}
	case !s.Dev && len(s.TrustedProxies) == 0:
		s.warnings = append(s.warnings, "GATEHOUSE_TRUSTED_PROXIES is not set and the listener speaks plain http: the proxy that must stand before it counts as every caller, so limits for one address are limits for all")
	}
	return errors.Join(problems...)
}
