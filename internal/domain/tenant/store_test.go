package tenant_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// create makes a tenant that nobody belongs to, or says why not.
func create(w *domaintest.World, name, slug string) (t *tenant.Tenant, err error) {
	err = w.InTx(context.Background(), func(tx *db.Tx) error {
		t, err = tenant.Create(context.Background(), tx, tenant.Settings{Name: name, Slug: slug})
		return err
	})
	return t, err
}

// rename gives a tenant another slug.
func rename(w *domaintest.World, t *tenant.Tenant, slug string) error {
	return w.DB.In(db.Tenant(t.ID)).InTx(context.Background(), func(tx *db.Tx) error {
		now, err := tenant.Lock(context.Background(), tx, t.ID)
		if err != nil {
			return err
		}
		s := now.Settings()
		s.Slug = slug
		return tenant.Change(context.Background(), tx, now, s)
	})
}

// together runs all at the same moment and returns what each came to.
func together(all ...func() error) []error {
	came := make([]error, len(all))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, fn := range all {
		wg.Go(func() {
			<-start
			came[i] = fn()
		})
	}
	close(start)
	wg.Wait()
	return came
}

// count returns how many succeeded, and fails where one failed otherwise than by refused.
func count(t *testing.T, came []error, refused error) (won int) {
	t.Helper()
	for _, err := range came {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, refused):
			t.Errorf("%v, want %v", err, refused)
		}
	}
	return won
}

func TestASlugIsNeverAnothers(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		acme, err := create(w, "Acme", "acme")
		if err != nil {
			t.Fatal(err)
		}
		taken := func(when string, slugs ...string) {
			t.Helper()
			for _, slug := range slugs {
				if _, err := create(w, "Another", slug); !errors.Is(err, tenant.ErrSlugTaken) {
					t.Errorf("%s, %s: %v", when, slug, err)
				}
			}
		}
		taken("while it is used", "acme", "acrne", "ac-me")
		if err := rename(w, acme, "globex"); err != nil {
			t.Fatal(err)
		}
		taken("after renaming", "acme", "acrne", "globex", "g1obex", "gl0bex")
		other, err := create(w, "Other", "initech")
		if err != nil {
			t.Fatal(err)
		}
		if err := rename(w, other, "acme"); !errors.Is(err, tenant.ErrSlugTaken) {
			t.Errorf("another takes it by renaming: %v", err)
		}
		if err := rename(w, acme, "acme"); err != nil {
			t.Errorf("the owner goes back: %v", err)
		}
		w.Within(acme.ID, func(tx *db.Tx) error { return tenant.Delete(t.Context(), tx, acme.ID) })
		taken("after deleting", "acme", "globex", "ac-me")
		for _, name := range []string{"acme", "globex", acme.ID.String()} {
			if _, err := tenant.FindByName(t.Context(), w.DB.DB, name); !errors.Is(err, tenant.ErrNotFound) {
				t.Errorf("%s is found: %v", name, err)
			}
		}
		if _, err := create(w, "ＡＣＭＥ", "umbrella"); err != nil {
			t.Errorf("the name of a tenant that is gone: %v", err)
		}
		if _, err := create(w, "acme", "hooli"); !errors.Is(err, tenant.ErrNameTaken) {
			t.Errorf("the same name in other letters: %v", err)
		}
		if w.Count(`SELECT count(*) FROM tenant_slug WHERE slug = 'hooli'`) != 0 {
			t.Error("a refused tenant keeps its slug")
		}
	})
}

func TestOfTenantsMadeAtOnceOneGetsTheSlug(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		var all []func() error
		for i, slug := range []string{"acme", "acrne", "ac-me", "acme", "acme", "a-cme"} {
			all = append(all, func() error {
				_, err := create(w, "Acme "+string(rune('A'+i)), slug)
				return err
			})
		}
		if won := count(t, together(all...), tenant.ErrSlugTaken); won != 1 {
			t.Errorf("%d tenants have it", won)
		}
		if n := w.Count(`SELECT count(*) FROM tenant`); n != 1 {
			t.Errorf("there are %d tenants", n)
		}
	})
}

