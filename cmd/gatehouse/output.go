package main

import (
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// printJSON writes v as one line of JSON, for scripts.
func printJSON(v any) error {
	return json.MarshalEncode(jsontext.NewEncoder(os.Stdout), v, json.Deterministic(true))
}
