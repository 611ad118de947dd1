package main

import "context"

func benchEndpoints(ctx context.Context, l *lab) ([]row, error) { return nil, nil }
