package invitation_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func TestInvitationIsMailedToTheAddressAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i, err := w.Send(t.Context(), tenant.By(w.admin.ID), w.acme.ID, " Guest@Example.com", role.Member, "fr-CA")
		if err != nil {
			t.Fatal(err)
		}
		if i.Email != "Guest@Example.com" || i.Role != role.Member || i.Sent != 1 || i.By != "Jo Doe" || !about(i.ExpiresAt, w.Now().Add(lifetime)) || i.Status(w.Now()) != invitation.Waits {
			t.Errorf("made %+v", i)
		}
		m := w.mail()
		if m.To != "Guest@Example.com" || !strings.Contains(m.Text, "«\u00a0acme\u00a0»") || !strings.Contains(m.Text, domaintest.Origin+"/account/invitation/?token=giv_") {
			t.Errorf("mail to %s:\n%s", m.To, m.Text)
		}
		if strings.Contains(m.Subject, "acme") || strings.Contains(m.Text, "Jo Doe") || strings.Contains(m.Text, "admin@") {
			t.Errorf("names what a stranger may choose: %q\n%s", m.Subject, m.Text)
		}
		token := domaintest.Token(m)
		var hash []byte
		w.Read(&hash, "SELECT token_hash FROM invitation")
		if len(hash) == 0 || strings.Contains(token, string(hash)) || strings.Contains(string(hash), token) {
			t.Error("the table holds the token")
		}
		if got := w.Audited("invitation.sent"); !slices.Equal(got, []string{""}) {
			t.Errorf("audited %q", got)
		}
		var detail, by string
		w.Read(&detail, "SELECT detail FROM audit_event WHERE kind = 'invitation.sent'")
		w.Read(&by, "SELECT actor FROM audit_event WHERE kind = 'invitation.sent'")
		if by != w.admin.ID.String() || !strings.Contains(detail, i.ID.String()) || strings.Contains(strings.ToLower(detail), "guest@") {
			t.Errorf("audited %s by %s", detail, by)
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'invitation.sent' AND tenant_id = $1", w.acme.ID); n != 1 {
			t.Error("the tenant's own audit lacks it")
		}
	})
}

func TestSendingAgainMakesTheFormerLinkWorthless(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		i, first := w.invites("guest@example.com", role.Member)
		w.Clock.Advance(time.Hour)
		again, err := w.Resend(t.Context(), tenant.By(w.admin.ID), w.acme.ID, i.ID)
		if err != nil || again.ID != i.ID || again.Sent != 2 || again.By != "Jo Doe" || again.Role != role.Member || !about(again.ExpiresAt, w.Now().Add(lifetime)) || !again.CreatedAt.Equal(i.CreatedAt) {
			t.Fatalf("resent %+v, %v", again, err)
		}
		second := domaintest.Token(w.mail())
		w.dead(first, guest)
		third, token := w.invites("GUEST@example.com", role.Admin)
		if third.ID != i.ID || third.Sent != 3 || third.Role != role.Admin || w.open() != 1 {
			t.Errorf("inviting the same address made %+v; %d are open", third, w.open())
		}
		w.dead(second, guest)
		if err := w.accepts(token, guest); err != nil || w.role(w.acme, guest) != role.Admin {
			t.Errorf("the newest: %v", err)
		}
		if got := len(w.Audited("invitation.resent")); got != 2 {
			t.Errorf("%d resent", got)
		}
		if _, err := w.Resend(t.Context(), tenant.By(w.owner.ID), w.acme.ID, i.ID); !errors.Is(err, invitation.ErrNotFound) {
			t.Errorf("one that was accepted is sent again: %v", err)
		}
	})
}

// What somebody looked at before it was sent anew is not what they accept.
func TestWhatWasReplacedMeanwhileIsNotAccepted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		_, token := w.invites("guest@example.com", role.Admin)
		seen, err := w.Find(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		w.invites("guest@example.com", role.Member)
		if err := w.takes(seen, guest); err == nil || w.role(w.acme, guest) != "" {
			t.Errorf("accepted: %v", err)
		}
	})
}

func TestRevokedInvitationsAreDead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		i, token := w.invites("guest@example.com", role.Member)
		if err := w.Revoke(t.Context(), tenant.By(w.admin.ID), w.acme.ID, i.ID); err != nil {
			t.Fatal(err)
		}
		w.dead(token, guest)
		if got := len(w.Audited("invitation.revoked")); got != 1 {
			t.Errorf("%d revoked", got)
		}
		if err := w.Revoke(t.Context(), tenant.By(w.admin.ID), w.acme.ID, i.ID); !errors.Is(err, invitation.ErrNotFound) {
			t.Errorf("twice: %v", err)
		}
		if _, err := w.Resend(t.Context(), tenant.By(w.owner.ID), w.acme.ID, i.ID); !errors.Is(err, invitation.ErrNotFound) || w.open() != 0 {
			t.Errorf("revived: %v", err)
		}
		if _, again := w.invites("guest@example.com", role.Member); w.accepts(again, guest) != nil {
			t.Error("the address cannot be invited any more")
		}
	})
}

