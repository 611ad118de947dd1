package ui

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
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

func newAssets(tokens string, theme Theme) assets {
	drawing := theme.Logo
	if len(drawing) == 0 {
		inLight, inDark := theme.schemes()
		drawing = []byte(strings.NewReplacer("LIGHT", inLight.color("brand").String(), "DARK", inDark.color("brand").String()).Replace(logo))
	}
	// Nothing in an asset that is opened by itself runs or loads anything; a drawing may style itself.
	const nothing = "default-src 'none'; frame-ancestors 'none'; sandbox"
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
	sum := sha256.Sum256(data)
	ext := path.Ext(plain)
	a[plain] = asset{strings.TrimSuffix(plain, ext) + "." + hex.EncodeToString(sum[:8]) + ext, kind, policy, data}
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
	byName := make(map[string]asset, len(u.assets))
	for _, a := range u.assets {
		byName[a.name] = a
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, below := strings.CutPrefix(r.URL.Path, base)
		a, ok := byName[strings.TrimSuffix(rest, "/")]
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
