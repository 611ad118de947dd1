package password

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Least lengths in characters (SP 800-63B-4 section 3.1.1.1).
const (
	MinLength       = 8  // where a second factor can be asked for; the default
	StrictMinLength = 15 // where the password is the only factor
)

// Policy says which new passwords are refused. There are no composition rules, hints or
// expiry (SP 800-63B-4 section 3.1.1.2). The zero value is the default policy. It is safe
// for concurrent use.
type Policy struct {
	// MinLength is the least length in code points of the NFKC form. Anything below the
	// constant MinLength counts as that.
	MinLength int
	// Words are names that a guesser tries first: of the product, of the organisation.
	Words []string
	// Breach is asked last, about passwords that nothing else refuses. Nil: nobody is asked.
	Breach BreachChecker
}

// BreachChecker tells whether a password is known from a breach. An error refuses the
// password: an implementation that fails open says false.
type BreachChecker interface {
	Breached(ctx context.Context, password string) (bool, error)
}

// Person is what is known about whose password it is. All fields may be empty.
type Person struct {
	Email    string
	Username string
	FullName string
}

// Check returns nil when password may be used by person, [ErrRefused] with a field for every
// reason, or the breach checker's error.
func (p Policy) Check(ctx context.Context, password string, person Person) error {
	if len(password) > MaxBytes {
		return refuse(ErrRefused, "too_long", fmt.Sprintf("Use at most %d bytes.", MaxBytes))
	}
	if !wellFormed(password) {
		return refuse(ErrRefused, "malformed", "Use Unicode text without null characters.")
	}
	password = norm.NFKC.String(password)
	folded := fold(password)
	refused := ErrRefused
	if least := max(p.MinLength, MinLength); utf8.RuneCountInString(password) < least {
		refused = refuse(refused, "too_short", fmt.Sprintf("Use at least %d characters.", least))
	}
	if isCommon(folded) {
		refused = refuse(refused, "common", "This is one of the passwords that are guessed first.")
	}
	if coveredBy(folded, p.contextWords(person)) {
		refused = refuse(refused, "context", "Do not build it from your name, your address or the name of this service.")
	}
	if len(refused.Fields) > 0 {
		return refused
	}
	if p.Breach == nil {
		return nil
	}
	breached, err := p.Breach.Breached(ctx, password)
	if err != nil {
		return fmt.Errorf("password: breach check: %w", err)
	}
	if breached {
		return refuse(ErrRefused, "breached", "This password is known from a data breach of another service.")
	}
	return nil
}

// maxTrivial is how many digits and signs beside a known word do not make it a secret. Six
// digits are a million guesses, nothing to whoever holds the hash; more than that may be one.
const maxTrivial = 6

// isCommon reports whether the whole password is on the list, as it is or without trivial
// digits and signs around it: "summer" is on it, so "Summer2024!" is refused.
func isCommon(folded string) bool {
	bare := strings.TrimFunc(folded, notLetter)
	trivial := utf8.RuneCountInString(folded)-utf8.RuneCountInString(bare) <= maxTrivial
	return common(strings.TrimSpace(folded)) || trivial && common(bare)
}

// coveredBy reports whether words make up the whole password except for trivial digits and
// signs. A password that merely holds a word among others is fine.
func coveredBy(folded string, words []string) bool {
	rest := folded
	for _, word := range words {
		rest = strings.ReplaceAll(rest, word, "")
	}
	return rest != folded && !strings.ContainsFunc(rest, unicode.IsLetter) &&
		utf8.RuneCountInString(rest) <= maxTrivial
}

// contextWords returns the folded words that person and policy forbid, longest first so that
// no word hides inside another: each name as a whole and each run of letters in it.
func (p Policy) contextWords(person Person) []string {
	names := slices.Concat(p.Words, []string{person.Username, person.FullName, person.Email})
	if at := strings.LastIndexByte(person.Email, '@'); at >= 0 {
		names = append(names, person.Email[:at], person.Email[at+1:])
	}
	var words []string
	for _, name := range names {
		folded := fold(name)
		words = append(words, folded)
		words = append(words, strings.FieldsFunc(folded, notLetter)...)
	}
	// Below three letters a word says nothing about anyone.
	words = slices.DeleteFunc(words, func(w string) bool { return utf8.RuneCountInString(w) < 3 })
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(words)
}

// fold brings spellings together that a guesser would try together: compatibility forms,
// case, accents. It is for comparisons only; passwords are never stored or verified folded.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r)) // by way of upper case: ς and σ, ſ and s
	}, norm.NFKD.String(s))
}

// refuse names one more reason.
func refuse(refused *fault.Error, code, detail string) *fault.Error {
	return refused.WithField("password", code, detail)
}

// InMember returns err with the fields of an [ErrRefused] renamed to the member of the
// request that held the password. Other errors stay as they are.
func InMember(err error, name string) error {
	f, ok := fault.From(err)
	if !ok || !errors.Is(f, ErrRefused) {
		return err
	}
	named := ErrRefused
	for _, field := range f.Fields {
		named = named.WithField(name, field.Code, field.Detail)
	}
	return named
}

// PersonOf returns what the policy wants to know about the owner of an account.
func PersonOf(a *account.Account) Person {
	return Person{Email: a.Email, Username: a.Username, FullName: a.Profile.FullName}
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }
