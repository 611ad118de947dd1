package gatehouse_test

import (
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

// A text that is missing in one of the eight languages fails here, of whichever package it is.
func TestEveryTextIsThereInEveryLanguage(t *testing.T) {
	for _, set := range gatehouse.PageSets("/docs/assets/") {
		uitest.Texts(t, set)
	}
	uitest.Translated(t, gatehouse.PageSets("/docs/assets/")...)
}