func TestWhatIsRevokedWhileItIsSentAgainStaysSo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i, _ := w.invites("guest@example.com", role.Member)
		var once sync.Once
		w.Inspect(func(query string) error { // the limiter is asked after the invitation was looked at
			if strings.Contains(query, "rate_limit") {
				once.Do(func() { w.Exec("UPDATE invitation SET revoked_at = 1") })
			}
			return nil
		})
		_, err := w.Resend(t.Context(), tenant.By(w.owner.ID), w.acme.ID, i.ID)
		w.Inspect(nil)
		if !errors.Is(err, invitation.ErrNotFound) || w.open() != 0 {
			t.Errorf("revived: %v", err)
		}
	})
}

func TestNobodyPromisesMoreThanTheyHave(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ownRole("billing", "tenant.read invoices.pay")
		for _, as := range []string{role.Owner, "editor", "billing"} {
			if _, err := w.Send(t.Context(), tenant.By(w.admin.ID), w.acme.ID, "guest@example.com", as, ""); !errors.Is(err, role.ErrEscalation) {
				t.Errorf("an admin invites as %s: %v", as, err)
			}
			w.invites("for-"+as+"@example.com", as)
		}
		if got := w.Audited("invitation.refused"); !slices.Equal(got, []string{"role_escalation"}) {
			t.Errorf("audited %q", got)
		}
		if _, err := w.Send(t.Context(), tenant.By(w.owner.ID), w.acme.ID, "guest@example.com", "nobody", ""); !errors.Is(err, role.ErrUnknown) {
			t.Errorf("an unknown role: %v", err)
		}
		if n := w.Count("SELECT count(*) FROM invitation WHERE email_key = 'guest@example.com'"); n != 0 {
			t.Errorf("%d were made", n)
		}
	})
}

func TestNobodyTouchesAnInvitationThatTheyCouldNotGive(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		i, token := w.invites("guest@example.com", role.Owner)
		by := tenant.By(w.admin.ID)
		_, send := w.Send(t.Context(), by, w.acme.ID, "guest@example.com", role.Member, "")
		_, resend := w.Resend(t.Context(), by, w.acme.ID, i.ID)
		for how, err := range map[string]error{"send": send, "resend": resend, "revoke": w.Revoke(t.Context(), by, w.acme.ID, i.ID)} {
			if !errors.Is(err, role.ErrEscalation) {
				t.Errorf("%s: %v", how, err)
			}
		}
		if len(w.Audited("invitation.refused")) != 1 { // the first tells
			t.Error("the refusals are not audited")
		}
		if err := w.accepts(token, guest); err != nil || w.role(w.acme, guest) != role.Owner {
			t.Errorf("the owner's invitation: %v", err)
		}
	})
}

func TestOnlyMembersWhoMayInvite(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		plain, stranger := w.Account("plain@example.com", ""), w.Account("stranger@example.com", "")
		w.Join(w.acme, plain.ID, role.Member)
		w.Tenant("globex", stranger.ID)
		i, _ := w.invites("guest@example.com", role.Member)
		for who, c := range map[string]struct {
			by   *account.Account
			want error
		}{"a plain member": {plain, tenant.ErrPermission}, "another tenant's owner": {stranger, tenant.ErrNotMember}} {
			_, send := w.Send(t.Context(), tenant.By(c.by.ID), w.acme.ID, "guest@example.com", role.Member, "")
			_, resend := w.Resend(t.Context(), tenant.By(c.by.ID), w.acme.ID, i.ID)
			for how, err := range map[string]error{"send": send, "resend": resend, "revoke": w.Revoke(t.Context(), tenant.By(c.by.ID), w.acme.ID, i.ID)} {
				if !errors.Is(err, c.want) {
					t.Errorf("%s, %s: %v", who, how, err)
				}
			}
		}
	})
}

