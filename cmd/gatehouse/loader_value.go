package main

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// set gives a setting the value that text says.
func (l *loader) set(where string, s setting, text string) {
	var node yaml.Node
	l.sources[s.path] = where
	switch {
	case s.value.Kind() == reflect.Slice && s.value.Type().Elem().Kind() == reflect.Struct:
		if err := yaml.Unmarshal([]byte(text), &node); err != nil || len(node.Content) != 1 {
			l.problem(where, "must be a list in YAML or JSON")
			return
		}
		l.list(where, s, node.Content[0])
	case s.value.Kind() == reflect.Slice:
		var items []string
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		s.value.Set(reflect.ValueOf(items))
	default:
		if err := parse(s.value, text); err != nil {
			l.problem(where, err.Error())
		}
	}
}

// parse gives v the value that text says. Its error says what text should be, never what it is.
func parse(v reflect.Value, text string) error {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := parseDuration(text)
		if err != nil || d <= 0 {
			return errors.New("must be a duration above zero, such as 30s, 10m, 36h or 90d")
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("must be true or false")
		}
		v.SetBool(b)
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil || n <= 0 {
			return errors.New("must be a whole number above zero")
		}
		v.SetInt(n)
	case reflect.Uint32, reflect.Uint8:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil || n == 0 {
			return fmt.Errorf("must be a whole number from 1 to %d", uint64(1)<<v.Type().Bits()-1)
		}
		v.SetUint(n)
	default:
		panic("no setting can be a " + v.Type().String())
	}
	return nil
}

// parseDuration is [time.ParseDuration] that also knows whole days.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}
