package gatehouse

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/page/console"
)

// settings lists what g runs with.
func (g *Gatehouse) settings() []console.Setting {
	return settingsOf(reflect.ValueOf(g.cfg), reflect.ValueOf(g.given), "", g.cfg.Sources)
}

func settingsOf(v, given reflect.Value, under string, sources map[string]string) []console.Setting {
	var all []console.Setting
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, option, _ := strings.Cut(field.Tag.Get("config"), ",")
		switch {
		case name == "" || name == "-":
			continue
		case field.Type.Kind() == reflect.Struct:
			all = append(all, settingsOf(v.Field(i), given.Field(i), under+name+".", sources)...)
			continue
		}
		path := under + name
		s := console.Setting{Name: path, Variable: "GATEHOUSE_" + strings.ToUpper(strings.ReplaceAll(path, ".", "__")),
			Secret: option == "secret", Source: sources[path], Default: given.Field(i).IsZero()}
		if s.Secret {
			s.Set = !v.Field(i).IsZero()
		} else {
			s.Value = text(v.Field(i))
		}
		all = append(all, s)
	}
	return all
}

// text writes a value as a person would write it.
func text(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		return value.String()
	case []string:
		return strings.Join(value, ", ")
	case []Attribute:
		names := make([]string, len(value))
		for i, a := range value {
			names[i] = a.Name
		}
		return strings.Join(names, ", ")
	default:
		return fmt.Sprint(value)
	}
}
