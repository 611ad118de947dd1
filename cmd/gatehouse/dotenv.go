package main

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	dotenvName = regexp.MustCompile(`^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*`)
	dotenvBare = regexp.MustCompile(`^[^\n]*`)
	// A comment after a bare value begins with a blank, so that a#b is a value.
	dotenvComment  = regexp.MustCompile(`(^|[ \t])#[^\n]*$`)
	dotenvEnd      = regexp.MustCompile(`^[ \t]*(?:#[^\n]*)?(?:\n|$)`)
	dotenvVariable = regexp.MustCompile(`\\.|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}`)
	dotenvSingle   = regexp.MustCompile(`^'([^']*)'`)
	dotenvDouble   = regexp.MustCompile(`^"((?:[^"\\]|\\(?s:.))*)"`)
)

// parseDotenv reads the text of a file .env: NAME=value lines with an optional export, comments
// after #, 'literal' values, and "values" with the escapes \n, \r, \t, \", \\ and \$. Both
// kinds of quoted values may span lines. ${NAME} and ${NAME:-default} in bare and "quoted"
// values stand for what outer says, then for earlier lines; an unknown name is empty. Errors
// name the line, never what is in it.
func parseDotenv(text string, outer map[string]string) (map[string]string, error) {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	all, whole := map[string]string{}, text
	for text != "" {
		if end := dotenvEnd.FindString(text); end != "" {
			text = text[len(end):]
			continue
		}
		line := strings.Count(whole[:len(whole)-len(text)], "\n") + 1
		name := dotenvName.FindStringSubmatch(text)
		if name == nil {
			return all, fmt.Errorf("line %d: write NAME=value", line)
		}
		text = text[len(name[0]):]
		value, length := dotenvValue(text, func(name string) string {
			if v, ok := outer[name]; ok {
				return v
			}
			return all[name]
		})
		if length < 0 {
			return all, fmt.Errorf("line %d: the quotation does not end", line)
		}
		text = text[length:]
		end := dotenvEnd.FindString(text)
		if end == "" && text != "" {
			return all, fmt.Errorf("line %d: text after the quotation", line)
		}
		all[name[1]], text = value, text[len(end):]
	}
	return all, nil
}

// dotenvValue returns the value that text begins with and how long its spelling is, -1 when it has no end.
func dotenvValue(text string, lookup func(string) string) (value string, length int) {
	switch {
	case strings.HasPrefix(text, "'"):
		if m := dotenvSingle.FindStringSubmatch(text); m != nil {
			return m[1], len(m[0])
		}
		return "", -1
	case strings.HasPrefix(text, `"`):
		if m := dotenvDouble.FindStringSubmatch(text); m != nil {
			return dotenvExpand(m[1], lookup, true), len(m[0])
		}
		return "", -1
	default:
		bare := dotenvBare.FindString(text)
		return dotenvExpand(strings.TrimSpace(dotenvComment.ReplaceAllString(bare, "")), lookup, false), len(bare)
	}
}

var dotenvEscapes = map[string]string{`\n`: "\n", `\r`: "\r", `\t`: "\t", `\"`: `"`, `\\`: `\`, `\$`: "$"}

func dotenvExpand(value string, lookup func(string) string, escapes bool) string {
	return dotenvVariable.ReplaceAllStringFunc(value, func(found string) string {
		if found[0] == '\\' {
			if plain, ok := dotenvEscapes[found]; ok && escapes {
				return plain
			}
			return found
		}
		m := dotenvVariable.FindStringSubmatch(found)
		if v := lookup(m[1]); v != "" {
			return v
		}
		return m[2]
	})
}
