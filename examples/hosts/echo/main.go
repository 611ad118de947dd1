// Command echo is a program with Gatehouse inside whose router is Echo.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", "localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	if err := serve(ctx, l, "http://localhost:8080", "sqlite:echo.db"); err != nil {
		log.Fatal(err)
	}
}

// serve answers at l, which the public knows as origin, until ctx ends.
func serve(ctx context.Context, l net.Listener, origin, database string) error {
	e := echo.New()
	e.Use(middleware.Recover())

	// gatehouse: begin
	gh, err := gatehouse.New(ctx, gatehouse.Config{Dev: true, PublicURL: origin, DatabaseURL: database, Tenants: gatehouse.Tenants{Create: "anyone"}})
	if err != nil {
		return err
	}
	e.Any("/api/auth/*", echo.WrapHandler(gh.Handler()))
	e.Any("/account/*", echo.WrapHandler(gh.Pages()))
	e.Any("/console/*", echo.WrapHandler(gh.Console()))
	e.Any("/dev/*", echo.WrapHandler(gh.Dev()))
	e.GET("/hello", hello, echo.WrapMiddleware(func(next http.Handler) http.Handler { return gh.Require(next) }))
	// gatehouse: end

	// For a whole group: the token must be for the tenant that the path names.
	here := verifier.Tenant(verifier.FromPath("tenant"))
	tenant := e.Group("/tenants/:tenant", echo.WrapMiddleware(func(next http.Handler) http.Handler { return gh.Require(next, here) }))
	tenant.GET("/hello", hello)

	server := echo.StartConfig{Listener: l, HideBanner: true}
	err = server.Start(ctx, e)
	return errors.Join(err, gh.Close()) // gatehouse
}

func hello(c *echo.Context) error {
	id, _ := verifier.FromContext(c.Request().Context())
	return c.String(http.StatusOK, "Hello, account "+id.Subject+".\n")
}
