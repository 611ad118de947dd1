package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
)

// version is set by the linker for releases (-X main.version=v1.2.3).
var version string

type versionCommand struct {
	JSON bool `help:"As JSON."`
}

// Run prints what was built, from what and with what.
func (c *versionCommand) Run(context.Context, *globals) error {
	b := readBuild()
	if c.JSON {
		return printJSON(b)
	}
	_, err := fmt.Fprintf(os.Stdout, "gatehouse %s %s %s\n", b.Version, b.Revision, b.Go)
	return err
}

type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
}

func readBuild() build {
	b := build{Version: version, Revision: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Go = info.GoVersion
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}
