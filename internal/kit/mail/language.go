package mail

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode/utf8"
)

// wordsFile is the file of a language that is no kind of message.
const wordsFile = "words.txt"

// The parts that a file defines, as text/template. A paragraph ends at an empty line; lines are
// kept in the text part and joined in the HTML part. Kinds are executed with [Data] and the
// functions when (writes a time) and must (fails on an empty text); "time" is executed with a
// time.Time in UTC and the function pick (one of the names after it, by month); the other words
// with nothing.
var (
	kindParts = map[string]bool{ // true: required
		"subject":   true,
		"preheader": true,  // what a list of mails shows beside the subject
		"title":     true,  // heading of the HTML part
		"lead":      true,  // what happened; the code, then when, from where and why follow it
		"code":      false, // what to type in, shown large and easy to copy
		"reason":    false, // why it was done, where the mail tells that
		"next":      false, // what to do, before the link
		"record":    false, // these three follow it; each names a text of Domain, which stands on a line below, to be copied
		"file":      false,
		"challenge": false,
		"button":    false, // words on the button; without them the mail has no link
		"last":      false, // what comes after the link
	}
	wordParts = map[string]bool{
		"dir":     true, // ltr or rtl
		"time":    true, // says UTC: nobody knows the recipient's zone
		"when":    true, // these four name the facts of what happened, with their colon
		"device":  true,
		"address": true,
		"reason":  true,
		"link":    true, // leads from the button to the plain link
		"test":    true, // begins the subject of a test
	}
)

// language is one folder of templates. What it holds is read when it is first needed.
type language struct {
	tag   string // as its folder is spelled
	words func() (*words, error)
	kinds map[string]func() (*texts, error)
}

// standsOn reports whether a file has a say in one kind of message in this language: a layout, the
// words of the language or of one it is cut to, or the text itself.
func (l *language) standsOn(file, kind string) bool {
	switch folder, name := path.Split(file); name {
	case layoutText, layoutHTML:
		return true
	case wordsFile:
		return strings.HasPrefix(l.tag+"-", strings.TrimSuffix(folder, "/")+"-")
	default:
		return file == path.Join(l.tag, kind+".txt")
	}
}

// words is what all kinds of a language share.
type words struct {
	dir, when, device, address, reason, link, test string

	time *texttemplate.Template
}

// texts is one kind of message in one language.
type texts struct {
	parts *texttemplate.Template
	words *words
}

// readWords returns the words of a language; a regional one may stand on those of its parent.
func (t *Templates) readWords(tag string) (*words, error) {
	for parent := range parents(tag) {
		l := t.languages[strings.ToLower(parent)]
		if l == nil {
			continue
		}
		file := path.Join(l.tag, wordsFile)
		content, err := t.read(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		w, err := parseWords(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return w, nil
	}
	return nil, fmt.Errorf("%s/%s: missing", tag, wordsFile)
}

func parseWords(content string) (*words, error) {
	t, err := parse(content, wordParts, texttemplate.FuncMap{"pick": pick})
	if err != nil {
		return nil, err
	}
	w := &words{time: t.Lookup("time")}
	for name, to := range map[string]*string{
		"dir": &w.dir, "when": &w.when, "device": &w.device, "address": &w.address, "reason": &w.reason, "link": &w.link, "test": &w.test,
	} {
		if *to, err = execute(t, name, nil); err != nil {
			return nil, err
		}
	}
	for _, name := range []*string{&w.when, &w.device, &w.address, &w.reason} {
		*name = label(*name)
	}
	if w.dir != "ltr" && w.dir != "rtl" {
		return nil, errors.New(`"dir" is neither ltr nor rtl`)
	}
	return w, nil
}

// pick is the template function that names a month.
func pick(month time.Month, names ...string) (string, error) {
	if len(names) != 12 {
		return "", fmt.Errorf("%d names of months", len(names))
	}
	return names[month-1], nil
}

// moment writes a time in the language's way.
func (w *words) moment(at time.Time) (string, error) {
	if at.IsZero() {
		return "", errors.New("the time is missing")
	}
	return execute(w.time, "time", at.UTC())
}

// label returns a fact's name with what parts it from its value: a wide colon brings its own blank.
func label(s string) string {
	if last, _ := utf8.DecodeLastRuneInString(s); dense(last) {
		return s
	}
	return s + " "
}

// readTexts reads the texts of one kind, in the language whose words they use.
func (t *Templates) readTexts(l *language, file string) (*texts, error) {
	content, err := t.read(file)
	if err != nil {
		return nil, err
	}
	w, err := l.words()
	if err != nil {
		return nil, err
	}
	parsed, err := parse(content, kindParts, texttemplate.FuncMap{"when": w.moment, "must": must})
	if err != nil {
		return nil, err
	}
	return &texts{parts: parsed, words: w}, nil
}

// parse reads a file that may define the given parts, and nothing beside them.
func parse(content string, parts map[string]bool, funcs texttemplate.FuncMap) (*texttemplate.Template, error) {
	t, err := texttemplate.New("").Funcs(funcs).Parse(content)
	if err != nil {
		return nil, err
	}
	if t.Tree != nil && strings.TrimSpace(t.Root.String()) != "" {
		return nil, errors.New("there is text outside its parts")
	}
	for _, defined := range t.Templates() {
		if _, ok := parts[defined.Name()]; !ok && defined.Name() != "" {
			return nil, fmt.Errorf("there is no part %q", defined.Name())
		}
	}
	for name, required := range parts {
		if required && t.Lookup(name) == nil {
			return nil, fmt.Errorf("the part %q is missing", name)
		}
	}
	return t, nil
}

// execute writes one part. A required one must not be empty, an optional one may be left out.
func execute(t *texttemplate.Template, name string, data any) (string, error) {
	part := t.Lookup(name)
	if part == nil {
		return "", nil
	}
	var out strings.Builder
	if err := part.Execute(&out, data); err != nil {
		return "", err
	}
	s := strings.TrimSpace(out.String())
	if s == "" {
		return "", fmt.Errorf("the part %q is empty", name)
	}
	return s, nil
}