func TestInvitationsOfAnotherTenantAreNotThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := w.Account("other@example.com", "")
		globex := w.Tenant("globex", other.ID)
		i, token := w.invites("guest@example.com", role.Member)
		by := tenant.By(other.ID)
		if _, err := w.Resend(t.Context(), by, globex.ID, i.ID); !errors.Is(err, invitation.ErrNotFound) {
			t.Errorf("resend: %v", err)
		}
		if err := w.Revoke(t.Context(), by, globex.ID, i.ID); !errors.Is(err, invitation.ErrNotFound) {
			t.Errorf("revoke: %v", err)
		}
		if page, _, err := w.List(t.Context(), globex.ID, "", 50); err != nil || len(page) != 0 {
			t.Errorf("lists %v, %v", page, err)
		}
		if _, err := w.Find(t.Context(), token); err != nil {
			t.Errorf("it was touched: %v", err)
		}
	})
}

func TestMembersAreNotInvited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if _, err := w.Send(t.Context(), tenant.By(w.owner.ID), w.acme.ID, "ADMIN@example.com", role.Member, ""); !errors.Is(err, tenant.ErrMember) {
			t.Errorf("invited: %v", err)
		}
		w.Drain()
		if len(w.Mails.Take()) != 0 {
			t.Error("a mail was sent")
		}
	})
}

func TestOnlyAdmittedDomainsAreInvited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.change(w.acme, func(s *tenant.Settings) { s.Policy.EmailDomains = []string{"example.com", "xn--bcher-kva.example"} })
		for email, want := range map[string]error{
			"a@EXAMPLE.com": nil, "b@bücher.example": nil, "c@xn--bcher-kva.example": nil,
			"d@example.net": tenant.ErrEmailDomain, "e@sub.example.com": tenant.ErrEmailDomain, "f@example.com.evil.example": tenant.ErrEmailDomain, "g@notexample.com": tenant.ErrEmailDomain,
		} {
			if _, err := w.Send(t.Context(), tenant.By(w.owner.ID), w.acme.ID, email, role.Member, ""); !errors.Is(err, want) {
				t.Errorf("%s: %v", email, err)
			}
		}
	})
}

func TestAddressesOfOneMailboxAreOneInvitation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, email := range []string{"jo@bücher.example", "JO@BÜCHER.example", "jo@xn--bcher-kva.example"} {
			w.invites(email, role.Member)
		}
		if w.open() != 1 {
			t.Errorf("%d are open", w.open())
		}
		_, token := w.invites("Jo@xn--bcher-kva.example", role.Member)
		if err := w.accepts(token, w.Account("jo@Bücher.example", "")); err != nil {
			t.Errorf("another spelling of the address: %v", err)
		}
	})
}

func TestMailsAreBoundedPerTenantAndPerMailbox(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		by := tenant.By(w.owner.ID)
		for range 5 {
			if _, err := w.Send(t.Context(), by, w.acme.ID, "guest@example.com", role.Member, ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Send(t.Context(), by, w.acme.ID, "Guest@example.com", role.Member, ""); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("a sixth to one mailbox: %v", err)
		}
		// What is refused mails nothing, and costs nothing.
		for range 30 {
			if _, err := w.Send(t.Context(), tenant.By(w.admin.ID), w.acme.ID, "other@example.com", role.Owner, ""); !errors.Is(err, role.ErrEscalation) {
				t.Fatal(err)
			}
		}
		for n := range 15 {
			if _, err := w.Send(t.Context(), by, w.acme.ID, fmt.Sprintf("guest%d@example.com", n), role.Member, ""); err != nil {
				t.Fatalf("%d: %v", n, err)
			}
		}
		if _, err := w.Send(t.Context(), by, w.acme.ID, "one-more@example.com", role.Member, ""); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("a twenty-first of the tenant: %v", err)
		}
		globex := w.Tenant("globex", w.owner.ID)
		if _, err := w.Send(t.Context(), by, globex.ID, "one-more@example.com", role.Member, ""); err != nil {
			t.Errorf("another tenant pays for it: %v", err)
		}
	})
}

