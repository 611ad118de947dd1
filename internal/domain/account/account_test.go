package account_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

func TestOneKeyForEverySpellingOfAnAddress(t *testing.T) {
	for _, group := range [][]string{
		{"jo@example.com", "Jo@Example.COM", "JO@EXAMPLE.com", " jo@example.com\n"},
		{"jo+tag@example.com", "JO+TAG@example.com"},
		{"jo@bücher.example", "jo@xn--bcher-kva.example", "JO@BÜCHER.example"},
		{"jürgen@example.com"},
		{"JÜRGEN@example.com"}, // only ASCII is folded: beyond it, whose letters are equal is the mail server's secret
		{"\u212aelvin@example.com"},
		{"kelvin@example.com"},
		{"jo.doe@example.com"},
	} {
		first, err := account.ParseEmail(group[0])
		if err != nil {
			t.Fatalf("%q: %v", group[0], err)
		}
		for _, s := range group {
			e, err := account.ParseEmail(s)
			if err != nil || e.Key != first.Key {
				t.Errorf("%q has key %q, %q has %q (%v)", group[0], first.Key, s, e.Key, err)
			}
			if e.Typed != strings.Trim(s, " \n") {
				t.Errorf("%q was stored as %q", s, e.Typed)
			}
			if again, err := account.ParseEmail(e.Key); err != nil || again.Key != e.Key {
				t.Errorf("the key %q is not its own key", e.Key)
			}
		}
	}
	seen := map[string]bool{}
	for _, s := range []string{"jürgen@example.com", "JÜRGEN@example.com", "\u212aelvin@example.com", "kelvin@example.com"} {
		e, _ := account.ParseEmail(s)
		if seen[e.Key] {
			t.Errorf("%q is equated with a look-alike", s)
		}
		seen[e.Key] = true
	}
}

func TestHostileAddressesAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "@", "jo", "jo@", "@example.com", "jo@example", "jo@@example.com", "jo@a@example.com", "jo doe@example.com", `"jo"@example.com`, "jo@[192.0.2.1]", "jo@192.0.2.1",
		"jo@-example.com", "jo@example-.com", "jo@example..com", ".jo@example.com", "jo.@example.com", "j..o@example.com", "jo@example.com.",
		"jo＠example.com", "jo\u200b@example.com", "jo\u202e@example.com", "jo@exam\u200bple.com", "jo\x00@example.com", "jo@example.com\r\nBcc: x@example.com", "jo,sam@example.com", "jo@example.com,sam@example.com", "<jo@example.com>", "Jo <jo@example.com>", "jo\xff@example.com",
		strings.Repeat("a", 65) + "@example.com", "jo@" + strings.Repeat("a.", 130) + "com", "jo@" + strings.Repeat("a", 64) + ".com",
	} {
		if e, err := account.ParseEmail(s); !errors.Is(err, account.ErrEmail) {
			t.Errorf("%q became %q, %v", s, e.Key, err)
		}
	}
}

func FuzzEmailKeyIsStable(f *testing.F) {
	f.Add("Jo@Bücher.example")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := account.ParseEmail(s)
		if err != nil {
			return
		}
		again, err := account.ParseEmail(e.Key)
		if err != nil || again.Key != e.Key {
			t.Errorf("%q has key %q, which has key %q (%v)", s, e.Key, again.Key, err)
		}
		if strings.Count(e.Key, "@") != 1 || strings.ContainsAny(e.Key, " \r\n\t,<>") {
			t.Errorf("%q has key %q", s, e.Key)
		}
	})
}

func TestUsernames(t *testing.T) {
	for in, key := range map[string]string{"Jo": "jo", " jo ": "jo", "ｊｏ": "jo", "jo.doe+x-1_2": "jo.doe+x-1_2", "ИВАН": "иван", "\u212aelvin": "kelvin", "小林": "小林", strings.Repeat("a", 150): strings.Repeat("a", 150)} {
		u, err := account.ParseUsername(in)
		if err != nil || u.Key != key {
			t.Errorf("%q: %q, %v", in, u.Key, err)
		}
	}
	for _, bad := range []string{"", " ", "jo@example.com", "jo doe", "jo\u200bdoe", "j\u202eo", "jо", "αlice", strings.Repeat("a", 151), "jo/..", "jo\x00", "jo\xff", "<jo>"} {
		if u, err := account.ParseUsername(bad); !errors.Is(err, account.ErrUsername) {
			t.Errorf("%q became %q, %v", bad, u.Key, err)
		}
	}
}

