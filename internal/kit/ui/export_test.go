package ui

// BuiltinSet is the shared set.
var BuiltinSet = builtin
