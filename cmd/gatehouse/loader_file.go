package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file sets what a YAML file says.
func (l *loader) file(path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		l.problem(path, reason(err))
		return
	}
	var document, second yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(b))
	err = in.Decode(&document)
	if err == nil && !errors.Is(in.Decode(&second), io.EOF) {
		l.problem(path, "holds more than one document; the settings after a second --- would be ignored")
		return
	}
	if err != nil && !errors.Is(err, io.EOF) {
		// The library's message can quote the file.
		l.problem(path, "is not YAML")
		return
	}
	if len(document.Content) == 0 {
		return // empty, or comments only
	}
	at := func(line int, setting string) string { return fmt.Sprintf("%s:%d: %s", path, line, setting) }
	l.mapping(at, document.Content[0], l.settings, "")
	info, err := os.Stat(path)
	if err == nil && l.holdsSecret {
		l.private(path, info)
	}
}

// mapping sets what the members of a YAML mapping say. under is the dotted path to it, and at
// names a place for people.
func (l *loader) mapping(at func(line int, setting string) string, node *yaml.Node, settings []setting, under string) {
	if node.Kind != yaml.MappingNode {
		l.problem(at(node.Line, strings.TrimSuffix(under, ".")), "must hold names with values")
		return
	}
	seen := map[string]bool{}
	for i := 0; i < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		path := under + name.Value
		where := at(name.Line, path)
		if seen[path] {
			l.problem(where, "is there twice")
			continue
		}
		seen[path] = true
		if s, ok := find(settings, path); ok {
			l.holdsSecret = l.holdsSecret || s.secret && !plain(value.Value)
			l.node(where, s, value)
			continue
		}
		if s, ok := find(settings, strings.TrimSuffix(path, "_file")); ok && s.secret {
			if seen[s.path] {
				l.problem(where, "is set beside "+s.path+"; set one of them")
				continue
			}
			seen[s.path] = true
			l.setFromFile(where, s, value.Value)
			continue
		}
		if isGroup(settings, path) {
			l.mapping(at, value, settings, path+".")
			continue
		}
		l.problem(where, "is no setting"+didYouMean(path, paths(settings)))
	}
}

// plain reports whether the value of a secret setting is one that there is nothing to hide in.
func plain(text string) bool { return text == "off" || strings.HasPrefix(text, "sqlite:") }

func find(settings []setting, path string) (setting, bool) {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.path == path })
	if i < 0 {
		return setting{}, false
	}
	return settings[i], true
}

func isGroup(settings []setting, path string) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return strings.HasPrefix(s.path, path+".") })
}

func paths(settings []setting) []string {
	all := make([]string, len(settings))
	for i, s := range settings {
		all[i] = s.path
	}
	return all
}

// node gives a setting the value of a YAML node. null is no value.
func (l *loader) node(where string, s setting, node *yaml.Node) {
	switch {
	case node.Tag == "!!null":
	case s.value.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
		l.list(where, s, node)
	case node.Kind == yaml.ScalarNode:
		l.set(where, s, node.Value)
	default:
		l.problem(where, "must be one value")
	}
}

// list gives a setting the items of a YAML sequence.
func (l *loader) list(where string, s setting, node *yaml.Node) {
	if node.Kind != yaml.SequenceNode {
		l.problem(where, "must be a list")
		return
	}
	l.sources[s.path] = where
	items := reflect.MakeSlice(s.value.Type(), len(node.Content), len(node.Content))
	for i, item := range node.Content {
		if v := items.Index(i); v.Kind() == reflect.Struct {
			at := func(_ int, setting string) string {
				return strings.TrimSuffix(fmt.Sprintf("%s[%d].%s", where, i, setting), ".")
			}
			l.mapping(at, item, settingsOf(v, ""), "")
		} else {
			l.node(where, setting{value: v}, item)
		}
	}
	s.value.Set(items)
}

// maxSecret is far above a list of RSA keys in PEM, in bytes.
const maxSecret = 64 << 10

// setFromFile gives a secret setting what a file holds, without the newline at its end.
func (l *loader) setFromFile(where string, s setting, path string) {
	info, err := os.Stat(path)
	if err != nil {
		l.problem(where, reason(err))
		return
	}
	if !l.private(where, info) {
		return
	}
	b, err := os.ReadFile(path)
	switch text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"); {
	case err != nil:
		l.problem(where, reason(err))
	case len(b) > maxSecret:
		l.problem(where, "the file is larger than 64 KiB")
	case text == "":
		l.problem(where, "the file is empty")
	default:
		l.set(where, s, text)
	}
}

// private checks who else can read or write a file with secrets. Mounted secrets of containers
// are readable by all, so that is a warning only.
func (l *loader) private(where string, info fs.FileInfo) bool {
	if info.Mode().Perm()&0o002 != 0 {
		l.problem(where, "everybody can write the file; chmod 600 it")
		return false
	}
	if info.Mode().Perm()&0o004 != 0 {
		l.warnings = append(l.warnings, where+": everybody on this machine can read the file; chmod 600 it, unless it is a container's mounted secret")
	}
	return true
}

// reason is err without what its operation repeats: the name is said already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Sprintf("%s: %v", p.Path, p.Err)
	}
	return err.Error()
}
