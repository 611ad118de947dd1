package db

import (
	"database/sql"
	"fmt"
	"time"
)

// bind turns times into what the tables hold. Everything else goes to the driver as it is.
func bind(args []any) []any {
	for i, a := range args {
		if t, ok := a.(time.Time); ok {
			args[i] = millis(t)
		}
	}
	return args
}

func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// Time returns a scanner that reads Unix milliseconds into t, in UTC. NULL becomes the zero time.
func Time(t *time.Time) sql.Scanner { return timeScanner{t} }

type timeScanner struct{ t *time.Time }

func (s timeScanner) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s.t = time.Time{}
	case int64:
		*s.t = time.UnixMilli(v).UTC()
	default:
		return fmt.Errorf("db: cannot read a time from %T", src)
	}
	return nil
}

// Text returns a scanner that reads a nullable text into s. NULL becomes the empty string.
func Text(s *string) sql.Scanner { return textScanner{s} }

type textScanner struct{ s *string }

func (s textScanner) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s.s = ""
	case string:
		*s.s = v
	case []byte:
		*s.s = string(v)
	default:
		return fmt.Errorf("db: cannot read a text from %T", src)
	}
	return nil
}

// NullText binds the empty string as NULL, for columns where absence is not a value.
func NullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}
