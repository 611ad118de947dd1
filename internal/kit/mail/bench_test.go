package mail_test

import (
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

// What the start of the process pays, and what the first mail of a kind pays after it.
func BenchmarkNewTemplates(b *testing.B) {
	for b.Loop() {
		if _, err := mail.NewTemplates(nil, kinds...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRenderFirst(b *testing.B) {
	for b.Loop() {
		templates, err := mail.NewTemplates(nil, kinds...)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, _, err := templates.Render("verify", "de", data()); err != nil {
			b.Fatal(err)
		}
	}
}
