package survive

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// load is people who use a site, and what they were told. Each belongs to one server. When no
// answer comes, or 503, the outcome is unknown: it may have happened or not, whole in either case.
type load struct {
	site      *site
	newcomers []*newcomer
	owners    []*owner
	visitors  []*visitor

	mu sync.Mutex
	// told is how often what was acknowledged, and turnedAway how often it was answered 503.
	told, turnedAway map[string]int
}

// progress waits until something was acknowledged n more times.
func (l *load) progress(what string, n int) {
	l.site.t.Helper()
	told := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.told[what]
	}
	began := told()
	await(l.site.t, what, func() bool { return told() >= began+n })
}

// changes are what is acknowledged and told by mail.
var changes = []string{"register", "verify", "reset", "confirm"}

// newLoad makes people at every server.
func newLoad(s *site) *load {
	l := &load{site: s, told: map[string]int{}, turnedAway: map[string]int{}}
	for i := range 3 {
		l.newcomers = append(l.newcomers, &newcomer{load: l, at: s.any(i), name: fmt.Sprintf("new%d", i)})
	}
	for i := range 2 {
		l.owners = append(l.owners, newOwner(l, s.any(i), fmt.Sprintf("owner%d@example.com", i)))
	}
	for i := range 4 {
		email := fmt.Sprintf("visitor%d@example.com", i)
		s.any(i).account(email, password(1))
		v := &visitor{load: l, at: s.any(i), email: email}
		v.signIn()
		l.visitors = append(l.visitors, v)
	}
	return l
}

// start has everybody go on until ctx ends, and returns how to wait for the last of them.
func (l *load) start(ctx context.Context) (wait func()) {
	var work sync.WaitGroup
	each := func(do func(context.Context) bool) {
		work.Go(func() {
			for ctx.Err() == nil && do(ctx) {
				time.Sleep(time.Millisecond) // nobody is that quick, least of all when turned away
			}
		})
	}
	for _, n := range l.newcomers {
		each(n.act)
	}
	for _, o := range l.owners {
		each(o.act)
	}
	for _, v := range l.visitors {
		each(v.act)
	}
	return work.Wait
}

// check asks, on servers that are well, whether what was acknowledged holds.
func (l *load) check() {
	l.site.t.Helper()
	for _, v := range l.visitors {
		v.check()
	}
	l.site.advance(leaseOver)
	l.site.settle()
	for _, n := range l.newcomers {
		n.check()
	}
	for _, o := range l.owners {
		o.check()
	}
}

// leaseOver is longer than the lease of a job whose server died.
const leaseOver = 3 * time.Minute

// known reports whether an answer tells what happened, and fails when it is neither the one
// wanted nor one of an outage.
func (l *load) known(what string, a answer, want int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case a.status == want:
		l.told[what]++
		return true
	case a.err != nil:
	case a.is(http.StatusServiceUnavailable, "unavailable") && a.retry > 0:
		l.turnedAway[what]++
	default:
		l.site.t.Errorf("%s answered %v", what, a)
	}
	return false
}

// busy fails unless there was a load of each kind.
func (l *load) busy(counts map[string]int, what ...string) {
	l.site.t.Helper()
	l.site.t.Logf("%v", counts)
	for _, w := range what {
		if counts[w] == 0 {
			l.site.t.Errorf("no %s: the load did not take place", w)
		}
	}
}

