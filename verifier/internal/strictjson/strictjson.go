// Package strictjson reads small JSON texts from strangers, and refuses whatever
// two readers could understand differently.
//
// It is the grammar of RFC 8259 in UTF-8, and nothing that is not in it. Beyond
// the grammar it refuses duplicate names, lone surrogates, U+0000 in any string,
// objects of more than [MaxNames] names and nesting deeper than [MaxDepth].
// Names are case-sensitive. It allocates nothing for texts without escapes: names
// and values are pieces of the text it was given.
//
// [Object] and [Array] check the whole text before they return nil, so a value
// handed to a callback has been checked in full, but what follows it has not:
// act on the values only after the call has returned nil.
package strictjson

import (
	"errors"
	"unicode/utf8"
)

// Limits of what is read. They bound the work per byte: a duplicate is found by
// looking through the names before it.
const (
	MaxDepth = 16 // nesting of objects and arrays, the outermost included
	MaxNames = 32 // members of one object
)

// What is refused. The errors hold no part of the text.
var (
	ErrUTF8      = errors.New("not UTF-8")
	ErrSyntax    = errors.New("not JSON")
	ErrDuplicate = errors.New("duplicate name")
	ErrDepth     = errors.New("nested too deep")
	ErrNames     = errors.New("too many names")
	ErrNUL       = errors.New("NUL in a string")
	ErrKind      = errors.New("not the kind of value expected")
)

// Object reads text as one object and calls member for each of its members, in
// their order, with the decoded name and the text of the value. It stops at the
// first error, its own or member's.
func Object(text string, member func(name, value string) error) error {
	s := scanner{text: text}
	if err := s.begin('{'); err != nil {
		return err
	}
	if err := s.object(1, member); err != nil {
		return err
	}
	return s.end()
}

// Array reads text as one array and calls element for each of its elements with
// the text of the value. It stops at the first error, its own or element's.
func Array(text string, element func(value string) error) error {
	s := scanner{text: text}
	if err := s.begin('['); err != nil {
		return err
	}
	if err := s.array(1, element); err != nil {
		return err
	}
	return s.end()
}

// scanner walks over a text that is valid UTF-8.
type scanner struct {
	text string
	pos  int
}

// begin checks what holds for the text as a whole and stops before open.
func (s *scanner) begin(open byte) error {
	if !utf8.ValidString(s.text) {
		return ErrUTF8
	}
	switch c := s.next(); {
	case c == open:
		return nil
	case c == '{' || c == '[':
		return ErrKind
	}
	return ErrSyntax
}

// end wants nothing but white space to the end of the text.
func (s *scanner) end() error {
	if s.next(); s.pos < len(s.text) {
		return ErrSyntax
	}
	return nil
}

// next skips white space and returns the byte it stands on then, 0 at the end.
// A NUL byte in the text reads as the end and matches nothing either way.
func (s *scanner) next() byte {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		if c > ' ' || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
		s.pos++
	}
	return 0
}

// take skips white space and then c, and reports whether c was there.
func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.pos++
	return true
}

// object reads the object the scanner stands on. member may be nil.
func (s *scanner) object(depth int, member func(name, value string) error) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	s.pos++
	if s.take('}') {
		return nil
	}
	var names [MaxNames]string
	for n := 0; ; n++ {
		name, err := s.name(names[:n])
		if err != nil {
			return err
		}
		names[n] = name
		value, err := s.value(depth)
		if err != nil {
			return err
		}
		if member != nil {
			if err := member(name, value); err != nil {
				return err
			}
		}
		switch {
		case s.take('}'):
			return nil
		case !s.take(','):
			return ErrSyntax
		}
	}
}

// name reads a member's name and the colon after it.
func (s *scanner) name(before []string) (string, error) {
	if s.next() != '"' {
		return "", ErrSyntax
	}
	name, escaped, err := s.string()
	if err != nil {
		return "", err
	}
	if escaped {
		name = unescape(name)
	}
	for _, b := range before {
		if b == name {
			return "", ErrDuplicate
		}
	}
	if len(before) == MaxNames {
		return "", ErrNames
	}
	if !s.take(':') {
		return "", ErrSyntax
	}
	return name, nil
}

// array reads the array the scanner stands on. element may be nil.
func (s *scanner) array(depth int, element func(value string) error) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	s.pos++
	if s.take(']') {
		return nil
	}
	for {
		value, err := s.value(depth)
		if err != nil {
			return err
		}
		if element != nil {
			if err := element(value); err != nil {
				return err
			}
		}
		switch {
		case s.take(']'):
			return nil
		case !s.take(','):
			return ErrSyntax
		}
	}
}

// value reads any value inside a container of the given depth and returns its text.
func (s *scanner) value(depth int) (string, error) {
	c := s.next()
	start := s.pos
	var err error
	switch {
	case c == '"':
		_, _, err = s.string()
	case c == '{':
		err = s.object(depth+1, nil)
	case c == '[':
		err = s.array(depth+1, nil)
	case c == 't':
		err = s.word("true")
	case c == 'f':
		err = s.word("false")
	case c == 'n':
		err = s.word("null")
	default:
		err = s.number()
	}
	return s.text[start:s.pos], err
}

func (s *scanner) word(w string) error {
	if len(s.text)-s.pos < len(w) || s.text[s.pos:s.pos+len(w)] != w {
		return ErrSyntax
	}
	s.pos += len(w)
	return nil
}

// number reads a number of RFC 8259 section 6. What may follow it is the caller's check.
func (s *scanner) number() error {
	s.skip('-')
	if !s.skip('0') && !s.digits() {
		return ErrSyntax
	}
	if s.skip('.') && !s.digits() {
		return ErrSyntax
	}
	if s.skip('e') || s.skip('E') {
		if !s.skip('+') {
			s.skip('-')
		}
		if !s.digits() {
			return ErrSyntax
		}
	}
	return nil
}

func (s *scanner) skip(c byte) bool {
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) digits() bool {
	text, i := s.text, s.pos
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	some := i > s.pos
	s.pos = i
	return some
}
