# `make` alone lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
GO ?= go
export CGO_ENABLED ?= 0
# Packages whose own memory accesses the race detector need not see. SQLite is C translated to Go: its
# memory lies outside Go's heap, where the detector does not look, and asking it at every byte makes
# SQLite ten times as slow. argon2 fills 19 MiB for each password, which nobody else ever sees. What
# calls them, SQLite's driver included, is watched.
UNWATCHED := $(foreach p,modernc.org/sqlite/lib modernc.org/libc modernc.org/memory golang.org/x/crypto/argon2,-gcflags=$(p)=-race=false)
# A module of its own, which ./... does not reach.
HOSTS := examples/hosts

.PHONY: help run build test check format vet lint bench setup

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: ## start an authentication server for development on http://localhost:8080
	$(GO) run ./cmd/gatehouse serve --dev

build: ## build the static binary bin/gatehouse
	$(GO) build -trimpath -ldflags "-s -w" -o bin/gatehouse ./cmd/gatehouse

setup: ## make sure the tests find PostgreSQL's programs (installs them on Debian and Ubuntu)
	@tools/setup.sh

test: setup ## run every test, with the race detector, on SQLite and PostgreSQL
	CGO_ENABLED=1 $(GO) test -race $(UNWATCHED) $(TESTFLAGS) -timeout 25m ./...
	CGO_ENABLED=1 $(GO) test -C $(HOSTS) -race $(UNWATCHED) $(TESTFLAGS) -timeout 25m ./...

check: TESTFLAGS = -vet=off # the whole of vet has looked already
check: format vet lint test ## what CI runs: format, vet, lint and every test

format:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted:"; gofmt -l $$(git ls-files '*.go'); exit 1; }

vet:
	$(GO) vet ./...
	$(GO) vet -C $(HOSTS) ./...

lint:
	$(GO) tool -modfile=tools/go.mod golangci-lint run ./...
	$(GO) tool -C $(HOSTS) -modfile=../../tools/go.mod golangci-lint run ./...

bench: setup ## measure the hot paths beside what the machine can do at most
	$(GO) run ./bench
