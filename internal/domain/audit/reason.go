package audit

import (
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrReason asks whoever acts on others for a reason.
var ErrReason = fault.New(fault.Invalid, "reason_required", "Say why, in 10 to 300 characters. The audit keeps it.")

// Bounds of a reason, in characters.
const minReason, maxReason = 10, 300

// Reason returns why somebody did something, on one line, as events hold it. It returns ErrReason for what
// is too short or too long.
func Reason(text string) (string, error) {
	reason := strings.Join(strings.Fields(text), " ")
	if n := utf8.RuneCountInString(reason); n < minReason || n > maxReason || !utf8.ValidString(reason) || strings.ContainsRune(reason, 0) {
		return "", ErrReason.WithField("reason", ErrReason.Code, ErrReason.Detail)
	}
	return reason, nil
}
