package console

import (
	"math"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
)

// concern is what somebody should look at. Its text is console.concern.NAME, {{.n}} is a number in it.
type concern struct {
	Name string
	Kind string // of a note: warn or bad
	N    int
	Path string // where something can be done about it; empty: nowhere, or not by whoever looks
}

// Clock differences from which on they are told, and refused by readiness.
const skewTold, skewBad = time.Second, 10 * time.Second

// concerns are what needs attention, the worst first.
func (c *Console) concerns(by manage.Actor, v overviewView, overdue bool) []concern {
	var all []concern
	skew := c.Skew().Abs()
	seconds := int(math.Ceil(skew.Seconds()))
	if skew > skewBad {
		all = append(all, concern{"clock_bad", "bad", seconds, open(by, settingsPath)})
	}
	if overdue {
		all = append(all, concern{"key_overdue", "bad", v.Key.Days, open(by, keysPath)})
	}
	if v.Mails.Dead > 0 {
		all = append(all, concern{"dead_mails", "bad", v.Mails.Dead, open(by, mailsPath+"?state=dead")})
	}
	if skew > skewTold && skew <= skewBad {
		all = append(all, concern{"clock", "warn", seconds, open(by, settingsPath)})
	}
	if v.ManyMail {
		all = append(all, concern{"many_mails", "warn", v.Mails.Waiting, open(by, mailsPath+"?state=waiting")})
	}
	if v.Hashing.Waiting > 0 {
		all = append(all, concern{"hashing", "warn", v.Hashing.Waiting, ""})
	}
	return all
}
