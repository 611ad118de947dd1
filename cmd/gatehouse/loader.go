package main

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// prefix begins the name of every variable that is a setting.
const prefix = "GATEHOUSE_"

// setting is one value that can be configured.
type setting struct {
	path   string // in a file: sessions.idle
	secret bool
	value  reflect.Value
}

// variable returns the setting's name in the environment: GATEHOUSE_SESSIONS__IDLE.
func (s setting) variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.path, ".", "__"))
}

// settingsOf lists the members of a struct that have a tag `config:"name"`, nested ones under
// a dotted path. The tag's option secret keeps a value out of sight and lets a file hold it.
func settingsOf(v reflect.Value, under string) []setting {
	var all []setting
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, option, _ := strings.Cut(field.Tag.Get("config"), ",")
		switch {
		case field.Anonymous:
			all = append(all, settingsOf(v.Field(i), under)...)
		case name == "" || name == "-":
		case field.Type.Kind() == reflect.Struct:
			all = append(all, settingsOf(v.Field(i), under+name+".")...)
		default:
			all = append(all, setting{path: under + name, secret: option == "secret", value: v.Field(i)})
		}
	}
	return all
}

// loader sets settings from layers; a later layer wins. It goes on after a problem, so that all
// are reported at once.
type loader struct {
	settings []setting
	problems []error
	warnings []string
	// sources names where each setting that was set came from, by path.
	sources map[string]string
	// holdsSecret says that the file holds a secret itself.
	holdsSecret bool
}

func newLoader(s *settings) *loader {
	return &loader{settings: settingsOf(reflect.ValueOf(s).Elem(), ""), sources: map[string]string{}}
}

func (l *loader) problem(where, what string) {
	l.problems = append(l.problems, fmt.Errorf("%s: %s", where, what))
}

// otherVariables are names of ours that are no settings.
var otherVariables = []string{prefix + "CONFIG"}

// ofKubernetes are variables that Kubernetes gives every container beside a service called
// gatehouse.
var ofKubernetes = regexp.MustCompile(`^GATEHOUSE_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// environment sets what variables say. An empty one says nothing.
func (l *loader) environment(env map[string]string) {
	known := map[string]setting{}
	for _, s := range l.settings {
		known[s.variable()] = s
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		text := env[name]
		s, ok := known[name]
		file, isFile := strings.CutSuffix(name, "_FILE")
		switch {
		case !strings.HasPrefix(name, prefix) || slices.Contains(otherVariables, name):
		case env["KUBERNETES_SERVICE_HOST"] != "" && ofKubernetes.MatchString(name):
		case ok && text != "":
			l.set(name, s, text)
		case ok:
		case isFile && known[file].secret && env[file] != "":
			l.problem(name, "is set beside "+file+"; set one of them")
		case isFile && known[file].secret && text != "":
			l.setFromFile(name, known[file], text)
		case isFile && known[file].secret:
		default:
			l.problem(name, "is no setting"+didYouMean(name, slices.Collect(maps.Keys(known))))
		}
	}
}
