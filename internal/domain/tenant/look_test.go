package tenant

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

func TestLettersStandForTheOnesTheyAreTakenFor(t *testing.T) {
	if a, b := utf8.RuneCountInString(alike), utf8.RuneCountInString(latin); a != b {
		t.Fatalf("%d letters stand for %d", a, b)
	}
	for i, r := range []rune(alike) {
		if strings.Count(alike, string(r)) != 1 || strings.ContainsRune(latin, r) {
			t.Errorf("%c stands for several, or for itself", r)
		}
		typed, as := string(r)+string(r), strings.Repeat(string([]rune(latin)[i]), 2)
		switch {
		case unicode.IsMark(r):
			typed, as = "q"+string(r), "q"
		case as == "--": // what is nothing but that is no name
			typed, as = "7"+string(r)+"7", "77"
		}
		if _, key, err := ParseName(typed); err != nil || look(key) != shapes.Replace(as) {
			t.Errorf("%c is not how keys spell it: %q, %v", r, key, err)
		}
	}
	for _, same := range [][]string{{"Acme", "ACME", "Асме", "АСМЕ", "acrne", "Ac-me", "ａｃｍｅ", "ꓮꓚꓟꓰ"}, {"NOKIA", "ΝΟΚΙΑ", "nokla", "N0kia"}, {"3M", "ЗМ"}, {"Jocose", "јосоѕе"}, {"DAVID", "ꭰꭺꮩꭵꭰ", "ᎠᎪᏙᎥᎠ"},
		{"Acme Bank", "Acme-Bank", "AcmeBank", "Acme – Bank", "Acme—Bank", "Acme−Bank", "Acme_Bank", "Acme.Bank", "Acme・Bank", "Acmeー Bank", "Acme一Bank", "(Acme) Bank!", "Acme　Bank"},
		{"Google", "Goog|e", "G〇〇gle", "G\u110b\u110bgle"}, {"Nokia", "Nokıa", "Noki\u0307a", "Nokı\u0307a", "NOKİA"}, {"OʼNeil", "O'Neil", "O’Neil", "ONeil"}, {"محمد", "محـمد"}} {
		for _, one := range same {
			_, key, err := ParseName(one)
			_, first, _ := ParseName(same[0])
			if err != nil || look(key) != look(first) {
				t.Errorf("%q looks like %q, %q like %q (%v)", one, look(key), same[0], look(first), err)
			}
		}
	}
}

// Names from before there were looks get those that new ones get, and nobody is renamed: of several that
// look alike, the oldest has the look.
func TestNamesThatAreThereAlreadyGetTheirLook(t *testing.T) {
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			d := dbtest.Open(t, engine)
			m, err := db.NewMigrator(t.Context(), db.Config{URL: d.OwnerURL})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for name := ""; !strings.Contains(name, "0009_"); {
				if name, err = m.Down(t.Context()); err != nil || name == "" {
					t.Fatalf("back to before looks: %q, %v", name, err)
				}
			}
			everywhere := d.In(db.All())
			keys := []string{"acme", "асме", "acrne", "rn vv 0 1 i 5 é 日本 x" + alike, "москва", "mockba", "acme bank", "acme-bank", "acme—bank", "r-n", ""}
			ids := make([]uuid.UUID, len(keys))
			for i := range ids {
				ids[i] = uuid.Must(uuid.NewV7())
			}
			for i, key := range slices.Backward(keys) { // the oldest comes last
				err := everywhere.Once(t.Context(), `INSERT INTO tenant (id, slug, name, name_key, active, second_factor, max_age_ms, no_password, no_passkey, no_mail, email_domains, join_role, color, version, created_at)
					VALUES ($1, $2, $3, $3, TRUE, FALSE, 0, FALSE, FALSE, FALSE, '', '', '', 0, $4)`, []any{ids[i], fmt.Sprint("slug-", i), key, 1000 + i/2})
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := m.Up(t.Context()); err != nil {
				t.Fatal(err)
			}
			taken := map[string]bool{}
			for _, key := range keys {
				want := look(key)
				if taken[want] {
					want = ""
				}
				taken[want] = true
				var has string
				if err := everywhere.Row(t.Context(), `SELECT name_look FROM tenant WHERE name_key = $1`, []any{key}, db.Text(&has)); err != nil || has != want {
					t.Errorf("%q looks like %q, want %q (%v)", key, has, want, err)
				}
			}
		})
	}
}
