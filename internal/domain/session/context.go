package session

import "context"

type bearerKey struct{}

// NewContext returns a context that carries the request's bearer.
func NewContext(ctx context.Context, b Bearer) context.Context {
	return context.WithValue(ctx, bearerKey{}, b)
}

// FromContext returns the request's bearer. Outside of a route that asks for a token it is the
// zero Bearer, which matches no row.
func FromContext(ctx context.Context) Bearer {
	b, _ := ctx.Value(bearerKey{}).(Bearer)
	return b
}
