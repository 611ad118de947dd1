package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/gatehouse-auth/gatehouse"
)

// templatesCommand shows what files in GATEHOUSE_TEMPLATE_DIR can replace.
type templatesCommand struct {
	List templatesListCommand `cmd:"" help:"List the templates, by the path below GATEHOUSE_TEMPLATE_DIR that replaces each."`
	Show templatesShowCommand `cmd:"" help:"Print a built-in template, to begin one's own with."`
}

type templatesListCommand struct{}

// Run prints one path a line.
func (templatesListCommand) Run(context.Context, *globals) error {
	for _, name := range slices.Sorted(maps.Keys(gatehouse.Templates())) {
		if _, err := fmt.Println(name); err != nil {
			return err
		}
	}
	return nil
}

type templatesShowCommand struct {
	Path string `arg:"" help:"As list prints it."`
}

// Run prints the template.
func (c templatesShowCommand) Run(context.Context, *globals) error {
	text, ok := gatehouse.Templates()[c.Path]
	if !ok {
		return usage("there is no template %q%s", c.Path, didYouMean(c.Path, slices.Collect(maps.Keys(gatehouse.Templates()))))
	}
	_, err := fmt.Fprint(os.Stdout, text)
	return err
}
