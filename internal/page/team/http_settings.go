package team

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (t *Team) settingsRoutes() []web.Route {
	return []web.Route{
		web.Get(one+"settings/", web.Member, web.Page(within(t.showSettings))).Needs(role.ManageTenant).Freshly(),
		web.Post(one+"settings/", web.Member, web.Form(within(t.postSettings))).Needs(role.ManageTenant).Freshly(),
	}
}

// settingsView is the form of an organisation's settings.
type settingsView struct {
	frame
	Fonts     []ui.Option
	Ages      []ui.Option
	Idles     []ui.Option
	JoinRoles []ui.Option
}

// settingsNames are the members of the form, in their order.
var settingsNames = []string{"name", "slug", "color", "radius", "font", "second_factor", "max_age", "max_idle", "methods", "by_pw", "by_key", "by_mail", "email_domains", "join_role"}

// ages are the ages of a proof that the page offers, and idles how long a session may be left unused.
var (
	ages  = []time.Duration{0, 15 * time.Minute, time.Hour, 8 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}
	idles = []time.Duration{0, 30 * time.Minute, time.Hour, 4 * time.Hour, 8 * time.Hour, 24 * time.Hour, 3 * 24 * time.Hour}
)

func (t *Team) showSettings(w http.ResponseWriter, r *http.Request, h here) error {
	return t.writeSettings(w, r, h, http.StatusOK, ui.NewForm(r))
}

func (t *Team) writeSettings(w http.ResponseWriter, r *http.Request, h here, status int, f *ui.Form) error {
	lang, p := t.UI.Language(r), h.Tenant.Policy
	roles, _, err := t.Members.Assignable(r.Context(), h.Tenant.ID, h.Grant)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"name": h.Tenant.Name, "slug": h.Tenant.Slug, "color": h.Tenant.Color, "radius": pixels(h.Tenant.Radius), "font": h.Tenant.Font,
		"max_age": seconds(p.MaxAge), "max_idle": seconds(p.MaxIdle),
		"email_domains": strings.Join(p.EmailDomains, "\n"), "join_role": p.JoinRole,
		"second_factor": ticked(p.SecondFactor), "by_pw": ticked(!p.NoPassword), "by_key": ticked(!p.NoPasskey), "by_mail": ticked(!p.NoMail)} {
		f.Set(name, value)
	}
	view := settingsView{frame: newFrame(h, f), Fonts: []ui.Option{{Value: "", Text: t.UI.Text(lang, "team.settings.font_any")}},
		Ages: t.times(lang, ages, p.MaxAge), Idles: t.times(lang, idles, p.MaxIdle), JoinRoles: []ui.Option{{Value: "", Text: t.UI.Text(lang, "team.settings.join_nobody")}}}
	for _, name := range ui.Fonts() {
		view.Fonts = append(view.Fonts, ui.Option{Value: name, Text: t.UI.Text(lang, "team.settings.font_"+name)})
	}
	if p.JoinRole != "" && !slices.Contains(roles, p.JoinRole) {
		roles = append(roles, p.JoinRole) // it may stay, though whoever looks could not choose it
	}
	for _, name := range roles {
		if name != role.Owner {
			view.JoinRoles = append(view.JoinRoles, ui.Option{Value: name, Text: t.UI.Text(lang, "team.settings.join_as", "role", t.roleName(lang, name))})
		}
	}
	return t.write(w, r, h, ui.Page{Status: status, Name: "team/settings", Data: view})
}

// times are options of those that are offered, and of now, which an API may have set to another.
func (t *Team) times(lang string, offered []time.Duration, now time.Duration) (options []ui.Option) {
	all := append(slices.Clone(offered), now)
	slices.Sort(all)
	for _, d := range slices.Compact(all) {
		options = append(options, ui.Option{Value: seconds(d), Text: t.age(lang, d)})
	}
	return options
}

// pixels is a radius as the form shows it, where nothing is the service's.
func pixels(radius int) string {
	if radius == 0 {
		return ""
	}
	return strconv.Itoa(radius)
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

func ticked(on bool) string {
	if on {
		return "on"
	}
	return ""
}

// settingsOf reads the form into settings. What is no number becomes one that Settings.Check refuses.
func settingsOf(r *http.Request, s *tenant.Settings) {
	given := r.PostForm.Get
	number := func(name, empty string) int {
		n, err := strconv.ParseInt(cmp.Or(strings.TrimSpace(given(name)), empty), 10, 32)
		if err != nil {
			return -1
		}
		return int(n)
	}
	s.Name, s.Slug = given("name"), strings.TrimSpace(given("slug"))
	s.Brand = ui.Brand{Color: strings.ToLower(strings.TrimSpace(given("color"))), Radius: number("radius", "0"), Font: given("font")}
	s.Policy = tenant.Policy{
		SecondFactor: given("second_factor") != "",
		MaxAge:       time.Duration(number("max_age", "")) * time.Second,
		MaxIdle:      time.Duration(number("max_idle", "")) * time.Second,
		NoPassword:   given("by_pw") == "", NoPasskey: given("by_key") == "", NoMail: given("by_mail") == "",
		EmailDomains: strings.FieldsFunc(given("email_domains"), func(c rune) bool { return strings.ContainsRune(" ,;\r\n\t", c) }),
		JoinRole:     given("join_role"),
	}
}

func (t *Team) postSettings(w http.ResponseWriter, r *http.Request, h here) error {
	f := ui.NewForm(r, settingsNames...)
	changed, err := t.Tenancy.Change(r.Context(), h.by(), h.Tenant.ID, func(s *tenant.Settings) { settingsOf(r, s) })
	if err == nil {
		return done(w, r, pathOf(changed.Slug)+"settings/", "settings")
	}
	if !blame(f, "name", err, tenant.ErrNameTaken) && !blame(f, "slug", err, tenant.ErrSlugTaken) && !blame(f, "join_role", err, role.ErrEscalation) && !mend(f, err) {
		return err
	}
	return t.writeSettings(w, r, h, web.StatusFor(w, err), f)
}
