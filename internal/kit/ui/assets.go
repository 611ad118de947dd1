package ui

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"
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

// colorSheet returns the style sheet that gives a page the colour #rrggbb. There may be as many as there
// are colours, so none is kept: it is made when it is asked for.
func colorSheet(color string) asset {
	return newAsset("color-"+color[1:]+".css", "text/css; charset=utf-8", nothing, []byte(inColor(color)))
}

// colorAddress returns where a colour's style sheet lies.
func colorAddress(base, color string) (string, error) {
	if !colorForm.MatchString(color) {
		return "", errors.New("color: it is not of the form #rrggbb")
	}
	return base + colorSheet(strings.ToLower(color)).name, nil
}

// colorName is what the name of a colour's style sheet begins with.
var colorName = regexp.MustCompile(`^color-([0-9a-f]{6})\.`)

// named returns the asset of a full name, or none.
func (a assets) named(name string) (asset, bool) {
	for _, one := range a {
		if one.name == name {
			return one, true
		}
	}
	if m := colorName.FindStringSubmatch(name); m != nil {
		one := colorSheet("#" + m[1])
		return one, one.name == name
	}
	return asset{}, false
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
