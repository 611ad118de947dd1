package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
)

type checkCommand struct {
	JSON bool `help:"As JSON."`
}

// Run checks what serve would refuse before it connects to anything, and does no more.
func (c *checkCommand) Run(_ context.Context, g *globals) error {
	s, refusal := loadServer(g, "")
	if c.JSON {
		report := struct {
			Problems []string `json:"problems"`
			Warnings []string `json:"warnings"`
		}{[]string{}, s.warnings}
		if refusal != nil {
			report.Problems = strings.Split(refusal.Error(), "\n")[1:]
		}
		return cmp.Or(printJSON(report), refusal)
	}
	for _, w := range s.warnings {
		fmt.Fprintln(os.Stderr, "gatehouse: warning:", w)
	}
	if refusal == nil {
		fmt.Println("The configuration has no problems.")
	}
	return refusal
}