func TestListsShowWhatWaits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.invitesAs(tenant.By(w.admin.ID), "b@example.com", role.Member)
		w.Clock.Advance(lifetime)
		w.invites("a@example.com", role.Admin)
		w.invitesAs(tenant.ByStaff(), "c@example.com", role.Owner)
		gone, _ := w.invites("d@example.com", role.Member)
		if err := w.Revoke(t.Context(), tenant.By(w.owner.ID), w.acme.ID, gone.ID); err != nil {
			t.Fatal(err)
		}
		w.invitesAs(tenant.By(w.admin.ID), "e@example.com", role.Member)
		w.Exec("DELETE FROM membership WHERE account_id = $1", w.admin.ID)
		var got []string
		after := ""
		for range 5 {
			page, next, err := w.List(t.Context(), w.acme.ID, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range page {
				got = append(got, i.Email+" "+i.Role+" "+i.By+" "+i.Status(w.Now()))
			}
			if after = next; next == "" {
				break
			}
		}
		if want := []string{"a@example.com admin Jo Doe open", "b@example.com member  expired", "c@example.com owner  open", "e@example.com member  void"}; !slices.Equal(got, want) {
			t.Errorf("lists %q", got)
		}
		_, first, err := w.List(t.Context(), w.acme.ID, "", 2)
		if err != nil || first == "" {
			t.Fatal(err)
		}
		for _, after := range []string{"%", "AA", "_w", "YQ==", first + "=", first[:len(first)/2]} {
			if _, _, err := w.List(t.Context(), w.acme.ID, after, 2); !errors.Is(err, web.ErrQuery) {
				t.Errorf("after %q: %v", after, err)
			}
		}
		// A cursor answers to the tenant that it was made for.
		globex := w.Tenant("globex", w.owner.ID)
		if _, _, err := w.List(t.Context(), globex.ID, first, 2); !errors.Is(err, web.ErrQuery) {
			t.Errorf("another tenant's cursor: %v", err)
		}
	})
}

func TestExpiredInvitationsCanBeSentAgainUntilTheyAreSwept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		i, token := w.invites("guest@example.com", role.Member)
		w.Clock.Advance(lifetime)
		w.dead(token, guest)
		w.Clock.Advance(invitation.Kept - time.Second)
		if n, err := invitation.Sweep(t.Context(), w.DB.DB, 10); n != 0 || err != nil {
			t.Errorf("swept %d early, %v", n, err)
		}
		if _, err := w.Resend(t.Context(), tenant.By(w.owner.ID), w.acme.ID, i.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.accepts(domaintest.Token(w.mail()), guest); err != nil {
			t.Errorf("sent again: %v", err)
		}
		w.Clock.Advance(lifetime + invitation.Kept)
		if n, err := invitation.Sweep(t.Context(), w.DB.DB, 10); n != 1 || err != nil || w.role(w.acme, guest) == "" {
			t.Errorf("swept %d, %v", n, err)
		}
	})
}

func TestWaitingShowsWhatAnAccountCouldAccept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("Guest@example.com", "")
		globex, initech, umbrella := w.Tenant("globex", w.owner.ID), w.Tenant("initech", w.owner.ID), w.Tenant("umbrella", w.owner.ID)
		by := tenant.By(w.owner.ID)
		for _, id := range []uuid.UUID{w.acme.ID, globex.ID, initech.ID, umbrella.ID} {
			if _, err := w.Send(t.Context(), by, id, "guest@example.com", role.Member, ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Send(t.Context(), by, w.acme.ID, "other@example.com", role.Member, ""); err != nil {
			t.Fatal(err)
		}
		w.Join(globex, guest.ID, role.Member)
		w.Exec("UPDATE tenant SET active = FALSE WHERE id = $1", initech.ID)
		waiting, err := w.Waiting(t.Context(), guest)
		if err != nil || len(waiting) != 2 || waiting[0].Tenant.Slug != "acme" || waiting[1].Tenant.Slug != "umbrella" {
			t.Fatalf("waiting %v, %v", waiting, err)
		}
		if err := w.takes(&waiting[0], guest); err != nil || w.role(w.acme, guest) != role.Member {
			t.Errorf("accepted: %v", err)
		}
		unproven := *guest
		unproven.EmailVerified = false
		if waiting, err := w.Waiting(t.Context(), &unproven); err != nil || len(waiting) != 0 {
			t.Errorf("an address that was not confirmed is told %v, %v", waiting, err)
		}
		w.Clock.Advance(lifetime)
		if waiting, err := w.Waiting(t.Context(), guest); err != nil || len(waiting) != 0 {
			t.Errorf("expired: %v, %v", waiting, err)
		}
	})
}

func TestVoidInvitationsHideNoGoodOnes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		w.invites("guest@example.com", role.Member) // of acme, which sorts behind those
		for n := range 101 {
			spam := w.Tenant(fmt.Sprintf("aaa-%d", n), w.owner.ID)
			w.Exec(`INSERT INTO invitation (id, tenant_id, email, email_key, role, locale, token_hash, invited_by, sent, created_at, expires_at) VALUES ($1, $2, 'guest@example.com', 'guest@example.com', 'gone', '', $3, NULL, 1, $4, $5)`,
				uuid.Must(uuid.NewV7()), spam.ID, []byte{byte(n)}, w.Now(), w.Now().Add(time.Hour))
		}
		waiting, err := w.Waiting(t.Context(), guest)
		if err != nil || len(waiting) != 1 || waiting[0].Tenant.Slug != "acme" {
			t.Errorf("%d wait, %v", len(waiting), err)
		}
	})
}