// Whole names are compared: those that share letters with another, or are part of it, are others.
func TestANameThatLooksLikeAnothersIsTaken(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		acme, err := create(w, "Acme", "acme")
		if err != nil {
			t.Fatal(err)
		}
		moscow, err := create(w, "Москва", "moskva")
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]error{
			"Асме": tenant.ErrNameTaken, "АСМЕ": tenant.ErrNameTaken, "Acrne": tenant.ErrNameTaken, "AC-ME": tenant.ErrNameTaken, "Ac Me": tenant.ErrNameTaken, "Mockba": tenant.ErrNameTaken,
			"Acmé": nil, "Асма": nil, "Асме Банк": nil, "Ас": nil, "Рога и копыта": nil, "Μοσχα": nil, "アクメ": nil,
		} {
			if _, err := create(w, name, "slug-"+uuid.NewString()[:8]); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%q: %v", name, err)
			}
		}
		named := func(of *tenant.Tenant, name string) error {
			return w.DB.In(db.Tenant(of.ID)).InTx(context.Background(), func(tx *db.Tx) error {
				now, err := tenant.Lock(context.Background(), tx, of.ID)
				if err != nil {
					return err
				}
				s := now.Settings()
				s.Name = name
				return tenant.Change(context.Background(), tx, now, s)
			})
		}
		if err := named(moscow, "Асме"); !errors.Is(err, tenant.ErrNameTaken) {
			t.Errorf("renamed to it: %v", err)
		}
		if err := named(acme, "Асме"); err != nil {
			t.Errorf("one's own in other letters: %v", err)
		}
		if err := named(acme, "Globex"); err != nil {
			t.Fatal(err)
		}
		if err := named(moscow, "Acme"); err != nil {
			t.Errorf("given up, and still taken: %v", err)
		}
		// One from before there were looks may look like another: it stays, until it is called something else.
		if _, err := create(w, "Initech", "initech"); err != nil {
			t.Fatal(err)
		}
		w.Exec(`UPDATE tenant SET name = 'lnitech', name_key = 'lnitech', name_look = NULL WHERE id = $1`, acme.ID)
		if err := rename(w, acme, "another"); err != nil {
			t.Errorf("its settings: %v", err)
		}
		if err := named(acme, "LNITECH"); err != nil {
			t.Errorf("its capitals: %v", err)
		}
		if err := named(acme, "1nitech"); !errors.Is(err, tenant.ErrNameTaken) {
			t.Errorf("another that looks alike: %v", err)
		}
		if err := named(acme, "Hooli"); err != nil {
			t.Fatal(err)
		}
		if _, err := create(w, "Hoo1i", "hoo"); !errors.Is(err, tenant.ErrNameTaken) {
			t.Errorf("what it is called then: %v", err)
		}
	})
}

func TestOfTenantsMadeAtOnceOneGetsTheName(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		var all []func() error
		for _, slug := range []string{"acme", "globex", "initech", "umbrella"} {
			all = append(all, func() error {
				_, err := create(w, "Acme", slug)
				return err
			})
		}
		if won := count(t, together(all...), tenant.ErrNameTaken); won != 1 {
			t.Errorf("%d tenants have it", won)
		}
	})
}

// act is a change of members that by makes.
func act(w *domaintest.World, id tenant.ID, by uuid.UUID, fn func(tx *db.Tx, t *tenant.Tenant) error) error {
	return tenant.Act(context.Background(), w.DB.DB, w.Roles, id, tenant.By(by), role.ManageMembers, func(tx *db.Tx, t *tenant.Tenant, _ role.Grant) error { return fn(tx, t) })
}

func TestAnOwnerStaysWhateverOwnersDoToEachOtherAtOnce(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		jo, al := w.Account("jo@example.com", "").ID, w.Account("al@example.com", "").ID
		ctx := t.Context()
		deeds := map[string]func(by, whom uuid.UUID) func(tx *db.Tx, t *tenant.Tenant) error{
			"remove each other": func(_, whom uuid.UUID) func(*db.Tx, *tenant.Tenant) error {
				return func(tx *db.Tx, t *tenant.Tenant) error { return tenant.Remove(ctx, tx, t, whom) }
			},
			"demote each other": func(_, whom uuid.UUID) func(*db.Tx, *tenant.Tenant) error {
				return func(tx *db.Tx, t *tenant.Tenant) error { return tenant.SetRole(ctx, tx, t, whom, role.Member) }
			},
			"both leave": func(by, _ uuid.UUID) func(*db.Tx, *tenant.Tenant) error {
				return func(tx *db.Tx, t *tenant.Tenant) error { return tenant.Remove(ctx, tx, t, by) }
			},
			"both step down": func(by, _ uuid.UUID) func(*db.Tx, *tenant.Tenant) error {
				return func(tx *db.Tx, t *tenant.Tenant) error { return tenant.SetRole(ctx, tx, t, by, role.Admin) }
			},
		}
		slugs := []string{"acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "tyrell", "soylent", "cyberdyne", "wonka", "duff"}
		for name, deed := range deeds {
			for round := range 3 {
				acme := w.Tenant(slugs[0], jo)
				slugs = slugs[1:]
				w.Join(acme, al, role.Owner)
				came := together(
					func() error { return act(w, acme.ID, jo, deed(jo, al)) },
					func() error { return act(w, acme.ID, al, deed(al, jo)) })
				won := 0
				for _, err := range came {
					switch {
					case err == nil:
						won++
					case !errors.Is(err, tenant.ErrLastOwner) && !errors.Is(err, tenant.ErrNotMember) && !errors.Is(err, tenant.ErrPermission):
						t.Errorf("%s, round %d: %v", name, round, err)
					}
				}
				if owners := w.Count(`SELECT count(*) FROM membership WHERE tenant_id = $1 AND role = 'owner'`, acme.ID); won != 1 || owners != 1 {
					t.Errorf("%s, round %d: %d did it, %d owners are left", name, round, won, owners)
				}
			}
		}
	})
}