// mail waits for the n-th mail, not counting those that came twice.
func (l *load) mail(ctx context.Context, kind, to string, n int) (letter, bool) {
	for ctx.Err() == nil {
		found := l.site.post.letters(kind, to)
		if len(ids(found)) >= n {
			return found[len(found)-1], true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return letter{}, false
}

// newcomer registers one address after another, confirms every second one and erases every fourth.
type newcomer struct {
	load *load
	at   *server
	name string
	n    int
	// fresh are the registrations since the last check.
	fresh []*registration
}

type registration struct {
	email    string
	known    bool   // it was acknowledged
	token    string // was sent in, with an unknown outcome unless verified
	verified bool
	leaves   bool // was asked to be erased, with an unknown outcome unless erased
	erased   bool
}

func (n *newcomer) act(ctx context.Context) bool {
	n.n++
	r := &registration{email: fmt.Sprintf("%s.%d@example.com", n.name, n.n)}
	n.fresh = append(n.fresh, r)
	r.known = n.load.known("register", n.at.register(r.email, password(n.n)), http.StatusCreated)
	if !r.known {
		time.Sleep(200 * time.Millisecond) // whoever is turned away takes a breath
	}
	if !r.known || n.n%2 == 0 {
		return true
	}
	m, ok := n.load.mail(ctx, verifyMail, r.email, 1)
	if ok {
		r.token = m.token
		r.verified = n.load.known("verify", n.at.verify(m.token), http.StatusOK)
	}
	if r.verified && n.n%4 == 1 {
		n.leave(r)
	}
	return true
}

// leave erases the account.
func (n *newcomer) leave(r *registration) {
	p, a := n.at.login(r.email, password(n.n))
	if a.status != http.StatusOK {
		return // an outage
	}
	r.leaves = true
	r.erased = n.load.known("erase", n.at.erase(p.Access, password(n.n)), http.StatusNoContent)
}

// check looks at what was registered since the last check.
func (n *newcomer) check() {
	first := n.n - len(n.fresh) + 1
	fewAtOnce(len(n.fresh), func(i int) { n.checkOne(n.fresh[i], password(first+i)) })
	n.fresh = nil
}

func (n *newcomer) checkOne(r *registration, pass string) {
	t := n.load.site.t
	mails := n.load.site.post.letters(verifyMail, r.email)
	if r.known && len(mails) == 0 || len(ids(mails)) > 1 {
		t.Errorf("a registration (acknowledged: %v) has %d mails with %d ids", r.known, len(mails), len(ids(mails)))
	}
	if r.token != "" && !r.verified {
		if a := n.at.verify(r.token); a.status != http.StatusOK && !a.is(http.StatusBadRequest, "link_invalid") {
			t.Errorf("verify again answered %v", a)
		}
	}
	_, a := n.at.login(r.email, pass)
	switch { // there is a mail if and only if there is a registration
	case r.erased && !a.is(http.StatusUnauthorized, "credentials_rejected"):
		t.Errorf("login to an account that was erased answered %v", a)
	case r.leaves && a.is(http.StatusUnauthorized, "credentials_rejected"): // whole in either case
	case r.token != "" && a.status == http.StatusOK: // whether it was the first or the second attempt
	case r.token == "" && len(mails) > 0 && a.is(http.StatusForbidden, "email_not_verified"):
	case !r.known && len(mails) == 0 && a.is(http.StatusUnauthorized, "credentials_rejected"):
	default:
		t.Errorf("login after a registration (acknowledged: %v, confirmed: %v, mails: %d) answered %v", r.known, r.verified, len(mails), a)
	}
}

// owner has forgotten the password, again and again, and stops when an outcome is unknown: of two
// links the one used ends the other.
type owner struct {
	load  *load
	at    *server
	email string
	// password is the number of the one that was acknowledged last. next is the one that
	// was sent in since, with an unknown outcome; 0 is none.
	password, next int
	asked, sure    int // resets asked for, and acknowledged
}

func newOwner(l *load, at *server, email string) *owner {
	at.account(email, password(1))
	return &owner{load: l, at: at, email: email, password: 1}
}

func (o *owner) act(ctx context.Context) bool {
	o.asked++
	if !o.load.known("reset", o.at.askReset(o.email), http.StatusAccepted) {
		return false
	}
	o.sure++
	m, ok := o.load.mail(ctx, resetMail, o.email, o.sure)
	if !ok {
		return false
	}
	o.next = o.password + 1
	if !o.load.known("confirm", o.at.reset(m.token, password(o.next)), http.StatusOK) {
		return false
	}
	o.password, o.next = o.next, 0
	return true
}

func (o *owner) check() {
	t := o.load.site.t
	if came := len(ids(o.load.site.post.letters(resetMail, o.email))); came < o.sure || came > o.asked {
		t.Errorf("%d mails for %d resets, %d of them acknowledged", came, o.asked, o.sure)
	} else {
		o.asked, o.sure = came, came
	}
	opens := func(number int) bool {
		_, a := o.at.login(o.email, password(number))
		if a.status != http.StatusOK && !a.is(http.StatusUnauthorized, "credentials_rejected") {
			t.Errorf("login answered %v", a)
		}
		return a.status == http.StatusOK
	}
	present := opens(o.password)
	if o.next != 0 && opens(o.next) != present { // one of the two, whichever
		if !present {
			o.password = o.next
		}
		o.next, present = 0, true
	}
	if !present || o.next != 0 {
		t.Errorf("the password acknowledged opens the account: %v (another was sent in: %v)", present, o.next != 0)
	}
	if o.password > 1 && opens(o.password-1) {
		t.Error("a former password opens the account")
	}
}

// visitor refreshes a session all the time, and asks who they are.
type visitor struct {
	load   *load
	at     *server
	email  string
	tokens []pair // all that were acknowledged, the newest last
}

func (v *visitor) signIn() { v.tokens = []pair{v.at.signIn(v.email, password(1))} }

func (v *visitor) newest() pair { return v.tokens[len(v.tokens)-1] }

func (v *visitor) act(context.Context) bool {
	p, a := v.at.refresh(v.newest().Refresh)
	if v.load.known("refresh", a, http.StatusOK) {
		v.tokens = append(v.tokens, p)
	}
	if a = v.at.get("/me/", v.newest().Access); v.load.known("me", a, http.StatusOK) {
		var me struct{ Email string }
		if a.decode(&me); me.Email != v.email {
			v.load.site.t.Error("me is somebody else")
		}
	}
	return true
}

// check plays the newest token, then one that is older than its predecessor: a token never
// comes back to life.
func (v *visitor) check() {
	t := v.load.site.t
	p, a := v.at.refresh(v.newest().Refresh)
	if a.status != http.StatusOK {
		t.Errorf("the newest refresh token answered %v", a)
		v.signIn()
		return
	}
	if again, a := v.at.refresh(v.newest().Refresh); a.status != http.StatusOK || again.Refresh != p.Refresh {
		t.Errorf("the same token again answered %v, with the same successor: %v", a, again.Refresh == p.Refresh)
	}
	if len(v.tokens) < 2 {
		return
	}
	if _, a := v.at.refresh(v.tokens[len(v.tokens)-2].Refresh); !a.is(http.StatusUnauthorized, "refresh_rejected") {
		t.Errorf("a token older than the predecessor answered %v", a)
	}
	ended(t, v.at, p)
	v.signIn()
}
