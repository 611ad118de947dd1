package doctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var required = regexp.MustCompile(`(?m)^\t(\S+) v\S+$`) // a line with // indirect ends otherwise

func TestDependenciesAreExplained(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, m := range required.FindAllStringSubmatch(string(mod), -1) {
		there = append(there, m[1])
	}
	rows := table(t, read(t, "docs/dependencies.md"), "## Modules")
	same(t, "dependencies", named(rows, 0), there)
	for _, row := range rows {
		module := strings.Trim(row[0], "`")
		if have := licence(t, module); !slices.Contains(have, row[1]) {
			t.Errorf("%s: the licence is %v, not %s", module, have, row[1])
		}
	}
}

// licence tells a module's licence by sentences of its text.
func licence(t *testing.T, module string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module)
	list.Dir = root
	dir, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range []string{"LICENSE", "LICENSE.md", "LICENSE-APACHE", "COPYING"} {
		b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), name))
		if err != nil {
			continue
		}
		text := strings.Join(strings.Fields(string(b)), " ")
		for id, sentence := range map[string]string{
			"MIT": "Permission is hereby granted, free of charge", "MPL-2.0": "Mozilla Public License Version 2.0",
			"Apache-2.0": "Licensed under the Apache License, Version 2.0", "BSD-3-Clause": "Neither the name of",
			"ISC": "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted",
		} {
			if strings.Contains(text, sentence) {
				found = append(found, id)
			}
		}
	}
	return found
}

func TestToolsAreExplained(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "tools/go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, m := range regexp.MustCompile(`(?m)^tool (\S+)|^\t(\S+/cmd/\S+)$`).FindAllStringSubmatch(string(mod), -1) {
		there = append(there, m[1]+m[2])
	}
	same(t, "tools", named(table(t, read(t, "docs/dependencies.md"), "## Tools"), 0), there)
}
