package invitation

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestTokensNameTheirTenant(t *testing.T) {
	id := uuid.Must(uuid.NewV7())
	token := newToken(id)
	if got, ok := tenantOf(token); !ok || got != id || len(token) != 68 || newToken(id) == token {
		t.Errorf("%d characters, of %s", len(token), got)
	}
}

func TestTokensHaveOneSpelling(t *testing.T) {
	token := newToken(uuid.Must(uuid.NewV7()))
	for _, text := range []string{
		"", "giv_", token[4:], "GIV_" + token[4:], token + "=", token + "\n", " " + token, token[:len(token)-1], token + "A",
		token[:20] + "\n" + token[21:], token[:20] + "\r\n" + token[22:], token[:20] + "+" + token[21:], token[:20] + "\x00" + token[21:], token + token, strings.Repeat("A", 68),
		"giv_" + strings.Repeat("é", 32), "grt_" + token[4:],
	} {
		if _, ok := tenantOf(text); ok {
			t.Errorf("%q is one", text)
		}
	}
}

func FuzzTenantOf(f *testing.F) {
	f.Add(newToken(uuid.Must(uuid.NewV7())))
	f.Add("giv_")
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := tenantOf(text)
		if !ok {
			return
		}
		raw, err := encoding.DecodeString(strings.TrimPrefix(text, tokenPrefix))
		if err != nil || tokenPrefix+encoding.EncodeToString(raw) != text || uuid.UUID(raw[:16]) != id {
			t.Errorf("%q has another spelling", text)
		}
	})
}