func schema(t *testing.T, attributes ...account.Attribute) account.Schema {
	t.Helper()
	s, err := account.NewSchema(attributes)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func text(s string) *string { return &s }

func TestProfileIsCheckedMemberByMember(t *testing.T) {
	s := schema(t, account.Attribute{Name: "team", Type: "string", MaxLength: 5}, account.Attribute{Name: "level", Type: "number", ReadOnly: true}, account.Attribute{Name: "size", Type: "string", OneOf: []string{"s", "m"}})
	old := account.Profile{FullName: "Jo", Attributes: map[string]any{"team": "red", "gone": "x"}}
	got, err := s.Apply(old, account.Change{Phone: text("+49 (30) 1234"), Attributes: map[string]any{"size": "m"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	want := account.Profile{FullName: "Jo", Phone: "+49 (30) 1234", Attributes: map[string]any{"team": "red", "size": "m", "gone": "x"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err = s.Apply(old, account.Change{
		FullName: text(strings.Repeat("ü", 256)), Phone: text("+1234567890123456789012"), Locale: text("no language"),
		Attributes: map[string]any{"team": "purple", "level": 3.0, "size": "xl", "unknown": true},
	}, true)
	f, ok := fault.From(err)
	if !ok || f.Code != account.ErrProfile.Code {
		t.Fatal(err)
	}
	var fields []string
	for _, x := range f.Fields {
		fields = append(fields, x.Field+":"+x.Code)
	}
	slices.Sort(fields)
	if diff := cmp.Diff([]string{"attributes.level:read_only", "attributes.size:invalid", "attributes.team:invalid", "attributes:unknown", "full_name:invalid", "locale:invalid", "phone:invalid"}, fields); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Apply(old, account.Change{FullName: text(strings.Repeat("ü", 255)), Attributes: map[string]any{"level": 3.0}}, false); err != nil {
		t.Errorf("staff may set what people may not: %v", err)
	}
}

// The request chooses how many names it has, so neither the work nor the answer may grow with them.
func TestUnknownAttributesAreSaidOnce(t *testing.T) {
	change := map[string]any{}
	for n := range 7_700 {
		change[strconv.Itoa(n)] = n
	}
	_, err := schema(t).Apply(account.Profile{}, account.Change{Attributes: change}, true)
	if f, ok := fault.From(err); !ok || len(f.Fields) != 1 || f.Fields[0].Code != "unknown" {
		t.Errorf("%v", err)
	}
}

func TestANumberIsOneThatJSONCanSay(t *testing.T) {
	level := account.Attribute{Name: "level", Type: "number"}
	for _, v := range []any{math.NaN(), math.Inf(1), math.Inf(-1), "1", true, level.Read("0x_1p10"), level.Read("1_000"), level.Read("Inf"), level.Read("nan"), level.Read("1e400"), level.Read("")} {
		if got, err := schema(t, level).Set(nil, map[string]any{"level": v}, true); err == nil {
			t.Errorf("%v became %v", v, got)
		}
	}
	for text, want := range map[string]float64{"7": 7, "-1.5": -1.5, "2e3": 2000} {
		if got, err := schema(t, level).Set(nil, map[string]any{"level": level.Read(text)}, true); err != nil || got["level"] != want {
			t.Errorf("%s became %v, %v", text, got, err)
		}
	}
}

func TestRequiredAttributesAndBadDeclarations(t *testing.T) {
	s := schema(t, account.Attribute{Name: "team", Type: "string", Required: true})
	if err := s.Complete(account.Profile{}); !errors.Is(err, account.ErrProfile) {
		t.Error(err)
	}
	if err := s.Complete(account.Profile{Attributes: map[string]any{"team": "red"}}); err != nil {
		t.Error(err)
	}
	_, err := account.NewSchema([]account.Attribute{{Name: "Bad Name", Type: "string"}, {Name: "a", Type: "date"}, {Name: "b", Type: "string"}, {Name: "b", Type: "string"}, {Name: "c", Type: "string", Required: true, ReadOnly: true},
		{Name: "d", Type: "number", OneOf: []string{"1"}}, {Name: "e", Type: "boolean", MaxLength: 1}, {Name: "f", Type: "string", MaxLength: 2, OneOf: []string{"abc"}},
		{Name: "g", Type: "string", OneOf: []string{"x", " "}}, {Name: "h", Type: "string", OneOf: []string{"x", "x"}}, {Name: "i", Type: "string", OneOf: []string{"x\n"}}})
	for _, want := range []string{"Bad Name", `"a"`, "twice", `"c"`, `"d"`, `"e"`, `"f"`, `"g"`, `"h"`, `"i"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in %v", want, err)
		}
	}
}

func TestAccountAndProfileAreMadeTogetherOrNotAtAll(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		email, _ := account.ParseEmail("jo@example.com")
		create := func() error {
			return d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := account.Create(t.Context(), tx, account.New{Email: email})
				return err
			})
		}
		broken := errors.New("broken")
		for n := 1; ; n++ {
			left := n
			d.Inspect(func(string) error {
				if left--; left == 0 {
					return broken
				}
				return nil
			})
			err := create()
			d.Inspect(nil)
			if err == nil {
				break
			}
			for _, table := range []string{"account", "profile"} {
				var rows int
				if err := d.Row(t.Context(), "SELECT count(*) FROM "+table, nil, &rows); err != nil || rows != 0 {
					t.Errorf("statement %d failed and left %d rows in %s (%v)", n, rows, table, err)
				}
			}
		}
	})
}

func TestAddressesUsernamesAndSubjectsAreUnique(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		taken := 0
		for i := range 40 {
			wg.Go(func() {
				email, _ := account.ParseEmail([]string{"jo@example.com", "JO@example.com"}[i%2])
				err := d.InTx(t.Context(), func(tx *db.Tx) error {
					_, err := account.Create(t.Context(), tx, account.New{Email: email})
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, account.ErrTaken) {
					taken++
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if taken != 39 {
			t.Errorf("%d of 40 were refused, want 39", taken)
		}
	})
}

func TestListPagesInOrderWithoutGaps(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		for i := range 7 {
			email, _ := account.ParseEmail(fmt.Sprintf("a%d@example.com", i))
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := account.Create(t.Context(), tx, account.New{Email: email})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		var after *account.Account
		seen := map[string]bool{}
		for {
			page, err := account.List(t.Context(), d.DB, after, 3)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, a := range page {
				if seen[a.Email] {
					t.Errorf("%s was listed twice", a.Email)
				}
				seen[a.Email] = true
			}
			after = page[len(page)-1]
		}
		if len(seen) != 7 {
			t.Errorf("%d accounts were listed, want 7", len(seen))
		}
	})
}

// Among people by the address, in logs by the id.
func TestAnAccountIsNamedByItsAddress(t *testing.T) {
	a := account.Account{ID: uuid.Must(uuid.NewV7()), Email: "jo@example.com", Username: "jo", Profile: account.Profile{FullName: "Jo"}}
	if got := fmt.Sprint(&a); got != a.Email {
		t.Error(got)
	}
	for _, logged := range []any{a, &a} {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("", "account", logged)
		if strings.Contains(strings.ToLower(log.String()), `jo`) || !strings.Contains(log.String(), a.ID.String()) {
			t.Errorf("%T is logged as %s", logged, &log)
		}
	}
}

// What staff may do is shown of staff alone, whatever is stored.
func TestAStaffRoleIsShownOfStaffAlone(t *testing.T) {
	for _, a := range []account.Account{{StaffRole: "support"}, {Staff: true, StaffRole: "support"}, {Staff: true}} {
		text := fmt.Sprintf("%+v", a.JSON())
		if shown := strings.Contains(text, "StaffRole:support"); shown != (a.Staff && a.StaffRole != "") {
			t.Errorf("%+v is shown as %s", a, text)
		}
	}
}
