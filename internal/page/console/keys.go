package console

import (
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (c *Console) keysRoutes() []web.Route {
	return []web.Route{
		web.Get(keysPath, web.Staff, web.Page(c.showKeys)).Needs(role.StaffReadKeys),
		web.Get(keysPath+"rotate/", web.Superuser, web.Page(c.showRotate)),
		web.Post(keysPath+"rotate/", web.Superuser, web.Form(c.postRotate)),
	}
}

// keysView lists all keys, by what they are for.
type keysView struct {
	Groups    []keyGroup
	MayRotate bool
	Same      ui.Same
}

type keyGroup struct {
	Purpose keyring.Purpose
	Keys    []keyRow
}

type keyRow struct {
	keyring.Info
	Badge badge
	Days  int // since it is used; negative: until then
}

func (c *Console) showKeys(w http.ResponseWriter, r *http.Request) error {
	all, err := c.Keys.List(r.Context())
	if err != nil {
		return err
	}
	v := keysView{MayRotate: c.actor(r).Superuser, Same: c.same([]string{"keys", "list"}, call{})}
	now := c.DB.Now()
	for _, k := range all {
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Purpose != k.Purpose {
			v.Groups = append(v.Groups, keyGroup{Purpose: k.Purpose})
		}
		g := &v.Groups[len(v.Groups)-1]
		kind := map[keyring.State]string{keyring.Active: "good", keyring.Upcoming: "info", keyring.Retired: "off"}[k.State]
		g.Keys = append(g.Keys, keyRow{k, badge{kind, "console.keys.state." + string(k.State)}, int(now.Sub(k.ActiveAt) / (24 * time.Hour))})
	}
	return c.write(w, r, http.StatusOK, "keys", v)
}

// rotateView asks which key is to be replaced, and how quickly.
type rotateView struct {
	Form     *ui.Form
	Purposes []ui.Option
	When     []ui.Option
	Same     ui.Same
}

// rotations bounds how many keys of a purpose are made by hand: all of them are kept for what they made,
// published or tried.
var rotations = ratelimit.Limit{Name: "keys.rotate", Burst: 5, Per: time.Hour}

// What a form says for when a new key is to be used.
const (
	inTurn = "in_turn"
	atOnce = "at_once"
)

func (c *Console) showRotate(w http.ResponseWriter, r *http.Request) error {
	form := ui.NewForm(r)
	form.Set("purpose", string(keyring.Sign))
	form.Set("when", inTurn)
	return c.writeRotate(w, r, http.StatusOK, form)
}

func (c *Console) writeRotate(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	var purposes []string
	for _, p := range keyring.Purposes {
		purposes = append(purposes, string(p))
	}
	return c.write(w, r, status, "keys_rotate", rotateView{
		Form: form, Purposes: c.options(r, "console.keys.purpose_for_", purposes...), When: c.options(r, "console.keys.when.", inTurn, atOnce),
		Same: c.same([]string{"keys", "rotate", "--purpose=sign"}, call{}),
	})
}

// postRotate makes a new key. A form that is sent twice makes two, which harms nobody.
func (c *Console) postRotate(w http.ResponseWriter, r *http.Request) error {
	form, purpose, when := ui.NewForm(r, "purpose", "when"), keyring.Purpose(r.PostForm.Get("purpose")), r.PostForm.Get("when")
	known := false
	for _, p := range keyring.Purposes {
		known = known || p == purpose
	}
	if !known {
		form.Add("purpose", web.ErrFields.Code, web.ErrFields.Detail)
	}
	if when != inTurn && when != atOnce {
		form.Add("when", web.ErrFields.Code, web.ErrFields.Detail)
	}
	if len(form.Problems) > 0 {
		return c.writeRotate(w, r, http.StatusBadRequest, form)
	}
	_, err := c.Limiter.Take(r.Context(), ratelimit.Bucket{Limit: rotations, Key: string(purpose)})
	if err == nil {
		_, err = c.Keys.Rotate(r.Context(), purpose, when == atOnce)
	}
	if err != nil && form.Fail(err) {
		return c.writeRotate(w, r, web.StatusFor(w, err), form)
	}
	if err != nil {
		return err
	}
	return done(w, r, keysPath, "key_rotated")
}
