package ui

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed static/style.css
var style string

//go:embed static/app.js
var script []byte

//go:embed static/logo.svg
var logo string

// asset is a file under a name that changes with its content.
type asset struct {
	name, kind, policy string
	data               []byte
}

// assets are the files of the pages, by plain name.
type assets map[string]asset

// Nothing in an asset that is opened by itself runs or loads anything; a drawing may style itself.
const nothing = "default-src 'none'; frame-ancestors 'none'; sandbox"

func newAssets(tokens string, theme Theme) assets {
	drawing := theme.Logo
	if len(drawing) == 0 {
		inLight, inDark := theme.schemes()
		drawing = []byte(strings.NewReplacer("LIGHT", inLight.color("brand").String(), "DARK", inDark.color("brand").String()).Replace(logo))
	}
	a := assets{}
	a.add("style.css", "text/css; charset=utf-8", nothing, []byte(tokens+style))
	a.add("app.js", "text/javascript; charset=utf-8", nothing, script)
	kind := "image/svg+xml"
	if ext, _ := logoType(theme.Logo); ext == "png" {
		kind = "image/png"
	}
	a.add("logo", kind, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox", drawing)
	return a
}

func (a assets) add(plain, kind, policy string, data []byte) {
	a[plain] = newAsset(plain, kind, policy, data)
}

func newAsset(plain, kind, policy string, data []byte) asset {
	sum := sha256.Sum256(data)
	ext := path.Ext(plain)
	return asset{strings.TrimSuffix(plain, ext) + "." + hex.EncodeToString(sum[:8]) + ext, kind, policy, data}
}

// brandSheet returns the style sheet that gives a page another brand, which is valid. There may be as many
// as there are colours, so none is kept: it is made when it is asked for.
func brandSheet(b Brand) asset {
	name := fmt.Sprintf("brand-%s-%d-%s.css", strings.TrimPrefix(strings.ToLower(b.Color), "#"), b.Radius, b.Font)
	return newAsset(name, "text/css; charset=utf-8", nothing, []byte(b.over()))
}

// brandAddress returns where a brand's style sheet lies; empty: it changes nothing.
func brandAddress(base string, b Brand) (string, error) {
	if err := b.check(); err != nil || b == (Brand{}) {
		return "", err
	}
	return base + brandSheet(b).name, nil
}

// brandName is what the name of a brand's style sheet begins with.
var brandName = regexp.MustCompile(`^brand-([0-9a-f]{6})?-([0-9]{1,2})-([a-z]*)\.`)

// brandNamed returns the style sheet of a full name, or none.
func brandNamed(name string) (asset, bool) {
	m := brandName.FindStringSubmatch(name)
	if m == nil {
		return asset{}, false
	}
	b := Brand{Font: m[3]}
	if m[1] != "" {
		b.Color = "#" + m[1]
	}
	b.Radius, _ = strconv.Atoi(m[2]) // one or two digits
	if b.check() != nil {
		return asset{}, false
	}
	one := brandSheet(b)
	return one, one.name == name // a name has one spelling
}

// named returns the asset of a full name, or none.
func (a assets) named(name string) (asset, bool) {
	for _, one := range a {
		if one.name == name {
			return one, true
		}
	}
	return brandNamed(name)
}

// address returns where an asset lies.
func (a assets) address(base, plain string) (string, error) {
	found, ok := a[plain]
	if !ok {
		return "", fmt.Errorf("asset: there is no %s", plain)
	}
	return base + found.name, nil
}

// Assets serves the style sheet, the script and the logo below base. Their names change with their
// content, so browsers keep them for good.
func (u *UI) Assets(base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, below := strings.CutPrefix(r.URL.Path, base)
		a, ok := u.assets.named(strings.TrimSuffix(rest, "/"))
		if !below || !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Content-Security-Policy", a.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("ETag", `"`+a.name+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.data))
	})
}
