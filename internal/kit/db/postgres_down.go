package db

import (
	"errors"
	"io"
	"strings"
)

// closed reports whether err says that the connection went away under a statement.
// pgx has no type for it.
func closed(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	text := err.Error()
	return strings.Contains(text, "conn closed") || strings.Contains(text, "closed pool") || strings.Contains(text, "unexpected EOF")
}
