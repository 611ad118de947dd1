package mail

import (
	"errors"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"unicode"
	"unicode/utf8"
)

// The two files that make a mail's parts.
const (
	layoutText = "layout.txt"
	layoutHTML = "layout.html"
)

// frame is the pair of layouts. Both are executed with [view] and the functions link (writes a
// URL) and, in the text, isolate, in the HTML, paragraphs.
type frame struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

func (t *Templates) readFrame() (*frame, error) {
	plain, err := t.read(layoutText)
	if err != nil {
		return nil, err
	}
	markup, err := t.read(layoutHTML)
	if err != nil {
		return nil, err
	}
	text, err := texttemplate.New(layoutText).Funcs(texttemplate.FuncMap{"link": link, "isolate": isolate}).Parse(plain)
	if err != nil {
		return nil, err
	}
	html, err := htmltemplate.New(layoutHTML).Funcs(htmltemplate.FuncMap{"link": link, "paragraphs": paragraphs}).Parse(markup)
	if err != nil {
		return nil, err
	}
	return &frame{text: text, html: html}, nil
}

func (f *frame) render(v *view) (text, html string, err error) {
	var plain, markup strings.Builder
	if err := errors.Join(f.text.Execute(&plain, v), f.html.Execute(&markup, v)); err != nil {
		return "", "", err
	}
	text, html = plain.String(), markup.String()
	for _, c := range append([]copied{{Value: v.Code}}, v.Copied...) {
		if !strings.Contains(text, c.Value) || !strings.Contains(html, c.Value) {
			return "", "", errors.New("a layout leaves out the code, or what is to be copied")
		}
	}
	return text, html, nil
}

// isolate keeps a value of unknown direction from being torn apart by the line around it: in
// right-to-left text the parts of a network address would change places (UAX #9, isolates).
func isolate(dir, s string) string {
	if dir != "rtl" || s == "" {
		return s
	}
	return "\u2068" + s + "\u2069"
}

// paragraphs returns the paragraphs of s, each on one line.
func paragraphs(s string) []string {
	var all []string
	for p := range strings.SplitSeq(s, "\n\n") {
		if p = join(p); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// join makes one line of several: with a blank between them, and without one beside a script
// that has none between words.
func join(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		before, _ := utf8.DecodeLastRuneInString(out.String())
		after, _ := utf8.DecodeRuneInString(line)
		if out.Len() > 0 && line != "" && !dense(before) && !dense(after) {
			out.WriteByte(' ')
		}
		out.WriteString(line)
	}
	return out.String()
}

// dense reports whether r belongs to a script that is written without blanks: Han and kana, with
// their punctuation and wide forms.
func dense(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef
}
