package secret_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

func TestIsTokenKnowsTheFormAlone(t *testing.T) {
	token := secret.NewToken()
	if !secret.IsToken(token) || !secret.IsToken(strings.Repeat("A", 43)) {
		t.Error("a token is none")
	}
	for _, s := range []string{"", token[1:], token + "A", token[:42] + "=", token[:42] + "\n", token[:42] + "B", token[:42] + "+", strings.Repeat("é", 43)} {
		if secret.IsToken(s) {
			t.Errorf("%q is taken for a token", s)
		}
	}
}
