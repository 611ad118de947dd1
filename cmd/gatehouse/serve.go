package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

type serveCommand struct {
	Addr string `help:"Where to listen (GATEHOUSE_LISTEN)." placeholder:"HOST:PORT"`
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, g *globals) error {
	s, err := loadServer(g, c.Addr)
	if err != nil {
		return err
	}
	if err := s.makeData(); err != nil {
		return err
	}
	defer runtime.KeepAlive(paceCollector(os.Getenv, &s.Config))
	s.Logger = newLogger(s.Dev)
	slog.SetDefault(s.Logger)
	for _, w := range s.warnings {
		s.Logger.Warn(w)
	}
	listeners, err := listen(ctx, s)
	if err != nil {
		return err
	}
	defer listeners.close()
	if s.PublicURL == "" {
		s.PublicURL = s.developmentURL(listeners.port())
	}
	gh, err := gatehouse.New(ctx, s.Config)
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // what only starting took: the collector's pace would keep it for long
	return errors.Join(serve(ctx, gh, s, listeners), gh.Close())
}

func newLogger(dev bool) *slog.Logger {
	if dev {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewJSONHandler(os.Stdout, nil))
}

// listeners are where the server listens; metrics is nil without GATEHOUSE_METRICS_LISTEN.
type listeners struct{ main, metrics net.Listener }

func listen(ctx context.Context, s *settings) (l listeners, err error) {
	if l.main, err = listenAt(ctx, s.Listen, "--addr (GATEHOUSE_LISTEN)"); err != nil {
		return l, err
	}
	if s.MetricsListen != "" {
		if l.metrics, err = listenAt(ctx, s.MetricsListen, "GATEHOUSE_METRICS_LISTEN"); err != nil {
			l.close()
			return l, err
		}
	}
	if s.TLSCertFile != "" {
		c, err := loadCertificate(s.TLSCertFile, s.TLSKeyFile, s.Logger)
		if err != nil {
			l.close()
			return l, err
		}
		l.main = tls.NewListener(l.main, c.config())
	}
	return l, nil
}

// listenAt listens at the address that a setting names.
func listenAt(ctx context.Context, address, setting string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program listens at %s already; end it, or choose another port", setting, address)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return l, nil
}

func (l listeners) port() string { return strconv.Itoa(l.main.Addr().(*net.TCPAddr).Port) }

// close is for the ways out before a server does it.
func (l listeners) close() {
	for _, ln := range []net.Listener{l.main, l.metrics} {
		if ln != nil {
			_ = ln.Close() // nothing was accepted
		}
	}
}

// Limits of a connection, and how long requests under way may take when the server stops.
const (
	readTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 2 * time.Minute
	stopTimeout  = 10 * time.Second
	maxHeader    = 32 << 10 // bytes
)

func newServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		// What strangers do to a connection is no event.
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// serve answers until ctx ends, then lets requests under way finish.
func serve(ctx context.Context, gh *gatehouse.Gatehouse, s *settings, l listeners) error {
	servers := []*http.Server{newServer(routes(gh, s.Dev), s.Logger)}
	if l.metrics != nil {
		servers = append(servers, newServer(metricsRoutes(gh), s.Logger))
	}
	failed := make(chan error, len(servers))
	for i, ln := range []net.Listener{l.main, l.metrics}[:len(servers)] {
		go func() { failed <- servers[i].Serve(ln) }()
	}
	if err := announce(ctx, gh, s, l); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return drain(context.WithoutCancel(ctx), s.Logger, servers)
}

// drain stops servers. What takes longer than stopTimeout is cut off.
func drain(ctx context.Context, logger *slog.Logger, servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	logger.Info("stopping")
	var problems error
	for _, server := range servers {
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			logger.Warn("requests under way were cut off")
			err = server.Close()
		}
		problems = cmp.Or(problems, err)
	}
	return problems
}