func TestTheLastOwnerStays(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		jo, al := w.Account("jo@example.com", "").ID, w.Account("al@example.com", "").ID
		acme := w.Tenant("acme", jo)
		w.Join(acme, al, role.Admin)
		for name, fn := range map[string]func(tx *db.Tx, t *tenant.Tenant) error{
			"removed": func(tx *db.Tx, acme *tenant.Tenant) error { return tenant.Remove(t.Context(), tx, acme, jo) },
			"demoted": func(tx *db.Tx, acme *tenant.Tenant) error {
				return tenant.SetRole(t.Context(), tx, acme, jo, role.Admin)
			},
		} {
			if err := act(w, acme.ID, jo, fn); !errors.Is(err, tenant.ErrLastOwner) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := act(w, acme.ID, jo, func(tx *db.Tx, acme *tenant.Tenant) error {
			return tenant.SetRole(t.Context(), tx, acme, uuid.New(), role.Admin)
		}); !errors.Is(err, tenant.ErrMemberNotFound) {
			t.Errorf("a stranger: %v", err)
		}
		if w.Count(`SELECT count(*) FROM membership WHERE tenant_id = $1 AND account_id = $2 AND role = 'owner'`, acme.ID, jo) != 1 {
			t.Error("the last owner is gone")
		}
	})
}

func TestActAsksForTheRightsOfTheMoment(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		jo, al, stranger := w.Account("jo@example.com", "").ID, w.Account("al@example.com", "").ID, w.Account("eve@example.com", "").ID
		acme := w.Tenant("acme", jo)
		w.Tenant("globex", stranger)
		w.Join(acme, al, role.Member)
		refused := func(what string, by tenant.Actor, id tenant.ID, want error) {
			t.Helper()
			err := tenant.Act(t.Context(), w.DB.DB, w.Roles, id, by, role.ManageTenant, func(*db.Tx, *tenant.Tenant, role.Grant) error {
				t.Errorf("%s: let in", what)
				return nil
			})
			if !errors.Is(err, want) {
				t.Errorf("%s: %v", what, err)
			}
		}
		refused("a member without the permission", tenant.By(al), acme.ID, tenant.ErrPermission)
		refused("the owner of another tenant", tenant.By(stranger), acme.ID, tenant.ErrNotMember)
		refused("a tenant that there is not", tenant.By(jo), uuid.New(), tenant.ErrNotMember)
		refused("nobody", tenant.Actor{}, acme.ID, tenant.ErrNotMember)
		refused("staff at a tenant that there is not", tenant.ByStaff(), uuid.New(), tenant.ErrNotFound)
		w.Within(acme.ID, func(tx *db.Tx) error { return tenant.SetActive(t.Context(), tx, acme, false) })
		refused("the owner of a suspended tenant", tenant.By(jo), acme.ID, tenant.ErrNotMember)
		err := tenant.Act(t.Context(), w.DB.DB, w.Roles, acme.ID, tenant.ByStaff(), role.DeleteTenant, func(_ *db.Tx, found *tenant.Tenant, g role.Grant) error {
			if found.ID != acme.ID || found.Active || !g.Has(role.DeleteTenant) {
				t.Errorf("staff get %+v, %+v", found, g)
			}
			return nil
		})
		if err != nil {
			t.Errorf("staff at a suspended tenant: %v", err)
		}
	})
}
