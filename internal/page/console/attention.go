package console

import (
	"math"
	"time"
)

// concern is what somebody should look at. Its text is console.concern.NAME, {{.n}} is a number in it.
type concern struct {
	Name string
	Kind string // of a note: warn or bad
	N    int
	Path string // where something can be done about it
}

// Clock differences from which on they are told, and refused by readiness.
const skewTold, skewBad = time.Second, 10 * time.Second

// concerns are what needs attention, the worst first.
func (c *Console) concerns(v overviewView, overdue bool) []concern {
	var all []concern
	skew := c.Skew().Abs()
	seconds := int(math.Ceil(skew.Seconds()))
	if skew > skewBad {
		all = append(all, concern{"clock_bad", "bad", seconds, settingsPath})
	}
	if overdue {
		all = append(all, concern{"key_overdue", "bad", v.Key.Days, keysPath})
	}
	if v.Mails.Dead > 0 {
		all = append(all, concern{"dead_mails", "bad", v.Mails.Dead, mailsPath + "?state=dead"})
	}
	if skew > skewTold && skew <= skewBad {
		all = append(all, concern{"clock", "warn", seconds, settingsPath})
	}
	if v.ManyMail {
		all = append(all, concern{"many_mails", "warn", v.Mails.Waiting, mailsPath + "?state=waiting"})
	}
	if v.Hashing.Waiting > 0 {
		all = append(all, concern{"hashing", "warn", v.Hashing.Waiting, ""})
	}
	return all
}
